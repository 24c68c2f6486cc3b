# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal that Ansible was started in."""

from __future__ import annotations

import os

from ansible.utils.display import Display

NOT_KNOWN = 79  # what Ansible takes for the columns where there is no terminal, and of one with 80 columns
TERMINALS = ("/dev/pts/", "/dev/tty", "/dev/console")
# Callbacks that write for a program: their output has to stay what it is.
FOR_PROGRAMS = ("json", "jsonl", "junit", "null", "cloud_json")


def terminal_width() -> int | None:
    """The columns of the terminal; ``None`` where the output goes elsewhere."""
    columns: int | None = Display().columns
    if columns != NOT_KNOWN:
        return columns
    try:  # a task runs in a process without the terminal: its parent has it
        out = os.readlink("/proc/%d/fd/1" % os.getppid())
    except OSError:
        return None
    return columns if out.startswith(TERMINALS) else None


def is_for_programs(callback: str) -> bool:
    """Whether the output of this callback is to be read by a program."""
    return callback.rpartition(".")[2] in FOR_PROGRAMS
