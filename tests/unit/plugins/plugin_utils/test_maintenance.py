# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Maintenance as a plan: what has to be restarted, when to stop, and what is left."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.plugin_utils import maintenance
from ansible_collections.vbox.memory.plugins.plugin_utils.results import differences
from ansible_collections.vbox.memory.plugins.plugin_utils.summary import summary


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


SETTINGS = ("balloon_default_mb", "balloon_current_mb", "large_pages", "page_fusion")
FATES = st.sampled_from(["done", "guest_not_back", "shutdown_timeout", "call"])


@st.composite
def fleets(draw):
    """What machines are to have, what check mode said of them, and what becomes of each that is restarted."""
    entries, compared, fates = [], {}, {}
    for number in range(draw(st.integers(0, 6))):
        uuid = f"u{number}"
        differing = draw(st.sets(st.sampled_from(SETTINGS)))
        state = draw(st.sampled_from(["running", "paused", "poweroff", "saved"]))
        waits = state == "saved"
        before = dict.fromkeys(SETTINGS, 0)
        after = before if waits else dict(before, **dict.fromkeys(differing, 1))
        pending = dict.fromkeys(differing, 1) if waits else {}
        entries.append({"name": uuid})
        compared[uuid] = dict(
            name=f"m{number}", uuid=uuid, state=state, changed=before != after, commands=[], before=before, after=after, pending=pending
        )  # fmt: skip
        fates[uuid] = draw(FATES)
    return entries, compared, fates, draw(st.integers(1, 3))


def carried_out(batch, compared, fates):
    """What the module answers for a batch: as check mode said, but for those that were not shut down; nothing if the call failed."""
    if any(fates[entry["name"]] == "call" for entry in batch):
        return {"failed": True, "msg": "no connection"}
    machines = []
    for entry in batch:
        machine, fate = compared[entry["name"]], fates[entry["name"]]
        if fate == "shutdown_timeout":
            machine = maintenance.left(machine)
        machines.append(machine if fate == "done" else dict(machine, failed=True, code=fate, msg="no"))
    return {"machines": machines}


@given(fleets())
def test_the_report_counts_every_setting_and_every_machine_once(fleet):
    entries, compared, fates, size = fleet
    plan = maintenance.plan(entries, compared, size)
    changed = {entry["name"]: compared[entry["name"]] for entry in plan.now}
    restarts = {}
    for batch in plan.batches:
        call = carried_out(batch, compared, fates)
        done = maintenance.restarted(batch, call, compared)
        restarts.update(done)
        if maintenance.not_recovered(call, done):
            break
    machines = maintenance.results(entries, compared, changed, restarts)
    rows = list(differences(machines))
    told = [(row["machine"], row["setting"]) for row in rows if row["outcome"] != "failed"]
    assert sorted(told) == sorted(
        (machine["name"], setting)
        for machine in compared.values()
        for setting in {**maintenance.changes(machine), **machine["pending"]}
    )
    failed = [row["machine"] for row in rows if row["outcome"] == "failed"]
    assert failed == [machine["name"] for machine in machines if machine.get("failed")]
    last = summary({"h1": {"machines": machines, "differences": rows}}, False)[-1]
    pending = sum(len(machine["pending"]) for machine in machines)
    counts = [len(entries), 1, len(told) - pending, pending, len(failed)]
    assert [int(number) for number in re.findall(r"\d+", last)] == counts
