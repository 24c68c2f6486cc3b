# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A guest whose Free leaps by its balloon's size has restarted untold, or a program of that size has ended: what it used before tells which."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

IDLE, BALLOON = 700, 900


def world_with_a_program(size, seconds=60, before=100):
    """A guest that used IDLE, and for so many seconds that much more; nobody else is in need."""
    world = World([Guest(4096, IDLE, BALLOON), Guest(2048, 400, 500)], 8000, {"period": 1})
    world.budget = world.charge
    world.quiet(before, 1)
    world.guests[0].use += size
    world.quiet(seconds, 1)
    return world


def codes(world, rounds=5):
    return {plan["machines"][0]["code"] for plan in world.quiet(rounds, 1)}


@pytest.mark.parametrize("size", [BALLOON, BALLOON - 5, BALLOON + 6])
def test_a_program_of_its_size_has_ended(size):
    """Its balloon was taken to be empty, so nobody got what the program had left, and it was not asked to give."""
    world = world_with_a_program(size)
    world.guests[0].use = IDLE
    assert "guest_restarted" not in codes(world)
    assert world.history["sum"]["phantom"] == 0


def test_a_program_has_ended_while_its_guest_was_asked_to_give():
    """What it has not given yet looks like less use than it ever had."""
    world = world_with_a_program(BALLOON)
    guest = world.guests[0]
    guest.ask(guest.balloon + 40)
    guest.wants = []
    codes(world, 1)
    guest.use = IDLE
    assert "guest_restarted" not in codes(world)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("seconds", [60, 400])
def test_a_balloon_that_emptied_is_still_seen(told, seconds):
    """It uses what it did, and was never seen to use as little as its balloon would mean."""
    world = world_with_a_program(600, seconds)
    guest = world.guests[0]
    guest.phantom = 0 if told else guest.balloon
    guest.balloon = 0
    assert "guest_restarted" in codes(world)
