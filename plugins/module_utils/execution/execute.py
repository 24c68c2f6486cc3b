# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out plans, and read back. A machine that changed meanwhile is planned anew, so many times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Generator, Iterable, Mapping, Sequence, TypeVar

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.balloon import (
    BalloonChange,
    BalloonController,
    change_balloons,
)
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import BalloonRequests, Log
from ansible_collections.vbox.memory.plugins.module_utils.execution.restart import RestartController
from ansible_collections.vbox.memory.plugins.module_utils.execution.settings_files import SettingsFiles
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import change_commands
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import SETTINGS
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import (
    CheckBalloon,
    MachinePlan,
    Restart,
    SetBalloon,
    SetValues,
    StartAgain,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.result import MachineResult

MAX_REPLANS = 3
# Guests that are looked after at a time. A look at all of them costs VBoxManage one call, where one guest alone used to cost two, so in the time in which
# one got memory back by seven calls (docs/how-it-works.md, The guard) four get it that are all in need at once: three looks and four requests.
MOST_AT_ONCE = 4

Replan = Callable[[Machine, DesiredState], MachinePlan]
Done = TypeVar("Done")
Awaiting = Generator[BalloonChange, None, Done]


def execute(
    plan: MachinePlan,
    backend: Backend,
    replan: Replan,
    requests: BalloonRequests,
    files: SettingsFiles,
    log: Log,
    max_replans: int = MAX_REPLANS,
) -> MachineResult:
    """Take the steps of a plan and read back; the result holds the error, if there is one, and what did change by then.

    :param replan: makes a plan for the machine as it is then: it was started or stopped meanwhile, or the backend is another
    :param files: sees that the settings were saved, and that there is still room when a guest was waited for
    """
    return execute_side_by_side([plan], backend, replan, requests, files, log, max_replans)[0]


def execute_side_by_side(
    plans: Iterable[MachinePlan],
    backend: Backend,
    replan: Replan,
    requests: BalloonRequests,
    files: SettingsFiles,
    log: Log,
    max_replans: int = MAX_REPLANS,
) -> list[MachineResult]:
    """The same for plans of several machines, :data:`MOST_AT_ONCE` balloons at a time; all else is done one after the other.

    :param plans: of which each is only taken when its machine's turn comes
    """
    executions: list[_Execution] = []
    waiting: list[_Execution] = []
    for plan in plans:
        executions.append(_Execution(plan, backend, requests, files, log, replan, max_replans))
        waiting += [executions[-1]] if executions[-1].goes_on() else []
        if len(waiting) == MOST_AT_ONCE:
            _finish(waiting)
            waiting = []
    _finish(waiting)
    return [execution.result for execution in executions]


def _finish(executions: Sequence[_Execution]) -> None:
    """Change the balloons that these executions wait for, until none waits any more."""
    while executions:
        changes = [execution.awaited for execution in executions if execution.awaited]
        errors = change_balloons(changes)
        executions = [execution for execution, error in zip(executions, errors) if execution.goes_on(error)]


class _Execution:
    """The state of a plan under way. ``after`` is the machine as far as it is known, ``desired`` what the next plan is for.

    ``awaited`` is the balloon that somebody else is to change before it goes on.
    """

    def __init__(
        self,
        plan: MachinePlan,
        backend: Backend,
        requests: BalloonRequests,
        files: SettingsFiles,
        log: Log,
        replan: Replan,
        max_replans: int,
    ) -> None:
        self.result = MachineResult(name=plan.machine.name, before=plan.machine)
        self.awaited: BalloonChange | None = None
        self.desired = plan.desired
        self._backend = backend
        self._requests = requests
        self._files = files
        self._log = log
        self._restarted_for: Mapping[str, Any] = {}
        self.use(plan)
        self._way = self._run(replan, max_replans)

    def goes_on(self, error: VBoxMemoryError | None = None) -> bool:
        """Go on until a balloon is to be changed; false when all is done, and the result is whole.

        :param error: how the change ended that was awaited
        """
        try:
            self.awaited = self._way.throw(error) if error else next(self._way)
        except StopIteration:
            self.awaited = None
        return self.awaited is not None

    def _run(self, replan: Replan, max_replans: int) -> Awaiting[None]:
        try:
            for _attempt in range(max_replans + 1):
                if (yield from self._take_steps()):
                    _verify(self.after, self._expected)
                    break
                self.result.now = self.after
                self.use(replan(self.after, self.desired))
            else:
                raise VBoxMemoryError(
                    "state_blocks_change",
                    "the machine changed its state %d times while its settings were to change, and is %s now: see what"
                    " starts and stops it, then run again" % (max_replans + 1, self.after.state),
                )
        except VBoxMemoryError as error:
            self.result.error = error
        self.result.plan, self.result.after = self.plan, self.after
        self._files.check_saved(self.result)

    def use(self, plan: MachinePlan) -> None:
        """Go by this plan from here on."""
        self.plan = plan
        self.result.warnings += plan.warnings
        self.after = self.result.now = plan.machine
        self._expected: dict[str, Any] = {}
        self._reached: int | None = None
        self.result.limited_by = plan.limited_by or self.result.limited_by
        self.result.requested = {**plan.requested, **self._restarted_for}

    def _take_steps(self) -> Awaiting[bool]:
        """Take all steps; false when the machine or the backend is not as planned for any more."""
        take: dict[type, Callable[[Any], bool]] = {
            SetValues: self._set_values,
            Restart: self._restart,
            StartAgain: self._start_again,
        }
        for step in self.plan.steps:
            if isinstance(step, SetBalloon):
                yield from self._set_balloon(step)
            elif isinstance(step, CheckBalloon):
                yield from self._check_balloon()
            elif not take[type(step)](step):
                return False
        if self._expected:
            self.after = self._read()
        return True

    def _set_values(self, step: SetValues) -> bool:
        values = dict(step.values)
        if "balloon_default" in values and self._reached is not None:
            # A balloon that stopped short of its target is the largest that is known to do no harm, by default too.
            values["balloon_default"] = min(values["balloon_default"], self._reached)
        if step.live:
            self._files.check_room(self.plan)  # once more: it may be minutes since the plan was made
        capabilities = self._backend.capabilities
        self.result.commands += change_commands(self.plan.machine.uuid, values)
        try:
            self._backend.change(self.plan.machine.uuid, values, live=step.live)
        except VBoxMemoryError as error:
            self._read_after(error)
            if self.after.state == self.plan.machine.state and self._backend.capabilities == capabilities:
                raise
            return False
        self._expected.update(values)
        self.after = replace(self.after, **values)  # as VirtualBox says, until it is read back
        return True

    def _restart(self, step: Restart) -> bool:
        controller = RestartController(self._backend, self.plan.machine, self.plan.desired, self._log)
        try:
            controller.run(step)
        except VBoxMemoryError as error:
            self.after = controller.changed or self.after
            self._read_after(error)
            raise
        finally:
            self.result.commands += controller.commands
        self.after = controller.changed or self.after
        self.after = self._read()
        _verify(self.after, step.values)
        # The guest has started anew: what is to be done with its balloon is another question, and the only one left.
        self._restarted_for = self.plan.requested
        self.desired = balloon_only(self.plan.desired, self.plan.requested.get("balloon_current"))
        return False

    def _start_again(self, step: StartAgain) -> bool:
        controller = RestartController(self._backend, self.plan.machine, self.plan.desired, self._log)
        try:
            controller.start_again(step.note)
        except VBoxMemoryError as error:
            self._read_after(error)
            raise
        finally:
            self.result.commands += controller.commands
            self.result.started = controller.started
        self.after = self._read()
        _verify(self.after, self._expected)
        return False  # what a live machine is to have is another plan's

    def _set_balloon(self, step: SetBalloon) -> Awaiting[None]:
        controller = self._controller()
        yield from self._with_balloon(controller, self._await(BalloonChange(controller, step.target)))
        self._reached = controller.reached
        self._expected["balloon_current"] = step.target if controller.reached is None else controller.reached

    def _check_balloon(self) -> Awaiting[None]:
        controller = self._controller()

        def check() -> Awaiting[None]:
            if not (self._requests.all_followed() and controller.guest_follows()):
                self.result.requested_again = yield from controller.request_again()

        yield from self._with_balloon(controller, check())

    def _await(self, change: BalloonChange) -> Awaiting[None]:
        yield change

    def _controller(self) -> BalloonController:
        return BalloonController(self._backend, self._requests, self.plan.machine, self.plan.desired, self._log)

    def _with_balloon(self, controller: BalloonController, act: Awaiting[None]) -> Awaiting[None]:
        try:
            yield from act
        except VBoxMemoryError as error:
            self._read_after(error)
            raise
        finally:
            self.result.commands += controller.commands
            self.result.progress += controller.observer.progress
            self.result.limited_by = controller.limited_by or self.result.limited_by
        if controller.commands:
            self.after = self._read()

    def _read(self) -> Machine:
        return _with_known(self._backend.read(self.plan.machine.uuid), self.after)

    def _read_after(self, error: VBoxMemoryError) -> None:
        """See what became of a change that failed. If that cannot be seen either, the first error is the one to tell."""
        try:
            self.after = self._read()
        except VBoxMemoryError:
            raise error from None


def _with_known(machine: Machine, known: Machine) -> Machine:
    """A machine that has just been read, with its note, and with the default balloon that it had while VirtualBox said it."""
    if machine.live and machine.balloon_default is None:
        return replace(machine, balloon_default=known.balloon_default)
    return machine if machine.live else replace(machine, note=known.note)


def balloon_only(desired: DesiredState, size: int | None) -> DesiredState:
    """The same desired state with nothing asked for but this current balloon."""
    return replace(
        desired,
        balloon=None,
        balloon_leave=None,
        balloon_default=None,
        balloon_current=size,
        page_fusion=None,
        large_pages=None,
    )


def _verify(machine: Machine, values: Mapping[str, Any]) -> None:
    missing = [
        "%s is %s, not %s" % (SETTINGS[name].label, getattr(machine, name), value)
        for name, value in values.items()
        if getattr(machine, name) != value
    ]
    if missing:
        raise VBoxMemoryError(
            "change_did_not_stick",
            "VirtualBox reported success, but read back %s. See what else changes this machine, then run again"
            % " and ".join(missing),
        )
