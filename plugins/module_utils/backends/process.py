# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the backends share about processes: their environment, their end, and trying again."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from typing import Any, Callable, TypeVar

from ansible_collections.vbox.memory.plugins.module_utils.errors import RETRY_DELAYS, TRANSIENT, VBoxMemoryError

TIME_LIMIT = 120  # seconds for one request to VirtualBox; its process is left alone after that, never killed

T = TypeVar("T")


def retry_transient(attempt: Callable[[], T]) -> T:
    """Give back what ``attempt()`` does; an error whose code is among :data:`TRANSIENT` (a lock held by another program, a
    server that is starting) is tried again, after each of :data:`RETRY_DELAYS` in turn."""
    for delay in RETRY_DELAYS:
        try:
            return attempt()
        except VBoxMemoryError as error:
            if error.code not in TRANSIENT:
                raise
        time.sleep(delay)
    return attempt()


def wait_for_exit(process: subprocess.Popen[Any], limit: float) -> int:
    """The exit status of a process, as soon as there is one: ``process.wait(limit)`` would sleep up to 50 ms longer (measured).

    :param limit: seconds
    :raises subprocess.TimeoutExpired:
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # macOS, Python 3.8, or a kernel before 5.3
        return process.wait(limit)
    try:
        select.select([descriptor], [], [], limit)
    finally:
        os.close(descriptor)
    return process.wait(0)


def environment() -> dict[str, str]:
    """The environment for VirtualBox's programs: UTF-8, or they would replace letters in names."""
    locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    return dict(os.environ, LC_ALL=locale, LANG=locale)
