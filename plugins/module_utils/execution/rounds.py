# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry balance out, round by round: observe all guests, plan, ask what is planned. Sizes in MB.

Every moment is a safe one to be killed in. What a guest has been asked for is harmless by itself, and VirtualBox has it; the history is in memory, and what is
lost of it is only time. The lock goes with the process. No round waits for a guest.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.balance_status import LOCK
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import Log
from ansible_collections.vbox.memory.plugins.module_utils.execution.observer import HostObserver, Observation
from ansible_collections.vbox.memory.plugins.module_utils.execution.processes import look_at_processes
from ansible_collections.vbox.memory.plugins.module_utils.execution.settings_files import global_settings_lack_room
from ansible_collections.vbox.memory.plugins.module_utils.locks import lock_path, user_lock
from ansible_collections.vbox.memory.plugins.module_utils.model.balance_note import KEY, BalanceChange, write_changes
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import change_commands
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read as read_policy
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import requests_for

BALLOONS = "balloon"  # the lock of who changes one balloon, see balloon.py: what all hold is one figure
ANOTHER_TASK = "a task of this user that changes a balloon"
FIRST_FIGURES = 30  # seconds that the first round waits for figures
TOO_OLD = 8  # seconds after the figures in which a guest may be asked to give
PATIENCE = 60  # seconds for which rounds may fail: VirtualBox's server ends and starts, and a machine that changes its state cannot be read
KILLED_BELOW = 80  # MB of Free from which on programs may have been killed: from 52 down (measured), by figures that are seconds old
JUMP = 64  # MB
MOST_COMMANDS = 2000  # that are kept: a service goes on for ever
CALM = 300  # seconds for which a guest that lost a program is asked for nothing


@dataclass(frozen=True)
class Round:
    """One round as it went.

    :param number: from 1 on; ``seconds`` since the first one began
    :param plan: of :func:`~.planning.balance.plan`
    :param taken: the steps that were asked, each with ``name``, and ``failed`` with ``code`` and ``msg`` where it could not be asked
    :param events: ``{"code", "uuid", "name", "sentence"}`` of what was noticed
    """

    number: int
    seconds: float
    observation: Observation
    plan: dict[str, Any]
    taken: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


