# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What is asked of a paused guest is lost (docs/virtualbox-findings.md): its balloon stands where it was, and goes from there with the next request.

Whoever asks it for a little more than it was asked for last may have it take all the rest, so that has to be there first.
"""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

SPEED = 100  # MB a second
LONG = 400  # s: nobody waits for the lost request any more


def crowded_world(memory=4096, use=500, balloon=2500):
    """A donor with much to spare, a guest that is content, and a host that is over its budget, so that donors are asked."""
    world = World([Guest(memory, use, balloon), Guest(2048, 600, 900)], 0, {"period": 1, "window": 30})
    world.budget = world.charge
    seconds(world, 60)
    return world


def seconds(world, count):
    """So many rounds; the most that all machines held meanwhile."""
    most = 0
    for _second in range(count):
        world.round(1)
        for guest in world.guests:
            if guest.state == "running":
                guest.move(SPEED)
        most = max(most, world.charge)
    return most


def pause(world, guest):
    guest.state = "paused"
    guest.wants = []
    seconds(world, 10)


def another_program_asks(world, guest):
    pause(world, guest)
    guest.ask(800)
    seconds(world, LONG)


def we_ask_as_it_is_paused(world, guest):
    """It was starving when we asked, was paused before it took anything, and has ended its program when it comes back."""
    world.budget += 3000
    guest.use += guest.free
    for _second in range(20):
        if guest.wants:
            break
        world.round(1)
    assert guest.wants and guest.shown < guest.balloon - 200, "it was not asked"
    pause(world, guest)
    seconds(world, LONG)
    guest.use = 500
    world.budget -= 3000


@pytest.mark.parametrize("lost", [another_program_asks, we_ask_as_it_is_paused])
def test_it_is_not_asked_to_give_where_it_would_take(lost):
    world = crowded_world()
    donor = world.guests[0]
    lost(world, donor)
    assert donor.balloon >= 2400 > donor.shown + 200, "nothing was lost"
    world.budget = world.charge - 300
    donor.state = "running"
    before = world.charge
    assert seconds(world, 500) <= before, "by our request it took what an earlier one, that was lost, had asked of it"


@pytest.mark.parametrize("less", [400, 600])
def test_that_a_restart_emptied_its_balloon_says_nothing_of_what_is_lost_later(less):
    """Of what it could have had still at that time it has given some since; that much was taken for known of a later request, too."""
    world = crowded_world(8192, 2800, 4000)
    donor = world.guests[0]
    donor.phantom, donor.balloon = donor.balloon, 0
    seconds(world, 900)
    assert donor.balloon > 3500, "it has not given again"
    pause(world, donor)
    donor.ask(donor.balloon - less)
    seconds(world, LONG)
    world.budget = world.charge - 300
    donor.state = "running"
    before = world.charge
    assert seconds(world, 500) <= before, "by our request it took what an earlier one, that was lost, had asked of it"


def test_where_there_is_enough_for_it_it_is_asked():
    """It gives no less than others then: what it is shown to have is what it has."""
    world = crowded_world()
    donor = world.guests[0]
    another_program_asks(world, donor)
    donor.state = "running"
    world.budget = world.charge + 3000
    seconds(world, 500)
    world.guests[1].use, world.budget = world.guests[1].use + 300, world.charge
    seconds(world, 200)
    assert world.guests[1].free > 128 and world.charge <= world.budget + 1, (world.guests, world.budget)
