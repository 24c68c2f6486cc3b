# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Figures that tremble at constant demand are neither a rise nor a balloon that has emptied."""

from __future__ import annotations

from random import Random

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

SWING = 184  # MB: what the planner makes of the second test's figures, the same each time


def trembling(least, most, seconds, world, draws):
    for _second in range(seconds):
        world.guests[0].use = draws.randint(least, most)
        world.round(1)
        world.guests[0].move(10**6)


@pytest.mark.parametrize("beyond, rises", [(0, False), (64, True)])
def test_a_use_that_it_had_in_the_last_hour_already_does_not_rise(beyond, rises):
    """It trembles little for five minutes, and then goes from the lowest to the highest at once: 22 requests in 20 host-days."""
    world = World([Guest(4096, 1000, 2000)], 0, {"period": 1, "window": 60, "ready": 500})
    world.budget, draws = world.charge + 500, Random(1)
    trembling(936, 1064, 900, world, draws)
    trembling(936, 996, 120, world, draws)
    trembling(936, 936, 15, world, draws)
    world.guests[0].use = 1064 + beyond
    world.round(1)
    assert world.plan()["machines"][0]["figures"]["rising"] == rises


@pytest.mark.parametrize("fall, suspected", [(2.2, False), (3, True)])
def test_what_trembles_far_does_not_leap_by_little_more(fall, suspected):
    """The middle of what it swings by in some seconds is less than it swings by once in a while: guests of constant demand were held back from others."""
    leap = int(fall * SWING)
    world = World([Guest(8192, 3000, leap), Guest(4096, 1000, 500)], 0, {"period": 1, "window": 60, "ready": 500})
    world.budget, draws = world.charge + 500, Random(2)
    trembling(3000, 3250, 200, world, draws)
    world.guests[0].use = 3200
    for _second in range(4):
        world.round(1)
    assert world.history["machines"]["vm0"]["swing"] == SWING and world.guests[0].balloon == leap
    world.guests[0].use = 3200 - leap
    world.round(1)
    known = world.plan()["history"]["machines"]["vm0"]
    assert (known["leapt"] + known["again"] > 0) == suspected, known
