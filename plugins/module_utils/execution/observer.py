# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Observe a host and all its guests at once, as ``planning.balance.plan`` takes it. Nothing is asked of a guest."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import POLL_INTERVAL, Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import (
    GUEST_METRICS,
    HOST,
    HOST_METRICS,
    PERIOD,
    Samples,
    without_early_zeros,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.figures import LAG, Figures
from ansible_collections.vbox.memory.plugins.module_utils.execution.processes import Processes, look_at_processes
from ansible_collections.vbox.memory.plugins.module_utils.model import reservation
from ansible_collections.vbox.memory.plugins.module_utils.model.balance_note import (
    KEY,
    PREFIX,
    BalanceChange,
    read_changes,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine, as_facts
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.inputs import (
    FIGURES_OF_A_GUEST,
    FIGURES_OF_A_HOST,
    holds_memory,
    host_input,
    machine_input,
    missing_figures,
)

# Seconds that a guest's report is waited for: 5.7 were the most that was seen; of a host with no processor time to spare, more.
LONGEST_SILENCE = 20
AT_REST = 10  # seconds: a guest that has reported nothing new for so long has come to rest, and its figures stay
NOTES_EACH, NOTES_PART = 5, 5  # seconds, and times what their reading took: by VBoxManage it takes several calls
READ_EACH = 10  # seconds: by VBoxManage a machine takes as long as three other calls, so that of many some are read in each round
GIVES_FOR = 90  # seconds in which a guest that was asked to give may be giving
HOST_FIGURES = {key: HOST_METRICS[key] for key in FIGURES_OF_A_HOST}
GUEST_FIGURES = {key: GUEST_METRICS[key] for key in FIGURES_OF_A_GUEST}


@dataclass(frozen=True)
class Observation:
    """What was seen at a time.

    :param at: seconds of the clock at which the figures were asked for
    :param host: and ``machines`` are the planner's; the machines are those that hold memory
    :param reservations: the planner's, of what is kept in VirtualBox's extra data
    """

    at: float
    host: dict[str, Any]
    machines: list[dict[str, Any]]
    reservations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Sum:
    """What all balloons held at a time, kB, and how often each guest had reported by then."""

    at: float
    held: int
    reports: Mapping[str, int]


@dataclass(frozen=True)
class _Reading:
    """A machine as it was read at a time, and since when its process has run."""

    at: float
    machine: Machine
    started: float | None


class HostObserver:
    """Observes again and again. What it keeps in memory is about the observing only, and may be lost at any moment.

    :param clock: seconds that never go back
    """

    def __init__(
        self,
        backend: Backend,
        clock: Callable[[], float] = time.monotonic,
        processes: Callable[[], Processes] = look_at_processes,
    ) -> None:
        self.changes: dict[str, BalanceChange] | None = None  # what balance asked last, by UUID; read once
        self._backend = backend
        self._clock = clock
        self._processes = processes
        self._began: dict[str, tuple[float, float]] = {}  # by UUID: second of the boot, and of our clock
        self._read: dict[str, _Reading] = {}
        self._trusted: dict[str, Machine] = {}  # what the last look took from earlier readings
        self._figures = Figures(backend, clock)
        self._sums: list[_Sum] = []  # those that are not older than the guests' figures
        self._reserved: str | None = None  # what is noted, and when it is to be read again
        self._notes_due: float | None = None
        self._raw: dict[str, tuple[int | None, ...]] = {}
        self._reports: dict[str, int] = {}  # how often each guest has reported something new, and when it did last
        self._reported: dict[str, float] = {}

    def observe(self, wait: float = 0, busy: str | None = None) -> Observation:
        """The host and its machines now.

        :param wait: seconds to wait for the first figures of metrics that have to be set up
        :param busy: who else is changing a balloon, as far as the caller knows
        :raises VBoxMemoryError: what reading raises. A machine that runs and cannot be read stops it: nobody knows what it may hold.
        """
        processes = self._processes()
        machines = self._holders(processes, busy)
        self._forget_all_but(machines)
        self._read_notes()
        at, samples = self._sample(machines, wait)
        self._count_reports(samples, at)
        figures = samples[HOST]
        missing = [HOST_METRICS[key] for key in missing_figures(figures)]
        if missing:
            raise VBoxMemoryError(
                "server_unavailable",
                "VirtualBox has no figures of the host yet (%s): run again" % ", ".join(missing),
            )
        period = max([PERIOD, *(self._figures.known_period(machine.uuid) for machine in machines)])
        time_of_sum, held = self._sum_at(at - LAG - period, at, period, figures["vmm_ballooned_kb"] or 0)
        host = host_input(
            dict(figures, vmm_ballooned_kb=held), time_of_sum, busy or processes.other_controller, processes.users
        )
        started = self._started(processes)
        return Observation(
            at,
            host,
            [self._machine_input(machine, at, samples.get(machine.uuid), started) for machine in machines],
            self._reservations(machines, started),
        )

    def _read_notes(self) -> None:
        """What others may have noted since: who makes room for a machine does so beside whoever balances."""
        now = self._clock()
        if self._notes_due is None or now >= self._notes_due:
            notes = self._backend.extra_data(PREFIX)
            self._notes_due = now + max(NOTES_EACH, NOTES_PART * (self._clock() - now))
            self._reserved = notes.get(reservation.KEY)
            if self.changes is None:
                self.changes = read_changes(notes.get(KEY), time.time())

    def _reservations(self, machines: Sequence[Machine], started: Mapping[str, float]) -> list[dict[str, Any]]:
        """The planner's, for machines that have not started yet."""
        now = time.time()
        ahead = now - self._clock()
        begun = [(started[one.uuid] + ahead, one.memory or 0) for one in machines if one.uuid in started]
        return reservation.not_started_yet(reservation.read_reservations(self._reserved, now), begun)

    def _holders(self, processes: Processes, busy: str | None) -> list[Machine]:
        """The live machines, and those with a process that are in any other state, such as guru meditation: they hold memory, too."""
        now = self._clock()
        self._trusted = {} if busy else self._read_lately(processes, now)
        machines = self._backend.read_live(self._trusted)
        self._read = {
            machine.uuid: self._read[machine.uuid]
            if machine is self._trusted.get(machine.uuid)
            else _Reading(now, machine, processes.started.get(machine.uuid))
            for machine in machines
        }
        for uuid in sorted(set(processes.started) - {machine.uuid for machine in machines}):
            try:
                machine = self._backend.read(uuid)
            except VBoxMemoryError as error:
                if error.code != "machine_not_found":
                    raise
            else:
                machines += [machine] if holds_memory(machine.state) else []
        return machines

    def _read_lately(self, processes: Processes, now: float) -> dict[str, Machine]:
        """The machines that need not be read again: none of a reading older than :data:`READ_EACH`, and fewer, so that not all are due at once."""
        readings = sorted(self._read.values(), key=lambda one: one.at)
        renewed = int(len(readings) * (now - readings[-1].at) / READ_EACH) if readings else 0
        return {
            one.machine.uuid: one.machine
            for one in readings[renewed:]
            if now - one.at < READ_EACH and one.started == processes.started.get(one.machine.uuid)
        }

    def is_as_seen(self, uuid: str) -> bool:
        """Whether a machine still is what the last look took it for, from an earlier reading: nobody is asked by what may have changed since.

        :raises VBoxMemoryError: what reading raises
        """
        known = self._trusted.pop(uuid, None)
        if known is None:
            return True
        now, machine = self._clock(), self._backend.read(uuid)
        self._read[uuid] = replace(self._read[uuid], at=now, machine=machine)
        return _of_a_request(machine) == _of_a_request(known)

    def has_asked(self, uuid: str, size: int | None) -> None:
        """Keep what was asked of a guest with a machine's reading, MB; ``None``: nobody knows whether it was."""
        reading = self._read.pop(uuid, None)
        if reading and size is not None:
            self._read[uuid] = replace(reading, machine=replace(reading.machine, balloon_current=size))

    def _sum_at(self, guests: float, now: float, period: float, held: int) -> tuple[float, int]:
        """What all balloons held when the guests' figures were taken at the latest, kB, and the time of that.

        VirtualBox's sum is newer than a guest's Free. Side by side, a balloon that has just been given would look as if it were empty. A guest that lacks
        processor time reports late: of those that give, two newer figures are waited for.

        :param guests: when the guests' figures were taken at the earliest
        :param now: when the newest sum was at the latest, and ``period`` seconds before at the earliest; it is ``held``
        """
        self._sums = self._sums + [_Sum(now if self._sums else guests, held, dict(self._reports))]
        givers = self._givers()
        while len(self._sums) > 1 and self._is_seen(self._sums[1], guests, now, givers):
            del self._sums[0]
        return self._sums[0].at - period, self._sums[0].held

    def _is_seen(self, one: _Sum, guests: float, now: float, givers: Sequence[str]) -> bool:
        if one.at > guests:
            return False
        newer = all(
            self._reports[uuid] >= one.reports.get(uuid, 0) + 2 or now - max(one.at, self._reported[uuid]) >= AT_REST
            for uuid in givers
        )
        return newer or now - one.at >= LONGEST_SILENCE

    def _givers(self) -> list[str]:
        """Who was asked to give a short while ago, and reports."""
        since = time.time() - GIVES_FOR
        changes = self.changes or {}
        return [uuid for uuid in self._reports if uuid in changes and changes[uuid].gives_since(since)]

    def _count_reports(self, samples: Samples, at: float) -> None:
        """How often each guest has reported something new, and when."""
        for uuid, figures in samples.items():
            raw = tuple(figures.values())
            if uuid != HOST and raw != self._raw.get(uuid):
                self._raw[uuid] = raw
                self._reports[uuid] = self._reports.get(uuid, 0) + 1
                self._reported[uuid] = at

    def _forget_all_but(self, machines: Sequence[Machine]) -> None:
        there = {HOST, *(machine.uuid for machine in machines)}
        self._figures.forget_all_but(there)
        self._raw = {uuid: raw for uuid, raw in self._raw.items() if uuid in there}
        self._reports = {uuid: count for uuid, count in self._reports.items() if uuid in there}
        self._reported = {uuid: when for uuid, when in self._reported.items() if uuid in there}

    def _sample(self, machines: Sequence[Machine], wait: float) -> tuple[float, Samples]:
        """The figures, and the time at which they were asked for. A paused guest, and one whose Guest Additions do not serve, is not looked at."""
        wanted = {machine.uuid: GUEST_FIGURES for machine in machines if is_watched(machine)}
        objects: dict[str, Mapping[str, str]] = {HOST: HOST_FIGURES, **wanted}
        names = {machine.uuid: machine.name for machine in machines}
        until = self._clock() + wait
        while True:
            at = self._clock()
            samples, silent = self._figures.look(objects, names)
            if any(machine.state == "running" for machine in machines):
                samples[HOST] = without_early_zeros(samples[HOST])
                silent = [*silent, HOST] if None in samples[HOST].values() else silent
            if not silent or self._clock() >= until:
                break
            time.sleep(POLL_INTERVAL)
        for uuid in wanted:
            if uuid not in silent:
                self._figures.period(uuid)
        return at, samples

    def _started(self, processes: Processes) -> dict[str, float]:
        """When each machine's process began, by our clock: the same number for the same process, whatever the clocks do."""
        if processes.started:
            ahead = _seconds_of_the_boot() - self._clock()
            for uuid, second in processes.started.items():
                if self._began.get(uuid, (None, 0))[0] != second:
                    self._began[uuid] = second, second - ahead
        self._began = {uuid: began for uuid, began in self._began.items() if uuid in processes.started}
        return {uuid: began for uuid, (_second, began) in self._began.items()}

    def _machine_input(
        self, machine: Machine, at: float, figures: Mapping[str, int | None] | None, started: Mapping[str, float]
    ) -> dict[str, Any]:
        sampled = at - LAG - self._figures.known_period(machine.uuid)
        requested = request_time(machine, (self.changes or {}).get(machine.uuid), at, time.time())
        return machine_input(as_facts(machine), figures, sampled, requested, started.get(machine.uuid))


def _of_a_request(machine: Machine) -> tuple[Any, ...]:
    """What a request goes by."""
    return machine.state, machine.balloon_current, machine.additions_serve


def is_watched(machine: Machine) -> bool:
    """Whether a machine's guest gives figures that are worth to ask for."""
    return machine.state == "running" and machine.additions_serve


def request_time(machine: Machine, change: BalanceChange | None, at: float, now: float) -> float | None:
    """When the guest was last asked to take memory, by our clock, if it was balance that did and nobody else has asked since.

    The planner takes what recent requests may still take for taken. A request to give may be given late, and that is never counted before it is.

    :param at: our clock
    :param now: seconds since 1970, at the same moment
    """
    if change is None or change.request != machine.balloon_current or not change.lowered:
        return None
    return at - max(0.0, now - change.lowered)


def _seconds_of_the_boot() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)  # what /proc counts by; it goes on while the host sleeps
    return time.monotonic() if clock is None else time.clock_gettime(clock)
