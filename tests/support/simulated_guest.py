# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Running guests in memory, with a clock of its own: they follow requests as the live host's guests were measured to do, programs grow in
them, and their figures are old. Seconds pass only when somebody sleeps or asks VirtualBox."""

from __future__ import annotations

import random
from dataclasses import replace

from support.memory_backend import WEB01, MemoryBackend

from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import HOST

TICK = 0.05
UP, DOWN = (20, 60), 100  # MB/s that its balloon moves: measured, docs/live-host-measurements.md
KILLED_BELOW = 52  # MB of Guest Free at which the guest's kernel kills the program (measured for 768 MB)


class Life:
    """What goes on in a guest of 768 MB.

    :param grows: `(MB, MB a second)` of a program that starts when as much of the balloon as `starts` is requested
    :param age: seconds, at least and at most, that pass between two of the guest's own figures
    :param wobbles: MB by which a steady guest's use goes up and down
    :param stuck_at: the balloon beyond which it never gets
    """

    def __init__(self, seed, starts=0, grows=(0, 0), age=(1.0, 2.0), wobbles=2, stuck_at=None):
        self._random = random.Random(seed)
        self._starts, (self._most, self._rate), self._age, self._wobbles = starts, grows, age, wobbles
        self._stuck_at = stuck_at
        self.given, self.program, self.killed, self.lowest = 0.0, None, False, 673
        self.killed_at, self.goals, self._wobble, self._up = None, [], 0, 0.0
        self._figure, self._next_figure, self.sampled = (673, 0), 0.0, 0.0

    @property
    def left(self):
        return 673 - self._wobble - (self.program or 0) - self.given

    @property
    def shown(self):
        """MB of Free that VirtualBox shows."""
        return max(0, int(self._figure[0]))

    def live(self, now, requested):
        if self.program is None and self._most and requested >= self._starts:
            self.program = 0.0
        if self.program is not None:
            self.program = min(self._most, self.program + self._rate * TICK)
        self._move()
        self.lowest = min(self.lowest, self.left)
        if self.left < KILLED_BELOW and not self.killed:
            self.killed, self.killed_at = True, now
        if now >= self._next_figure:
            # What the server shows is what the guest said last; the host's own figure is new each second.
            self._figure = (self._figure[1] or self.left, self.left)
            self.sampled = self.given
            self._wobble = self._random.randint(0, self._wobbles)
            self._next_figure = now + self._random.uniform(*self._age)

    def _move(self):
        """Follow the requests one after the other: one that is under way is finished whatever was requested since."""
        if not self.goals:
            return
        self._up = self._up or self._random.uniform(*UP)
        goal = self.goals[0] if self._stuck_at is None else min(self.goals[0], max(self._stuck_at, self.given))
        way = goal - self.given
        self.given += max(-DOWN * TICK, min(self._up * TICK, way))
        if self.given == self.goals[0] or (goal != self.goals[0] and len(self.goals) > 1):
            self.goals, self._up = self.goals[-1:] if len(self.goals) > 1 else [], 0.0


class SimulatedGuests(MemoryBackend):
    """Guests of a host, by the names of their machines. One look at all of them is one call.

    :param call: seconds that a call of VirtualBox takes
    :param guests: of type :class:`Life`

    `events` are `(second, function)`: what happens then, once.
    """

    def __init__(self, call=0.05, events=(), **guests):
        machines = [
            replace(WEB01, uuid="%08d-2222-4333-8444-555555555555" % number, name=name, memory=768)
            for number, name in enumerate(guests, 1)
        ]
        super().__init__(*machines, capabilities=())
        self.guests = guests
        self.uuids = {machine.name: machine.uuid for machine in machines}
        self.now, self._call, self._events, self._counted = 0.0, call, list(events), 0.0
        self.silent = set()  # names of those that give no figures, as while they boot
        self.requests = []  # (second, name, MB)
        self.looks = []  # (second, names)

    def sleep(self, seconds):
        """Let time pass; stands in for `time.sleep`, as `monotonic` does for `time.monotonic`."""
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            while self._events and self.now >= self._events[0][0]:
                self._events.pop(0)[1](self)
            for name, life in self._alive():
                life.live(self.now, self.machines[self.uuids[name]].balloon_current)
            if int(self.now) > int(self.now - TICK):
                self._counted = sum(self.guests[machine.name].given for machine in self.read_live())

    def monotonic(self):
        return self.now

    def harmed(self):
        """The guests that were killed while they were looked after."""
        last = {name: second for second, names in self.looks for name in names}
        return [name for name, life in self.guests.items() if life.killed and life.killed_at <= last.get(name, 0)]

    def set(self, name, **values):
        """Another state of a machine."""
        self.machines[self.uuids[name]] = replace(self.machines[self.uuids[name]], **values)

    def change(self, uuid, values, live=False):
        self.sleep(self._call)
        super().change(uuid, values, live)
        name = self.machines[uuid].name
        self.guests[name].goals.append(values["balloon_current"])
        self.requests.append((self.now, name, values["balloon_current"]))

    def read(self, uuid):
        self.sleep(self._call)
        return super().read(uuid)

    def query_each(self, wanted, names):
        self.sleep(self._call)
        self.looks.append((self.now, [names[target] for target in wanted if target != HOST]))
        return {target: self._figures(target, metrics) for target, metrics in wanted.items()}

    def query_metrics(self, target, metrics):
        self.sleep(self._call)
        return self._figures(target, metrics)

    def _figures(self, target, metrics):
        if target != HOST and (self.machines[target].state != "running" or self.machines[target].name in self.silent):
            return dict.fromkeys(metrics)
        figures = {"RAM/VMM/Ballooned": int(self._counted)}
        if target != HOST:
            figures = {
                "Guest/RAM/Usage/Free": self.guests[self.machines[target].name].shown,
                "Guest/RAM/Usage/Total": 709,
            }
        return {metric: figures.get(metric, 0) * 1024 for metric in metrics}

    def _alive(self):
        return [
            (name, life) for name, life in self.guests.items() if self.machines[self.uuids[name]].state == "running"
        ]


class SimulatedGuest(MemoryBackend):
    """One guest on a host of its own. See :class:`Life`.

    :param call: seconds that a call of VirtualBox takes
    """

    def __init__(self, seed, call=0.05, **life):
        super().__init__(replace(WEB01, memory=768))
        self._life, self.now, self._call = Life(seed, **life), 0.0, call

    def __getattr__(self, name):
        return getattr(self.__dict__["_life"], name)

    @property
    def requested(self):
        return next(iter(self.machines.values())).balloon_current

    def sleep(self, seconds):
        """Let time pass; stands in for `time.sleep`, as `monotonic` does for `time.monotonic`."""
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            self._life.live(self.now, self.requested)

    def monotonic(self):
        return self.now

    def change(self, uuid, values, live=False):
        self.sleep(self._call)
        super().change(uuid, values, live)
        self._life.goals.append(values["balloon_current"])

    def read(self, uuid):
        self.sleep(self._call)
        return super().read(uuid)

    def query_metrics(self, target, metrics):
        self.sleep(self._call)
        known = super().query_metrics(target, metrics)
        if target == HOST:
            return dict(known, **{"RAM/VMM/Ballooned": int(self._life.sampled) * 1024})
        return dict(known, **{"Guest/RAM/Usage/Free": self._life.shown * 1024, "Guest/RAM/Usage/Balloon": 0})
