# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A large request takes minutes on a slow host: who is about it still is not left alone, and what it is asked next is waited for."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.classify import classify
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import ACCOUNT, Stock
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record

SPEED = 40  # MB a second: what the slow live host's guests take
LOW = 45  # MB free in a guest that starves


def starving(memory, balloon):
    guest = Guest(memory, 0, balloon)
    guest.use = guest.free - LOW
    return guest


def codes(world, seconds):
    """All codes of so many seconds, in which those who starve use at once what they get."""
    seen = set()
    for _second in range(seconds):
        seen |= {row["code"] for row in world.round(1)["machines"]}
        for guest in world.guests:
            guest.move(SPEED)
            guest.use += guest.free - LOW
    return seen


def test_two_that_take_for_minutes_are_not_left_alone():
    """Their first request, of some MB, was overdue while the second was under way: both were fixed, others gave at the same time, and nobody got that."""
    world = World([starving(16384, 12000), starving(16384, 12000)], 0, {"period": 1, "window": 60})
    world.budget = world.charge + 300
    seen = codes(world, 10)
    assert all(guest.shown < 12000 for guest in world.guests), world.guests
    world.budget += 10000
    seen |= codes(world, 100)
    assert "not_following" not in seen, seen
    assert all(guest.balloon < 8500 for guest in world.guests), world.guests


def judged(kind, flights, missing, now=100.0):
    """A machine with such requests, of which the sum says that so many MB are missing."""
    machine = {
        "uuid": "vm0",
        "memory_mb": 8192,
        "request_mb": 4000,
        "sample": {"time": now, "total_kb": 8000000, "free_kb": 900000, "cache_kb": 0, "balloon_kb": 0},
    }
    record = Record(machine, read({}, 32768), None)
    setattr(record, kind, flights)
    record.give = record.take = 4000
    record.history.update(last=[flights[-1][0], [0, 0, 0], False], shrunk_use=10**6)
    stock = Stock(now, 0, 0, 0, 0, missing, 0, 1, {**ACCOUNT})
    classify([record], stock, read({}, 32768), now)
    return record


@pytest.mark.parametrize("kind, sign", [("gives", 1), ("takes", -1)])
def test_who_is_late_with_a_small_request_may_be_about_the_next(kind, sign):
    flights = [[0, 32, None], [60, 128, None]]
    record = judged(kind, flights, sign * 128)
    assert record.fixed is None
    assert getattr(record, kind) == [[0, 32, 100.0], [60, 128, None]], "the newer one is waited for still"


@pytest.mark.parametrize("kind, sign", [("gives", 1), ("takes", -1)])
def test_who_has_not_followed_the_first_is_found(kind, sign):
    assert judged(kind, [[0, 32, None], [60, 128, None]], sign * 160).fixed == "not_following"
    assert judged(kind, [[0, 32, None]], sign * 32).fixed == "not_following"
