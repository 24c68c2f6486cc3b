# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A program has ended that was as large as its guest's balloon: by its figures, the balloon may have emptied instead.

Until that is known the guest can give nothing, and others do not get what it may have taken back. On host-days and jumps traces machines starved beside
that for up to 39 minutes.
"""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import steps
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record

UNSURE, GROWER = 0, 1


def world(more: int) -> World:
    """One guest has just lost a program, and another needs more than is left: the host has so many MB more than the one may have taken back."""
    guests = [Guest(4096, 2600, 1200), Guest(4096, 1100, 2600)]
    made = World(guests, sum(guest.memory - guest.balloon for guest in guests), {"ready": 0})
    made.quiet(65)
    guests[UNSURE].use -= guests[UNSURE].balloon
    made.round()
    assert held(made) >= guests[UNSURE].balloon
    made.budget += held(made) + more
    guests[GROWER].use = 2600
    return made


def held(made: World) -> int:
    return made.history["machines"]["vm0"]["held"]


def empty(guest: Guest) -> None:
    """Its balloon has emptied, untold, and its program has gone on: its figures are the same."""
    guest.use += guest.balloon
    guest.phantom, guest.balloon = guest.balloon, 0


def codes(plans) -> set:
    return {row["code"] for plan in plans for row in plan["machines"] if row["uuid"] == "vm0"}


def test_it_is_asked_to_take_that_and_gives_then():
    made = world(100)
    plans = []
    for _each in range(150):
        plans += made.quiet(1)
        assert made.charge <= made.budget
    assert "unsure" in codes(plans) and held(made) == 0
    row = plans[-1]["machines"][GROWER]
    assert row["holds_mb"] >= row["figures"]["need_mb"], row


def test_an_empty_balloon_does_not_fill():
    made = world(100)
    guest = made.guests[UNSURE]
    empty(guest)
    plans = []
    for _each in range(150):
        plans += made.quiet(1)
        assert guest.free >= plans[-1]["machines"][UNSURE]["figures"].get("hard_reserve_mb", 0)
    assert "unsure" in codes(plans) and "not_following" not in codes(plans)
    assert plans[-1]["host"]["figures"]["charge_mb"] >= made.charge and not plans[-1]["steps"]


@pytest.mark.parametrize("spare", [-1000, -300, -50])
def test_it_is_not_asked_for_more_than_the_host_has(spare):
    made = world(spare)
    plans = []
    for _each in range(100):
        plans += made.quiet(1)
        assert made.charge <= made.budget
    assert "unsure" not in codes(plans)


def several(*leaps: int) -> World:
    """As above, where others have lost programs, too, as large as their balloons."""
    others = [Guest(8192, 8012 - 2 * leap, leap) for leap in leaps]
    made = World([Guest(4096, 2600, 1200), Guest(4096, 1100, 2600), *others], 0, {"ready": 0})
    made.budget = made.charge
    made.quiet(65)
    for guest in (made.guests[UNSURE], *others):
        guest.use -= guest.balloon
    made.round()
    made.guests[GROWER].use = 2600
    return made


@pytest.mark.parametrize("used_again", [0, 1150])
def test_of_several_each_is_found_out_though_the_host_has_not_what_all_may_have_taken(used_again):
    """None was asked, as all of that lay beside: a host stood still for hours, with 4 GB that nobody might have. Nor was one that had no room any more."""
    made = several(700, 710)
    made.budget += 2000
    made.guests[UNSURE].use += used_again
    plans = []
    for _each in range(60):
        plans += made.quiet(1)
        assert made.charge <= made.budget
    assert "unsure" in codes(plans) and held(made) == 0


@pytest.mark.parametrize(
    ("pool", "strikes", "first"),
    [
        (0, {}, ["less"]),
        (0, {"more": 1}, ["more"]),
        (
            -450,
            {"more": 1},
            ["less"],
        ),  # 450 MB are left where the largest of the others is a balloon, and 950 for who leapt by that
        (-501, {}, []),
    ],
)
def test_who_can_be_doubted_is_asked_first(pool, strikes, first):
    """If its balloon is empty it takes nothing. Else who leapt less is, for whom the host has most probably enough."""
    records = []
    for name, held in (("more", 1000), ("less", 400), ("under way", 500)):
        record = Record({"uuid": name, "memory_mb": 4096}, read({}), None)
        record.asked, record.held, record.active = 2000, held, name == "under way"
        record.history.update(leapt=held, strikes=strikes.get(name, 0))
        records.append(record)
    assert [record.uuid for record in steps._ask_back(records, steps._leaps(records), pool)] == first


def test_one_of_several_is_taken_to_be_a_balloon():
    """While 2.9 GB of an empty balloon were held back, another guest was asked to take 945 MB, and the host was over its budget for hours (870307)."""
    made = several(2400)
    empty(made.guests[2])
    made.guests[2].use += made.guests[2].free - 300
    made.budget += 1300
    at_first = made.charge
    for _each in range(60):
        made.quiet(1)
        assert made.charge <= max(made.budget, at_first)


def test_what_is_held_back_for_it_is_there_for_it():
    """It needs more itself, and what it takes of that it has not taken by itself. The other one has nothing to spare."""
    made = world(0)
    made.guests[GROWER].use = 1150
    made.guests[UNSURE].use += 1350
    before = made.guests[UNSURE].balloon
    for _each in range(20):
        made.quiet(1)
        assert made.charge <= made.budget
    assert made.guests[UNSURE].balloon < before - 200
