# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the service of balance did last: a file beside its lock, which the service writes, and the facts read. It is data: the user can write there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import Any, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.locks import lock_path, open_lock

LOCK = "balance"  # of everybody who balances, held for as long as they do
LARGEST = 4 * 1024 * 1024  # bytes
# What there is in a status, and of what type it is.
KEYS: dict[str, tuple[type, ...]] = {
    "version": (str,),
    "pid": (int,),
    "since": (int,),
    "rounds": (int,),
    "last_round": (int, type(None)),
    "problem": (str, type(None)),
    "host": (dict, type(None)),
    "machines": (list,),
}


def status_path() -> str:
    """Where the status of this user's service is.

    :raises VBoxMemoryError: ``lock_unusable``, for a user that the system does not know
    """
    return lock_path(LOCK)[: -len(".lock")] + ".json"


def write_status(status: Mapping[str, Any]) -> None:
    """Put a status in place, whole or not at all. Where that cannot be, the old one stays."""
    path = status_path()
    new = "%s.%d" % (path, os.getpid())
    try:
        with open(new, "w", encoding="utf-8") as stream:
            json.dump(status, stream)
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)


def read_status() -> dict[str, Any] | None:
    """The status, with ``running``: whether a balance of this user runs now. ``None``: there is none, or what is there is not one."""
    try:
        with open(status_path(), "rb") as stream:
            text = stream.read(LARGEST + 1)
        found = json.loads(text.decode("utf-8")) if len(text) <= LARGEST else None
    except (OSError, ValueError, RecursionError, VBoxMemoryError):
        return None
    if not isinstance(found, dict) or any(type(found.get(key)) not in kinds for key, kinds in KEYS.items()):
        return None
    return dict({key: found[key] for key in KEYS}, running=_is_locked())


def _is_locked() -> bool:
    """Whether somebody balances."""
    try:
        descriptor = open_lock(LOCK)
    except VBoxMemoryError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
