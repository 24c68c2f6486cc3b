# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The properties that balance must have whatever guests do, by generated cases. The numbers are those of the specification's list."""

from __future__ import annotations

import copy
import json
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils.planning.balance_world import RESERVE, Guest, World, recompute

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.explain import SENTENCES

EXAMPLES = int(os.environ.get("BALANCE_EXAMPLES", "40"))  # more where there is time
SLOW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="BALANCE_EXAMPLES" not in os.environ,  # the same cases in each run, and others where they are asked for
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    phases=[phase for phase in Phase if phase is not Phase.shrink or "BALANCE_EXAMPLES" in os.environ],
)
FIXED = set(list(SENTENCES)[: list(SENTENCES).index("unmanaged") + 1])


@st.composite
def guests(draw, least: int = 1, most: int = 5) -> list[Guest]:
    made = []
    for _each in range(draw(st.integers(least, most))):
        memory = draw(st.sampled_from([1024, 2048, 4096, 8192]))
        use = draw(st.integers(64, memory * 3 // 4))
        balloon = draw(st.integers(0, max(0, memory - 80 - use - 150)))
        made.append(Guest(memory, use, min(balloon, memory * 89 // 100)))
    return made


@st.composite
def worlds(draw, least: int = 1, most: int = 5, spare: int = 2000) -> World:
    made = draw(guests(least, most))
    charge = sum(guest.memory - guest.balloon for guest in made)
    return World(made, charge + draw(st.integers(0, spare)))


def watched(world: World, rounds: int = 65) -> None:
    """Five minutes in which nothing happens, so that everybody may give."""
    world.quiet(rounds)


def change(draw, world: World) -> None:
    """Some guests use another amount."""
    for guest in world.guests:
        if draw(st.booleans()):
            guest.use = draw(st.integers(64, max(64, guest.memory - guest.balloon - 80 - 46)))


def check(world: World, plan: dict) -> None:
    """What holds of any plan."""
    figures = plan["host"]["figures"]
    rows = {row["uuid"]: row for row in plan["machines"]}
    assert len(rows) == len(world.guests)
    grown = sum(step["was_mb"] - step["request_mb"] for step in plan["steps"] if step["request_mb"] < step["was_mb"])
    restarted = any(row["code"] == "guest_restarted" for row in plan["machines"])
    held = sum(
        rows[step["uuid"]]["figures"]["held_back_mb"] for step in plan["steps"] if step["request_mb"] < step["was_mb"]
    )
    assert grown <= max(0, figures["pool_mb"] + held) or restarted, "3: more is given out than there is"
    for row in plan["machines"]:
        assert row["code"] in SENTENCES and row["sentence"] == SENTENCES[row["code"]] % row["figures"], "15"
        assert row["managed"] == (row["code"] not in FIXED), "15"
        if row["managed"]:
            assert row["figures"]["floor_mb"] <= row["target_mb"] <= row["figures"]["ceiling_mb"], "1"
            wanted = -sum(each["mb"] for each in row["takes_from"] if each["uuid"] == "pool") or sum(
                each["mb"] for each in row["gives_to"]
            )
            assert recompute(row, figures) == (row["code"], wanted), (
                "15: the figures do not reproduce it",
                row,
                figures,
            )
    assert len({step["uuid"] for step in plan["steps"]}) == len(plan["steps"])
    lacking: Counter = Counter()
    for step in plan["steps"]:
        row = rows[step["uuid"]]
        assert row["managed"], "13"
        assert 0 <= step["request_mb"] < row["figures"]["memory_mb"] * 9 / 10
        more = step["request_mb"] - (row["figures"]["memory_mb"] - row["holds_mb"])
        if more > 0:
            assert sum(each["mb"] for each in step["gives_to"]) == more, "5"
            lacking.update(
                {(each["uuid"], step["uuid"]): each["mb"] for each in step["gives_to"] if each["uuid"] != "pool"}
            )
            assert row["holds_mb"] - more >= row["figures"]["used_recent_mb"] + row["figures"]["hard_reserve_mb"], "4"
            full = row["figures"]["watched_s"] >= row["figures"]["window_s"]
            assert full or (figures["over_mb"] > 0 and row["figures"]["watched_s"] >= 60), "12"
            assert step["gives_to"], "12"
        else:
            assert sum(each["mb"] for each in step["takes_from"]) == -more, "5"
    for row in plan["machines"]:
        for each in row["takes_from"]:
            if each["uuid"] != "pool":
                assert lacking[row["uuid"], each["uuid"]] == each["mb"], "5: who gives and who takes do not agree"


@SLOW
@given(st.data())
def test_never_over_the_budget_whatever_guests_do(data):
    """2, and all of check(): guests follow late, partly or never, lie, go silent, pause; what they move is drawn second by second."""
    world = data.draw(worlds(2, 4))
    watched(world)
    assert world.charge <= world.budget
    for _each in range(data.draw(st.integers(5, 40))):
        change(data.draw, world)
        guest = data.draw(st.sampled_from(world.guests))
        mood = data.draw(st.sampled_from(["good", "good", "good", "lies", "silent", "paused", "runs"]))
        guest.says_free = data.draw(st.integers(0, guest.memory)) if mood == "lies" else None
        guest.silent = mood == "silent"
        guest.state = "paused" if mood == "paused" else "running"
        plan = world.round(data.draw(st.sampled_from([2, 5])))
        assert world.charge <= world.budget
        for other in data.draw(st.permutations(world.guests)):
            if other.state == "running":
                other.move(data.draw(st.sampled_from([0, 0, 7, 50, 100, 10**6])))
            assert world.charge <= world.budget, plan
        # the worst that can come: all that were asked to take do so, and nobody gives
        worst = sum(each.memory - min([each.balloon, *each.wants]) for each in world.guests)
        assert worst <= world.budget, plan
        if not any(each.says_free is not None for each in world.guests):
            check(world, plan)


@SLOW
@given(st.data())
def test_what_holds_of_any_plan(data):
    world = data.draw(worlds())
    if data.draw(st.booleans()):
        watched(world)
    for _each in range(6):
        change(data.draw, world)
        check(world, world.round())
        for guest in world.guests:
            guest.move(data.draw(st.sampled_from([50, 10**6])))


@SLOW
@given(st.data())
def test_planned_again_nothing_is_done(data):
    """10, and 17: a plan changes nothing that it is given, and is the same from the same, though it went through JSON."""
    world = data.draw(worlds(2))
    watched(world)
    change(data.draw, world)
    for _each in range(4):
        before = copy.deepcopy(world.history)
        plan = world.plan()
        assert world.history == before
        assert json.loads(json.dumps(plan)) == plan
        again = balance.plan(
            *json.loads(json.dumps(world.seen)), world.full_policy(), [], json.loads(json.dumps(before)), world.now
        )
        assert again == plan
        asked = {step["uuid"]: step["request_mb"] for step in plan["steps"]}
        machines = [dict(each, request_mb=asked.get(each["uuid"], each["request_mb"])) for each in world.seen[1]]
        repeated = balance.plan(world.seen[0], machines, world.full_policy(), [], plan["history"], world.now)
        assert repeated["steps"] == []
        world.round()
        for guest in world.guests:
            guest.move(60)


@SLOW
@given(st.data())
def test_order_and_names_change_nothing(data):
    """8"""
    world = data.draw(worlds(2))
    watched(world)
    change(data.draw, world)
    world.quiet(2)
    plan = world.plan()
    machines = data.draw(st.permutations(world.seen[1]))
    renamed = [dict(each, name=each["name"] + "x") for each in machines]
    other = balance.plan(world.seen[0], renamed, world.full_policy(), [], world.history, world.now)

    def strip(rows):
        return [{**row, "name": None} for row in sorted(rows, key=lambda row: row["uuid"])]

    assert strip(other["machines"]) == strip(plan["machines"])
    assert other["steps"] == plan["steps"]
    assert other["host"] == plan["host"]


@SLOW
@given(st.data())
def test_all_is_given_out_but_for_what_stays_ready(data):
    """6, and 7: of targets; nobody gets less when there is more."""
    world = data.draw(worlds(2))
    plan = world.plan()
    managed = [row for row in plan["machines"] if row["managed"]]
    assume(managed)
    to_share = plan["host"]["figures"]["to_share_mb"]
    total = sum(row["target_mb"] for row in managed)
    if to_share >= sum(row["figures"]["floor_mb"] for row in managed):
        assert total <= to_share
        tiers = 6 * len(managed)
        assert total > to_share - tiers or all(row["target_mb"] == row["figures"]["ceiling_mb"] for row in managed)
    else:
        assert "infeasible" in plan["host"]["codes"]
    world.budget += data.draw(st.integers(1, 4000))
    more = {row["uuid"]: row["target_mb"] for row in world.plan()["machines"]}
    # each tier is rounded down by itself
    assert all(more[row["uuid"]] >= row["target_mb"] - 6 for row in managed)


@SLOW
@given(st.data())
def test_a_liar_takes_nobody_s_share(data):
    """9: whatever the first guest says, the others' targets reach their need or an equal share."""
    world = data.draw(worlds(2))
    watched(world)
    world.guests[0].says_free = data.draw(st.integers(0, world.guests[0].memory - 80))
    world.quiet(3)
    plan = world.plan()
    managed = [row for row in plan["machines"] if row["managed"]]
    floors = sum(row["figures"]["floor_mb"] for row in managed)
    share = max(0, plan["host"]["figures"]["to_share_mb"] - floors) // len(plan["machines"])
    for row in managed:
        if row["uuid"] != "vm0":
            need = min(row["figures"]["need_mb"], row["figures"]["ceiling_mb"])
            assert row["target_mb"] >= min(need, row["figures"]["floor_mb"] + share) - 1


@SLOW
@given(st.data())
def test_no_reversal_at_constant_demand(data):
    """11: uses tremble by up to half the band, and from the second window on nobody is asked for anything."""
    world = data.draw(worlds(2, 4))
    uses = [guest.use for guest in world.guests]
    random = data.draw(st.randoms(use_true_random=False))
    asked = []
    for number in range(200):
        for guest, use in zip(world.guests, uses):
            tremble = min(32, max(0, guest.memory - 80 - guest.balloon - use - 50))
            guest.use = max(64, use + random.randint(-tremble, tremble))
        plan = world.quiet(1)[0]
        if number > 130:
            asked += plan["steps"]
    directions = {}
    for step in asked:
        directions.setdefault(step["uuid"], set()).add(step["request_mb"] > step["was_mb"])
    assert all(len(ways) == 1 for ways in directions.values())


@SLOW
@given(st.integers(2, 4), st.integers(2600, 3300), st.sampled_from([1, 2, 5]))
@example(3, 3300, 5)
def test_a_stuck_donor_delays_nobody(others, need, seconds):
    """14: one donor never follows; who is in need is served by the others nearly as soon as if it were not there to be asked."""

    def served(managed: bool) -> int:
        made = [Guest(4096, 800, 1500) for _each in range(others + 2)]
        policy = {"period": seconds, "machines": {"vm1": {"balance": managed}}}
        world = World(made, sum(guest.memory - guest.balloon for guest in made) + 400, policy)
        world.quiet(325 // seconds, seconds)
        made[0].use = need
        began = world.now
        while made[0].free <= 150:
            world.round(seconds)
            for guest in made[:1] + made[2:]:
                guest.move(50 * seconds)
            assert world.charge <= world.budget
            assert world.now - began < 200
        return world.now - began

    assert served(True) <= 2 * served(False) + 10


@SLOW
@given(st.data())
def test_what_if_equals_the_plan_after_the_start(data):
    """16: while the new machine boots, the others are to hold what the what-if said."""
    world = data.draw(worlds(2))
    watched(world)
    memory = data.draw(st.integers(64, 2048))
    answer = balance.would_start(
        world.host(), world.machines(), world.full_policy(), [], world.history, world.now, memory
    )
    if answer["verdict"] == "now":
        assert memory <= answer["pool_mb"]
    assert (answer["verdict"] == "never") == (answer["fails_by_mb"] > 0)
    assert sum(each["mb"] for each in answer["gives"]) + answer["fails_by_mb"] == answer["lacks_mb"]
    world.policy = {"ready": world.plan()["host"]["figures"]["ready_mb"]}
    host, machines = world.host(), world.machines()
    answer = balance.would_start(host, machines, world.full_policy(), [], world.history, world.now, memory)
    new = {
        "uuid": "new",
        "name": "new",
        "memory_mb": memory,
        "state": "running",
        "started": world.now,
        "request_mb": 0,
        "sample": None,
    }
    after = balance.plan(host, machines + [new], world.full_policy(), [], world.history, world.now)
    assert answer["targets"] == {row["uuid"]: row["target_mb"] for row in after["machines"] if row["uuid"] != "new"}


def test_a_restarted_guest_is_charged_at_once_and_the_host_is_soon_back_under_its_budget():
    """2: what a guest takes back by itself."""
    made = [Guest(4096, 700, 2000) for _each in range(5)]
    world = World(made, sum(guest.memory - guest.balloon for guest in made) + 300)
    watched(world)
    made[1].phantom, made[1].balloon, made[1].additions, made[1].silent = made[1].balloon, 0, 0, True
    assert world.charge > world.budget
    plans = world.quiet(1)
    assert plans[0]["machines"][1]["code"] == "guest_restarted"
    assert plans[0]["host"]["figures"]["charge_mb"] >= world.charge
    began = world.now
    made[1].additions, made[1].silent = 2, False
    while world.charge > world.budget:
        world.quiet(1)
        assert world.now - began < 400
    world.quiet(40)
    assert world.charge <= world.budget


def test_a_reservation_makes_room():
    made = [Guest(4096, 500, 1000) for _each in range(4)]
    world = World(made, sum(guest.memory - guest.balloon for guest in made) + 300)
    watched(world)
    reserved = [{"name": "new", "memory_mb": 2000, "until": world.now + 600}]
    codes = set()
    for _each in range(60):
        plan = world.plan(reserved)
        world.history = plan["history"]
        for step in plan["steps"]:
            world.guests[int(step["uuid"][2:])].ask(step["request_mb"])
        codes |= {step["code"] for step in plan["steps"]}
        world.now += 5
        for guest in made:
            guest.move(10**6)
    assert codes == {"makes_room"}
    assert world.budget - world.charge >= 2000


@pytest.mark.parametrize("other", ["VBoxBalloonCtrl", "another task"])
def test_beside_another_controller_nothing_is_asked(other):
    world = World([Guest(4096, 3000, 900)], 4096)
    host = dict(world.host(), other_controller=other)
    plan = balance.plan(host, world.machines(), world.full_policy(), [], None, world.now)
    assert plan["steps"] == []
    assert plan["host"]["codes"] == ["other_controller"] and other in plan["host"]["sentence"]
    assert world.plan()["steps"], "alone it would have"
    assert RESERVE
