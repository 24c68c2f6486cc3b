# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""All locks between the processes that one user runs on one host. A lock goes with its process: one that is killed leaves none.

They are files in a folder that is the user's own, the same for every session of the user: whatever TMPDIR, HOME or XDG_* say, it is in the home
that the system's list of users names. The file's name has the host's, for homes that hosts share, and VirtualBox's VBOX_IPC_SOCKETID, which is
what gives a session a server of its own (measured; VBOX_USER_HOME does not).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import stat
import time
from typing import Any, Iterator

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

FOLDER = ".vbox-memory"
CLIENT = "client"
LIMIT = 600  # seconds: five times what one request to VirtualBox may take
CANNOT_OPEN = "See that this user can make files there, and that no link or folder is in its place"
SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.1  # seconds between two tries


@contextlib.contextmanager
def user_lock(purpose: str, timeout: float) -> Iterator[bool]:
    """Hold this user's lock for a purpose; yields whether it was acquired within so many seconds.

    :raises VBoxMemoryError: ``lock_unusable``
    """
    descriptor = _acquire(open_lock(purpose), purpose, timeout)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def open_lock(purpose: str, home: str | None = None, uid: int | None = None) -> int:
    """The descriptor of this user's lock for a purpose.

    :param home: the folder that has the locks' folder; the user's home unless told
    :param uid: whose they must be; the user's own unless told
    :raises VBoxMemoryError: ``lock_unusable`` where it cannot be made, or is not the user's own alone
    """
    uid = os.geteuid() if uid is None else uid
    path = lock_path(purpose, home)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.dirname(path), 0o700)
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _require_own(os.fstat(folder), uid, os.path.dirname(path))
            flags = os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(os.path.basename(path), flags, 0o600, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unusable(path, "it cannot be opened: %s" % (error.strerror or error), CANNOT_OPEN) from None
    try:
        _require_own(os.fstat(descriptor), uid, path)
    except VBoxMemoryError:
        os.close(descriptor)
        raise
    return descriptor


def lock_path(purpose: str, home: str | None = None) -> str:
    """Where this user's lock for a purpose is."""
    parts = [purpose, os.uname().nodename, os.environ.get("VBOX_IPC_SOCKETID", "")]
    name = "-".join(re.sub(r"[^A-Za-z0-9._-]", "_", part)[:80] for part in parts if part)
    return os.path.join(_home() if home is None else home, FOLDER, name + ".lock")


class ClientLock:
    """The lock that each client of VirtualBox holds, for ``with``: clients side by side are slower, and some fail (measured).

    Within a process it can be taken again while it is held. It lasts as long as a process has :attr:`descriptor` open
    and the lock is not given back, so a child that inherited it keeps the lock of a request when its parent is killed.
    Taking it raises ``lock_unusable``, or ``host_busy`` when others have held it too long.

    :param limit: seconds to wait for it
    """

    def __init__(self, limit: float = LIMIT) -> None:
        self.descriptor: int | None = None
        self._limit = limit
        self._depth = 0

    def __enter__(self) -> None:
        if not self._depth:
            if self.descriptor is None:
                self.descriptor = open_lock(CLIENT)
            self.descriptor = _acquire(self.descriptor, CLIENT, self._limit)
            if self.descriptor is None:
                raise VBoxMemoryError(
                    "host_busy",
                    "another process of this user has held the lock %s for more than %d s: see which ('fuser' with the path tells)"
                    " and what holds it up, then run again" % (lock_path(CLIENT), self._limit),
                )
        self._depth += 1

    def __exit__(self, *_error: Any) -> None:
        self._depth -= 1
        if not self._depth and self.descriptor is not None:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)


client_lock = ClientLock()


def _acquire(descriptor: int, purpose: str, timeout: float) -> int | None:
    """The descriptor with the lock held, which is another one where the file was replaced; ``None``, closed, after so many seconds."""
    until, pause = time.monotonic() + timeout, SHORTEST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_in_place(descriptor, lock_path(purpose)):
                return descriptor
            os.close(descriptor)
            descriptor = open_lock(purpose)
            continue
        except BlockingIOError:
            pass
        except OSError as error:
            os.close(descriptor)
            raise _unusable(lock_path(purpose), "it cannot be locked: %s" % (error.strerror or error)) from None
        if time.monotonic() > until:
            os.close(descriptor)
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _is_in_place(descriptor: int, path: str) -> bool:
    """Whether a lock's file is still the one that others would open."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except OSError:
        return False


def _require_own(found: os.stat_result, uid: int, path: str) -> None:
    if found.st_uid != uid:
        raise _unusable(path, "it belongs to another user (%d)" % found.st_uid)
    if found.st_mode & 0o022:
        raise _unusable(path, "others may write to it (mode %o)" % stat.S_IMODE(found.st_mode))
    if not stat.S_ISDIR(found.st_mode) and (not stat.S_ISREG(found.st_mode) or found.st_nlink > 1):
        raise _unusable(path, "it is no plain file")


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        raise _unusable(
            "of user %d" % os.geteuid(),
            "the system's list of users does not have that user",
            "Run as a user that it has",
        ) from None


def _unusable(path: str, reason: str, remedy: str = "See who made it, and remove it") -> VBoxMemoryError:
    return VBoxMemoryError(
        "lock_unusable",
        "the lock %s cannot be used, which keeps two tasks of this user from changing VirtualBox at once: %s. Nothing was changed."
        " %s" % (path, reason, remedy),
    )
