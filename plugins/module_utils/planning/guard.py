# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a guest can give without harm: arithmetic only, in MB.

VirtualBox has no such guard: a balloon of 690 MB is accepted for an idle guest of 768 MB, which panics seconds later (measured).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

# A step takes a quarter of what can be given: were the guest's programs to take three times as much while it is under way, and a guest
# finishes a request under way whatever is requested next (measured), the reserve would still be whole.
STEP_SHARE = 4
SMALLEST_STEP = 16
LARGEST_STEP = 128
SLACK = 1  # the guest moves its balloon in chunks of 1 MB
# What a guest's use moves by itself is such a part of the reserve, 4 MB of 128 (recorded of idle guests: up to 3 MB).
NOISE_SHARE = 32
MEMORY_OF_RATE = 4  # for so many times their lag observations tell how fast a guest's programs grow


@dataclass(frozen=True)
class GuestMemory:
    """A guest at one moment, by its own figures, with what its balloon holds.

    ``free`` counts the cache in, as the guest's Guest/RAM/Usage/Free does (measured with Linux). ``None``: it says nothing.
    """

    free: int | None
    cached: int
    given: int
    total: int | None
    ballooned: int = 0  # what VirtualBox counts for all balloons of the user


@dataclass(frozen=True)
class Guard:
    """How much a guest is to keep.

    :param reserve: MB that stay free in the guest, at least
    :param cache: percentage of the guest's cache that counts as used
    """

    reserve: int
    cache: int

    def room(self, guest: GuestMemory) -> int:
        """What the guest can still give; negative when it has given too much already.

        A guest that says nothing can give nothing.
        """
        return (guest.free or 0) - guest.cached * self.cache // 100 - self.reserve

    @property
    def noise(self) -> int:
        """What a steady guest's use moves by."""
        return max(4, self.reserve // NOISE_SHARE)


@dataclass(frozen=True)
class Observation:
    """A guest at a moment on the way: what it says of its free memory is of some time before that, by up to the lag."""

    seconds: float
    guest: GuestMemory
    requested: int

    @property
    def free(self) -> int:
        return self.guest.free or 0


def default_reserve(memory: int) -> int:
    """The reserve for a machine with so much memory: a tenth, and 128 at least.

    A guest of 768 MB kills programs from 45 to 52 MB of its free memory down, and the figure can be 5 s old: measured, see
    docs/live-host-measurements.md.
    """
    return max(128, memory // 10)


def can_hold(balloon: int, total: int, free: int) -> bool:
    """Whether a guest can hold a balloon of this size, by its total and free memory: a balloon counts as used, and the total stays.

    A guest that was restarted cannot: its balloon is empty, and only its free memory tells (both measured with Linux).
    """
    return balloon <= total - free + SLACK


def next_step(requested: int, target: int, room: int) -> int:
    """The balloon to request next on the way up, given what the guest can still give, which must be something.

    >>> next_step(100, 600, 400), next_step(100, 600, 20), next_step(100, 600, 5), next_step(100, 104, 400)
    (200, 116, 105, 104)
    """
    step = min(max(room // STEP_SHARE, SMALLEST_STEP), LARGEST_STEP, room)
    return min(target, requested + step)


def growth_rate(observations: Sequence[Observation], lag: float, noise: int) -> float:
    """How fast the guest's programs grow, MB a second: what it has come to use beyond what our own requests can explain.

    It is never too high for a guest that is steady: of what the balloon may have held when the figures were taken, the
    size counts that explains most.

    :param observations: in order; those of the last :data:`MEMORY_OF_RATE` lags count
    :param lag: seconds that figures can be old
    :param noise: MB that are no growth
    """
    if not observations:
        return 0.0
    last = observations[-1]
    least = last.free + _balloon_range(observations, len(observations) - 1, lag)[1]
    rates = [
        (earlier.free + _balloon_range(observations, index, lag)[0] - least - noise)
        / max(last.seconds - earlier.seconds, lag)
        for index, earlier in enumerate(observations[:-1])
        if earlier.seconds >= last.seconds - MEMORY_OF_RATE * lag
    ]
    return max([0.0] + rates)


def free_when_done(observations: Sequence[Observation], lag: float) -> int:
    """What the guest will have free when it holds what is requested of it, if it takes no more itself: at most so much."""
    last = observations[-1]
    return last.free + _balloon_range(observations, len(observations) - 1, lag)[1] - last.requested


def room_ahead(room: int, rate: float, seconds: float) -> int:
    """What is left of the room after so many seconds in which the guest's programs go on to grow."""
    return room - math.ceil(rate * seconds)


def back_off(given: int, requested: int, ahead: int) -> int:
    """The balloon to go back to when a guest has less than its reserve, or will have before it can be helped: what restores
    it, and never more than it gave.

    >>> back_off(100, 100, -30), back_off(80, 100, -10), back_off(100, 100, -500)
    (70, 80, 0)
    """
    return max(0, min(given, requested + min(0, ahead)))


def intermediate_size(target: int, requested: int) -> int:
    """Another size, to request before the target: a device that was restored takes what it believes to be there for no change (measured)."""
    return target + 1 if target + 1 != requested else target + 2


def _balloon_range(observations: Sequence[Observation], index: int, lag: float) -> tuple[int, int]:
    """The smallest and the largest balloon that the guest can have held when the figures of an observation were taken."""
    since = observations[index].seconds - lag
    sizes: list[int] = []
    for observation in reversed(observations[: index + 1]):
        sizes += [observation.guest.given, observation.requested]
        if observation.seconds <= since:
            break
    return min(sizes), max(sizes)


def requests_for(target: int, requested: int) -> list[int]:
    """The sizes to request one after the other for a target. A raise is divided further on the way, by what the guest then has."""
    return [intermediate_size(target, requested), target] if target < requested else [target]
