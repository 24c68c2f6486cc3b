# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Where there is memory for those who starve, nobody waits for hours: not for a balloon of which nobody knows where it stands."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

SPEED = 50  # MB a second


def world_of(*guests, spare=0):
    """Watched for a whole window, and with so many MB left of the budget."""
    world = World(list(guests), 0, {"period": 1, "window": 60, "ready": 0})
    world.budget = world.charge + spare
    world.quiet(100, 1)
    return world


def seconds(world, count, *, needs=None, most=0, rise=10):
    """So many, in which one guest comes to need so many MB more. Gives back the most by which the host was over its budget."""
    over = 0
    for _second in range(count):
        if needs is not None:
            more = min(rise, most, needs.free)
            needs.use, most = needs.use + more, most - more
        world.round(1)
        for guest in world.guests:
            guest.move(SPEED)
        over = max(over, world.charge - world.budget)
    return over


def test_who_may_hold_a_larger_balloon_than_it_was_asked_for_gives():
    """What it may take is charged; held against it once more, a guest with 2 GB free was not asked for hours, and others starved beside it."""
    donor, taker = Guest(8192, 2000, 3000), Guest(6144, 3900, 1500)
    world = world_of(donor, taker)
    donor.shown = 2000  # another program's request, which it does not follow
    seconds(world, 300)
    assert donor.balloon == 3000, donor
    world.budget = world.charge + 1000
    assert seconds(world, 300, needs=taker, most=taker.free + 700) <= 1
    assert taker.free > 128, world.plan()["machines"]


@pytest.mark.parametrize("use", [1400, 3000])
def test_who_took_its_whole_balloon_back_gives_again(use):
    """What its programs use may be a balloon that it has still, as far as VirtualBox knows: such a host stood over its budget for three hours."""
    emptied, other = Guest(8192, use, 4000), Guest(6144, 3900, 1500)
    world = world_of(emptied, other, spare=200)
    emptied.phantom, emptied.balloon = emptied.balloon, 0
    seconds(world, 10)
    assert world.plan()["machines"][0]["code"] == "guest_restarted"
    seconds(world, 400)
    assert world.charge <= world.budget + 1, world.plan()["machines"]


@pytest.mark.parametrize("later", [60, 600])
def test_what_somebody_took_back_untold_is_not_found_in_a_program_that_ends_later(later):
    """The figures of that time showed nothing: each program that ended since was taken for it, and its guest for restarted."""
    world = world_of(Guest(6144, 700, 2000), Guest(6144, 3000, 1900))
    unbelieved, other = world.guests
    unbelieved.says_free = 2 * unbelieved.memory
    seconds(world, 60)
    unbelieved.balloon = 0
    seconds(world, later)
    assert world.history["sum"]["stray"] >= 1900
    other.use -= 600
    seconds(world, 10)
    assert world.plan()["machines"][1]["code"] != "guest_restarted"


def starving_world():
    """A guest that has nothing free, one that has just enough, and nothing in the pool."""
    starved, other = Guest(6144, 0, 1000), Guest(6144, 4290, 1500)
    starved.use = starved.memory - 80 - starved.balloon - 45
    world = world_of(starved, other)
    seconds(world, 20)
    assert world.plan()["machines"][0]["figures"]["free_mb"] == 45 and world.history["machines"]["vm0"]["want"] > 0
    return world


@pytest.mark.parametrize("lacked", [300, 350, 400])
def test_a_starved_guest_that_took_its_balloon_back_survives_the_next_request(lacked):
    """It uses at once what it lacked, so its Free leaps by less than its balloon held: by 359 MB less, and it died of a request to take."""
    world = starving_world()
    starved = world.guests[0]
    leap = starved.balloon - lacked
    starved.phantom, starved.balloon, starved.use = starved.balloon, 0, starved.use + lacked
    seconds(world, 3)
    world.budget += leap + 300  # what is held back, and what it may be offered
    for _second in range(100):
        seconds(world, 1)
        assert starved.free > 45, (starved, world.plan()["machines"][0])


@pytest.mark.parametrize("rise", [2, 3])
def test_who_took_its_balloon_back_while_it_was_not_seen_survives_the_next_request(rise):
    """Its use rose meanwhile, so its Free was not higher by all that its balloon had held, and it died of a step."""
    hidden, other = Guest(6144, 3300, 2400), Guest(6144, 4000, 1500)
    world = world_of(hidden, other)
    hidden.silent = True
    seconds(world, 2)
    hidden.phantom, hidden.balloon = hidden.balloon, 0
    for _second in range(100):
        hidden.use += rise
        seconds(world, 1)
    hidden.silent = False
    for _second in range(300):
        other.use += min(5, other.free)
        seconds(world, 1)
        assert hidden.free > 45, (hidden, world.plan()["machines"][0])
