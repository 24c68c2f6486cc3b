# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A balloon that may have emptied is counted once more with the next request, and no longer than it may be so.

Each is a worked example of a host-day (860000 to 864399) on which a host stood over its budget, for up to seven hours.
"""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World
from unit.plugins.module_utils.planning.test_balance_account import LATER, TOTAL, Books


def covered(books, stock):
    """MB that machines can hold, with what is held back as guests may have taken it back untold."""
    held = 0
    for known in books.history["machines"].values():
        held += min(known["held"], max(known["leapt"], known["again"]), known["asked"])
    return stock.charge + held


def test_who_was_not_asked_since_has_not_shown_that_its_balloon_is_there():
    """It emptied while it was to take something. That its use did not rise afterwards was taken for a proof that it had not."""
    books = Books(a=1000, b=500)
    books.look(1500, 1001, a=-100)
    books.look(1400, 1002, a=-100)
    books.free["a"] = 2100
    books.look(1400, 1003)
    books.free["a"] = 3000  # it has emptied, and is counted on
    for now in range(1004, 1060):
        stock = books.look(1400 if now < 1006 else 1300, now)
        assert now < 1006 or covered(books, stock) >= books.holds(0, 500), (now, books.of("a"))


def test_no_more_is_taken_off_than_was_counted():
    """It had not emptied. With what leapt, the 200 MB were taken off that another had still to give."""
    books = Books(a=1900, b=500)
    books.look(2400, 1001, a=-800, b=300)  # neither does so, but that b gives 100 in the end
    for now in range(1002, 1001 + LATER, 50):
        books.look(2400, now)
    now = 1001 + LATER
    books.look(2400, now, a=100)
    books.free["a"] = 3700  # a program has ended
    for second in range(1, 60):
        stock = books.look(2400 if second < 5 else 2500, now + second)
    assert stock.charge >= books.holds(1900, 600), books.history["sum"]
    assert books.history["sum"]["give"] >= 200


def test_who_gives_again_slowly_is_waited_for():
    """1 MB/s: when the sum had shown as much, by what another gave, it had given 20 MB of 1000."""
    books = Books(a=1000, b=500)
    books.look(1500, 1001)
    books.free["a"] = 3000
    books.look(1500, 1002)  # emptied, and counted on
    books.look(1500, 1003, a=50, b=50)
    for second in range(1, 31):
        books.free["a"] = 3000 - second
        stock = books.look(1500 + min(50, 10 * second) + second, 1003 + second)
    assert covered(books, stock) >= books.holds(30, 550), books.history["sum"]


def test_a_fall_of_the_sum_that_nobody_is_waited_for_is_charged():
    """Two had been asked for the opposite at the same time, so the one was taken to be taking still when a third took its balloon back."""
    books = Books(a=2500, b=0, c=400)
    books.look(2900, 1001, a=-500, b=500)
    for now in range(1002, 1090):
        books.look(2900, now)  # both have done so, and the sum cannot tell that neither has
    for now in range(1090, 1500, 5):
        stock = books.look(2500, now)
        assert stock.charge >= books.holds(2000, 500, 0), now


def test_who_was_asked_before_its_figures_showed_that_it_had_emptied_fills_again():
    """That the sum rose by this was taken for what another had still to give."""
    books = Books(a=1000, b=500)
    books.look(1500, 1001)
    books.look(1500, 1002, a=100, b=300)  # a has emptied since 1001, and b never follows
    books.free["a"] = 3000
    filled = 0
    for now in range(1003, 1030):
        stock = books.look(500 + filled, now)
        assert stock.charge >= books.holds(filled, 500), (now, books.history["sum"])
        filled = min(1100, filled + 100)
        books.free["a"] = 3000 - filled


@pytest.mark.parametrize("over", [300, 1500])
def test_who_may_take_by_a_request_to_give_is_not_asked_while_the_host_is_over_its_budget(over):
    """It had not taken all that another program had asked of it, and took that when it was asked for a little: for 120 s that was risked."""
    world = World([Guest(8192, 2000, 3000), Guest(6144, 3000, 1500)], 0, {"period": 1, "window": 30, "ready": 0})
    guest, other = world.guests
    world.budget = world.charge
    world.quiet(60, 1)
    guest.shown = 2000
    world.budget -= over
    for _second in range(240):
        world.round(1)
        other.move(50)
        assert guest.shown == 2000, world.plan()["host"]


@pytest.mark.parametrize(("spare", "asks"), [(1300, True), (300, False)])
def test_one_at_a_time_is_taken_to_have_taken_its_balloon_back_untold(spare, asks):
    """What it may take itself is charged, and two programs ended elsewhere: 4.5 GB lay free in such a guest beside one that starved for hours."""
    guests = [Guest(8192, 4000, 3000), Guest(6144, 3000, 1500), Guest(4096, 2600, 1200), Guest(4096, 2600, 1200)]
    world = World(guests, 0, {"period": 1, "window": 30, "ready": 0})
    guest, other, *lost_programs = world.guests
    world.budget = world.charge
    world.quiet(60, 1)
    world.budget += guest.balloon - 2000
    guest.shown = 2000
    world.quiet(300, 1)
    for each in lost_programs:
        each.use -= each.balloon
    world.quiet(2, 1)
    world.budget += spare
    other.use += other.free - 60
    asked = 0
    for _second in range(120):
        plan = world.round(1)
        asked = max([asked] + [step["request_mb"] for step in plan["steps"] if step["uuid"] == "vm0"])
        assert world.charge <= world.budget
    assert (asked > 2000) is asks, plan["host"]


@pytest.mark.parametrize(
    ("asked", "free", "leaps"),
    [
        ([], [2000, 2000], 1144),  # it emptied, and that is all
        ([-114], [2000, 2000], 1258),  # as it was to take something: how much of that it had was not known
        ([], [2060, 2000], 1144 - 60),  # its use goes on rising, by 60 MB in five seconds
    ],
)
def test_a_balloon_that_emptied_is_held_back_whatever_else_goes_on(asked, free, leaps):
    books = Books(a=1144 - sum(asked))
    now = 1000
    for each in free:
        now += 5
        books.free["a"] = each
        books.look(1144 - sum(asked), now)
    if asked:
        books.look(1144 - sum(asked), now + 4, a=asked[0])
    books.free["a"] = free[-1] + leaps
    books.look(1144 - sum(asked), now + 5)
    known = books.of("a")
    assert max(known["leapt"], known["again"]) >= 1144 - 32, known


@pytest.mark.parametrize("balloon", [20, 40])
def test_a_small_balloon_that_emptied_is_held_back(balloon):
    books = Books(a=balloon)
    books.look(balloon, 1001)
    books.free["a"] += balloon
    books.look(balloon, 1002)
    assert books.of("a")["held"] >= balloon


def test_who_was_not_seen_for_a_while_may_have_used_half_of_its_balloon_since():
    """Only what was free of it was held back."""
    books = Books(a=1000)
    books.look(1000, 1001)
    books.free["a"] += 500
    books.look(1000, 1100)
    assert min(books.of("a")["held"], books.of("a")["leapt"]) == 1000


def test_who_could_not_be_believed_and_uses_next_to_nothing_may_have_emptied_its_balloon():
    """26 MB would be its own use beside its balloon; it had none, and its programs used 1191. Its Free had been less before."""
    books = Books(a=1165)
    books.look(1165, 1001)
    books.free["a"] = TOTAL + 500
    books.look(1165, 1010)
    books.free["a"] = 1500  # lower than before
    books.look(1165, 1020)
    assert books.of("a")["held"] == 0
    books.free["a"] = TOTAL - 1191
    books.look(1165, 1021)
    assert min(books.of("a")["held"], books.of("a")["leapt"]) >= 1165


@pytest.mark.parametrize("stray", [2600, 900])
def test_who_has_a_smaller_balloon_than_what_was_taken_back_has_not_taken_it(stray):
    """A program of 900 MB ended in the second in which somebody else, whose figures nobody believes, took back 2600: it was taken to have restarted."""
    books = Books(a=1600, b=2600)
    books.free["b"] = TOTAL + 500
    for now in range(1001, 1070, 10):
        books.look(4200, now)
    books.free["a"] += 900
    books.look(4200 - stray, 1071)
    assert (books.of("a")["fixed"] is None) == (stray == 2600)


def test_the_last_megabytes_of_a_request_stay_open():
    """8 MB short, and as many another time: the sum agreed within a MB for each guest, and they were forgotten."""
    books = Books(**{name: 500 for name in "abcdefgh"})
    books.look(4000, 1001, a=100)
    for now in range(1002, 1001 + LATER, 20):
        stock = books.look(4092, now)
    assert stock.charge >= books.holds(592, *[500] * 7)
