# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Room that is kept for machines about to start, in VirtualBox's global extra data: whoever balances there reads it each round.

It ends by itself, and holds no lock. The user of VirtualBox can write there, too: it is data.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.model.balance_note import CLOCKS_DIFFER, PREFIX

KEY = PREFIX + "reservations"
LONGEST = 86400  # seconds
MOST = 16  # reservations at a time
MARGIN = 64  # MB beyond what is to be free: the last few MB of each machine are too small a step to ask for
ENTRY = re.compile(r"([0-9a-f]{16}) ([0-9]{1,9}) ([0-9]{1,12}) ([0-9]{1,12})", re.ASCII)


@dataclass(frozen=True)
class Reservation:
    """Room for ``memory_mb`` MB.

    :param since: seconds since 1970, as ``until``
    """

    memory_mb: int
    since: int
    until: int


def key_of(text: str) -> str:
    """Whom it is for: any text, of which only this is kept."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def write_reservations(reservations: Mapping[str, Reservation]) -> str | None:
    """The value for these, by :func:`key_of`; of too many the newest."""
    newest = sorted(reservations.items(), key=lambda pair: -pair[1].since)[:MOST]
    return ",".join("%s %d %d %d" % (key, one.memory_mb, one.since, one.until) for key, one in newest) or None


def read_reservations(value: str | None, now: float) -> dict[str, Reservation]:
    """What a value says that has not ended. What is not of the form, is of the future, or is to last for too long, is left out."""
    found = {}
    for entry in (value or "").split(",")[:MOST]:
        match = ENTRY.fullmatch(entry)
        if match:
            memory, since, until = (int(match.group(number)) for number in (2, 3, 4))
            if since <= now + CLOCKS_DIFFER and now < until <= since + LONGEST:
                found[match.group(1)] = Reservation(memory, since, until)
    return found


def not_started_yet(
    reservations: Mapping[str, Reservation], started: Iterable[tuple[float, int]]
) -> list[dict[str, Any]]:
    """The planner's reservations: what is left of these, as machines that started since have their own memory now.

    :param started: when each machine was started, in seconds since 1970, and its memory, MB
    """
    machines = sorted(started)
    left = []
    for key, one in sorted(reservations.items(), key=lambda pair: (pair[1].since, pair[0])):
        memory = one.memory_mb
        for index, (when, size) in enumerate(machines):
            taken = min(memory, size) if when >= one.since else 0
            machines[index] = (when, size - taken)
            memory -= taken
        if memory:
            left.append(room_for(memory, key))
    return left


def room_for(memory_mb: int, name: str) -> dict[str, Any]:
    """The planner's reservation of so many MB; who makes it ends it."""
    return {"name": name, "memory_mb": memory_mb + MARGIN, "until": None}
