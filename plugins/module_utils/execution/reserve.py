# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Have whoever balances keep room for a machine that is about to start."""

from __future__ import annotations

import time

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.settings_files import global_settings_lack_room
from ansible_collections.vbox.memory.plugins.module_utils.locks import lock_path, user_lock
from ansible_collections.vbox.memory.plugins.module_utils.model.reservation import (
    KEY,
    Reservation,
    key_of,
    read_reservations,
    write_reservations,
)

LOCK = "reservations"
LONGEST_WRITE = 10  # seconds


def reserve(backend: Backend, whom: str, memory_mb: int, until: int) -> None:
    """Note it in VirtualBox's extra data, in place of what is noted for the same one.

    :param whom: any text
    :param until: seconds since 1970
    :raises VBoxMemoryError: ``disk_full``, ``lock_unusable``, ``balloon_busy``
    """
    why = global_settings_lack_room()
    if why:
        raise VBoxMemoryError("disk_full", "nothing was reserved, as VirtualBox's own settings could be lost: %s" % why)
    now = int(time.time())
    with user_lock(LOCK, LONGEST_WRITE) as acquired:  # of two that write at a time, both are to be there
        if not acquired:
            raise VBoxMemoryError(
                "balloon_busy",
                "nothing was reserved, as another task has been noting a reservation for %d s, with the lock %s: run again"
                % (LONGEST_WRITE, lock_path(LOCK)),
            )
        noted = read_reservations(backend.extra_data(KEY).get(KEY), now)
        noted[key_of(whom)] = Reservation(memory_mb, now, until)
        backend.set_extra_data(KEY, write_reservations(noted))
