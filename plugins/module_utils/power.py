# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Shut a machine down in good order, for a change that needs it, and start it again as it was."""

from __future__ import annotations

import time

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.machines import STOPPED

LOOK_EVERY = 1.0  # seconds

# What showvminfo calls the front end of a running machine, and what startvm calls it.
FRONTENDS = {"headless": "headless", "GUI/Qt": "gui", "GUI/SDL": "sdl", "GUI/Separate": "separate"}


class Restart:
    """The way of one live machine through a shutdown and back.

    :param wanted: an :class:`~.arguments.Wanted`, for ``shutdown_timeout``, ``power_off`` and ``timeout``
    """

    def __init__(self, backend, machine, wanted):
        self.backend = backend
        self.machine = machine
        self.wanted = wanted

    @property
    def stop_commands(self):
        """What asks the guest to shut down; a paused one has to hear it first."""
        resume = [("controlvm", self.machine.uuid, "resume")] if self.machine.state == "paused" else []
        return resume + [("controlvm", self.machine.uuid, "acpipowerbutton")]

    @property
    def start_commands(self):
        """What starts the machine again, with the front end that it had."""
        return [("startvm", self.machine.uuid, "--type", FRONTENDS.get(self.machine.frontend, "headless"))]

    def wait_until_stopped(self, run):
        """Wait for the guest to shut down. It is powered off only if the task says ``power_off``.

        :param run: a function that runs a command and keeps it for the result
        :raises VBoxMemoryError: ``shutdown_timeout``
        """
        if self._wait(self.wanted.shutdown_timeout, lambda now: now.state in STOPPED):
            return
        if not self.wanted.power_off:
            raise VBoxMemoryError(
                "shutdown_timeout",
                "the guest has not shut down within %d s of the ACPI power button, and nothing was changed; it may do so"
                " yet. See what holds it up, allow more with shutdown_timeout, or set power_off: true, which loses what the guest has not"
                " written" % self.wanted.shutdown_timeout,
            )
        run(("controlvm", self.machine.uuid, "poweroff"))
        self._wait(self.wanted.shutdown_timeout, lambda now: now.state in STOPPED)

    def wait_until_back(self):
        """Wait for the machine to run, with its Guest Additions if they ran before.

        :raises VBoxMemoryError: ``guest_not_back``
        """
        served = self.machine.additions_serve
        if self._wait(self.wanted.timeout, lambda now: now.state == "running" and (now.additions_serve or not served)):
            return
        now = self.backend.read(self.machine.uuid)
        raise VBoxMemoryError(
            "guest_not_back",
            "the machine was changed and started again, and after %d s it is %s with its Guest Additions at run level %s:"
            " look at its console" % (self.wanted.timeout, now.state, now.additions_run_level),
        )

    def _wait(self, seconds, there):
        until = time.monotonic() + seconds
        while not there(self.backend.read(self.machine.uuid)):
            if time.monotonic() > until:
                return False
            time.sleep(LOOK_EVERY)
        return True