class Balance:
    """Moves memory between the running machines of a user.

    :param policy: as ``planning/balance`` has it, checked
    :param reservations: likewise; times by ``clock``
    :param log: told what is asked, and of whom
    """

    def __init__(
        self,
        backend: Backend,
        policy: Mapping[str, Any] | None = None,
        reservations: Sequence[dict[str, Any]] = (),
        log: Log = lambda _machine, _message: None,
        observer: HostObserver | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.history: dict[str, Any] | None = None
        self._backend = backend
        self._policy = dict(policy or {})
        self._reservations = list(reservations)
        self._log = log
        self._clock = clock or time.monotonic
        self._observer = observer or HostObserver(backend, self._clock)
        self._period = read_policy(self._policy).period
        self._number = 0
        self._took = 0.0  # seconds of the last round
        self._began = 0.0  # when the first round was
        self._calm: dict[str, tuple[float, int]] = {}  # by UUID: until when, and what it keeps
        self._before: Round | None = None
        self._events: list[dict[str, Any]] = []  # of the round under way

    def rounds(self, most: int | None = None, duration: float | None = None, ask: bool = True) -> Iterator[Round]:
        """Round after round, one each period, until there were so many or so many seconds are over; for ever without either.

        :param ask: without it these are looks, beside somebody else who balances
        :raises VBoxMemoryError: when the first round fails, or all for :data:`PATIENCE`
        """
        began = well = self._clock()
        done = 0
        while True:
            started = self._clock()
            try:
                yield self.round(ask=True) if ask else self.look()
                well = self._clock()
            except VBoxMemoryError as error:
                if self._before is None or self._clock() - well > PATIENCE:
                    raise
                self._log("", "the round failed, and the next one tries again: %s" % error.message)
            done += 1
            now = self._clock()
            self._took = now - started
            pause = max(0.0, started + self._period - now)
            if (most is not None and done >= most) or (duration is not None and now + pause - began > duration):
                return
            time.sleep(pause)

    def round(self, ask: bool) -> Round:
        """One round.

        :param ask: whether to ask what is planned; the plan is the same without, and must then be made anew from the same history
        :raises VBoxMemoryError: when the host cannot be observed
        """
        with user_lock(BALLOONS, 0) as nobody_else:
            seen = self._observe(None if nobody_else else ANOTHER_TASK)
            made = self.plan(seen)
            taken: list[dict[str, Any]] = []
            if ask:
                self.history = made["history"]
                taken = self._take(made, seen)
            return self._ended(seen, made, taken)

    def look(self) -> Round:
        """Look and plan, and hold nobody up: also beside another balance of this user.

        :raises VBoxMemoryError: when the host cannot be observed
        """
        seen = self._observe()
        return self._ended(seen, self.plan(seen), [])

    def _observe(self, busy: str | None = None) -> Observation:
        seen = self._observer.observe(0 if self._before else FIRST_FIGURES, busy)
        self._began = self._began if self._before else seen.at
        self._events = self._lost_programs(seen)
        return seen

    def _ended(self, seen: Observation, made: dict[str, Any], taken: list[dict[str, Any]]) -> Round:
        self._number += 1
        self._before = Round(self._number, seen.at - self._began, seen, made, taken, self._events)
        return self._before

    def settle(self, seconds: float) -> Round:
        """Look on, and ask nothing, until the guests have followed or so many seconds are over; gives back the last look.

        :raises VBoxMemoryError: when the host cannot be observed
        """
        until = self._clock() + seconds
        while True:
            last = self.look()
            if not under_way(last.plan) or self._clock() >= until:
                return last
            time.sleep(self._period)

    def plan(self, seen: Observation) -> dict[str, Any]:
        """What is to be done by what was seen."""
        policy = policy_now(self._policy, max(self._period, self._took), self._calm, seen.at)
        return balance.plan(seen.host, seen.machines, policy, self._reserved(seen), self.history, self._clock())

    def would_start(self, seen: Observation, memory_mb: int) -> dict[str, Any]:
        """What the start of a machine of so many MB would cost."""
        policy = policy_now(self._policy, max(self._period, self._took), self._calm, seen.at)
        return balance.would_start(
            seen.host, seen.machines, policy, self._reserved(seen), self.history, self._clock(), memory_mb
        )

    def _reserved(self, seen: Observation) -> list[dict[str, Any]]:
        """Our own, and what is noted for others: for the same one it is the same room."""
        own = {each["name"] for each in self._reservations}
        return [*self._reservations, *(each for each in seen.reservations if each["name"] not in own)]

    def _lost_programs(self, seen: Observation) -> list[dict[str, Any]]:
        """Guests that seem to have lost a program since the last round; they are left in peace for a while."""
        events = [] if self._before is None else lost_programs(self._before.plan["machines"], self._before, seen)
        for event in events:
            self._calm[event["uuid"]] = seen.at + CALM, event["holds_mb"]
            self._log(event["name"], event["sentence"])
        return events

    def _take(self, made: Mapping[str, Any], seen: Observation) -> list[dict[str, Any]]:
        """Ask, in the plan's order; one that fails stops no other."""
        if not made["steps"]:
            return []
        names = {machine["uuid"]: machine["name"] for machine in seen.machines}
        self._note(made["steps"], names)
        taken = []
        for step in made["steps"]:
            one = dict(step, name=names[step["uuid"]])
            try:
                if not self._observer.is_as_seen(step["uuid"]):
                    raise VBoxMemoryError(
                        "balloon_busy", "the machine has changed meanwhile: the next round looks anew"
                    )
                if step["request_mb"] > step["was_mb"] and self._clock() - seen.at > TOO_OLD:
                    raise VBoxMemoryError(
                        "host_busy", "VirtualBox was too slow for a step by these figures: the next round asks"
                    )
                self._ask(one)
            except VBoxMemoryError as error:
                self._observer.has_asked(step["uuid"], None)
                if error.code == "backend_unavailable":
                    raise
                one.update(failed=True, error=error.code, msg=error.message)
                self._log(one["name"], error.message)
            taken.append(one)
        return taken

    def _ask(self, step: Mapping[str, Any]) -> None:
        for size in requests_for(step["request_mb"], step["was_mb"]):
            values = {"balloon_current": size}
            self._backend.change(step["uuid"], values)
            self.commands = (self.commands + change_commands(step["uuid"], values))[-MOST_COMMANDS:]
            self._observer.has_asked(step["uuid"], size)
        self._log(step["name"], "%s. A balloon of %d MB is requested" % (step["sentence"], step["request_mb"]))

    def _note(self, steps: Sequence[Mapping[str, Any]], live: Mapping[str, str]) -> None:
        """Keep what is going to be asked: before it is asked, so that no request lacks its note."""
        now = int(time.time())
        kept = {uuid: change for uuid, change in (self._observer.changes or {}).items() if uuid in live}
        for step in steps:
            uuid, request, was = step["uuid"], step["request_mb"], step["was_mb"]
            before = kept[uuid].lowered if uuid in kept else 0
            kept[uuid] = BalanceChange(request, was, now, now if request < was else before, step["code"])
        self._observer.changes = kept
        why = global_settings_lack_room()
        if why:  # VirtualBox could lose all its settings, and who needs memory gets it all the same
            return self._log("", "what is asked is not noted, as VirtualBox's own settings could be lost: %s" % why)
        self._backend.set_extra_data(KEY, write_changes(kept))


@contextlib.contextmanager
def alone(or_beside_ours: bool = False) -> Iterator[bool]:
    """Hold this user's lock of balance; it goes with the process. Gives whether it is held.

    :param or_beside_ours: that another balance of ours holds it is no error
    :raises VBoxMemoryError: ``balloon_busy``, naming the other controller; ``lock_unusable``
    """
    other = look_at_processes().other_controller
    if other:
        raise VBoxMemoryError(
            "balloon_busy",
            "%s changes the balloons of this user's machines, and two controllers fight: stop it, or leave the balance to it"
            % other,
        )
    with user_lock(LOCK, 0) as acquired:
        if not acquired and not or_beside_ours:
            raise VBoxMemoryError(
                "balloon_busy",
                "another balance of this user runs, which holds the lock %s: see which ('fuser' with the path tells), and wait for its end or stop it"
                % lock_path(LOCK),
            )
        yield acquired


def under_way(made: Mapping[str, Any]) -> bool:
    """Whether a plan shows guests that have not followed yet."""
    return any(row["figures"].get("giving_mb") or row["figures"].get("taking_mb") for row in made["machines"])


def policy_now(
    policy: Mapping[str, Any], period: float, calm: Mapping[str, tuple[float, int]], now: float
) -> dict[str, Any]:
    """The policy of a round: with the period as it really is, and with guests that lost a program keeping what they hold.

    :param calm: by UUID until when, and how many MB
    """
    machines = dict(policy.get("machines") or {})
    for uuid, (until, holds) in calm.items():
        if now < until:
            machines[uuid] = dict(machines.get(uuid) or {}, floor=holds)
    return dict(policy, period=min(3600, period), machines=machines)


def lost_programs(rows: Sequence[Mapping[str, Any]], before: Round, seen: Observation) -> list[dict[str, Any]]:
    """Guests that were giving, had almost nothing left, and have much more all at once: the guest's kernel has killed a program, in all likelihood.

    Source: measured, docs/live-host-measurements.md (52 MB of Free, then 387).

    :param rows: the machines of the plan before
    """
    free = {one["uuid"]: one["sample"]["free_kb"] // 1024 for one in before.observation.machines if one["sample"]}
    asked = {step["uuid"]: step["request_mb"] - step["was_mb"] for step in before.taken if not step.get("failed")}
    now = {one["uuid"]: one["sample"]["free_kb"] // 1024 for one in seen.machines if one["sample"]}
    events = []
    for row in rows:
        uuid, figures = row["uuid"], row["figures"]
        gives = figures.get("giving_mb", 0) + max(0, asked.get(uuid, 0))
        takes = figures.get("taking_mb", 0) or asked.get(uuid, 0) < 0
        if uuid not in free or uuid not in now or not gives or takes:
            continue
        if free[uuid] - gives < KILLED_BELOW and now[uuid] - free[uuid] >= JUMP:
            sentence = (
                "has lost a program, it seems: %d MB were free in the guest while its balloon filled, and now %d are"
                % (
                    free[uuid],
                    now[uuid],
                )
            )
            event = dict(code="guest_lost_a_program", uuid=uuid, name=row["name"], sentence=sentence)
            events.append(dict(event, holds_mb=row["holds_mb"] - max(0, asked.get(uuid, 0))))
    return events
