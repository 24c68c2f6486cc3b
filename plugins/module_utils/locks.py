# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Locks between the modules that one user runs on one host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time

LOOK_EVERY = 0.1  # seconds


@contextlib.contextmanager
def user_lock(purpose, timeout):
    """Hold this user's lock for a purpose; yields whether it was had within so many seconds.

    The lock goes with the process, so one that is killed leaves none behind.
    """
    lock = open_lock("-" + purpose)
    if lock is None:
        yield True
        return
    try:
        yield _acquired(lock, time.monotonic() + timeout)
    finally:
        os.close(lock)


def open_lock(suffix=""):
    """The descriptor of this user's lock with such a name; ``None`` where somebody else's file is in its place: then it is done without."""
    path = os.path.join(tempfile.gettempdir(), "vbox-memory-%d%s.lock" % (os.geteuid(), suffix))
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


def _acquired(lock, until):
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(LOOK_EVERY)
