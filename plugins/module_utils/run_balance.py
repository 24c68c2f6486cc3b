# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Balance as a module: from its parameters to its result."""

from __future__ import annotations

import time
from typing import Any, Iterable, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import BACKEND_OPTIONS
from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError, printable
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import Log
from ansible_collections.vbox.memory.plugins.module_utils.execution.reserve import reserve
from ansible_collections.vbox.memory.plugins.module_utils.execution.rounds import Balance, Round, alone, under_way
from ansible_collections.vbox.memory.plugins.module_utils.model import reservation
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import command_line
from ansible_collections.vbox.memory.plugins.module_utils.model.sizes import size_in_mb
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read as read_policy
from ansible_collections.vbox.memory.plugins.module_utils.run_module import progress_log

POOL = "pool"
OPTIONS: dict[str, dict[str, Any]] = dict(
    policy=dict(type="dict", default={}),
    rounds=dict(type="int"),
    duration=dict(type="float"),
    reserve_mb=dict(type="raw"),
    reserve_for=dict(type="str", default=""),
    until=dict(type="float"),
    what_if=dict(type="raw"),
    wait=dict(type="bool", default=True),
    **BACKEND_OPTIONS,
)
LONGEST = 30 * 86400  # seconds
# Seconds to wait for guests after the last round: a slow host's gave nothing for 25 s, and then all (measured).
SETTLE = 60
MOST_STEPS = 1000


