# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Change the balloons of live machines: up in steps that do no harm, down at once, and wait for the guests. Sizes in MB."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import Generator, NoReturn, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import PERIOD
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.figures import LAG
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import (
    BalloonRequests,
    GuestObserver,
    Log,
)
from ansible_collections.vbox.memory.plugins.module_utils.execution.side_by_side import (
    STALL,
    Ask,
    Balloon,
    Claim,
    Look,
    Period,
    Read,
    Seen,
    Steps,
    Task,
    Turn,
    look_after,
)
from ansible_collections.vbox.memory.plugins.module_utils.locks import user_lock
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import change_commands
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import (
    MEMORY_OF_RATE,
    SLACK,
    SMALLEST_STEP,
    Guard,
    GuestMemory,
    Observation,
    back_off,
    free_when_done,
    growth_rate,
    intermediate_size,
    next_step,
    requests_for,
    room_ahead,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import (
    guard_of,
    holds,
    require_guest_memory,
    short_of,
    went_back,
)

MAX_FOREIGN_CHANGES = 5  # how often another process may change the balloon meanwhile before we give up


@dataclass(frozen=True)
class BalloonChange:
    """A balloon, and the size that it is to have."""

    controller: BalloonController
    target: int


def change_balloons(changes: Sequence[BalloonChange]) -> list[VBoxMemoryError | None]:
    """Bring balloons to their targets, side by side, and wait for the guests; gives back how each ended, in order.

    The errors are ``balloon_limited`` when a guest had too little left on the way (with ``partial``, no error), ``not_following`` when it stands
    still, ``balloon_busy`` when another task of this user has not done with its balloon, and what VirtualBox says.
    """
    timeout = max(change.controller.timeout for change in changes)
    try:
        # What all balloons hold together is one figure, so one task changes them at a time.
        with user_lock("balloon", timeout) as acquired:
            if acquired:
                return look_after(
                    changes[0].controller.backend, [change.controller.task(change.target) for change in changes]
                )
    except VBoxMemoryError as error:
        return [error] * len(changes)
    busy = (
        "another task of this user has been changing a balloon for more than %d s: run again when it has done" % timeout
    )
    return [VBoxMemoryError("balloon_busy", busy) for _change in changes]


class Outcome(Enum):
    """How waiting for a guest ended; one that stands still is an error."""

    REACHED = "the guest holds what was requested"
    RAN_SHORT = "the guest has too little memory left, or will have before it can be helped"


class BalloonController:
    """Brings the balloon of one live machine to another size.

    :param requests: what is requested of all machines of this user
    :param desired: for the guard's options, ``wait``, ``timeout`` and ``partial``

    ``commands`` grows as it goes; ``limited_by`` says in words why it stopped short, if it did, and ``reached`` the size
    that it then went back to.
    """

    def __init__(
        self,
        backend: Backend,
        requests: BalloonRequests,
        machine: Machine,
        desired: DesiredState,
        log: Log | None = None,
    ) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.limited_by: str | None = None
        self.reached: int | None = None
        self.observer = GuestObserver(backend, machine, log)
        self.backend = backend
        self._requests = requests
        self._machine = machine
        self._desired = desired
        self._guard = guard_of(machine, desired)
        self._started = time.monotonic()
        self._foreign_changes = 0
        self._waited = 0.0  # seconds since then in which it was another guest's turn

    @property
    def timeout(self) -> int:
        """Seconds."""
        return self._desired.timeout

    def change(self, target: int) -> None:
        """Bring this balloon alone to its target, and wait for the guest.

        :raises VBoxMemoryError: see :func:`change_balloons`
        """
        error = change_balloons([BalloonChange(self, target)])[0]
        if error:
            raise error

    def task(self, target: int) -> Task:
        """What this guest is to do."""
        return Task(self._machine, self.observer, self._change(target))

    def guest_follows(self) -> bool:
        """Whether the guest can hold what is requested of it. A guest that was restarted has an empty balloon, and nothing else tells."""
        requested = self._requested
        return not requested or not self._machine.additions_serve or holds(requested, self.observer.sample())

    def request_again(self) -> Generator[BalloonChange, None, bool]:
        """See to it that the guest holds what is requested of it already; gives back whether that moved anything. Who calls makes the change."""
        if not self._machine.additions_serve:
            return False
        before, by_others = self.observer.sample(), self.observer.moved_by_others
        yield BalloonChange(self, self._requested)
        moved = self.observer.sample().ballooned - before.ballooned - (self.observer.moved_by_others - by_others)
        return bool(self.commands) and abs(moved) > SLACK

    @property
    def _requested(self) -> int:
        return self.observer.requested

    @property
    def _watchable(self) -> bool:
        return self._machine.state != "paused" and self._machine.additions_serve

    def _change(self, target: int) -> Steps[None]:
        yield Turn(first=target < self._requested)
        self._started = time.monotonic()
        if target < self._requested:
            yield from self._lower(target)
            return
        yield from self._resync()
        if target != self._requested:
            if self._desired.guard and self._machine.state != "paused":
                yield from self._raise(target)
                return
            yield from self._request(target)
        yield from self._wait_for(target)

    def _resync(self) -> Steps[None]:
        """Bring what is requested, what the guest holds and what VirtualBox counts to the same, as far as they have come apart.

        Measured on the live host: after a restore from a saved state the guest holds its balloon, and the device takes a request for no
        change. After a restart of the guest its balloon is empty, and VirtualBox goes on counting the old one, on top of every later
        one, until the machine stops. What is requested of a paused guest is not followed when it is resumed.
        """
        if not self._watchable:
            return
        guest, requested = (yield from self._wait_until_still()), self._requested
        excess = guest.ballooned - requested - self._requests.of_others(self._machine.uuid)
        if not holds(requested, guest):
            yield from self._request(1)  # from here the guest is brought up in guarded steps again
        elif excess < -SLACK:
            yield from self._request(max(1, requested + excess))  # likewise, from what it holds
        elif excess > SLACK:
            yield from self._request(intermediate_size(requested, requested))
            yield from self._request(requested)
        else:
            return
        yield from self._wait_until_still()

    def _lower(self, target: int) -> Steps[None]:
        """Request at once, then wait: whatever is counted beyond what is requested of the others is taken for this guest's."""
        for size in requests_for(target, self._requested):
            yield from self._request(size)
        if self._desired.wait and self._machine.additions_serve:
            self.observer.not_ours = self._requests.of_others(self._machine.uuid)
            yield from self._wait_for(target)

    def _raise(self, target: int) -> Steps[None]:
        """Request step after step, each judged by figures that are newer than the last one, and mind the guest all the while."""
        watch = _Watch(self._machine, self._guard, LAG + (yield Period()))
        while True:
            step_started = time.monotonic()
            outcome, guest = yield from self._wait_for_guest(self._requested, watch)
            if outcome is Outcome.RAN_SHORT:
                return (yield from self._back_off(watch))
            step_seconds = time.monotonic() - step_started
            if self._requested < target and not (yield from self._is_as_requested(target, watch)):
                continue
            if not (yield from self._wait_for_newer_figures(watch)):
                return (yield from self._back_off(watch))
            if self._requested >= target:
                return None
            if watch.room_when_helped(step_seconds) > 0 and not (yield Claim()):
                if not (yield from self._wait_for_turn(watch)):
                    return (yield from self._back_off(watch))
                if not (yield from self._is_as_requested(target, watch)):
                    continue
            room = watch.room_when_helped(step_seconds)
            if room <= 0:
                return (yield from self._back_off(watch))
            if self._seconds() >= self._desired.timeout:
                yield from self._give_up(target, guest, 0)
            size = next_step(self._requested, target, room)
            watch.expect(size)
            yield from self._request(size)
            if size == target and not self._desired.wait:
                return None

    def _is_as_requested(self, target: int, watch: _Watch) -> Steps[bool]:
        """Whether the machine runs, with the balloon that was requested; what another process has requested since counts from here on.

        :raises VBoxMemoryError: ``state_blocks_change``, ``balloon_busy``
        """
        now: Machine = yield Read()
        if now.state != "running":
            raise VBoxMemoryError(
                "state_blocks_change",
                "the machine became %s while its balloon was raised to %d MB: run again when it runs"
                % (now.state, target),
            )
        requested = now.balloon_current or 0
        if requested == self._requested:
            return True
        watch.expect(requested)
        self.observer.requested = requested
        self._foreign_changes += 1
        if self._foreign_changes > MAX_FOREIGN_CHANGES:
            raise VBoxMemoryError(
                "balloon_busy",
                "another process keeps changing this balloon, to %d MB by now: see which, then run again" % requested,
            )
        return False

    def _see(self, watch: _Watch | None, after: float, balloon: Balloon) -> Steps[Seen]:
        """A look at the guest; one that is watched must have figures."""
        seen: Seen = yield Look(after, balloon)
        if watch:
            watch.add(Observation(seen.at, require_guest_memory(self._machine, seen.guest), self._requested), seen.took)
        return seen

    def _wait_for_turn(self, watch: _Watch) -> Steps[bool]:
        """Look on until it is this guest's turn; false as soon as it runs short. Its time limit waits, too."""
        started = time.monotonic()
        while True:
            seen = yield from self._see(watch, PERIOD / 2, Balloon.MOVES)
            if watch.runs_short or seen.turn:
                self._waited += time.monotonic() - started
                return not watch.runs_short

    def _wait_for_newer_figures(self, watch: _Watch, balloon: Balloon = Balloon.STILL) -> Steps[bool]:
        """Look on until there are figures of after this; false as soon as the guest runs short."""
        started, pause = time.monotonic(), 0.0
        while True:
            yield from self._see(watch, pause, balloon)
            if watch.runs_short:
                return False
            if time.monotonic() - started >= watch.lag:
                return True
            pause = PERIOD / 2

    def _back_off(self, watch: _Watch) -> Steps[None]:
        """Give the guest its reserve back, and what its programs will take meanwhile; go on as long as they grow, and stop there."""
        started_from, fastest = self._requested, watch.rate
        until = max(self._started + self._waited + self._desired.timeout, time.monotonic() + STALL)
        while True:
            guest, moves = watch.last.guest, Balloon.STILL
            balloon = back_off(guest.given, self._requested, watch.room_when_helped())
            if balloon < self._requested:
                if watch.rate:
                    balloon = max(0, min(balloon, self._requested - SMALLEST_STEP))  # not by one request for each look
                watch.expect(balloon)
                yield from self._request(balloon)
                moves = Balloon.SHRINKS
                yield from self._wait_for_guest(balloon, watch, giving_back=True)
            newer = yield from self._wait_for_newer_figures(watch, moves)
            fastest = max(fastest, watch.rate)
            still = newer and not watch.rate and watch.room >= 0
            if still or watch.last.guest.given <= SLACK or time.monotonic() >= until:
                break
        guest, balloon = watch.last.guest, self._requested
        self.reached = balloon
        if fastest:
            self.limited_by = went_back(guest, self._guard, started_from, balloon, fastest)
        else:
            self.limited_by = short_of(guest, self._guard, guest.given)
        if not self._desired.partial:
            raise VBoxMemoryError(
                "balloon_limited",
                "the guest had too little memory left on the way, and got back what it needs: %s."
                " Ask for less, or set partial: true to take what can be had" % self.limited_by,
            )

    def _wait_for(self, requested: int) -> Steps[None]:
        """Wait until the guest holds what was requested, if the task wants to and the guest can be watched."""
        if self._watchable and self._desired.wait:
            yield from self._wait_for_guest(requested)

    def _wait_for_guest(
        self, requested: int, watch: _Watch | None = None, giving_back: bool = False
    ) -> Steps[tuple[Outcome, GuestMemory]]:
        """Wait until the guest holds what was requested, and give back how that ended, with the last sample.

        :param watch: mind the guest's free memory too, and stop as soon as it runs short
        :param giving_back: the guest is to hold so much at most
        """
        first: int | None = None
        nearest: int | None = None
        last_progress, pause = time.monotonic(), 0.0
        while True:
            seen = yield from self._see(watch, pause, Balloon.SHRINKS if giving_back else Balloon.MOVES)
            guest = seen.guest
            if watch and watch.runs_short:
                return Outcome.RAN_SHORT, guest
            distance = abs(requested - guest.given)
            beyond = guest.given < requested if giving_back else bool(watch) and guest.given > requested
            if distance <= SLACK or beyond:
                return Outcome.REACHED, guest
            first = distance if first is None else first
            if nearest is None or distance < nearest:
                nearest, last_progress = distance, time.monotonic()
            if not (seen.alone or giving_back):
                last_progress = time.monotonic()  # another guest is in need: what this one has given shows after that
            if self._stalled_or_timed_out(last_progress, giving_back):
                if guest.given > requested and nearest < first:
                    return Outcome.REACHED, guest  # it gave back, and what is still counted is of before its restart
                yield from self._give_up(requested, guest, time.monotonic() - last_progress)
            pause = PERIOD / 2

    def _wait_until_still(self) -> Steps[GuestMemory]:
        """Wait until what all balloons hold does not change. This guest is then taken to hold what is requested of it, if so much is counted."""
        last: int | None = None
        pause = 0.0
        while True:
            seen = yield from self._see(None, pause, Balloon.MOVES)
            if (seen.ballooned == last and seen.alone) or self._seconds() >= self._desired.timeout:
                break
            last, pause = seen.ballooned, PERIOD
        self.observer.not_ours = max(0, seen.ballooned - self._requested)
        return seen.guest

    def _stalled_or_timed_out(self, last_progress: float, giving_back: bool = False) -> bool:
        # What a guest needs back it gets, however late it is.
        timed_out = not giving_back and self._seconds() >= self._desired.timeout
        return timed_out or time.monotonic() - last_progress >= STALL

    def _seconds(self) -> float:
        return time.monotonic() - self._started - self._waited

    def _give_up(self, requested: int, guest: GuestMemory, still: float) -> Steps[NoReturn]:
        """End with what the guest has given by now.

        :param still: seconds for which it has not moved
        :raises VBoxMemoryError: ``not_following``
        """
        if still >= STALL:
            reason = "has not moved for %d s" % still
        else:
            reason = "has not got there within %d s" % self._desired.timeout
        if guest.given < min(requested, self._requested):
            yield from self._request(guest.given)  # what it has not given by now it is not to give unwatched later
        raise VBoxMemoryError(
            "not_following",
            "requested a balloon of %d MB, the guest holds %d MB and %s. See whether its Guest Additions are up to date"
            " and its memory is free; a longer timeout helps a slow host" % (requested, guest.given, reason),
            given_mb=guest.given,
        )

    def _request(self, size: int) -> Steps[None]:
        self.commands += change_commands(self._machine.uuid, {"balloon_current": size})
        yield Ask(size)
        self.observer.requested = size
        self._requests.record(self._machine.uuid, size)


class _Watch:
    """What one guest has shown on its way, and what that says of the time until it can be helped.

    :param delay: seconds that figures are behind, at most, besides the time that a look takes
    """

    def __init__(self, machine: Machine, guard: Guard, delay: float) -> None:
        self._guard = guard
        self._delay = delay
        self._looks: list[float] = []  # how long looking took
        self._observations: list[Observation] = []
        self._expected_room: int | None = None  # what is left when the step under way has been given

    def add(self, observation: Observation, seconds: float) -> None:
        """Keep a sample, for as long as it says something of the rate."""
        self._looks = self._looks[-4:] + [seconds]
        self._observations.append(observation)
        since = observation.seconds - (MEMORY_OF_RATE + 1) * self.lag
        while len(self._observations) > 2 and self._observations[1].seconds < since:
            del self._observations[0]

    def expect(self, requested: int) -> None:
        """Something else is requested from now on."""
        raised = requested > self.last.requested
        self._expected_room = self.room - (requested - self.last.requested) if raised else None

    @property
    def lag(self) -> float:
        """Seconds that figures are behind, at most."""
        return self._delay + max(self._looks)

    @property
    def last(self) -> Observation:
        return self._observations[-1]

    @property
    def rate(self) -> float:
        """MB a second by which the guest's programs grow."""
        return growth_rate(self._observations, self.lag, self._guard.noise)

    @property
    def room(self) -> int:
        """What the guest can still give, were its programs to stay as they are."""
        last = self.last
        free = free_when_done(self._observations, self.lag)
        return self._guard.room(replace(last.guest, free=free))

    def room_when_helped(self, step_seconds: float = 0) -> int:
        """What is left of the room when the guest can have got memory back: after what its figures do not show yet, the
        step that is to come, and until its figures show that.

        :param step_seconds: how long the last step took
        """
        return room_ahead(self.room, self.rate, 2 * self.lag + step_seconds)

    @property
    def runs_short(self) -> bool:
        """Whether the reserve is gone, or will be before the guest can be helped."""
        ahead = self.room_when_helped()
        if self._expected_room is not None:
            ahead = min(ahead, room_ahead(self._expected_room, self.rate, 2 * self.lag))
        return ahead < -self._guard.noise
