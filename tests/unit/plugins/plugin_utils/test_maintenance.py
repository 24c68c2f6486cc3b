# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Maintenance as a plan: what has to be restarted, when to stop, and what is left."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.plugin_utils import maintenance


def entry(name):
    return {"name": name, "balloon": 64}


def result(name, state="running", before=None, after=None, **others):
    before = {"balloon_default_mb": 0} if before is None else before
    base = dict(name=name.upper(), uuid=name, state=state, before=before, after=before if after is None else after)
    return dict(base, changed=base["before"] != base["after"], pending={}, commands=[], warnings=[], **others)


def compared(name, **others):
    return result(name, **dict({"after": {"balloon_default_mb": 64}}, **others))


# what check mode says of a machine, and whether it has to be restarted
RESTARTS = [
    ({}, True),
    ({"state": "paused"}, True),
    ({"state": "poweroff"}, False),
    ({"state": "saved", "after": {"balloon_default_mb": 0}}, False),
    ({"after": {"balloon_default_mb": 0}}, False),
    ({"before": {"balloon_current_mb": 0}, "after": {"balloon_current_mb": 64}}, False),
    ({"before": {"balloon_current_mb": 0, "large_pages": True}, "after": {"balloon_current_mb": 64, "large_pages": False}}, True),
]  # fmt: skip


@pytest.mark.parametrize(("said", "restarts"), RESTARTS, ids=str)
def test_who_has_to_be_restarted(said, restarts):
    assert maintenance.needs_restart(compared("a", **said)) is restarts


@pytest.mark.parametrize(("size", "batches"), [(1, ["a", "c", "d"]), (2, ["ac", "d"]), (3, ["acd"]), (9, ["acd"])])
def test_batches(size, batches):
    entries = [entry(name) for name in "abcd"]
    said = {name: compared(name, state="poweroff" if name == "b" else "running") for name in "abcd"}
    plan = maintenance.plan(entries, said, size)
    assert [one["name"] for one in plan.now] == ["b"]
    assert ["".join(one["name"] for one in batch) for batch in plan.batches] == batches


@pytest.mark.parametrize("code", maintenance.NOT_RECOVERED)
def test_a_machine_that_did_not_come_back_is_named(code):
    call = {"machines": [result("a"), result("b", failed=True, code=code, msg="…")]}
    done = maintenance.restarted([entry("a"), entry("b")], call, {})
    assert maintenance.not_recovered(call, done) == ["B"]


@pytest.mark.parametrize("code", ["balloon_out_of_range", "unsafe_balloon", "not_following", "machine_locked"])
def test_other_failures_stop_nothing(code):
    call = {"machines": [result("a", failed=True, code=code, msg="…")]}
    assert maintenance.not_recovered(call, maintenance.restarted([entry("a")], call, {})) == []


def test_a_call_that_failed_as_a_whole_leaves_all_of_its_machines_unknown():
    call = {"failed": True, "msg": "the connection is gone"}
    said = {name: compared(name) for name in "ab"}
    done = maintenance.restarted([entry("a"), entry("b")], call, said)
    assert maintenance.not_recovered(call, done) == ["A", "B"]
    assert [(one["failed"], one["msg"], one["changed"], one["pending"]) for one in done.values()] == [
        (True, "the connection is gone", False, {"balloon_default_mb": 64})
    ] * 2


def test_what_became_of_all_in_order():
    entries = [entry(name) for name in "abcd"]
    said = {name: compared(name) for name in "abcd"}
    changed, restarts = {"c": result("c")}, {"a": result("a", after={"balloon_default_mb": 64})}
    found = maintenance.results(entries, said, changed, restarts)
    assert [(one["name"], one["changed"], one["pending"]) for one in found] == [
        ("A", True, {}),
        ("B", False, {"balloon_default_mb": 64}),
        ("C", False, {}),
        ("D", False, {"balloon_default_mb": 64}),
    ]


# what is pending, the code of the comparison, and whether that is told as the reason
REASONS = [
    ({"balloon_default_mb": 680}, "unsafe_balloon", True),
    ({"balloon_default_mb": 680}, "state_blocks_change", False),
    ({"balloon_default_mb": 680}, None, False),
    ({}, "unsafe_balloon", False),
]


@pytest.mark.parametrize(("pending", "code", "told"), REASONS, ids=str)
def test_why_a_machine_was_not_restarted(pending, code, told):
    said = compared("a", **({"failed": True, "code": code, "msg": "no"} if code else {}))
    found = maintenance.refused(dict(result("a"), pending=pending), said)
    assert (found.get("failed"), found.get("code"), found["pending"]) == (
        (True, code, pending) if told else (None, None, pending)
    )


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        ({}, None),
        ({"h1": None, "h2": "text", "h3": {"msg": "unreachable"}, "h4": {"not_recovered": []}}, None),
        ({"h1": {"not_recovered": ["b", "c"]}, "h2": {"not_recovered": ["d"]}}, 'Not begun, because of "b" on h1, "c" on h1, "d" on h2'),
    ],
    ids=str,
)  # fmt: skip
def test_hosts_that_are_not_begun(hosts, reason):
    assert maintenance.not_begun(hosts) == reason
