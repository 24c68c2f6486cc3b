# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Carry out the plan for one machine, and read back. A machine that changed meanwhile is planned anew, so many times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.balloon import BalloonController
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import BalloonRequests, Log
from ansible_collections.vbox.memory.plugins.module_utils.execution.restart import RestartController
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


def execute(
    plan: MachinePlan,
    backend: Backend,
    replan: Callable[[Machine, DesiredState], MachinePlan],
    requests: BalloonRequests,
    log: Log,
    max_replans: int = MAX_REPLANS,
) -> MachineResult:
    """Take the steps of a plan and read back; the result holds the error, if there is one, and what did change by then.

    :param replan: makes a plan for the machine as it is then: it was started or stopped meanwhile, or the backend is another
    """
    execution = _Execution(plan, backend, requests, log)
    try:
        for _attempt in range(max_replans + 1):
            if execution.take_steps():
                execution.verify()
                break
            execution.result.now = execution.after
            execution.use(replan(execution.after, execution.desired))
        else:
            raise VBoxMemoryError(
                "state_blocks_change",
                "the machine changed its state %d times while its settings were to change, and is %s now: see what"
                " starts and stops it, then run again" % (max_replans + 1, execution.after.state),
            )
    except VBoxMemoryError as error:
        execution.result.error = error
    return execution.finished()


class _Execution:
    """The state of a plan under way. ``after`` is the machine as far as it is known, ``desired`` what the next plan is for."""

    def __init__(self, plan: MachinePlan, backend: Backend, requests: BalloonRequests, log: Log) -> None:
        self.result = MachineResult(name=plan.machine.name, before=plan.machine)
        self.desired = plan.desired
        self._backend = backend
        self._requests = requests
        self._log = log
        self._restarted_for: Mapping[str, Any] = {}
        self.use(plan)

    def use(self, plan: MachinePlan) -> None:
        """Go by this plan from here on."""
        self.plan = plan
        self.result.warnings += plan.warnings
        self.after = self.result.now = plan.machine
        self._expected: dict[str, Any] = {}
        self._reached: int | None = None
        self.result.limited_by = plan.limited_by or self.result.limited_by
        self.result.requested = {**plan.requested, **self._restarted_for}

    def finished(self) -> MachineResult:
        """The result, with the machine as it is now."""
        self.result.plan, self.result.after = self.plan, self.after
        return self.result

    def take_steps(self) -> bool:
        """Take all steps; false when the machine or the backend is not as planned for any more."""
        take: dict[type, Callable[[Any], bool]] = {
            SetValues: self._set_values,
            Restart: self._restart,
            StartAgain: self._start_again,
            SetBalloon: self._set_balloon,
            CheckBalloon: self._check_balloon,
        }
        for step in self.plan.steps:
            if not take[type(step)](step):
                return False
        if self._expected:
            self.after = self._read()
        return True

    def verify(self) -> None:
        """Compare what was read back with the plan.

        :raises VBoxMemoryError: ``change_did_not_stick``
        """
        _verify(self.after, self._expected)

    def _set_values(self, step: SetValues) -> bool:
        values = dict(step.values)
        if "balloon_default" in values and self._reached is not None:
            # A balloon that stopped short of its target is the largest that is known to do no harm, by default too.
            values["balloon_default"] = min(values["balloon_default"], self._reached)
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
        self.verify()
        return False  # what a live machine is to have is another plan's

    def _set_balloon(self, step: SetBalloon) -> bool:
        controller = self._controller()
        self._with_balloon(controller, lambda: controller.change(step.target))
        self._reached = controller.reached
        self._expected["balloon_current"] = step.target if controller.reached is None else controller.reached
        return True

    def _check_balloon(self, _step: CheckBalloon) -> bool:
        controller = self._controller()

        def check() -> None:
            if not (self._requests.all_followed() and controller.guest_follows()):
                self.result.requested_again = controller.request_again()

        self._with_balloon(controller, check)
        return True

    def _controller(self) -> BalloonController:
        return BalloonController(self._backend, self._requests, self.plan.machine, self.plan.desired, self._log)

    def _with_balloon(self, controller: BalloonController, act: Callable[[], None]) -> None:
        try:
            act()
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
