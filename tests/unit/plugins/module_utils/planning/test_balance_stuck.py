# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""14: who cannot be asked, as it may owe much, holds up nobody whom others can serve: its target is what it holds."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

STUCK, GROWER = "vm0", "vm2"


def rows(plan: dict) -> dict:
    return {row["uuid"]: row for row in plan["machines"]}


def asked_by_others(world: World) -> None:
    """Another program asks it for 600 MB, and it never gives them."""
    world.guests[0].shown = 600
    rounds(world, 80)


def did_not_follow(world: World) -> None:
    """The host has less for a while, and it gives nothing of what it is asked for."""
    world.budget -= 300
    rounds(world, 80)
    assert rows(world.plan())[STUCK]["code"] == "in_flight"
    world.budget += 300


TROUBLES = [asked_by_others, did_not_follow]


def rounds(world: World, count: int) -> dict:
    """Rounds in which all but the stuck one follow at once; gives back the last plan."""
    for _each in range(count):
        plan = world.round()
        for guest in world.guests[1:]:
            guest.move(10**6)
        world.guests[0].wants = []
    return plan


def troubled(trouble) -> World:
    guests = [Guest(4096, 300, 0), Guest(4096, 300, 1500), Guest(4096, 400, 2000)]
    world = World(guests, sum(guest.memory - guest.balloon for guest in guests), {"ready": 0})
    world.quiet(65)
    trouble(world)
    return world


@pytest.mark.parametrize("trouble", TROUBLES)
def test_another_gives_instead(trouble):
    world = troubled(trouble)
    stuck, before = world.guests[0], world.guests[0].shown
    world.guests[2].use = 2600
    last = rows(rounds(world, 60))[GROWER]
    assert last["holds_mb"] >= last["figures"]["need_mb"], last
    assert stuck.balloon == 0 and stuck.shown == before
    assert world.charge <= world.budget


@pytest.mark.parametrize("trouble", TROUBLES)
def test_another_gives_instead_over_the_budget(trouble):
    world = troubled(trouble)
    world.budget -= 900
    rounds(world, 80)
    assert world.charge <= world.budget
    assert min(guest.free for guest in world.guests) >= 256


def test_it_is_said_to_be_on_its_way():
    row = rows(troubled(asked_by_others).plan())[STUCK]
    assert row["code"] == "in_flight" and row["target_mb"] >= row["holds_mb"], row


def test_who_needs_all_that_it_holds_is_not_on_its_way():
    world = troubled(asked_by_others)
    world.guests[0].use = 3880
    world.budget -= 100
    assert rows(rounds(world, 3))[STUCK]["code"] != "in_flight"


@pytest.mark.parametrize(("limit", "least", "most"), [({"ceiling": 3000}, 0, 3000), ({"floor": 4000}, 4000, 4096)])
def test_its_floor_and_ceiling_hold_all_the_same(limit, least, most):
    """1, whatever it holds; and what the others are to have with it is no more than there is."""
    world = troubled(asked_by_others)
    world.policy["machines"] = {STUCK: limit}
    plan = world.plan()
    row = rows(plan)[STUCK]
    assert row["figures"]["stuck"] and least <= row["target_mb"] <= most, row
    assert sum(each["target_mb"] for each in plan["machines"]) <= plan["host"]["figures"]["to_share_mb"]
