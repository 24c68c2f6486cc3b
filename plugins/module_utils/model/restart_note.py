# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The note of a restart under way, kept in VirtualBox's global extra data from before the shutdown until the machine runs again.

Who finds one with a machine that is off knows that a run was interrupted. The user of VirtualBox can write there, too: a note is data.
"""

from __future__ import annotations

import re

from ansible_collections.vbox.memory.plugins.module_utils.model.commands import FRONTENDS
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import RestartNote

PREFIX = "vbox.memory/restart/"
VALID_FOR = 86400  # seconds: who has left a machine off for a day means it
CLOCKS_DIFFER = 300  # seconds by which a note may be of the future


def note_key(uuid: str) -> str:
    """The key of a machine's note."""
    return PREFIX + uuid


def write_note(frontend: str | None, additions: bool, now: float) -> str:
    """The value of a note.

    :param frontend: as ``showvminfo`` calls it
    """
    return "%s %d %d" % (FRONTENDS.get(frontend or "", "headless"), additions, now)


def read_note(value: str, now: float) -> RestartNote:
    """What a note says: known front ends only, and of the last day."""
    found = re.fullmatch(r"(%s) ([01]) ([0-9]{1,12})" % "|".join(FRONTENDS.values()), value, re.ASCII)
    if not found:
        return RestartNote(problem="it is not one that this collection writes")
    since = int(found.group(3))
    if not -CLOCKS_DIFFER <= now - since <= VALID_FOR:
        return RestartNote(since=since, problem="it is not of the last day")
    return RestartNote(found.group(1), found.group(2) == "1", since, max(0, int(now) - since))
