# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A host with several running guests in memory, with a clock of its own: they follow requests as the live host's guests were measured to do, programs grow in
them, and their figures are old. Seconds pass only when somebody sleeps or asks VirtualBox."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from support.memory_backend import WEB01, MemoryBackend

from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import HOST
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

TICK = 0.1
UP, DOWN = 20, 100  # MB/s that a balloon moves: measured, docs/live-host-measurements.md
KILLED_BELOW = 52  # MB of Guest Free at which the guest's kernel kills a program (measured for 768 MB)
HIDDEN = 90  # MB of a machine's memory that its guest never shows
AGE = 3.0  # s that a guest's figures are old


@dataclass
class Guest:
    """MB. `grows` is `(from which second, MB a second, MB at most)` of a program, `stuck_at` the balloon beyond which it never gets."""

    memory: int = 768
    use: float = 60
    grows: tuple[float, float, float] = (0, 0, 0)
    stuck_at: float | None = None
    reports_each: float = 0  # s between what it says of itself: always, unless given
    rests: bool = False  # nothing happens in it by itself, so its Free stands still, to the kB
    balloon: float = 0
    program: float = 0
    killed: int = 0
    lowest: float = 10**6
    goals: list[int] = field(default_factory=list)
    figures: list[tuple[float, int]] = field(default_factory=list)  # (second, kB of Free)
    reported: tuple[float, int] | None = None

    @property
    def free(self):
        return self.memory - HIDDEN - self.use - self.program - self.balloon

    def live(self, now, wobble):
        start, rate, most = self.grows
        if now >= start and not self.killed:
            self.program = min(most, self.program + rate * TICK)
        self._move()
        self.lowest = min(self.lowest, self.free)
        if self.free < KILLED_BELOW and self.program:
            self.killed, self.program = self.killed + 1, 0
        self.figures.append((now, int(self.free * 1024) - (0 if self.rests else wobble)))

    def _move(self):
        """Follow the requests one after the other: one that is under way is finished whatever was requested since."""
        if not self.goals:
            return
        goal = self.goals[0] if self.stuck_at is None else min(self.goals[0], max(self.stuck_at, self.balloon))
        self.balloon += max(-DOWN * TICK, min(UP * TICK, goal - self.balloon))
        if self.balloon == self.goals[0]:
            self.goals = self.goals[-1:] if len(self.goals) > 1 else []

    def seen(self, now):
        """The kB of Free that VirtualBox shows."""
        while len(self.figures) > 1 and self.figures[1][0] <= now - AGE:
            del self.figures[0]
        if self.reports_each and self.reported and now - self.reported[0] < self.reports_each:
            return self.reported[1]
        self.reported = (now, self.figures[0][1])
        return self.figures[0][1]

    def reset(self):
        self.balloon, self.program, self.goals = 0, 0, []


class SimulatedHost(MemoryBackend):
    """Guests by the names of their machines, with so much for them all.

    :param available: MB that all machines and other programs may take
    :param call: seconds that a call of VirtualBox takes

    `ends_at` ends the process (a :class:`Killed`) at that call of VirtualBox.
    """

    def __init__(self, available, call=0.02, **guests):
        machines = [
            replace(WEB01, uuid="%08d-2222-4333-8444-555555555555" % number, name=name, memory=guest.memory)
            for number, (name, guest) in enumerate(guests.items(), 1)
        ]
        super().__init__(*machines)
        self.guests = {machine.uuid: guests[machine.name] for machine in machines}
        self.uuids = {machine.name: machine.uuid for machine in machines}
        self.available, self.now, self._call, self._random = available, 0.0, call, random.Random(1)
        self.phantom, self.calls, self.ends_at, self.charges = 0, 0, None, []
        self.sleep(AGE)

    def sleep(self, seconds):
        """Let time pass; stands in for `time.sleep`, as `monotonic` does for `time.monotonic`."""
        until = self.now + seconds
        while self.now < until - 1e-9:
            self.now += TICK
            for uuid, guest in self.guests.items():
                if self.machines[uuid].state == "running":
                    guest.live(self.now, self._random.randint(0, 40))
            self.charges.append(self.charge)

    def monotonic(self):
        return self.now

    @property
    def charge(self):
        """MB that the machines may hold now."""
        return sum(guest.memory - guest.balloon for guest in self.guests.values())

    def shown(self, name):
        return self.machines[self.uuids[name]].balloon_current

    def set(self, name, **values):
        """Another state of a machine."""
        self.machines[self.uuids[name]] = replace(self.machines[self.uuids[name]], **values)

    def change(self, uuid, values, live=False):
        self._pass()
        super().change(uuid, values, live)
        if self.machines[uuid].state == "running":
            self.guests[uuid].goals.append(values["balloon_current"])

    def read_live(self, known=None):
        self._pass()
        return super().read_live(known)

    def extra_data(self, prefix):
        self._pass()
        return super().extra_data(prefix)

    def set_extra_data(self, key, value):
        self._pass()
        super().set_extra_data(key, value)

    def query_each(self, wanted, names):
        self._pass()
        return super().query_each(wanted, names)

    def query_metrics(self, target, metrics):
        if target == HOST:
            used = sum(min(guest.memory, HIDDEN + guest.use + guest.program) for guest in self.guests.values())
            figures = {
                "RAM/Usage/Total": 16 * 1024 * 1024,
                "RAM/Usage/Free": int((self.available - used) * 1024),
                "RAM/VMM/Used": int(used * 1024),
                "RAM/VMM/Ballooned": int(sum(guest.balloon for guest in self.guests.values()) + self.phantom) * 1024,
            }
        else:
            guest = self.guests[target]
            figures = {
                "Guest/RAM/Usage/Total": (guest.memory - HIDDEN) * 1024,
                "Guest/RAM/Usage/Free": max(0, guest.seen(self.now)),
            }
        return {metric: figures.get(metric, 0) for metric in metrics}

    def _pass(self):
        self.calls += 1
        if self.ends_at is not None and self.calls >= self.ends_at:
            raise Killed
        self.sleep(self._call)


class Killed(BaseException):
    """The end of a process, at any moment."""


def gone(error_code="state_blocks_change"):
    """What VirtualBox says of a machine that stopped meanwhile."""
    return VBoxMemoryError(error_code, "the machine is not running any more")
