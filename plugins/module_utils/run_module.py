# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Bring machines to their desired states: what a module does from its parameters to its result."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any, Iterator, Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import MemoryModule, desired_states
from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend, Found, with_notes
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import are_told_apart
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError, printable
from ansible_collections.vbox.memory.plugins.module_utils.execution.execute import execute, execute_side_by_side
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import (
    FIRST_SAMPLE,
    BalloonRequests,
    Log,
    sample_guest,
)
from ansible_collections.vbox.memory.plugins.module_utils.execution.settings_files import SettingsFiles
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.model.features import BY_VERSION, features_of, this_host
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import SETTINGS
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import (
    CheckBalloon,
    MachinePlan,
    differing,
    needs_guest_memory,
    plan,
    restarts,
    start_only,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.result import (
    MachineResult,
    left_waiting,
    outcome,
    planned_result,
)

# How the action plugin shows progress: a first call leaves the machines alone for which a guest has to be waited for, a second
# one, which runs in the background, appends what it is doing to a file, a line of JSON each.
LEAVE_WAITING = "VBOX_MEMORY_WAITING"  # "leave"
PROGRESS_FILE = "VBOX_MEMORY_PROGRESS"
SHORT_WAIT = 5  # seconds for a guest's first figures in that first call: the second waits for them


def run_module(owned: Sequence[str]) -> None:
    """The whole of a module that changes settings.

    :param owned: the names of the options that the module has beside the shared ones
    """
    module = MemoryModule(owned)
    log = progress_log(module)
    given = module.params
    try:
        desired = desired_states(given, owned)
        with select_backend(given["backend"], given["vboxmanage"], given["api_python"], len(desired)) as backend:
            leave = os.environ.get(LEAVE_WAITING) == "leave"
            results = [result.as_result() for result in converge(backend, desired, module.check_mode, log, leave)]
            used = dict(backend=backend.name, backend_fallback=backend.fallback_reason)
    except VBoxMemoryError as error:
        module.fail_json(**error.as_result())
    finish(module, results, used)


def converge(
    backend: Backend,
    desired: Sequence[DesiredState],
    check_mode: bool = False,
    log: Log = lambda _machine, _message: None,
    leave_waiting: bool = False,
) -> list[MachineResult]:
    """Bring machines to their desired states. One machine's failure leaves the others' work as it is.

    :param log: told how far a machine is
    :param leave_waiting: leave machines alone for which a guest has to be waited for
    :returns: a result for each, in order
    :raises VBoxMemoryError: when nothing can be done for any machine; nothing has been changed then
    """
    if not desired:
        return []
    fusion = any(one.page_fusion for one in desired)  # which depends on the type of the operating system
    found = backend.find([one.name for one in desired], details=fusion)
    # A task that only fails restarts nothing, and pays for no note.
    if any(one.on_blocked != "fail" for one in desired):
        found = _with_notes(backend, found)
    _refuse_the_same_machine_twice(desired, found)
    work = _Work(backend, desired, found, check_mode, log, leave_waiting)
    together = [place for place in range(len(desired)) if work.goes_with_others(place)]
    alone = [place for place in range(len(desired)) if place not in together]
    results = {
        place: work.result_of(place) for place in alone
    }  # what may restart a machine goes first: guests under way are looked after all the time
    results.update(zip(together, work.results_of(together)))
    return [results[place] for place in range(len(desired))]


class _Work:
    """What is to be done, by the places of the machines in the list."""

    def __init__(
        self,
        backend: Backend,
        desired: Sequence[DesiredState],
        found: Sequence[Found],
        check_mode: bool,
        log: Log,
        leave_waiting: bool,
    ) -> None:
        self._desired = desired
        self._found = found
        self._check_mode = check_mode
        self._leave_waiting = leave_waiting
        self._planner = _Planner(backend, desired, found, leave_waiting)
        self._requests = BalloonRequests(backend)
        self._files = SettingsFiles(backend)
        self._means = (backend, self._planner.plan, self._requests, self._files, log)
        self._interrupted = False

    def goes_with_others(self, place: int) -> bool:
        """Whether a machine is only waited for while its guest follows, so that others can be waited for at the same time."""
        machine, desired = self._found[place], self._desired[place]
        if self._check_mode or self._leave_waiting or not isinstance(machine, Machine) or machine.state != "running":
            return False
        asks_guest = desired.wait and "balloon_current" in desired.settings_for(machine)
        # With a name that could forge rows of the metrics each guest is asked for by itself: a look at four would take too long for the guard.
        own_row = are_told_apart([machine.uuid], {machine.uuid: machine.name})
        return asks_guest and own_row and not self._planner.restarts(machine, desired)

    def result_of(self, place: int) -> MachineResult:
        """Bring a machine to its desired state, or see what would be done."""
        desired, machine = self._desired[place], self._found[place]
        if self._interrupted:
            return _left_alone(desired, machine)
        result = self._attempt(place)
        made = result.plan
        if made and not self._check_mode:
            left = self._leave_waiting and _waits(made, self._requests)
            done = left_waiting(made) if left else execute(made, *self._means)
            result = _with_error_of(result, done)
            self._interrupted = result.error is not None and result.error.code == "interrupted"
        return result

    def results_of(self, places: Sequence[int]) -> list[MachineResult]:
        """Bring machines to their desired states, several at a time."""
        if self._interrupted:
            return [_left_alone(self._desired[place], self._found[place]) for place in places]
        planned: list[MachineResult] = []

        def plans() -> Iterator[MachinePlan]:
            for place in places:
                planned.append(self._attempt(place))
                if planned[-1].plan:
                    yield planned[-1].plan

        done = iter(execute_side_by_side(plans(), *self._means))
        return [_with_error_of(result, next(done)) if result.plan else result for result in planned]

    def _attempt(self, place: int) -> MachineResult:
        return _attempt(self._planner, self._files, self._desired[place], self._found[place])


def _with_error_of(planned: MachineResult, done: MachineResult) -> MachineResult:
    done.error = planned.error or done.error
    return done


def _with_notes(backend: Backend, found: Sequence[Found]) -> list[Found]:
    machines = [machine for machine in found if isinstance(machine, Machine)]
    noted = {machine.uuid: machine for machine in with_notes(backend, machines)}
    return [noted[machine.uuid] if isinstance(machine, Machine) else machine for machine in found]


def _left_alone(desired: DesiredState, machine: Found) -> MachineResult:
    error = VBoxMemoryError(
        "interrupted", "a signal came while another machine was restarted, and this one was left alone. Run again"
    )
    return MachineResult(desired.name, before=machine if isinstance(machine, Machine) else None, error=error)


class _Planner:
    """Makes plans: samples the guest where the guard needs its figures."""

    def __init__(
        self, backend: Backend, desired: Sequence[DesiredState], found: Sequence[Found], leave_waiting: bool
    ) -> None:
        self._backend = backend
        self._wait = SHORT_WAIT if leave_waiting else FIRST_SAMPLE
        version = backend.version if _version_matters(desired, found) else None
        self._features = features_of(this_host(version))

    def restarts(self, machine: Machine, desired: DesiredState) -> bool:
        """Whether a plan for a machine would restart it."""
        try:
            return restarts(machine, desired, self._features, self._backend.capabilities)
        except VBoxMemoryError:
            return False  # nothing can be done then, as planning says

    def plan(self, machine: Machine, desired: DesiredState) -> MachinePlan:
        """A plan for a machine as it is now.

        :raises VBoxMemoryError: see :func:`~.planning.plan.plan`
        """
        capabilities = self._backend.capabilities
        guest = None
        if needs_guest_memory(machine, desired, self._features, capabilities):
            guest = sample_guest(self._backend, machine, self._wait)
        return plan(machine, desired, self._features, capabilities, guest)


def _attempt(planner: _Planner, files: SettingsFiles, desired: DesiredState, machine: Found) -> MachineResult:
    """The planned result for a machine, or what is wrong."""
    if isinstance(machine, VBoxMemoryError):
        return MachineResult(desired.name, error=machine)
    try:
        made = planner.plan(machine, desired)
        files.check_room(made)
        files.check_kept(made)
        return planned_result(made)
    except VBoxMemoryError as error:
        requested = desired.settings_for(machine)
        if not machine.to_be_started:
            return MachineResult(machine.name, before=machine, requested=requested, error=error)
        result = planned_result(start_only(machine, desired))
        result.error = error
        return result


def _version_matters(desired: Sequence[DesiredState], found: Sequence[Found]) -> bool:
    """Whether a feature depends on VirtualBox's version of which something differs: only then it is asked for."""
    return any(
        SETTINGS[name].feature in BY_VERSION
        for one, machine in zip(desired, found)
        if isinstance(machine, Machine)
        for name in differing(machine, one.settings_for(machine))
    )


def _waits(plan: MachinePlan, requests: BalloonRequests) -> bool:
    if any(isinstance(step, CheckBalloon) for step in plan.steps):
        return not requests.all_followed()
    return plan.waits_for_guest


def progress_log(module: AnsibleModule) -> Log:
    """What tells the host's log how far a machine is, and appends it to the progress file, if there is one.

    That file is made here, with the processes that the module's result comes from. Ends the module where that cannot be: the action
    that waits for it no longer does, or could not see it, and runs it again in the foreground.
    """
    started = time.monotonic()
    path = os.environ.get(PROGRESS_FILE)
    if path:
        try:
            with open(path, "x", encoding="utf-8") as stream:
                stream.write(json.dumps({"processes": [os.getpid(), os.getppid()]}) + "\n")
        except OSError as error:
            with suppress(OSError):
                if not os.path.getsize(path):  # the action's claim, or what a full disk left
                    os.unlink(path)
            module.exit_json(changed=False, not_begun="%s: nothing was done" % error)

    def tell(machine: str, message: str) -> None:
        module.log("machine %r: %s" % (machine, message))
        if path:
            line = dict(machine=machine, message=message, seconds=round(time.monotonic() - started, 1))
            try:
                with open(path, "a", encoding="utf-8") as stream:
                    stream.write(json.dumps(line) + "\n")
            except OSError:
                pass  # it cannot be seen then; the work goes on

    return tell


def finish(module: MemoryModule, results: Sequence[Mapping[str, Any]], used: Mapping[str, Any]) -> None:
    """End the module with these results: failed if one of the machines failed.

    :param used: what the result says of the backend
    """
    whole = dict(used, **outcome(results))
    if module._diff:
        whole["diff"] = [_diff(result) for result in results if result["changed"]]
    for result in results:
        for warning in result["warnings"]:
            module.warn("machine %r: %s" % (result["name"], warning))
    if whole.get("failed"):
        module.fail_json(**whole)
    module.exit_json(**whole)


def _refuse_the_same_machine_twice(desired: Sequence[DesiredState], found: Sequence[Found]) -> None:
    """A name and a UUID can mean one machine; then neither entry can be right.

    :raises VBoxMemoryError: ``invalid_parameters``
    """
    names: dict[str, list[str]] = {}
    for one, machine in zip(desired, found):
        if isinstance(machine, Machine):
            names.setdefault(machine.uuid, []).append(one.name)
    twice = [
        "%s are the machine %s" % (" and ".join(map(repr, same)), uuid) for uuid, same in names.items() if len(same) > 1
    ]
    if twice:
        raise VBoxMemoryError(
            "invalid_parameters",
            "nothing was changed. %s: put all that a machine is to have into one entry" % "; ".join(twice),
        )


def _diff(result: Mapping[str, Any]) -> dict[str, str]:
    return dict(
        before_header=printable(result["name"]),
        after_header=printable(result["name"]),
        before=_lines(result["before"]),
        after=_lines(result["after"]),
    )


def _lines(values: Mapping[str, Any]) -> str:
    return "".join("%s: %s\n" % (key, json.dumps(value)) for key, value in values.items())
