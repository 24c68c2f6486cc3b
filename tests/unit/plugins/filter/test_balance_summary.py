# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filter balance_summary: plans of many hosts as one report."""

from __future__ import annotations

import copy
import re

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from support.any_json import changed
from unit.plugins.filter.test_any_input import answered
from unit.plugins.filter.test_balance import FACTS, HOST, machine

from ansible_collections.vbox.memory.plugins.filter.balance_summary import balance_summary_filter
from ansible_collections.vbox.memory.plugins.plugin_utils.balancing import inputs, planned, watched

NOBODY = {"host": HOST, "machines": []}
# Host and machines such that the floors are more than what there is
CROWDED = {
    "host": dict(HOST, memory_free_kb=0, vmm_used_kb=4194304),
    "machines": [machine("small", 900, memory_mb=2048, balloon_current_mb=0), machine("large", 2000)],
}
ROOMY = {"host": dict(HOST, memory_free_kb=12582912, vmm_used_kb=0, vmm_ballooned_kb=0), "machines": []}


def result(facts, policy=None, history=None, now=0):
    look = inputs(facts, policy, None, history, now)
    return {"failed": False, "plan": planned(look), "input": look, "differences": []}


def after_a_watch(facts, policy=None, seconds=300, by=10):
    """The figures of guests that live never stand still."""
    facts, history = copy.deepcopy(facts), None
    for now in range(0, seconds, by):
        history = watched(inputs(facts, policy, None, history, now))
        for each in facts["machines"]:
            if each["guest"]:
                each["guest"]["free_kb"] += 4 if now % 20 else -4
    return result(facts, policy, history, seconds)


def test_the_machines_of_a_host_with_their_figures_and_the_reason():
    lines = balance_summary_filter({"h1": result(FACTS), "h2": result(NOBODY), "h3": None})
    assert lines[0].startswith("h1: the machines may hold ") and lines[0].endswith(" MB")
    assert lines[1].split() == "Machine Holds Used Free Balloon Target Next balloon Code Why".split()
    cells = [line.split() for line in lines[3:7]]
    assert [row[:5] for row in cells] == [
        ["short", "3072", "3012", "60", "1024"],
        ["idle", "3072", "1072", "2000", "1024"],
        ["large", "4096", "-", "-", "0"],
        ["silent", "4096", "-", "-", "0"],
    ]
    assert [row[7] for row in cells] == ["starving", "window_not_full", "large_pages", "no_statistics"]
    assert int(cells[0][6]) < 1024 and [row[6] for row in cells[1:]] == ["-", "-", "-"]
    assert lines[8:10] == ["h2: the machines may hold 15360 MB, and can hold 0 MB", "  no machine runs"]
    assert lines[-2:] == [
        "4 machines on 2 hosts: 1 would get memory now, 0 would give, 3 are left as they are; 0 failures.",
        "Watched too briefly to say whether they may give: 1 machine. Watch for 300 s (-e vbox_memory_watch=300).",
    ]


def test_who_was_watched_for_a_window_gives_and_the_row_says_whom_for():
    """As one look says that it is not known yet: what was seen at each look is kept, and nothing counts as asked."""
    facts = dict(FACTS, host=dict(HOST, memory_free_kb=1048576, vmm_used_kb=14680064))  # and nothing to spare
    early = after_a_watch(facts, seconds=290)
    assert [row["code"] for row in early["plan"]["machines"][:2]] == ["waits_for_budget", "window_not_full"]
    late = after_a_watch(facts)
    assert [row["code"] for row in late["plan"]["machines"][:2]] == ["waits_for_donor", "gives_to"]
    assert [step["was_mb"] for step in late["plan"]["steps"]] == [1024]  # of the last look, and of no earlier one
    lines = balance_summary_filter({"h1": late})
    assert 'MB for "short")' in next(line for line in lines if line.startswith("  idle "))
    assert "0 would get memory now, 1 would give" in lines[-1]


def test_where_a_machine_could_start():
    results = {"full": after_a_watch(CROWDED), "roomy": result(ROOMY), "failed": {"failed": True, "msg": "down"}}
    lines = balance_summary_filter(results, start="4G")
    at = lines.index("Where a machine of 4096 MB could start:")
    assert lines[at + 1].split() == ["Host", "When", "Who", "gives", "Why"]
    assert [line.split()[:2] for line in lines[at + 3 : at + 5]] == [["roomy", "now"], ["full", "never"]]
    assert "FAILED: failed: down" in lines


