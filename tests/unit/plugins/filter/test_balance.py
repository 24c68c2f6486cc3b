# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filter balance: facts in, plan out."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.filter.balance import balance_filter
from ansible_collections.vbox.memory.plugins.filter.resolve import resolve_filter

HOST = {
    "memory_total_kb": 16777216,
    "memory_free_kb": 4194304,
    "vmm_used_kb": 12582912,
    "vmm_free_kb": 0,
    "vmm_ballooned_kb": 2097152,
}


def machine(name: str, free_mb: int, **more) -> dict:
    guest = {
        "total_kb": 4030000,
        "free_kb": free_mb * 1024,
        "balloon_kb": 0,
        "shared_kb": 0,
        "cache_kb": 1000,
        "pagefile_kb": 0,
    }
    return {
        "name": name,
        "uuid": f"uuid of {name}",
        "state": "running",
        "memory_mb": 4096,
        "large_pages": False,
        "guest_additions_run_level": 2,
        "balloon_current_mb": 1024,
        "guest": guest,
        **more,
    }


FACTS = {
    "host": HOST,
    "machines": [
        machine("short", 60),
        machine("idle", 2000),
        machine("large", 900, large_pages=True, balloon_current_mb=0),
        machine("silent", 900, guest=None, balloon_current_mb=0),
        machine("off", 900, state="poweroff", balloon_current_mb=None),
    ],
}


def test_a_plan_of_one_look():
    plan = balance_filter(FACTS)
    assert {row["name"]: row["code"] for row in plan["machines"]} == {
        "short": "starving",
        "idle": "window_not_full",
        "large": "large_pages",
        "silent": "no_statistics",
    }
    assert [(step["uuid"], step["was_mb"]) for step in plan["steps"]] == [("uuid of short", 1024)]
    assert plan["steps"][0]["request_mb"] < 1024
    assert plan["steps"][0]["sentence"].startswith("gets ")
    assert json.loads(json.dumps(plan)) == plan


@pytest.mark.parametrize(
    "state, charged", [("poweroff", 0), ("saved", 0), ("aborted-saved", 0), ("gurumeditation", 4096), ("saving", 4096)]
)
def test_what_is_neither_off_nor_saved_is_charged(state, charged):
    more = machine("more", 0, state=state, guest=None, balloon_current_mb=None)
    without, plan = (balance_filter({**FACTS, "machines": FACTS["machines"] + each}) for each in ([], [more]))
    assert plan["host"]["figures"]["charge_mb"] - without["host"]["figures"]["charge_mb"] == charged
    assert [row["code"] for row in plan["machines"] if row["name"] == "more"] == (["paused"] if charged else [])


def test_it_goes_on_from_a_history():
    first = balance_filter(FACTS, now=10)
    facts = json.loads(json.dumps(FACTS))
    facts["machines"][0]["balloon_current_mb"] = first["steps"][0]["request_mb"]
    second = balance_filter(facts, {}, history=first["history"], now=10)
    assert second["steps"] == []


def test_the_policy_leaves_a_machine_alone():
    plan = balance_filter(FACTS, {"machines": {"uuid of short": {"balance": False}}})
    assert plan["machines"][0]["code"] == "unmanaged"


def test_what_resolve_gives_is_a_policy():
    """Who is not told to be balanced is left alone; who is, has what the policy says."""
    policy = {"balance": {"reserve": "1.25G"}, "machines": {"idle": {"balance": False}, "short": {"floor": "1.5G"}}}
    resolved = resolve_filter(policy, FACTS)
    plan = balance_filter(FACTS, resolved, start_mb=64)
    assert plan == balance_filter(FACTS, resolved["balance"], start_mb=64)
    assert {row["name"]: row["code"] for row in plan["machines"]} == {
        "short": "starving",
        "idle": "unmanaged",
        "large": "large_pages",
        "silent": "no_statistics",
    }
    assert plan["machines"][0]["figures"]["floor_mb"] == 1536
    more = balance_filter(FACTS, {})["host"]["figures"]["budget_mb"] - plan["host"]["figures"]["budget_mb"]
    assert more == 1280 - 1024  # without one, 1 GB is reserved
    nothing = balance_filter(FACTS, resolve_filter({"defaults": {"floor": "1G"}}, FACTS))
    assert {row["code"] for row in nothing["machines"]} == {"unmanaged"} and nothing["steps"] == []


@pytest.mark.parametrize("size, verdict", [(1024, "now"), (65536, "never")])
def test_what_a_start_costs(size, verdict):
    start = balance_filter(FACTS, start_mb=size)["start"]
    assert start["verdict"] == verdict
    assert str(size) in start["sentence"]


def test_what_is_held_beyond_the_budget_has_to_be_given_before_a_start():
    full = {**FACTS, "host": {**HOST, "memory_free_kb": 0}}
    plan = balance_filter(full, start_mb=64)
    over = -plan["host"]["figures"]["pool_mb"]
    assert over > 0
    start = plan["start"]
    assert (start["verdict"], start["lacks_mb"], start["pool_mb"]) == ("never", 64 + over, 0)
    assert f"64 MB cannot start: the machines may hold {over} MB more than their budget already" in start["sentence"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (({"host": {}},), "facts.machines: it is missing: give ansible_facts.vbox_memory of"),
        ((None,), "facts: it is null and has to be a dictionary: give ansible_facts"),
        (({**FACTS, "host": {}},), "the facts have no .*vmm_used_kb, .* read them with metrics: true"),
        (({**FACTS, "machines": [{"name": "a", "uuid": "b"}]},), r"facts.machines\[0\].state: it is missing"),
        (({**FACTS, "machines": [machine("a", 1, guest={"free_kb": "1"})]},), "guest.free_kb: it is a string"),
        ((FACTS, []), "policy: it is a list"),
        ((FACTS, {"share": 0}), "policy: share: 0"),
        ((FACTS, {}, {}), "reservations: it is a dictionary"),
        ((FACTS, {}, [{"name": "x"}]), r"reservations\[0\].memory_mb: it is missing"),
        ((FACTS, {}, [{"memory_mb": 1, "until": "x"}]), r"reservations\[0\].until: it is no number of seconds"),
        ((FACTS, {}, [], 1), "history: it is a number and has to be a dictionary"),
        ((FACTS, {}, [], {"machines": {}}), "history: it is none that a plan returned"),
        ((FACTS, {}, [], None, "x"), "now: it is a string and has to be a number of seconds"),
        ((FACTS, {}, [], None, 0, 0), "start_mb: 0 is not"),
    ],
)
def test_wrong_values(arguments, words):
    with pytest.raises(AnsibleFilterError, match=words):
        balance_filter(*arguments)
