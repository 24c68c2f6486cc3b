# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A guest that was asked to take memory and does not: it is offered no more, and one that has panicked is told by its figures, which stand still."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World


def needy_world(**of_guest):
    """One guest starves, and the host has plenty; who is there besides is content."""
    world = World([Guest(2048, 1100, 1000), Guest(2048, 300, 1000)], 6000, {"period": 1, "window": 30})
    for key, value in of_guest.items():
        setattr(world.guests[0], key, value)
    return world


def code(plan):
    return plan["machines"][0]["code"]


def asked_of(plans):
    """MB that the first guest was to take, and how often it was asked."""
    steps = [step for plan in plans for step in plan["steps"] if step["uuid"] == "vm0"]
    return sum(step["was_mb"] - step["request_mb"] for step in steps), len(steps)


def growing(world, seconds, speed):
    """The plans of so many seconds, in which the host gets 30 MB more each second, and the guest in need takes so many MB."""
    plans = []
    for _second in range(seconds):
        plans.append(world.round(1))
        world.budget += 30
        world.guests[0].move(speed)
    return plans


def test_who_takes_nothing_is_offered_no_more():
    """It was asked again and again for more, up to all that it could be given."""
    world = needy_world()
    world.budget = world.charge + 400
    plans = growing(world, 40, speed=0)
    mb, times = asked_of(plans[25:])
    assert asked_of(plans)[1] >= 1 and (mb, times) == (0, 0), (mb, times)
    assert code(plans[-1]) == "in_flight" and plans[-1]["machines"][0]["figures"]["late"]


def test_who_takes_as_fast_as_it_can_is_offered_what_it_needs():
    world = needy_world()
    world.budget = world.charge + 400
    plans = growing(world, 60, speed=40)
    assert world.guests[0].free >= 128 and not any(plan["machines"][0]["figures"].get("late") for plan in plans)


@pytest.mark.parametrize("moves", [False, True])
def test_who_neither_takes_nor_moves_has_stale_figures(moves):
    """A panicked guest goes on showing its last figures (measured); one that is late and runs does not."""
    world = needy_world(idle=not moves)
    seen = set()
    for _second in range(600):
        seen.add(code(world.round(1)))
    assert ("stale_statistics" in seen) == (not moves), seen
    assert ("not_following" in seen) or not moves, seen
    if not moves:
        plans = [world.round(1) for _second in range(600)]
        assert {code(plan) for plan in plans} == {"stale_statistics"}, "a panicked guest is asked for ever"
        assert asked_of(plans) == (0, 0)


def test_it_is_looked_after_again_as_soon_as_it_moves():
    world = needy_world(idle=True)
    for _second in range(120):
        plan = world.round(1)
    assert code(plan) == "stale_statistics"
    world.guests[0].idle = False
    world.guests[0].move(10**6)
    plans = [world.round(1) for _second in range(5)]
    assert code(plans[-1]) not in ("stale_statistics", "not_following"), code(plans[-1])


def test_others_get_what_it_was_offered():
    """What a guest that hangs has not taken is not kept for it for ever: it is over with its request."""
    world = needy_world(idle=True)
    for _second in range(400):
        world.round(1)
    world.guests[1].use = 1500
    for _second in range(60):
        world.round(1)
        world.guests[1].move(50)
    assert world.guests[1].free >= 128, world.guests[1]
