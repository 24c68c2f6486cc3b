# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A worked example for each code: what is so, and what is said of it."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance

# What differs from a running machine of 4096 MB that holds 3000, uses 1000 and has been watched for five minutes
FIXED = [
    ("large_pages", {"large_pages": True}),
    ("large_pages_unknown", {"large_pages": None}),
    ("no_statistics", {"sample": None}),
    ("paused", {"state": "paused"}),
    ("implausible_statistics", {"sample": {"total_kb": 100000, "free_kb": 200000, "cache_kb": 0, "balloon_kb": 0}}),
    (
        "implausible_statistics",
        {"sample": {"total_kb": 4000000, "free_kb": 200000, "cache_kb": 300000, "balloon_kb": 0}},
    ),
    ("stale_statistics", {"sample": {"time": 1}}),
    ("guest_restarted", {"additions": 0}),
    ("guest_restarted", {"sample": {"free_kb": 4100000}}),
    ("changed_by_others", {"request_mb": 700}),
]


def world(budget_more: int = 300, **more) -> World:
    made = [Guest(4096, 1000, 1096), Guest(4096, 1000, 1096), Guest(4096, 1000, 1096)]
    return World(made, sum(guest.memory - guest.balloon for guest in made) + budget_more, **more)


def planned(given: World, changes: dict, watched: bool = True, policy: dict | None = None, uuid: str = "vm0") -> dict:
    """The row of the first machine, with those changes."""
    if watched:
        given.quiet(65)
    machines = given.machines()
    for key, value in changes.items():
        machines[0][key] = {**machines[0]["sample"], **value} if isinstance(value, dict) else value
    plan = balance.plan(given.host(), machines, {**given.full_policy(), **(policy or {})}, [], given.history, given.now)
    return next(row for row in plan["machines"] if row["uuid"] == uuid)


@pytest.mark.parametrize("code, changes", FIXED, ids=str)
def test_fixed(code, changes):
    row = planned(world(), changes)
    assert (row["code"], row["managed"]) == (code, False)


def test_figures_of_an_idle_guest_that_stand_still_are_no_fault_and_it_gives():
    given = world(0)
    for guest in given.guests:
        guest.idle = True
    given.quiet(65)
    given.guests[1].use += 1900
    codes = [row["code"] for plan in given.quiet(4) for row in plan["machines"]]
    assert "gives_to" in codes and "stale_statistics" not in codes


@pytest.mark.parametrize("way", [-600, 2000], ids=["takes", "gives"])
def test_figures_that_stand_still_though_the_guest_has_followed_are_stale(way):
    """Fewer MB for all have everybody give, and more have everybody take."""
    given = world(0)
    given.guests[0].idle, given.guests[0].says_free = True, 1500
    given.quiet(65)
    assert given.plan()["machines"][0]["managed"]
    given.budget -= way
    codes = [plan["machines"][0]["code"] for plan in given.quiet(30)]
    assert codes[-1] == "stale_statistics", codes
    given.guests[0].says_free = 1400
    assert given.quiet(2)[-1]["machines"][0]["code"] != "stale_statistics"


def test_unmanaged():
    assert planned(world(), {}, policy={"machines": {"vm0": {"balance": False}}})["code"] == "unmanaged"


@pytest.mark.parametrize(
    "code, changes",
    [
        ("no_additions", {"additions": 0, "request_mb": 0}),
        ("booting", {"started": 950}),
        ("restored", {"started": 950, "restored": True}),
    ],
)
def test_fixed_at_first_sight(code, changes):
    given = world()
    given.guests[0].balloon = given.guests[0].shown = 0
    assert planned(given, changes, watched=False)["code"] == code


def test_starving_and_who_waits_and_who_gives():
    given = world(0)
    given.quiet(65)
    given.guests[0].use = given.guests[0].memory - 80 - given.guests[0].balloon - 50
    codes = set()
    for _each in range(30):
        plan = given.round()
        codes |= {row["code"] for row in plan["machines"]}
        for guest in given.guests:
            guest.move(10**6)
    assert {"starving", "waits_for_donor", "gives_to", "in_flight"} <= codes


def test_below_need():
    given = world()
    given.quiet(65)
    given.guests[0].use = given.guests[0].memory - 80 - given.guests[0].balloon - 120
    given.now += 60  # nobody saw how fast it rose
    assert given.plan()["machines"][0]["code"] == "below_need"


def test_rising():
    given = world(1500, policy={"ready": 1500})
    given.quiet(65)
    codes = []
    while given.guests[0].free > 100:
        given.guests[0].use += 90
        codes.append(given.round()["machines"][0]["code"])
        given.guests[0].move(10**6)
        if "rising" in codes:
            break
    assert codes[-1] == "rising"


def test_surplus_is_given_out_to_everybody_s_ceiling():
    given = world(5000)
    codes = [row["code"] for plan in given.quiet(8) for row in plan["machines"]]
    assert "surplus" in codes and codes[-3:] == ["at_ceiling"] * 3


def test_above_the_ceiling():
    row = planned(world(), {}, policy={"defaults": {"ceiling": 2000}})
    assert (row["code"], row["target_mb"]) == ("above_ceiling", 2000)


def test_at_the_floor():
    row = planned(world(), {}, policy={"defaults": {"floor": 3000, "ceiling": 3000}})
    assert row["code"] in ("at_floor", "at_ceiling")


def test_window_not_full_and_over_the_budget():
    given = world()
    given.quiet(3)
    given.budget -= 1500
    assert {row["code"] for row in given.plan()["machines"]} == {"window_not_full"}
    given.quiet(15)
    assert "over_budget" in {step["code"] for step in given.plan()["steps"]} or given.charge <= given.budget + 200


def test_floors_that_cannot_be_met():
    given = world()
    given.policy = {"defaults": {"floor": "100%"}}
    plan = given.plan()
    assert "infeasible" in plan["host"]["codes"]
    assert plan["host"]["figures"]["missing_mb"] > 0


def test_pressure_and_others():
    given = world()
    host = dict(given.host(), available_mb=100, users=2)
    plan = balance.plan(host, given.machines(), given.full_policy(), [], None, given.now)
    assert {"host_pressure", "shared_by_users"} <= set(plan["host"]["codes"])


def test_a_donor_that_does_not_follow():
    given = world(0)
    given.quiet(65)
    given.guests[0].use += 2200
    codes = set()
    for _each in range(60):
        plan = given.round()
        codes.add(plan["machines"][1]["code"])
        given.guests[0].move(10**6)
        given.guests[2].move(10**6)
    assert "not_following" in codes


def test_advice_for_a_fleet():
    crowded, roomy = world(-2500), world(9000)
    crowded.policy = {"defaults": {"floor": 2500}}
    plans = {"crowded": crowded.plan(), "roomy": roomy.plan()}
    hosts = {"crowded": crowded, "roomy": roomy}

    def would_start(name: str, memory: int) -> dict:
        one = hosts[name]
        return balance.would_start(one.host(), one.machines(), one.full_policy(), [], None, one.now, memory)

    advice = balance.advise(plans, would_start)
    assert [(each["host"], each["to"]) for each in advice] == [("crowded", "roomy")]
    assert 'move "machine ' in advice[0]["sentence"]
    assert [each["host"] for each in balance.places(plans, would_start, 4096)] == ["roomy", "crowded"]
    alone = balance.advise({"crowded": plans["crowded"]}, would_start)
    assert alone[0]["move"] is None and alone[0]["stop"]
