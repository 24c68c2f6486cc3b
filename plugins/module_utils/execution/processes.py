# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the host's processes tell that VirtualBox does not: who else changes balloons, when a machine's process began, how many users run machines.

Linux only (``/proc``); elsewhere nothing is known. A machine's process is started set-user-ID root: its ``environ`` is root's, and its ``status`` says
whose it is (measured on 7.2.22).
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from typing import Mapping

from ansible_collections.vbox.memory.plugins.module_utils.model.machine import UUID

PROC = "/proc"
CONTROLLER = "VBoxBalloonCtrl"  # 15 letters, which is as much as the kernel keeps of a name
MACHINES = ("VBoxHeadless", "VirtualBoxVM")
SERVER = "VBOX_IPC_SOCKETID"  # what gives a session a VirtualBox server of its own, see locks.py


@dataclass(frozen=True)
class Processes:
    """``started`` has the second of the boot at which each machine's process began, by UUID; ``None``: it cannot be known."""

    other_controller: str | None = None
    users: int | None = None
    started: Mapping[str, float] = field(default_factory=dict)


def look_at_processes(proc: str = PROC) -> Processes:
    """What there is now."""
    try:
        numbers = [name for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return Processes()
    controller, users, started = None, set(), {}
    for number in numbers:
        folder = os.path.join(proc, number)
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended, or is not for us to see
            name = _read(folder, "comm").rstrip("\n")
            if name != CONTROLLER and name not in MACHINES:
                continue
            user = int(_read(folder, "status").partition("\nUid:")[2].split()[0])
            if name == CONTROLLER and user == os.getuid() and _has_our_server(folder):
                controller = "%s (process %s)" % (CONTROLLER, number)
            elif name in MACHINES:
                users.add(user)
                if user == os.getuid():
                    started.update(dict.fromkeys(_machine_of(folder), _start_of(folder)))
    return Processes(controller, len(users) or None, started)


def _has_our_server(folder: str) -> bool:
    """Whether a process talks to the same server of VirtualBox as we; what cannot be seen is taken for yes."""
    try:
        rows = _read(folder, "environ").split("\0")
    except OSError:
        return True
    values = [row.partition("=")[2] for row in rows if row.startswith(SERVER + "=")]
    return (values or [""])[0] == os.environ.get(SERVER, "")


def _machine_of(folder: str) -> list[str]:
    """The UUID of the machine that a process runs, if its command line says so."""
    words = _read(folder, "cmdline").split("\0")
    after = [word for option, word in zip(words, words[1:]) if option in ("--startvm", "-startvm", "-s")]
    return [word.lower() for word in after if re.fullmatch(UUID, word)]


def _start_of(folder: str) -> float:
    # The name, in brackets, can hold blanks and brackets; the start is the 22nd field (proc_pid_stat(5)).
    fields = _read(folder, "stat").rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _read(folder: str, name: str) -> str:
    with open(os.path.join(folder, name), encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()
