# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What is counted in one run: the figures by which a controller is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.balance.guest import DEAD, LIAR, OTHERS, OUR_ACT, PAST_ITS_ROOM, UNSEEN, Guest
from bench.balance.scenario import Scenario

if TYPE_CHECKING:
    from bench.balance.host import Host

MERGED = 5  # s: a machine that is starved again so soon was starved all the time
PLENTY = 400  # MB that the pool holds beyond the need: 'the pool has it'


class Figures:
    """Of one run; `finish()` makes `result` of it, plain data."""

    def __init__(self, scenario: Scenario, controller: str) -> None:
        self.scenario = scenario
        self.controller = controller
        self.starved = 0  # MB × s
        self.starved_good = 0  # MB × s, of machines that nothing ever went wrong with
        self.over = self.over_by_us = self.over_reserve = self.over_most = 0
        self.requests = self.reversals = self.refused = 0
        self.open: dict[int, list[int]] = {}
        self.episodes: list[dict] = []
        self.result: dict = {}

    def request(self, second: int, guest: Guest, size: int) -> None:
        """A request for another size; a reversal is one in the other direction than the machine's last."""
        if second < self.scenario.warm_up:
            return
        self.requests += 1
        direction = (size > guest.shown) - (size < guest.shown)
        if direction and direction == -guest.direction:
            self.reversals += 1
        if direction:
            guest.direction = direction

    def add(self, second: int, length: int, host: Host) -> None:
        """`length` seconds in which nothing changed."""
        if host.starved:
            self.starved += host.starved * length
        if host.starved or self.open:
            self._episodes(second, length, host)
        if host.charge > host.budget:
            over, by_us = host.over(second)
            self.over += length
            if by_us > 0:
                self.over_by_us += length
                self.over_most = max(self.over_most, by_us)
                self.over_reserve += length if by_us > host.reserve else 0

    def _episodes(self, second: int, length: int, host: Host) -> None:
        """For each machine: since when it is starved, how much at most, and what the pool had."""
        for guest in host.guests:
            index = guest.index
            if guest.starved and guest.state is not DEAD:
                if not guest.bad:
                    self.starved_good += guest.starved * length
                if index not in self.open:
                    self.open[index] = [second, second, 0, host.budget - host.charge, _spare(host)]
                episode = self.open[index]
                episode[1] = second + length
                episode[2] = max(episode[2], guest.starved)
                episode[4] = min(episode[4], _spare(host))
            elif index in self.open and (guest.state is DEAD or second - self.open[index][1] > MERGED):
                self._close(guest, guest.state is DEAD)

    def _close(self, guest: Guest, unfinished: bool) -> None:
        since, until, most, pool, spare = self.open.pop(guest.index)
        if unfinished or guest.bad:
            return  # it died, or the run ended, or it may be past all help
        kind = "pool" if pool >= most + PLENTY else "donor" if spare >= 0 else "infeasible"
        self.episodes.append({"since": since, "seconds": until - since, "most_mb": most, "kind": kind})

    def finish(self, host: Host) -> Figures:
        """At the end of the run."""
        for index in list(self.open):
            self._close(host.guests[index], False)
        deaths = [guest.died for guest in host.guests if guest.died]
        self.result = {
            "trace": self.scenario.name,
            "controller": self.controller,
            "seed": self.scenario.seed,
            "seconds": self.scenario.seconds,
            "machines": len(host.guests),
            "starved_mb_min": round(self.starved / 60, 2),
            "starved_good_mb_min": round(self.starved_good / 60, 2),
            "dead": deaths.count(OUR_ACT),
            "dead_past_room": deaths.count(PAST_ITS_ROOM),
            "dead_liars": deaths.count(LIAR),
            "dead_unseen": deaths.count(UNSEEN),
            "dead_by_others": deaths.count(OTHERS),
            "over_s": self.over_by_us,
            "over_excused_s": self.over - self.over_by_us,
            "over_reserve_s": self.over_reserve,
            "over_most_mb": self.over_most,
            "requests": self.requests,
            "reversals": self.reversals,
            "refused": self.refused,
            "served_by_pool_s": sorted(each["seconds"] for each in self.episodes if each["kind"] == "pool"),
            "served_by_donor_s": sorted(each["seconds"] for each in self.episodes if each["kind"] == "donor"),
            "infeasible_s": sorted(each["seconds"] for each in self.episodes if each["kind"] == "infeasible"),
        }
        return self


def _spare(host: Host) -> int:
    """MB of the budget that no guest needs, with hard reserves; below 0 not all can be served, whoever controls."""
    return host.budget - sum(each.memory - each.most + each.need for each in host.guests)
