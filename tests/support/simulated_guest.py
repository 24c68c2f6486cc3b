# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One running guest in memory, with a clock of its own: it follows requests as the live host's guests were measured to do, a program grows in it,
and its figures are old. Seconds pass only when somebody sleeps or asks VirtualBox."""

from __future__ import annotations

import random
from dataclasses import replace

from support.memory_backend import WEB01, MemoryBackend

from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import HOST

TICK = 0.05
UP, DOWN = (20, 60), 100  # MB/s that its balloon moves: measured, docs/live-host-measurements.md
KILLED_BELOW = 52  # MB of Guest Free at which the guest's kernel kills the program (measured for 768 MB)


class SimulatedGuest(MemoryBackend):
    """A guest of 768 MB on a host of its own.

    :param grows: `(MB, MB a second)` of a program that starts when as much of the balloon as `starts` is requested
    :param age: seconds, at least and at most, that pass between two of the guest's own figures
    :param call: seconds that a call of VirtualBox takes
    :param wobbles: MB by which a steady guest's use goes up and down
    """

    def __init__(self, seed, starts=0, grows=(0, 0), age=(1.0, 2.0), call=0.05, wobbles=2):
        super().__init__(replace(WEB01, memory=768))
        self._random, self.now = random.Random(seed), 0.0
        self._starts, (self._most, self._rate), self._age, self._call, self._wobbles = starts, grows, age, call, wobbles
        self.given, self.program, self.killed, self.lowest = 0.0, None, False, 673
        self._wobble, self._goals, self._up = 0, [], 0.0
        self._figure, self._next_figure, self._sampled = (673, 0), 0.0, 0.0

    @property
    def requested(self):
        return next(iter(self.machines.values())).balloon_current

    @property
    def left(self):
        return 673 - self._wobble - (self.program or 0) - self.given

    def sleep(self, seconds):
        """Let time pass; stands in for `time.sleep`, as `monotonic` does for `time.monotonic`."""
        until = self.now + seconds
        while self.now < until:
            self.now += TICK
            self._live()

    def monotonic(self):
        return self.now

    def change(self, uuid, values, live=False):
        self.sleep(self._call)
        super().change(uuid, values, live)
        self._goals.append(values["balloon_current"])

    def read(self, uuid):
        self.sleep(self._call)
        return super().read(uuid)

    def query_metrics(self, target, metrics):
        self.sleep(self._call)
        known = super().query_metrics(target, metrics)
        if target == HOST:
            return dict(known, **{"RAM/VMM/Ballooned": int(self._sampled) * 1024})
        return dict(
            known, **{"Guest/RAM/Usage/Free": max(0, int(self._figure[0])) * 1024, "Guest/RAM/Usage/Balloon": 0}
        )

    def _live(self):
        if self.program is None and self._most and self.requested >= self._starts:
            self.program = 0.0
        if self.program is not None:
            self.program = min(self._most, self.program + self._rate * TICK)
        self._move()
        self.lowest = min(self.lowest, self.left)
        self.killed = self.killed or self.left < KILLED_BELOW
        if self.now >= self._next_figure:
            # What the server shows is what the guest said last; the host's own figure is new each second.
            self._figure = (self._figure[1] or self.left, self.left)
            self._sampled = self.given
            self._wobble = self._random.randint(0, self._wobbles)
            self._next_figure = self.now + self._random.uniform(*self._age)

    def _move(self):
        """Follow the requests one after the other: one that is under way is finished whatever was requested since."""
        if not self._goals:
            return
        self._up = self._up or self._random.uniform(*UP)
        way = self._goals[0] - self.given
        self.given += max(-DOWN * TICK, min(self._up * TICK, way))
        if self.given == self._goals[0]:
            self._goals, self._up = self._goals[-1:] if len(self._goals) > 1 else [], 0.0
