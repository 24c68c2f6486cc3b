# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Change the balloon of a live machine: up in steps that do no harm, down at once, and wait for the guest. Sizes in MB."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import Enum
from typing import NoReturn

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import PERIOD
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import (
    BalloonRequests,
    GuestObserver,
    Log,
    ballooned,
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

STALL = 60  # seconds without progress after which a guest does not follow; a slow host gave nothing for 25 s and then all (measured)
LAG = 2  # seconds that a guest's figures are behind, besides their period
MAX_FOREIGN_CHANGES = 5  # how often another process may change the balloon meanwhile before we give up


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
        self._backend = backend
        self._requests = requests
        self._machine = machine
        self._desired = desired
        self._guard = guard_of(machine, desired)
        self._started = time.monotonic()

    def change(self, target: int) -> None:
        """Bring the balloon to its target, and wait for the guest.

        :raises VBoxMemoryError: ``balloon_limited`` when a guest had too little left on the way (with ``partial``, no error),
            ``not_following`` when it stands still, ``balloon_busy`` when another task of this user has not done with its balloon
        """
        timeout = self._desired.timeout
        with user_lock("balloon", timeout) as acquired:
            # What all balloons hold together is one figure, so only one may change at a time.
            if not acquired:
                raise VBoxMemoryError(
                    "balloon_busy",
                    "another task of this user has been changing a balloon for more than %d s: run again when it has done"
                    % timeout,
                )
            self._started = time.monotonic()
            if target < self._requested:
                return self._lower(target)
            self._resync()
            if target == self._requested:
                return self._wait_for(target)
            if self._desired.guard and self._machine.state != "paused":
                return self._raise(target)
            self._request(target)
            return self._wait_for(target)

    def guest_follows(self) -> bool:
        """Whether the guest can hold what is requested of it. A guest that was restarted has an empty balloon, and nothing else tells."""
        return (
            not self._requested or not self._machine.additions_serve or holds(self._requested, self.observer.sample())
        )

    def request_again(self) -> bool:
        """See to it that the guest holds what is requested of it already; gives back whether that moved anything.

        :raises VBoxMemoryError: what :meth:`change` raises
        """
        if not self._machine.additions_serve:
            return False
        before = self.observer.sample()
        self.change(self._requested)
        return bool(self.commands) and abs(self.observer.sample().ballooned - before.ballooned) > SLACK

    @property
    def _requested(self) -> int:
        return self.observer.requested

    @property
    def _watchable(self) -> bool:
        return self._machine.state != "paused" and self._machine.additions_serve

    def _resync(self) -> None:
        """Bring what is requested, what the guest holds and what VirtualBox counts to the same, as far as they have come apart.

        Measured on the live host: after a restore from a saved state the guest holds its balloon, and the device takes a request for no
        change. After a restart of the guest its balloon is empty, and VirtualBox goes on counting the old one, on top of every later
        one, until the machine stops. What is requested of a paused guest is not followed when it is resumed.
        """
        if not self._watchable:
            return
        self._wait_until_still()
        guest, requested = self.observer.sample(), self._requested
        excess = guest.ballooned - requested - self._requests.of_others(self._machine.uuid)
        if not holds(requested, guest):
            self._request(1)  # from here the guest is brought up in guarded steps again
        elif excess < -SLACK:
            self._request(max(1, requested + excess))  # likewise, from what it holds
        elif excess > SLACK:
            self._request(intermediate_size(requested, requested))
            self._request(requested)
        else:
            return
        self._wait_until_still()

    def _lower(self, target: int) -> None:
        """Request at once, then wait: whatever is counted beyond what is requested of the others is taken for this guest's."""
        for size in requests_for(target, self._requested):
            self._request(size)
        if self._desired.wait and self._machine.additions_serve:
            self.observer.not_ours = self._requests.of_others(self._machine.uuid)
            self._wait_for(target)

    def _raise(self, target: int) -> None:
        """Request step after step, each judged by figures that are newer than the last one, and mind the guest all the while."""
        requested, foreign_changes = self._requested, 0
        watch = self._watch_guest()
        while True:
            step_started = time.monotonic()
            outcome, guest = self._wait_for_guest(requested, watch)
            if outcome is Outcome.RAN_SHORT:
                return self._back_off(watch)
            step_seconds = time.monotonic() - step_started
            now = requested if requested >= target else self._read_running(target)
            if now != requested:
                watch.expect(now)
                requested = self.observer.requested = now
                foreign_changes += 1
                if foreign_changes > MAX_FOREIGN_CHANGES:
                    raise VBoxMemoryError(
                        "balloon_busy",
                        "another process keeps changing this balloon, to %d MB by now: see which, then run again" % now,
                    )
                continue
            if not self._wait_for_newer_figures(watch):
                return self._back_off(watch)
            if requested >= target:
                return None
            room = watch.room_when_helped(step_seconds)
            if room <= 0:
                return self._back_off(watch)
            if self._seconds() >= self._desired.timeout:
                self._give_up(target, guest, 0)
            requested = next_step(requested, target, room)
            watch.expect(requested)
            self._request(requested)
            if requested == target and not self._desired.wait:
                return None

    def _read_running(self, target: int) -> int:
        """What is requested of the machine now, which must run.

        :raises VBoxMemoryError: ``state_blocks_change``
        """
        now = self._backend.read(self._machine.uuid)
        if now.state != "running":
            raise VBoxMemoryError(
                "state_blocks_change",
                "the machine became %s while its balloon was raised to %d MB: run again when it runs"
                % (now.state, target),
            )
        return now.balloon_current or 0

    def _watch_guest(self) -> _Watch:
        period = max(PERIOD, self._backend.metrics_period(self._machine.uuid))
        return _Watch(self._machine, self._guard, LAG + period)

    def _look(self, watch: _Watch | None) -> GuestMemory:
        """A sample; one that is watched must have figures."""
        asked = time.monotonic()
        guest = self.observer.sample()
        if watch:
            now = time.monotonic()
            watch.add(Observation(now, require_guest_memory(self._machine, guest), self._requested), now - asked)
        return guest

    def _wait_for_newer_figures(self, watch: _Watch) -> bool:
        """Look on until there are figures of after this; false as soon as the guest runs short."""
        started = time.monotonic()
        while True:
            self._look(watch)
            if watch.runs_short:
                return False
            if time.monotonic() - started >= watch.lag:
                return True
            time.sleep(PERIOD / 2)

    def _back_off(self, watch: _Watch) -> None:
        """Give the guest its reserve back, and what its programs will take meanwhile; go on as long as they grow, and stop there."""
        started_from, fastest = self._requested, watch.rate
        until = max(self._started + self._desired.timeout, time.monotonic() + STALL)
        while True:
            guest = watch.last.guest
            balloon = back_off(guest.given, self._requested, watch.room_when_helped())
            if balloon < self._requested:
                if watch.rate:
                    balloon = max(0, min(balloon, self._requested - SMALLEST_STEP))  # not by one request for each look
                watch.expect(balloon)
                self._request(balloon)
                self._wait_for_guest(balloon, watch, giving_back=True)
            newer = self._wait_for_newer_figures(watch)
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

    def _wait_for(self, requested: int) -> None:
        """Wait until the guest holds what was requested, if the task wants to and the guest can be watched."""
        if self._watchable and self._desired.wait:
            self._wait_for_guest(requested)

    def _wait_for_guest(
        self, requested: int, watch: _Watch | None = None, giving_back: bool = False
    ) -> tuple[Outcome, GuestMemory]:
        """Wait until the guest holds what was requested, and give back how that ended, with the last sample.

        :param watch: mind the guest's free memory too, and stop as soon as it runs short
        :param giving_back: the guest is to hold so much at most
        """
        first: int | None = None
        nearest: int | None = None
        last_progress = time.monotonic()
        while True:
            guest = self._look(watch)
            if watch and watch.runs_short:
                return Outcome.RAN_SHORT, guest
            distance = abs(requested - guest.given)
            beyond = guest.given < requested if giving_back else bool(watch) and guest.given > requested
            if distance <= SLACK or beyond:
                return Outcome.REACHED, guest
            first = distance if first is None else first
            if nearest is None or distance < nearest:
                nearest, last_progress = distance, time.monotonic()
            if self._stalled_or_timed_out(last_progress, giving_back):
                if guest.given > requested and nearest < first:
                    return Outcome.REACHED, guest  # it gave back, and what is still counted is of before its restart
                self._give_up(requested, guest, time.monotonic() - last_progress)
            time.sleep(PERIOD / 2)

    def _wait_until_still(self) -> None:
        """Wait until what all balloons hold does not change. This guest is then taken to hold what is requested of it, if so much is counted."""
        last = None
        while self._seconds() < self._desired.timeout:
            held = ballooned(self._backend)
            if held == last:
                break
            last = held
            time.sleep(PERIOD)
        self.observer.not_ours = max(0, (last or 0) - self._requested)

    def _stalled_or_timed_out(self, last_progress: float, giving_back: bool = False) -> bool:
        # What a guest needs back it gets, however late it is.
        timed_out = not giving_back and self._seconds() >= self._desired.timeout
        return timed_out or time.monotonic() - last_progress >= STALL

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _give_up(self, requested: int, guest: GuestMemory, still: float) -> NoReturn:
        """End with what the guest has given by now.

        :param still: seconds for which it has not moved
        :raises VBoxMemoryError: ``not_following``
        """
        if still >= STALL:
            reason = "has not moved for %d s" % still
        else:
            reason = "has not got there within %d s" % self._desired.timeout
        if guest.given < min(requested, self._requested):
            self._request(guest.given)  # what it has not given by now it is not to give unwatched later
        raise VBoxMemoryError(
            "not_following",
            "requested a balloon of %d MB, the guest holds %d MB and %s. See whether its Guest Additions are up to date"
            " and its memory is free; a longer timeout helps a slow host" % (requested, guest.given, reason),
            given_mb=guest.given,
        )

    def _request(self, size: int) -> None:
        values = {"balloon_current": size}
        self.commands += change_commands(self._machine.uuid, values)
        self._backend.change(self._machine.uuid, values)
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
