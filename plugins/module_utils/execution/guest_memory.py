# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Observe guests: what they have free, what their balloons hold, and what is requested of all of them. Sizes in MB."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import GUEST_METRICS, HOST
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import SLACK, GuestMemory

FIRST_SAMPLE = 120  # seconds to wait for a guest's first figures: on a slow host 20 were too few, and once 60 in all likelihood (seen)
HOST_BALLOONED = {"ballooned_kb": "RAM/VMM/Ballooned"}
GUEST_MEMORY = {key: GUEST_METRICS[key] for key in ("total_kb", "free_kb", "balloon_kb", "cache_kb")}

Log = Callable[[str, str], None]  # takes a machine's name and a message


class BalloonRequests:
    """What is requested of all live machines of this user; read once, when first wanted."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._requested: dict[str, int] | None = None

    def of_others(self, uuid: str) -> int:
        """The sum of what is requested of the other machines that can follow."""
        return sum(size for other, size in self._read().items() if other != uuid)

    def record(self, uuid: str, size: int) -> None:
        """Keep what has just been requested of a machine."""
        if self._requested is not None:
            self._requested[uuid] = size

    def all_followed(self) -> bool:
        """Whether the balloons together hold what is requested of them: then no guest has to be looked at."""
        held = ballooned(self._backend)
        requested = self._read()
        return held is not None and abs(held - sum(requested.values())) <= SLACK * len(requested)

    def _read(self) -> dict[str, int]:
        if self._requested is None:
            live = [machine for machine in self._backend.read_live() if machine.additions_serve]
            self._requested = {machine.uuid: machine.balloon_current or 0 for machine in live}
        return self._requested


class GuestObserver:
    """Samples one guest while its balloon changes, and records how it follows.

    :param log: told what is new

    ``requested`` is the balloon requested last; ``progress`` grows with each sample; ``moved_by_others`` is by how much other balloons
    that are looked after have changed what VirtualBox counts.
    """

    def __init__(self, backend: Backend, machine: Machine, log: Log | None = None) -> None:
        self.requested = machine.balloon_current or 0
        self.progress: list[dict[str, Any]] = []
        self.not_ours: int | None = None  # what VirtualBox counts for balloons that are not this guest's
        self.moved_by_others = 0
        self._backend = backend
        self._machine = machine
        self._log = log or (lambda _machine, _message: None)
        self._started = time.monotonic()

    def sample(self) -> GuestMemory:
        """The guest now."""
        guest = _sampled(self._backend, self._machine.uuid, FIRST_SAMPLE, self._given)
        self._record(guest)
        return guest

    def take(
        self, figures: Mapping[str, int | None], held: int, others: int = 0, given: int | None = None
    ) -> GuestMemory:
        """The guest by figures that somebody else asked for.

        :param figures: kB, of :data:`GUEST_MEMORY`
        :param held: what VirtualBox counts for all balloons
        :param others: the most of it that balloons which move at the same time can have taken since
        :param given: what the guest holds, where that is known: its own balloon does not move
        """

        def of_this_guest(own: int | None, counted: int) -> int:
            return self._given(own, counted - others) if given is None else own or given

        guest = _guest_memory(figures, held, of_this_guest)
        self._record(guest)
        return guest

    def others_moved(self, size: int) -> None:
        """Other balloons hold so much more, for good."""
        self.moved_by_others += size
        if self.not_ours is not None:
            self.not_ours += size

    def seconds(self) -> float:
        """The seconds since this guest was first observed."""
        return round(time.monotonic() - self._started, 1)

    def _given(self, own: int | None, held: int) -> int:
        """What this guest's balloon holds: by its own word, or what VirtualBox counts for all less what is not this one's.

        The Linux kernel's own driver reports 0 whatever the balloon is (measured). At the start this guest is taken to hold what was
        requested of it, if so much is counted at all; from then on what is counted more or less is its own.
        """
        if own:
            return own
        if self.not_ours is None:
            self.not_ours = max(0, held - self.requested)
        return max(0, held - self.not_ours)

    def _record(self, guest: GuestMemory) -> None:
        """Keep a sample for the result. A module cannot speak while it runs: what is new is logged, where one can watch it."""
        last = self.progress[-1] if self.progress else {}
        now = dict(requested_mb=self.requested, given_mb=guest.given, guest_free_mb=guest.free)
        self.progress.append(dict(now, seconds=self.seconds()))
        if now.items() - last.items():
            self._log(
                self._machine.name,
                "requested a balloon of %d MB, the guest holds %d MB and has %s MB free"
                % (self.requested, guest.given, "?" if guest.free is None else guest.free),
            )


def sample_guest(backend: Backend, machine: Machine, wait: float = FIRST_SAMPLE) -> GuestMemory:
    """A guest once, for a plan.

    :param wait: seconds to wait for its first figures
    """
    requested = machine.balloon_current or 0
    return _sampled(backend, machine.uuid, wait, lambda own, held: own or min(held, requested))


def ballooned(backend: Backend) -> int | None:
    """What all balloons of this user hold together, MB; ``None``: VirtualBox does not say."""
    return in_mb(backend.sample({HOST: HOST_BALLOONED}, FIRST_SAMPLE)[HOST]["ballooned_kb"])


def _sampled(backend: Backend, uuid: str, wait: float, given: Callable[[int | None, int], int]) -> GuestMemory:
    """:param given: what the guest's balloon holds, by its own word and by what VirtualBox counts for all"""
    samples = backend.sample({HOST: HOST_BALLOONED, uuid: GUEST_METRICS}, wait)
    return _guest_memory(samples[uuid], in_mb(samples[HOST]["ballooned_kb"]) or 0, given)


def _guest_memory(figures: Mapping[str, int | None], held: int, given: Callable[[int | None, int], int]) -> GuestMemory:
    return GuestMemory(
        free=in_mb(figures["free_kb"]),
        cached=in_mb(figures["cache_kb"]) or 0,
        total=in_mb(figures["total_kb"]),
        given=given(in_mb(figures["balloon_kb"]), held),
        ballooned=held,
    )


def in_mb(kilobytes: int | None) -> int | None:
    """Kilobytes in whole MB."""
    return None if kilobytes is None else kilobytes // 1024
