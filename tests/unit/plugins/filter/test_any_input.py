# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filters take anything that JSON can say, wherever it stands: an answer, or an AnsibleFilterError in one line for each problem."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleError, AnsibleFilterError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.any_json import changed

from ansible_collections.vbox.memory.plugins.filter.balance import balance_filter
from ansible_collections.vbox.memory.plugins.filter.balance_summary import balance_summary_filter
from ansible_collections.vbox.memory.plugins.filter.differences import differences_filter
from ansible_collections.vbox.memory.plugins.filter.resolve import resolve_filter
from ansible_collections.vbox.memory.plugins.filter.summary import summary_filter
from ansible_collections.vbox.memory.plugins.filter.table import table_filter

UUIDS = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(3)]
FACTS = {
    "host": {"features": {"balloon": {"supported": True, "reason": None}}},
    "machines": [
        {
            "uuid": uuid,
            "name": f"m{number}",
            "state": "running" if number else "poweroff",
            "groups": ["/a"],
            "os_type": "Debian_64",
            "os_description": "Debian (64-bit)",
            "memory_mb": 1024,
            "balloon_default_mb": 0,
            "balloon_current_mb": 0 if number else None,
            "page_fusion": False,
            "large_pages": False,
            "guest_additions_run_level": 2,
            "balloon_followed": True,
            "process_kb": 1,
            "guest": {"free_kb": 1},
        }
        for number, uuid in enumerate(UUIDS[:2])
    ],
    "unreadable": [{"uuid": UUIDS[2], "name": None, "code": "machine_inaccessible", "msg": "gone"}],
}
POLICY = {
    "defaults": {"balloon": 64, "large_pages": False, "guard_cache": 50},
    "rules": [
        {"name": "R", "when": "memory_mb > `1` && contains(groups, '/a')", "balloon_leave": "1G", "required": True},
        {"when": "guest && guest.free_kb == `1`", "page_fusion": True, "acknowledge_side_channel": True},
    ],
    "machines": {"m1": {"balloon": 1}, UUIDS[0]: {"large_pages": True, "balloon": 0}},
}
MEASURED = {
    "host": dict(
        memory_total_kb=16777216, memory_free_kb=4194304, vmm_used_kb=12582912, vmm_free_kb=0, vmm_ballooned_kb=524288
    ),
    "machines": [
        dict(
            machine,
            state="running",
            memory_mb=4096,
            balloon_current_mb=256,
            guest={"total_kb": 4030000, "free_kb": 60000, "cache_kb": 1000, "balloon_kb": 0},
        )
        for machine in FACTS["machines"]
    ],
}
BALANCE_POLICY = {
    "balance": {"reserve": "4G", "share": 50, "ready": 256, "window": 300, "period": 10},
    "defaults": {"floor": "25%", "ceiling": 4096, "weight": 100, "priority": 0, "hard_reserve": 200},
    "rules": [{"when": "memory_mb > `1`", "balance": True, "comfort_reserve": "10%"}],
    "machines": {"m1": {"balance": False}},
}
RESERVATIONS = [{"name": "new", "memory_mb": 512, "until": 100.5}]
MACHINE = {
    "name": "m0",
    "uuid": UUIDS[0],
    "state": "running",
    "changed": True,
    "failed": True,
    "msg": "no",
    "code": "x",
    "before": {"balloon_default_mb": 0},
    "after": {"balloon_default_mb": 1},
    "pending": {"large_pages": True},
    "commands": [["modifyvm"]],
}
RESULT = {"machines": [MACHINE]}
EXPLAINED = [{"uuid": UUIDS[0], "name": "m0", "settings": {"balloon": {"value": 1, "source": "policy: defaults"}}}]
ROWS = differences_filter(RESULT, EXPLAINED)
RESULTS = {"h1": {"machines": [MACHINE], "differences": ROWS}, "h2": {"failed": True, "msg": "down"}, "h3": None}


def answered(function, *arguments):
    """What a filter gives back; None if it refused in good form."""
    try:
        return function(*arguments)
    except AnsibleFilterError as error:
        message = str(error)
        assert all(line.isprintable() for line in message.splitlines()), message
        assert message.startswith("vbox.memory.") or all(line.startswith("- ") for line in message.splitlines()[1:]), (
            message
        )
        return None


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changed(POLICY), changed(FACTS), st.booleans())
def test_resolve(policy, facts, several):
    answered(resolve_filter, [policy, POLICY] if several else policy, FACTS)
    answered(resolve_filter, POLICY, facts)
    answered(resolve_filter, policy, facts, [policy] if several else None)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changed(BALANCE_POLICY), changed(MEASURED))
def test_what_balance_takes_from_a_policy(policy, facts):
    for resolved in (answered(resolve_filter, policy, MEASURED), resolve_filter(BALANCE_POLICY, MEASURED)):
        plan = resolved and balance_filter(MEASURED, resolved, start_mb=64)
        assert not plan or len(plan["machines"]) == 2
        answered(balance_filter, facts, resolved)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    changed(resolve_filter(BALANCE_POLICY, MEASURED)["balance"]),
    changed(RESERVATIONS),
    changed(balance_filter(MEASURED, now=10)["history"]),
    changed([10]),
)
def test_balance(policy, reservations, history, now):
    answered(balance_filter, MEASURED, policy)
    answered(balance_filter, MEASURED, None, reservations)
    answered(balance_filter, MEASURED, None, None, history, 20)
    answered(balance_filter, MEASURED, None, None, None, now[0] if now and isinstance(now, list) else now)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changed(RESULT), changed(EXPLAINED))
@example(RESULT, [{"settings": {"\u202e": None}}])
def test_differences(result, explained):
    for rows in (answered(differences_filter, RESULT, explained), answered(differences_filter, result, EXPLAINED)):
        for row in rows or ():
            assert row["outcome"] in ("changed", "pending", "failed")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changed(RESULTS))
@example({"h1": {"failed": True, "differences": None}})
def test_summary(results):
    lines = answered(summary_filter, results)
    assert lines is None or all(line.isprintable() for line in lines)
    assert not lines or re.search(r"^\d+ machines? on \d+ hosts?: .* failures?\.$", lines[-1])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(changed(ROWS), changed(["machine", "after"]) | changed({"machine": "Machine", "after": "After"}))
def test_table(rows, columns):
    for lines in (answered(table_filter, ROWS, columns), answered(table_filter, rows, ["machine", "after"])):
        assert lines is None or all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    "function",
    [resolve_filter, differences_filter, summary_filter, table_filter, balance_filter, balance_summary_filter],
)
def test_what_is_nested_too_deeply(function):
    deep = []
    for _level in range(5000):
        deep = [deep]
    with pytest.raises(AnsibleError, match="nested more than 100 levels deep"):
        function(deep, {})