def run_balance() -> None:
    """The whole of the module."""
    module = AnsibleModule(
        OPTIONS,
        mutually_exclusive=[("rounds", "duration")],
        required_by={"until": ("reserve_mb",)},
        supports_check_mode=True,
    )
    log = progress_log(module)
    given = module.params
    try:
        wanted = checked(given)
        with select_backend(given["backend"], given["vboxmanage"], given["api_python"]) as backend:
            result = carry_out(backend, wanted, module.check_mode, log)
            result.update(backend=backend.name, backend_fallback=backend.fallback_reason)
    except VBoxMemoryError as error:
        module.fail_json(**error.as_result())
    if module._diff:
        result["diff"] = differences(result["machines"]) + kept(result.get("reserve", {}))
    for event in result["events"]:
        module.warn("machine %r: %s" % (event["name"], event["sentence"]))
    for step in result["steps"]:
        if step.get("failed"):
            module.warn("machine %r: %s" % (step["name"], step["msg"]))
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options, checked.

    :raises VBoxMemoryError: ``invalid_parameters``, with every problem in the message
    """
    problems: list[str] = []
    wanted: dict[str, Any] = dict(policy=given["policy"] or {}, duration=given["duration"], wait=given["wait"])
    try:
        read_policy(wanted["policy"], 1024)
    except ValueError as error:
        problems += str(error).splitlines()
    if given["rounds"] is not None and not 0 <= given["rounds"] <= 1000000:
        problems.append("rounds: %d is not a whole number from 0 to 1000000" % given["rounds"])
    if given["duration"] is not None and not 0 < given["duration"] <= LONGEST:
        problems.append("duration: %r is not a number of seconds up to %d" % (given["duration"], LONGEST))
    for option in ("reserve_mb", "what_if"):
        try:
            wanted[option] = None if given[option] is None else size_in_mb(given[option])
            if wanted[option] == 0:
                problems.append("%s: 0 is no memory of a machine: give 1 MB or more" % option)
        except ValueError as error:
            problems.append("%s: %r %s" % (option, given[option], error))
    if given["until"] is not None and not 1 <= given["until"] <= reservation.LONGEST:
        problems.append("until: %r is not a number of seconds from 1 to %d" % (given["until"], reservation.LONGEST))
    wanted.update(until=given["until"], reserve_for=given["reserve_for"])
    if problems:
        raise VBoxMemoryError("invalid_parameters", "nothing was changed. " + "; ".join(problems))
    wanted["rounds"] = 1 if given["rounds"] is None and given["duration"] is None else given["rounds"]
    return wanted


def carry_out(
    backend: Backend, wanted: Mapping[str, Any], check_mode: bool, log: Log = lambda _machine, _message: None
) -> dict[str, Any]:
    """The result, as the module documents it.

    :param wanted: what :func:`checked` gives back
    :raises VBoxMemoryError: when nothing could be done at all
    """
    room = wanted["reserve_mb"]
    keep = bool(room and wanted["until"] and wanted["rounds"] != 0)
    whom = reservation.key_of(wanted["reserve_for"])
    own = [reservation.room_for(room, whom)] if room and (check_mode or not keep) else []
    balance = Balance(backend, wanted["policy"], own, log)
    report = Report()
    error, noted = None, False
    kept_until = int(time.time() + wanted["until"]) if keep else None
    if wanted["rounds"] == 0:
        report.add(balance.look())
    else:
        with alone(or_beside_ours=keep) as held:
            try:
                if kept_until and not check_mode:
                    reserve(backend, wanted["reserve_for"], room, kept_until)
                    noted = True
                _carry_out(balance, report, wanted, check_mode, held)
            except VBoxMemoryError as failure:
                if not report.seen:
                    more = ". The room is kept all the same for %d s" % wanted["until"] if noted else ""
                    raise VBoxMemoryError(failure.code, failure.message + more, **failure.details) from failure
                error = failure
    result = report.as_result(check_mode)
    result["commands"] = [command_line(command) for command in balance.commands]
    if room:
        result["reserve"] = dict(memory_mb=room, lacks_mb=lacks(report.last.plan), until=kept_until)
        result["changed"] = result["changed"] or kept_until is not None
    if wanted["what_if"]:
        result["what_if"] = balance.would_start(report.last.observation, wanted["what_if"])
    if error:
        result.update(error.as_result(), failed=True)
    return result


def _carry_out(balance: Balance, report: Report, wanted: Mapping[str, Any], check_mode: bool, held: bool) -> None:
    """Round after round; or looks, where another balance makes the room."""
    if check_mode:
        report.add(balance.round(ask=False) if held else balance.look())
        return
    for one in balance.rounds(wanted["rounds"], wanted["duration"], ask=held):
        report.add(one)
        if wanted["reserve_mb"] and not lacks(one.plan) and not under_way(one.plan):
            return
    if wanted["wait"] and report.steps:
        report.add(balance.settle(SETTLE))


def lacks(plan: Mapping[str, Any]) -> int:
    """What the pool lacks for what is reserved, MB."""
    return max(0, -int(plan["host"]["figures"]["pool_mb"]) - reservation.MARGIN)


class Report:
    """What the rounds did, added up: of many rounds the last :data:`MOST_STEPS` steps."""

    def __init__(self) -> None:
        self.seen: list[Round] = []  # the first one and the last one
        self.steps: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._moved: dict[tuple[str, str], int] = {}  # MB by giver and taker
        self._names: dict[str, str] = {}

    @property
    def last(self) -> Round:
        return self.seen[-1]

    def add(self, one: Round) -> None:
        """Take a round into account."""
        self.seen = [*self.seen[:1], one]
        self._names.update((machine["uuid"], machine["name"]) for machine in one.observation.machines)
        self._events = (self._events + one.events)[-MOST_STEPS:]
        for step in one.taken:
            row = self._row(step, one.number, one.seconds)
            self.steps = [*self.steps, row][-MOST_STEPS:]
            if not step.get("failed"):
                for giver, taker, size in moves(step):
                    self._moved[giver, taker] = self._moved.get((giver, taker), 0) + size

    def as_result(self, check_mode: bool) -> dict[str, Any]:
        """The result without what is only the caller's to know.

        :param check_mode: whether the machines are to be shown as the first plan would leave them
        """
        first, last = self.seen[0], self.last
        planned = [self._row(dict(step, name=self._names[step["uuid"]]), 1, 0.0) for step in first.plan["steps"]]
        taken = planned if check_mode else self.steps
        done = [step for step in taken if not step.get("failed")]
        moved = dict(self._moved)
        for step in first.plan["steps"] if check_mode else []:
            for giver, taker, size in moves(step):
                moved[giver, taker] = moved.get((giver, taker), 0) + size
        return dict(
            changed=bool(done),
            rounds=last.number,
            seconds=round(last.seconds, 1),
            host=dict(last.plan["host"]),
            plan=dict(host=dict(first.plan["host"]), steps=planned),
            machines=self._machines(first, last, done, moved, check_mode),
            steps=self.steps,
            moved=[
                dict(giver=self._names.get(giver, giver), taker=self._names.get(taker, taker), mb=size)
                for (giver, taker), size in moved.items()
            ],
            events=[{key: event[key] for key in ("code", "uuid", "name", "sentence")} for event in self._events],
        )

    def _machines(
        self,
        first: Round,
        last: Round,
        done: Sequence[Mapping[str, Any]],
        moved: Mapping[tuple[str, str], int],
        check_mode: bool,
    ) -> list[dict[str, Any]]:
        before = {row["uuid"]: row for row in first.plan["machines"]}
        asked = {step["uuid"]: step["request_mb"] for step in done}
        states = {machine["uuid"]: machine["state"] for machine in last.observation.machines}
        entries = []
        for row in last.plan["machines"]:
            uuid = row["uuid"]
            was = before.get(uuid, row)
            request = asked.get(uuid, row["request_mb"]) if check_mode else row["request_mb"]
            entry = {key: row[key] for key in ("name", "uuid", "managed", "code", "sentence", "target_mb", "figures")}
            entry.update(
                state=states[uuid],
                changed=uuid in asked,
                before=dict(balloon_current_mb=was["request_mb"], holds_mb=was["holds_mb"]),
                after=dict(
                    balloon_current_mb=request,
                    holds_mb=row["figures"]["memory_mb"] - request if uuid in asked and check_mode else row["holds_mb"],
                ),
                gave_mb=sum(size for (giver, _taker), size in moved.items() if giver == uuid),
                got_mb=sum(size for (_giver, taker), size in moved.items() if taker == uuid),
            )
            entries.append(entry)
        return entries

    def _row(self, step: Mapping[str, Any], number: int, seconds: float) -> dict[str, Any]:
        row = {key: step[key] for key in ("name", "uuid", "request_mb", "was_mb", "code", "sentence")}
        row.update(round=number, seconds=round(seconds, 1))
        for key in ("gives_to", "takes_from"):
            row[key] = [dict(each, name=self._names.get(each["uuid"], each["uuid"])) for each in step[key]]
        if step.get("failed"):
            row.update(failed=True, error=step["error"], msg=step["msg"])
        return row


def moves(step: Mapping[str, Any]) -> Iterable[tuple[str, str, int]]:
    """Who gives whom how much by a step: giver, taker, MB. A donor names whom it gives for; who takes does so from the pool."""
    if step["request_mb"] > step["was_mb"]:
        return [(step["uuid"], each["uuid"], each["mb"]) for each in step["gives_to"]]
    return [(POOL, step["uuid"], each["mb"]) for each in step["takes_from"] if each["uuid"] == POOL]


def differences(machines: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """What diff mode shows."""
    return [
        dict(
            before_header=printable(machine["name"]),
            after_header=printable(machine["name"]),
            before="balloon_current_mb: %d\n" % machine["before"]["balloon_current_mb"],
            after="balloon_current_mb: %d\n" % machine["after"]["balloon_current_mb"],
        )
        for machine in machines
        if machine["before"]["balloon_current_mb"] != machine["after"]["balloon_current_mb"]
    ]


def kept(reserve: Mapping[str, Any]) -> list[dict[str, str]]:
    """What diff mode shows of a reservation that stays."""
    if not reserve.get("until"):
        return []
    after = "reserve_mb: %d\n" % reserve["memory_mb"]
    return [dict(before_header="host", after_header="host", before="", after=after)]
