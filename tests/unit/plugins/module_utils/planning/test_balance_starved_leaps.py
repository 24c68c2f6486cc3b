# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A program that ends in a starved guest leaves less than its balloon, as an emptied balloon would: its programs use at once what they lacked.

Each was held back from all others, twice, and they added up: 7.5 GB on a host where no balloon had emptied, beside machines that starved to the end.
"""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

BALLOON, PROGRAM = 4000, 700
STARVED, GROWER = 0, 1


def starving(seconds: int) -> World:
    """A guest has been at its low mark for so long, and a minute or more after its last request; the host has nothing left."""
    made = World([Guest(8192, 3900, BALLOON), Guest(4096, 1100, 2600)], 0, {"period": 1, "window": 60, "ready": 0})
    made.budget = made.charge
    made.quiet(70, 1)
    made.guests[STARVED].use += made.guests[STARVED].free - 50
    made.quiet(seconds, 1)
    return made


def lose(made: World) -> dict:
    """A program of the starved guest ends; what is known of the guest then."""
    made.guests[STARVED].use -= PROGRAM
    made.quiet(1, 1)
    return made.history["machines"]["vm0"]


def test_nobody_waits_for_what_programs_of_a_starved_guest_leave():
    made = starving(300)
    for _each in range(4):
        known = lose(made)
        assert PROGRAM <= known["leapt"] < 3 * PROGRAM, "a balloon empties but once"
        made.quiet(20, 1)
        made.guests[STARVED].use += PROGRAM
        made.quiet(250, 1)
    made.budget += 600
    made.guests[GROWER].use += 400
    made.quiet(20, 1)
    assert made.guests[GROWER].balloon <= 2300, made.plan()["host"]
    assert made.charge <= made.budget


@pytest.mark.parametrize(("seconds", "suspected"), [(20, False), (300, True)])
def test_no_guest_comes_to_lack_more_than_its_use_can_rise_by(seconds, suspected):
    """The rest of its balloon would be free: 700 MB are a program, where it has starved for 20 s."""
    assert bool(lose(starving(seconds))["leapt"]) is suspected


@pytest.mark.parametrize("figures_stand", [False, True])
def test_figures_that_tremble_are_not_old(figures_stand):
    """Those of a guest at its low mark stay the same to the MB, whatever it does; to the kB they do not, but for one that hangs."""
    made = starving(10)
    guest = made.guests[STARVED]
    guest.idle = figures_stand
    made.quiet(5, 1)
    made.budget += 200
    free = guest.free
    made.round(1)
    assert guest.shown < BALLOON, "it was not asked"
    guest.wants, guest.balloon = [], guest.shown
    guest.use += guest.free - free  # it uses that at once
    made.quiet(120, 1)
    guest.idle = False
    assert bool(lose(made)["held"]) is figures_stand
