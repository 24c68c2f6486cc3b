# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Shut a machine down gracefully, for a change that needs it, and start it again as it was."""

from __future__ import annotations

import time
from typing import Callable

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import Log
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import change_commands, power_command
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import STOPPED, Machine
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import Restart

POLL_INTERVAL = 1.0  # seconds


class RestartController:
    """Takes one live machine through a shutdown and back.

    :param desired: for ``shutdown_timeout``, ``power_off`` and ``timeout``

    ``commands`` grows as it goes; ``changed`` is the machine after the change, before its start.
    """

    def __init__(self, backend: Backend, machine: Machine, desired: DesiredState, log: Log) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.changed: Machine | None = None
        self._backend = backend
        self._machine = machine
        self._desired = desired
        self._log = log

    def run(self, step: Restart) -> None:
        """Shut down, change, start, and wait for the guest. A machine that ran runs again, whatever becomes of the change.

        :raises VBoxMemoryError: ``shutdown_timeout``, ``start_failed``, ``guest_not_back``, and what the change raises
        """
        for action in step.stop_actions:
            self._power(action)
        self._wait_until_stopped()
        try:
            self._log(self._machine.name, "it has shut down; its settings change")
            self.commands += change_commands(self._machine.uuid, step.values)
            self._backend.change(self._machine.uuid, step.values)
            self.changed = self._backend.read(self._machine.uuid)
        finally:
            self._start(step.frontend)
        self._wait_until_back()

    def _power(self, action: str, frontend: str | None = None) -> None:
        self.commands.append(power_command(self._machine.uuid, action, frontend))
        self._backend.power(self._machine.uuid, action, frontend)

    def _wait_until_stopped(self) -> None:
        """Wait for the guest to shut down. It is powered off only if the task says ``power_off``."""
        timeout = self._desired.shutdown_timeout
        if self._wait(timeout, "it is asked to shut down", lambda now: now.state in STOPPED):
            return
        if not self._desired.power_off:
            raise VBoxMemoryError(
                "shutdown_timeout",
                "the guest has not shut down within %d s of the ACPI power button, and nothing was changed; it may do so"
                " yet. See what holds it up, allow more with shutdown_timeout, or set power_off: true, which loses what"
                " the guest has not written" % timeout,
            )
        self._power("poweroff")
        self._wait(timeout, "it is powered off", lambda now: now.state in STOPPED)

    def _start(self, frontend: str | None) -> None:
        try:
            self._power("start", frontend)
        except VBoxMemoryError as error:
            raise VBoxMemoryError(
                "start_failed",
                "the machine was shut down for the change and does not start again: %s. Start it when that is mended"
                % error.message,
                **error.details,
            ) from error

    def _wait_until_back(self) -> None:
        """Wait for the machine to run, with its Guest Additions if they ran before."""
        served, timeout = self._machine.additions_serve, self._desired.timeout
        if self._wait(
            timeout,
            "it is starting",
            lambda now: now.state == "running" and (now.additions_serve or not served),
        ):
            return
        now = self._backend.read(self._machine.uuid)
        raise VBoxMemoryError(
            "guest_not_back",
            "the machine was changed and started again, and after %d s it is %s with its Guest Additions at run level"
            " %s: look at its console" % (timeout, now.state, now.additions_run_level),
        )

    def _wait(self, seconds: float, phase: str, there: Callable[[Machine], bool]) -> bool:
        started = time.monotonic()
        while True:
            now = self._backend.read(self._machine.uuid)
            if there(now):
                return True
            waited = time.monotonic() - started
            if waited > seconds:
                return False
            self._log(self._machine.name, "%s: %s for %d s of %d" % (phase, now.state, waited, seconds))
            time.sleep(POLL_INTERVAL)
