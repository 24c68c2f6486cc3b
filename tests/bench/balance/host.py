# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One host with its guests and a controller, second by second; seconds in which nothing changes are skipped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import NamedTuple, Protocol

from bench.balance.figures import Figures
from bench.balance.guest import BOOTING, DEAD, NONE, PAUSED, Guest
from bench.balance.parameters import value
from bench.balance.scenario import Scenario, Walk

LAG = int(value("lag"))
SWING = value("swing")
AFTER_A_FALL = 120  # s for which a budget that fell is still the one that a controller is held to
ROUNDS = 60  # s: whole rounds of every controller, so that a skip leaves each at the same place of its round
NOISES = 1009  # draws, then over again


class View(NamedTuple):
    """What VirtualBox says: figures of `time`; what is asked for is as of now."""

    host: dict
    machines: list[dict]
    balloons: list[int]  # MB really given: for peers whose own world tells them, never for ours


class Controller(Protocol):
    name: str
    period: int  # s
    looks: bool  # at what VirtualBox says; the yardsticks know better
    settles: int | None  # s after which, with nothing changed and nothing asked, it asks nothing more; None: never skip

    def act(self, now: int, host: Host, view: View | None) -> list[tuple[int, int]]:
        """Requests: index of the machine, MB of balloon. `now` and the times in the view are on the controller's clock."""


