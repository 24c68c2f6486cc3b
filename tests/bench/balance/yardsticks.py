# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Two controllers that nobody can have: they know every guest's true use and balloon each second, and ask all at once.

The guests, their speeds and the hard reserves are those of all others. They have no memory and no forecast, so a law that remembers peaks may beat
them. What the needs leave is either spread evenly over the guests, or kept in the pool: of the two runs the better one counts.
"""

from __future__ import annotations

from collections import deque

from bench.balance.guest import RUNNING, Guest
from bench.balance.host import Host, View
from bench.balance.parameters import hard_reserve_mb, hidden_mb, value

SWING = value("swing")
LAG = int(value("lag"))


def sizes(least: list[int], memories: list[int], budget: int, spread: bool) -> list[int]:
    """MB that each machine is to hold: what it needs with its reserve, and an even part of the rest, up to its memory."""
    given = [min(size, memory) for size, memory in zip(least, memories)]
    left = budget - sum(given)
    if not spread:
        return given
    if left < 0:  # not enough for all: each lacks as much, but for its last tenth
        return [max(size - (-left) // len(given) - 1, memory // 8) for size, memory in zip(given, memories)]
    open_ones = [index for index, size in enumerate(given) if size < memories[index]]
    while left >= len(open_ones) and open_ones:
        share = left // len(open_ones)
        for index in list(open_ones):
            more = min(share, memories[index] - given[index])
            given[index] += more
            left -= more
            if given[index] == memories[index]:
                open_ones.remove(index)
    return given


class AllSeeing:
    name = "all_seeing_spread"
    period = 1
    looks = False
    settles = 2 * LAG
    late = 0
    spread = True

    def __init__(self) -> None:
        self.needs: deque[list[int]] = deque(maxlen=self.late + 1)
        self.fixed: list[int] = []
        self.before: tuple = ()

    def act(self, now: int, host: Host, view: View | None) -> list[tuple[int, int]]:
        guests = host.guests
        if not self.fixed:
            self.fixed = [hidden_mb(guest.memory) + hard_reserve_mb(guest.memory) for guest in guests]
        self.needs.append([guest.need for guest in guests])
        seen = (self.needs[0], host.budget, host.changed)
        if seen == self.before:
            return []  # as it was a second ago, when all was asked
        self.before = seen
        least = [fixed + need for fixed, need in zip(self.fixed, self.needs[0])]
        running = [index for index, guest in enumerate(guests) if guest.state is RUNNING]
        budget = host.budget - sum(guest.charged for guest in guests if guest.state is not RUNNING)
        wanted = sizes(
            [least[index] for index in running], [guests[index].memory for index in running], budget, self.spread
        )
        asked, growing = [], []
        for index, size in zip(running, wanted):
            guest = guests[index]
            balloon = max(0, min(guest.memory - size, int(guest.memory * SWING) - 1))
            if balloon > guest.shown:
                asked.append((index, balloon))
            elif balloon < guest.shown:
                growing.append((self._urgency(guest, least[index]), index, balloon))
        return asked + self._grow(growing, host)

    @staticmethod
    def _grow(growing: list[tuple[int, int, int]], host: Host) -> list[tuple[int, int]]:
        """Those that lack most first, with what the pool really has."""
        asked = []
        pool = host.budget - sum(guest.promised() for guest in host.guests) if growing else 0
        for _first, index, balloon in sorted(growing):
            shown = host.guests[index].shown
            more = min(shown - balloon, pool)
            if more > 0:
                asked.append((index, shown - more))
                pool -= more
        return asked

    @staticmethod
    def _urgency(guest: Guest, least: int) -> int:
        """Those that lack most come first."""
        return guest.memory - guest.balloon - least


class AllSeeingPool(AllSeeing):
    name = "all_seeing_pool"
    spread = False


class LateSeeing(AllSeeing):
    name = "late_seeing_spread"
    late = LAG


class LateSeeingPool(LateSeeing):
    name = "late_seeing_pool"
    spread = False
