# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""All locks between the processes that one user runs on one host. A lock goes with its process: one that is killed leaves none."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from typing import Any, Iterator

POLL_INTERVAL = 0.1  # seconds


@contextlib.contextmanager
def user_lock(purpose: str, timeout: float) -> Iterator[bool]:
    """Hold this user's lock for a purpose; yields whether it was acquired within so many seconds."""
    lock = open_lock("-" + purpose)
    if lock is None:
        yield True
        return
    try:
        yield _acquired(lock, time.monotonic() + timeout)
    finally:
        os.close(lock)


def open_lock(suffix: str = "") -> int | None:
    """The descriptor of this user's lock with such a name; ``None`` where another user's file is in its place: then it is done without."""
    path = os.path.join(tempfile.gettempdir(), "vbox-memory-%d%s.lock" % (os.geteuid(), suffix))
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


class ClientLock:
    """The lock that each client of VirtualBox holds, for ``with``: clients side by side are slower, and some fail (measured).

    Within a process it can be taken again while it is held. It lasts as long as a process has :attr:`descriptor` open
    and the lock is not given back, so a child that inherited it keeps the lock of a request when its parent is killed.
    """

    def __init__(self) -> None:
        self.descriptor: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        if not self._depth:
            if self.descriptor is None:
                self.descriptor = open_lock()
            if self.descriptor is not None:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        self._depth += 1

    def __exit__(self, *_error: Any) -> None:
        self._depth -= 1
        if not self._depth and self.descriptor is not None:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)


client_lock = ClientLock()


def _acquired(lock: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(POLL_INTERVAL)
