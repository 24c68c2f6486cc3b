# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What happens to one host, whoever controls it: its machines, what their guests need and when, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from bench.balance.parameters import hard_reserve_mb, hidden_mb, value

NOISE_EVERY = 5  # s between two draws of a noisy need
Points = list[tuple[float, float]]  # (second, MB): a line between two of them; two at one second are a jump


class Fault(NamedTuple):
    """Something that goes wrong with a guest, or right again, at a second. The kinds are in guest.FAULTS."""

    at: int
    kind: str
    value: float = 0
    other: float = 0


@dataclass
class Machine:
    name: str
    memory: int  # MB
    need: Points
    cache: int = 256  # MB that its cache would like to have
    noise: int = 0  # MB up and down, drawn anew each NOISE_EVERY seconds
    faults: list[Fault] = field(default_factory=list)
    balloon: int = 0  # MB given at the start

    @property
    def bad(self) -> bool:
        """Whether anything ever goes wrong with it."""
        return bool(self.faults)

    @property
    def most(self) -> int:
        """MB that a guest can need and still keep its hard reserve: more is no question of balloons."""
        return self.memory - hidden_mb(self.memory) - hard_reserve_mb(self.memory)


@dataclass
class Scenario:
    name: str
    seed: int
    seconds: int
    machines: list[Machine]
    budget: int  # MB that the machines may hold together at the start
    other: Points = field(default_factory=lambda: [(0, 2048)])  # MB that other programs want
    reserve: int = 1024  # MB of the host that no machine gets
    down: int = int(value("down"))
    up: int = int(value("up"))
    warm_up: int = 0  # s before requests and reversals are counted

    @property
    def total(self) -> int:
        """MB of the host."""
        return self.budget + self.reserve + int(self.other[0][1])


def give_at_start(scenario: Scenario) -> Scenario:
    """The same for every controller: each machine holds its need and hard reserve, and an equal share of what is left."""
    machines = scenario.machines
    least = [least_mb(each.memory, each.need[0][1]) for each in machines]
    if sum(least) > scenario.budget:
        raise ValueError(
            f"{scenario.name}, seed {scenario.seed}: {sum(least) - scenario.budget} MB are missing at the start"
        )
    share = max(0, scenario.budget * 97 // 100 - sum(least)) // len(machines)
    for each, size in zip(machines, least):
        each.balloon = max(0, each.memory - size - share)
    return scenario


def least_mb(memory: int, need: float) -> int:
    """MB that a machine has to hold: what its guest needs and the hard reserve, and what no balloon can take."""
    return max(hidden_mb(memory) + int(need) + hard_reserve_mb(memory), memory - int(memory * value("swing")) + 1)


class Walk:
    """A line through points, in whole MB: its height at a second, and until when it stays there."""

    __slots__ = ("points", "index", "since", "height", "slope", "end", "until", "noise", "offset")

    def __init__(self, points: Points, noise: tuple[int, ...] = (), offset: int = 0) -> None:
        self.points = points
        self.index = -1
        self.noise = noise
        self.offset = offset
        self.end = 0.0
        self.until = 0.0
        self.since, self.height = points[0]
        self.slope = 0.0

    def at(self, second: int) -> int:
        """Its height; never ask for a second that is past."""
        while second >= self.end:
            self._next()
        height = self.height
        self.until = self.end
        if self.slope:
            height += self.slope * (second - self.since)
            self.until = min(self.end, second + ceil(1 / abs(self.slope)))
        if self.noise:
            draw = second // NOISE_EVERY
            height += self.noise[(draw * 31 + self.offset) % len(self.noise)]
            self.until = min(self.until, (draw + 1) * NOISE_EVERY)
        return int(height)

    def _next(self) -> None:
        """The next part of the line; after the last point it is level."""
        self.index += 1
        self.since, self.height = self.points[self.index]
        if self.index + 1 == len(self.points):
            self.end, self.slope = float("inf"), 0.0
            return
        self.end, after = self.points[self.index + 1]
        length = self.end - self.since
        self.slope = (after - self.height) / length if length else 0.0
