# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Results of several calls as one."""

from __future__ import annotations

from ansible_collections.vbox.memory.plugins.plugin_utils.results import merged


def machine(name, changed=False, **others):
    base = dict(name=name, uuid=name, state="running", before={}, after={}, pending={}, warnings=[])
    return dict(base, changed=changed, commands=["change " + name] if changed else [], **others)


def diff(name):
    return {"before_header": name, "after_header": name, "before": "", "after": ""}


def test_the_order_is_that_of_the_machines():
    first = {
        "changed": True,
        "backend": "api",
        "machines": [machine("a", waiting=True), machine("b", True), machine("c", waiting=True), machine("d", True)],
        "diff": [diff("b"), diff("d")],
        "warnings": ["one"],
    }
    second = {
        "changed": True,
        "machines": [machine("a", True), machine("c", True, pending={"large_pages": True})],
        "diff": [diff("a"), diff("c")],
        "warnings": ["one", "two"],
    }
    whole = merged(first, second, [0, 2])
    assert [one["name"] for one in whole["machines"]] == ["a", "b", "c", "d"]
    assert not any("waiting" in one for one in whole["machines"])
    assert whole["commands"] == ["change a", "change b", "change c", "change d"]
    assert [one["after_header"] for one in whole["diff"]] == ["a", "b", "c", "d"]
    assert whole["pending"] == [{"name": "c", "large_pages": True}]
    assert (whole["changed"], whole["backend"], whole["warnings"]) == (True, "api", ["one", "two"])
    assert "failed" not in whole


def test_failures_of_both_calls():
    first = {
        "failed": True,
        "code": "machine_not_found",
        "msg": "1 of 3 machines failed. …",
        "machines": [machine("a", waiting=True), machine("b", failed=True, code="machine_not_found", msg="no b"), machine("c")],
    }  # fmt: skip
    second = {"failed": True, "machines": [machine("a", failed=True, code="not_following", msg="it does not follow")]}
    whole = merged(first, second, [0])
    assert (whole["failed"], whole["code"]) == (True, "not_following")
    assert whole["msg"] == "2 of 3 machines failed. machine 'a': it does not follow; machine 'b': no b"


def test_a_failure_of_the_first_call_stays():
    first = {"failed": True, "machines": [machine("a", waiting=True), machine("b", failed=True, code="x", msg="no b")]}
    whole = merged(first, {"machines": [machine("a", True)]}, [0])
    assert (whole["failed"], whole["changed"], whole["msg"]) == (
        True,
        True,
        "1 of 2 machines failed. machine 'b': no b",
    )


def test_a_second_call_that_failed_as_a_whole():
    first = {"machines": [machine("a", waiting=True), machine("b", True)]}
    second = {"failed": True, "code": "server_unavailable", "msg": "it is gone"}
    whole = merged(first, second, [0])
    assert (whole["failed"], whole["changed"], whole["code"]) == (True, True, "server_unavailable")
    assert whole["msg"] == "1 of 2 machines failed. machine 'a': it is gone"
    assert not any("waiting" in one for one in whole["machines"])
