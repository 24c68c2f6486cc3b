# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Guests that do late what they were asked: they are fixed for a while, and no longer than until the sum shows that they have done it."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World


def codes(plan):
    return [row["code"] for row in plan["machines"]]


def late_world(seconds=90):
    """Both were asked to give, and nobody did for so long."""
    world = World([Guest(768, 80, 228), Guest(768, 80, 228)], 1000, {"period": 1, "window": 30, "ready": 0})
    seen = []
    for _second in range(30 + seconds):
        seen = codes(world.round(1))
        if "not_following" in seen:
            break
    assert set(seen) == {"not_following"} and all(guest.shown > 228 for guest in world.guests), seen
    return world


def test_who_followed_late_takes_part_again_at_once():
    """The live host gave nothing for a while, both were fixed, and the program that then grew in one of them had 37 MB left when the minute was over."""
    world = late_world()
    for guest in world.guests:
        guest.move(1000)
    plans = [world.round(1) for _second in range(5)]
    assert "not_following" not in codes(plans[-1]), codes(plans[-1])


@pytest.mark.parametrize("moved", [0, 10])
def test_who_has_not_followed_stays_fixed(moved):
    world = late_world()
    for guest in world.guests:
        guest.move(moved)
    plans = [world.round(1) for _second in range(20)]
    assert set(codes(plans[-1])) == {"not_following"}, codes(plans[-1])


def test_of_two_the_one_that_followed_may_be_either():
    """The sum does not say who gave: both stay fixed."""
    world = late_world()
    world.guests[0].move(1000)
    plans = [world.round(1) for _second in range(20)]
    assert set(codes(plans[-1])) == {"not_following"}, codes(plans[-1])


@pytest.mark.parametrize(("lacks", "settled"), [(0, True), (1, True), (8, False)])
def test_what_lacks_is_less_than_the_smallest_step(lacks, settled):
    """Balloons may end a MB short; 8 MB are a request of their own, that was not followed."""
    world = late_world()
    for guest, short in zip(world.guests, (0, lacks)):
        guest.move(guest.shown - guest.balloon - short)
    plans = [world.round(1) for _second in range(5)]
    assert ("not_following" not in codes(plans[-1])) == settled, codes(plans[-1])