def test_what_helps_a_host_whose_floors_cannot_be_met():
    policy = {"defaults": {"floor": "90%"}}
    crowded = result(CROWDED, policy)
    assert "infeasible" in crowded["plan"]["host"]["codes"]
    lines = balance_summary_filter({"a": crowded, "b": result(ROOMY)})
    assert lines[0].startswith("a (infeasible, host_pressure): the floors and fixed machines are ")
    at = lines.index("What helps hosts whose floors cannot be met:")
    assert lines[at + 1].startswith("  a lacks ") and ': move "small" (2048 MB' in lines[at + 1]
    alone = balance_summary_filter({"a": crowded})
    (stop,) = [line for line in alone if "moving no one machine elsewhere helps: stop " in line]
    assert re.search(r': stop 1 machine, which frees 3686 MB: "large"$', stop)


def carried_out(facts):
    """What the module says of a host after it moved memory: each machine held 100 MB less before."""
    plan = result(facts)["plan"]
    machines = [
        dict(
            {key: row[key] for key in ("name", "code", "sentence", "figures", "target_mb")},
            before={"balloon_current_mb": row["request_mb"] + 100, "holds_mb": row["holds_mb"] - 100},
            after={"balloon_current_mb": row["request_mb"], "holds_mb": row["holds_mb"]},
        )
        for row in plan["machines"]
    ]
    return {"host": plan["host"], "machines": machines}


def test_what_was_carried_out_is_what_machines_held_before_and_hold_now():
    plans = {"h1": result(FACTS), "h2": result(FACTS)}
    lines = balance_summary_filter(plans, carried_out={"h1": carried_out(FACTS), "h2": {"skipped": True}})
    assert lines[1].split() == "Machine Held Holds Used Free Balloon Target Code Why".split()
    assert lines[3].split()[:6] == ["short", "2972", "3072", "3012", "60", "1024"]
    assert lines[9].split() == "Machine Holds Used Free Balloon Target Next balloon Code Why".split()
    assert lines[-2:] == [
        "8 machines on 2 hosts: 4 got memory, 0 gave, 4 kept theirs; 0 failures.",
        "Watched too briefly to say whether they may give: 2 machines. They may give after 300 s: balance for longer"
        " (-e vbox_memory_balance_duration=600).",
    ]


def test_what_could_not_be_carried_out_is_a_failure_beside_the_plan():
    row = {"host": "h1", "machine": None, "outcome": "failed", "msg": "another balance runs"}
    lines = balance_summary_filter({"h1": result(FACTS)}, carried_out={"h1": {"differences": [row]}})
    assert "Next balloon" in lines[1] and "FAILED: h1: another balance runs" in lines
    assert "0 got memory, 0 gave, 4 kept theirs; 1 failure." in "\n".join(lines)


def test_where_no_policy_lets_a_machine_be_balanced_it_says_how():
    off = {"defaults": {"balance": False}}
    results = {"h1": result(FACTS, off), "h2": result(FACTS), "h3": result(FACTS, {"machines": {}, **off})}
    assert balance_summary_filter(results)[-1] == (
        "No policy lets any machine of h1, h3 be balanced: say balance: true in vbox_memory_policy."
    )


def test_names_make_no_lines_of_their_own():
    names = ["FAILED: h1: forged", "a\nFAILED: h2: forged", "b\u202e", "{{ 1 + 1 }}", "x" * 300]
    facts = dict(CROWDED, machines=[machine(name, 60) for name in names])
    plans = {"h1": result(facts, {"defaults": {"floor": "100%"}})}
    plans["h1"]["differences"] = [{"machine": "m\nFAILED", "outcome": "failed", "msg": "one\nFAILED: h3"}]
    lines = balance_summary_filter(plans, start=64)
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("FAILED")] == ['FAILED: h1, machine "m\\nFAILED": one']
    assert sum("{{ 1 + 1 }}" in line for line in lines) >= 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (([],), "the input is a list"),
        (({"h1": 1},), "the result of h1: it is a number"),
        (({"h1": {"plan": {}}},), r"the result of h1.plan.host: it is missing"),
        (({"h1": dict(result(FACTS), input=None)}, "1G"), "the input of h1 is not what its plan was made from"),
        (({}, None, {"h1": {"machines": [{}]}}), r"the result of h1.machines\[0\].name: it is missing"),
        (({}, "much"), "start: 'much' is not a size: give whole megabytes"),
        (({}, 0), "start: 0 is no machine"),
        (({}, "25%"), "start: '25%' is not a size"),
        (({}, True), "start: True is not a size"),
    ],
)
def test_wrong_values(arguments, problem):
    with pytest.raises(AnsibleFilterError, match=problem):
        balance_summary_filter(*arguments)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changed({"a": result(CROWDED, {"defaults": {"floor": "90%"}}), "b": result(ROOMY), "c": {"failed": True}}))
def test_anything(results):
    lines = answered(balance_summary_filter, results, 64)
    assert lines is None or all(line.isprintable() for line in lines)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changed({"a": carried_out(CROWDED), "b": {"skipped": True}, "c": {"failed": True}}))
def test_anything_carried_out(results):
    lines = answered(balance_summary_filter, {"a": result(CROWDED)}, None, results)
    assert lines is None or all(line.isprintable() for line in lines)
