# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Change the balloon of a live machine: up in steps that do no harm, down at once, and wait for the guest. Sizes in MB."""

from __future__ import annotations

import time
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
    SLACK,
    GuestMemory,
    back_off,
    intermediate_size,
    next_step,
    requests_for,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import (
    guard_of,
    holds,
    require_guest_memory,
    short_of,
)

STALL = 60  # seconds without progress after which a guest does not follow; a slow host gave nothing for 25 s and then all (measured)
LAG = 2  # seconds that a guest's figures are behind, besides their period
MAX_FOREIGN_CHANGES = 5  # how often another process may change the balloon meanwhile before we give up


class Outcome(Enum):
    """How waiting for a guest ended; one that stands still is an error."""

    REACHED = "the guest holds what was requested"
    RAN_SHORT = "the guest has too little memory left"


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
        self._period: int | None = None
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
        requested, foreign_changes = self._requested, 0
        while True:
            outcome, guest = self._wait_for_guest(requested, watch=True)
            if outcome is Outcome.RAN_SHORT:
                return self._back_off()
            if requested >= target:
                return None
            now = self._read_running(target)
            if now != requested:
                requested = self.observer.requested = now
                foreign_changes += 1
                if foreign_changes > MAX_FOREIGN_CHANGES:
                    raise VBoxMemoryError(
                        "balloon_busy",
                        "another process keeps changing this balloon, to %d MB by now: see which, then run again" % now,
                    )
                continue
            room = self._guard.room(self._fresh_sample())
            if room <= 0:
                return self._back_off()
            if self._seconds() >= self._desired.timeout:
                self._give_up(target, guest, 0)
            requested = next_step(requested, target, room)
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

    def _fresh_sample(self) -> GuestMemory:
        """Figures that are newer than what came before: they are of the last period, and lag by a few seconds (measured)."""
        if self._period is None:
            self._period = max(PERIOD, self._backend.metrics_period(self._machine.uuid))
        time.sleep(LAG + self._period)
        return require_guest_memory(self._machine, self.observer.sample())

    def _back_off(self) -> None:
        """Give the guest its reserve back, and stop there."""
        guest = require_guest_memory(self._machine, self.observer.sample())
        while True:
            balloon = back_off(guest.given, self._guard.room(guest))
            if balloon != self._requested:
                self._request(balloon)
            self._wait_for_guest(balloon)
            guest = require_guest_memory(self._machine, self.observer.sample())
            if self._guard.room(guest) >= 0 or guest.given <= SLACK:
                break
        self.limited_by, self.reached = short_of(guest, self._guard, guest.given), balloon
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

    def _wait_for_guest(self, requested: int, watch: bool = False) -> tuple[Outcome, GuestMemory]:
        """Wait until the guest holds what was requested, and give back how that ended, with the last sample.

        :param watch: mind the guest's free memory too, and stop as soon as it runs short
        """
        first: int | None = None
        nearest: int | None = None
        last_progress = time.monotonic()
        while True:
            guest = self.observer.sample()
            if watch:
                room = self._guard.room(require_guest_memory(self._machine, guest))
                if room - max(0, requested - guest.given) < -self._guard.reserve // 4:
                    return Outcome.RAN_SHORT, guest
            distance = abs(requested - guest.given)
            if distance <= SLACK or (watch and guest.given > requested):
                return Outcome.REACHED, guest
            first = distance if first is None else first
            if nearest is None or distance < nearest:
                nearest, last_progress = distance, time.monotonic()
            if self._stalled_or_timed_out(last_progress):
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

    def _stalled_or_timed_out(self, last_progress: float) -> bool:
        return time.monotonic() - last_progress >= STALL or self._seconds() >= self._desired.timeout

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
