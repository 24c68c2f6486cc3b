# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Shut a machine down gracefully, for a change that needs it, and start it again as it was, whatever comes in between."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from types import FrameType
from typing import Any, Callable

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import Log
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import (
    FRONTENDS,
    change_commands,
    power_command,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import STOPPED, Machine, RestartNote
from ansible_collections.vbox.memory.plugins.module_utils.model.restart_note import note_key, write_note
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import Restart

POLL_INTERVAL = 1.0  # seconds


class HeldSignals:
    """Signals that would end this process in the middle of a restart are held, for ``with``; :attr:`received` names the first."""

    SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.received: str | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> HeldSignals:
        if threading.current_thread() is threading.main_thread():  # no other can
            for number in self.SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = self.received or signal.Signals(number).name

    def __exit__(self, *_error: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


class RestartController:
    """Takes one live machine through a shutdown and back.

    :param desired: for ``shutdown_timeout``, ``power_off`` and ``timeout``

    ``commands`` grows as it goes; ``changed`` is the machine after the change, before its start; ``started`` says whether it
    was started.
    """

    def __init__(self, backend: Backend, machine: Machine, desired: DesiredState, log: Log) -> None:
        self.commands: list[tuple[str, ...]] = []
        self.changed: Machine | None = None
        self.started = False
        self._backend = backend
        self._machine = machine
        self._desired = desired
        self._log = log
        self._signals = HeldSignals()

    def run(self, step: Restart) -> None:
        """Shut down, change, start, and wait for the guest. A machine that ran runs again, whatever becomes of the change,
        and when a signal comes. What no process can hold, such as SIGKILL, the note is for.

        :raises VBoxMemoryError: ``shutdown_timeout``, ``start_failed``, ``guest_not_back``, ``interrupted``, and what the change raises
        """
        with self._signals:
            self._note(write_note(self._machine.frontend, self._machine.additions_serve, time.time()))
            self._shut_down(step)
            try:
                if not self._signals.received:
                    self._log(self._machine.name, "it has shut down; its settings change")
                    self.commands += change_commands(self._machine.uuid, step.values)
                    self._backend.change(self._machine.uuid, step.values)
                    self.changed = self._backend.read(self._machine.uuid)
            finally:
                self._start(step.frontend)
            self._wait_until_back(self._machine.additions_serve)
            self._end_if_interrupted()

    def start_again(self, note: RestartNote) -> None:
        """Start a machine that an interrupted run has left off, and wait for the guest.

        :raises VBoxMemoryError: ``start_failed``, ``guest_not_back``, ``interrupted``
        """
        with self._signals:
            self._log(self._machine.name, "it is off since a run was interrupted, and is started again")
            self._start({kind: shown for shown, kind in FRONTENDS.items()}[note.frontend])
            self._wait_until_back(note.additions)
            self._end_if_interrupted()

    def _note(self, value: str | None) -> None:
        self._backend.set_extra_data(note_key(self._machine.uuid), value)

    def _shut_down(self, step: Restart) -> None:
        if self._signals.received:
            self._forget()
            self._end_if_interrupted()
        try:
            for action in step.stop_actions:
                self._power(action)
        except VBoxMemoryError:
            # It may have gone off by itself: at the request of a run that was killed, for example.
            if self._backend.read(self._machine.uuid).state not in STOPPED:
                self._forget()
                raise
        self._wait_until_stopped()

    def _end_if_interrupted(self) -> None:
        if self._signals.received:
            how = "it was started again" if self.started else "it was not shut down"
            changed = "changed" if self.changed else "as they were"
            raise VBoxMemoryError(
                "interrupted",
                "%s came while the machine was restarted for a change: %s, and its settings are %s. Machines after it were"
                " left alone. Run again" % (self._signals.received, how, changed),
            )

    def _forget(self) -> None:
        with contextlib.suppress(VBoxMemoryError):  # it is of the machine's last hours only
            self._note(None)

    def _power(self, action: str, frontend: str | None = None) -> None:
        self.commands.append(power_command(self._machine.uuid, action, frontend))
        self._backend.power(self._machine.uuid, action, frontend)

    def _wait_until_stopped(self) -> None:
        """Wait for the guest to shut down. It is powered off only if the task says ``power_off``.

        :raises VBoxMemoryError: ``shutdown_timeout``
        """
        timeout = self._desired.shutdown_timeout
        if self._wait(timeout, "it is asked to shut down", lambda now: now.state in STOPPED):
            return
        if self._signals.received or not self._desired.power_off:
            raise VBoxMemoryError(
                "shutdown_timeout",
                "the guest has not shut down within %d s of the ACPI power button, and nothing was changed; it may do so"
                " yet, and the next run starts it then. See what holds it up, allow more with shutdown_timeout, or set power_off: true, which loses what"
                " the guest has not written" % timeout,
            )
        self._power("poweroff")
        if not self._wait(timeout, "it is powered off", lambda now: now.state in STOPPED):
            raise VBoxMemoryError(
                "shutdown_timeout",
                "the machine was powered off, as power_off: true says, and has not stopped within %d s; nothing was changed. See what holds"
                " VirtualBox up, then run again, which starts it if it is off by then" % timeout,
            )

    def _start(self, frontend: str | None) -> None:
        try:
            self._power("start", frontend)
        except VBoxMemoryError as error:
            raise VBoxMemoryError(
                "start_failed",
                "the machine was shut down for the change and does not start again: %s. Mend that, then run again, which starts it"
                % error.message,
                **error.details,
            ) from error
        self.started = True
        self._forget()

    def _wait_until_back(self, served: bool) -> None:
        """Wait for the machine to run, with its Guest Additions if they ran before."""
        timeout = self._desired.timeout
        if self._wait(
            timeout,
            "it is starting",
            lambda now: (
                bool(self._signals.received) or (now.state == "running" and (now.additions_serve or not served))
            ),
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