class Host:
    """Sizes are whole MB."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        draws = Random(f"noise {scenario.name} {scenario.seed}")
        self.guests = [
            Guest(
                index,
                each,
                scenario,
                tuple(draws.randint(-each.noise, each.noise) for _each in range(NOISES)) if each.noise else (),
            )
            for index, each in enumerate(scenario.machines)
        ]
        self.other_wanted = Walk(scenario.other)
        self.faults = deque(
            sorted((fault, index) for index, each in enumerate(scenario.machines) for fault in each.faults)
        )
        self.total, self.reserve = scenario.total, scenario.reserve
        self.vmm_free = 0
        self.other = self.wanted = 0
        self.charge = self.budget = self.starved = 0
        self.budgets: deque[tuple[int, int]] = deque()
        self.excuse = (
            0  # MB over the budget that guests took back by themselves: what is once got back is excused no more
        )
        self.promised = 0  # MB that the machines hold or have been granted, in the second before
        self.seen_at = 0  # the second from which on a controller knows of what was taken back last
        self.changed = 0
        self.shift = 0  # s that the controller's clock is behind, for what was skipped
        for guest in self.guests:
            guest.step(0)
            guest.touched = min(guest.charged, guest.memory - guest.total + guest.need + guest.cache)
        self.used = sum(guest.touched for guest in self.guests)
        self._add_up(0)

    def run(
        self, controller: Controller, watch: Callable[[int, Host], None] | None = None, skip: bool = True
    ) -> Figures:
        """From the first second to the last; `watch(second, host)` is called after each that was not skipped."""
        figures = Figures(self.scenario, controller.name)
        second, end, period = 0, self.scenario.seconds, controller.period
        act_at, look_at, views = period + LAG, period, deque()
        if not controller.looks:
            act_at, look_at = period, end
        while second < end:
            if second == act_at:
                view = self._with_requests(views.popleft()) if controller.looks else None
                asked = controller.act(second - self.shift, self, view)
                if asked:
                    self._ask(asked, second, figures)
                act_at += period
            if second == look_at:
                views.append(self.look(second))
                look_at += period
            if skip and controller.settles is not None and second - self.changed > controller.settles:
                whole = (int(min(self._next_change(), end) - second) // ROUNDS - 1) * ROUNDS
                if whole > 0:
                    self.shift += whole
                    act_at += whole
                    look_at += whole
            following = self._following(second, min(act_at, look_at, end))
            figures.add(second, following - second, self)
            second = following
            self.step(second)
            if watch:
                watch(second, self)
        return figures.finish(self)

    def look(self, second: int) -> View:
        """VirtualBox's figures of this second."""
        time = second - self.shift
        ballooned = sum(guest.balloon + guest.phantom for guest in self.guests)
        host = {
            "time": time,
            "total_mb": self.total,
            "available_mb": max(0, self.total - self.other - self.used - self.vmm_free),
            "vmm_used_kb": self.used * 1024,
            "vmm_free_kb": self.vmm_free * 1024,
            "ballooned_kb": ballooned * 1024,
            "other_controller": None,
            "users": 1,
        }
        machines = []
        for guest in self.guests:
            sample = guest.sample(second)
            machines.append(
                {
                    "uuid": guest.name,
                    "name": guest.name,
                    "memory_mb": guest.memory,
                    "state": "paused" if guest.state is PAUSED else "running",
                    "large_pages": False,
                    "additions": 0 if guest.state is BOOTING else 2,
                    "started": None if guest.started is None else guest.started - self.shift,
                    "restored": guest.restored,
                    "sample": {**sample, "time": time},
                }
            )
        return View(host, machines, [guest.balloon for guest in self.guests])

    def _with_requests(self, view: View) -> View:
        for machine, guest in zip(view.machines, self.guests):
            machine["request_mb"] = guest.shown
            machine["request_time"] = None if guest.shown_at is None else guest.shown_at - self.shift
        return view

    def _ask(self, asked: list[tuple[int, int]], second: int, figures: Figures) -> None:
        """VirtualBox takes what is under 90 % of the memory, and does nothing where nothing changes."""
        for index, size in asked:
            guest = self.guests[index]
            if not 0 <= size < guest.memory * SWING:
                figures.refused += 1
            elif size != guest.shown or guest.phantom:
                figures.request(second, guest, size)
                guest.ask(size, second)
                self.changed = second

    def step(self, second: int) -> None:
        """The state at a second, from that of the one that was looked at before."""
        changed = self._go_wrong(second)
        for guest in self.guests:
            if guest.still and second < guest.until:
                continue
            before = (guest.need, guest.balloon, guest.cache, guest.state)
            touched = guest.touched
            guest.step(second)
            self.used += guest.touched - touched
            if guest.touched < touched:
                self.vmm_free += touched - guest.touched
            else:
                self.vmm_free = max(0, self.vmm_free - (guest.touched - touched))
            if before != (guest.need, guest.balloon, guest.cache, guest.state):
                changed = True
        if second >= self.other_wanted.until or changed:
            self._add_up(second)
            self.changed = second

    def _go_wrong(self, second: int) -> bool:
        """What goes wrong in this second, if anything."""
        if not self.faults or self.faults[0][0].at > second:
            return False
        while self.faults and self.faults[0][0].at <= second:
            fault, index = self.faults.popleft()
            guest = self.guests[index]
            guest.go_wrong(fault, second)
            if guest.lost:
                self.excuse += guest.lost
                self.seen_at = second + 2 * LAG
                guest.lost = 0
        return True

    def _add_up(self, second: int) -> None:
        """The sums, and the budget by the specification's law."""
        self.charge = sum(guest.charged for guest in self.guests)
        self.starved = sum(guest.starved for guest in self.guests)
        if second >= self.other_wanted.until:
            self.wanted = self.other_wanted.at(second)
        allocated = self.used + self.vmm_free
        self.other = min(self.wanted, self.total - allocated)  # more is swapped: the host's, not ours
        budget = allocated + max(0, self.total - self.other - allocated - self.reserve)
        if budget != self.budget:
            self.budgets.append((second, self.budget))
            self.budget = budget
        while self.budgets and self.budgets[0][0] < second - AFTER_A_FALL:
            self.budgets.popleft()
        if self.excuse:
            promised = sum(guest.promised() for guest in self.guests)
            unseen = self._unseen(second)
            if second > self.seen_at:
                self.excuse = min(self.excuse, max(unseen, min(promised, self.promised) - budget))
            self.promised = promised

    def _unseen(self, second: int) -> int:
        """MB that guests took back by themselves and nobody can know of; a guest whose figures are true again has been seen."""
        for guest in self.guests:
            if guest.unseen and guest.tells() and guest.state is not PAUSED and (guest.balloon or not guest.hides()):
                guest.unseen = 0
                self.seen_at = second + 2 * LAG
        return sum(guest.unseen for guest in self.guests)

    def over(self, second: int) -> tuple[int, int]:
        """MB over the budget: all of it; and what neither a guest took back by itself, nor a fall of the budget explains."""
        over = self.charge - self.budget
        if over <= 0:
            return 0, 0
        held_to = max([self.budget, *(budget for since, budget in self.budgets if since > second - AFTER_A_FALL)])
        return over, max(0, self.charge - self.excuse - held_to)

    def _next_change(self) -> float:
        """The next second at which something can change by itself, if nothing moves now."""
        changes = [guest.until if guest.still else 0 for guest in self.guests]
        changes.append(self.other_wanted.until)
        if self.faults:
            changes.append(self.faults[0][0].at)
        return min(changes)

    def _following(self, second: int, latest: int) -> int:
        """The next second to look at: the next one while anything moves, else when something changes or the controller acts."""
        return max(second + 1, min(latest, int(min(self._next_change(), latest))))

    def describe(self) -> str:
        """For a person who looks for a fault in the simulation."""
        rows = [
            f"{guest.name} {guest.state} memory {guest.memory} need {guest.need} balloon {guest.balloon} shown {guest.shown}"
            f" under way {guest.current if guest.current != NONE else '-'} starved {guest.starved}"
            for guest in self.guests
        ]
        dead = sum(guest.state is DEAD for guest in self.guests)
        return "\n".join([f"charge {self.charge} of {self.budget}, dead {dead}", *rows])
