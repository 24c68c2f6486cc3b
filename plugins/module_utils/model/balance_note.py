# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What balance asked of each machine last, kept in VirtualBox's global extra data: one value for all machines of a user.

It is written before the requests are made, so it never lacks one; where it names a balloon that VirtualBox does not show, the request was not made, or
somebody has made another one since. The user of VirtualBox can write there, too: it is data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.model.machine import UUID

PREFIX = "vbox.memory/balance/"
KEY = PREFIX + "changes"
CLOCKS_DIFFER = 300  # seconds by which a change may be of the future
MOST = 1000  # machines: the value is one argument of a command
ENTRY = re.compile(r"(%s) ([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,12}) ([0-9]{1,12}) ([a-z_]{1,40})" % UUID, re.ASCII)


@dataclass(frozen=True)
class BalanceChange:
    """A request.

    :param request: MB of balloon that were asked for, and ``was`` before
    :param since: seconds since 1970; ``lowered`` when it was last asked for a smaller balloon, 0 for never
    :param code: why, see ``planning/balance/explain.py``
    """

    request: int
    was: int
    since: int
    lowered: int
    code: str

    def gives_since(self, time: float) -> bool:
        """Whether it was a request to give, of this time (in seconds since 1970) or later."""
        return self.request > self.was and self.since >= time

    def as_facts(self) -> dict[str, Any]:
        """As the facts show it."""
        return dict(balloon_mb=self.request, was_mb=self.was, since=self.since, code=self.code)


def write_changes(changes: Mapping[str, BalanceChange]) -> str:
    """The value for these changes, by UUID; of very many the newest."""
    newest = sorted(changes.items(), key=lambda pair: -pair[1].since)[:MOST]
    return ",".join(
        "%s %d %d %d %d %s" % (uuid, one.request, one.was, one.since, one.lowered, one.code) for uuid, one in newest
    )


def read_changes(value: str | None, now: float) -> dict[str, BalanceChange]:
    """What a value says, by UUID. What is not of the form, and what is of the future, is left out."""
    changes = {}
    for entry in (value or "").split(",")[:MOST]:
        found = ENTRY.fullmatch(entry)
        if found and int(found.group(4)) <= now + CLOCKS_DIFFER:
            request, was, since, lowered = (int(found.group(number)) for number in (2, 3, 4, 5))
            changes[found.group(1).lower()] = BalanceChange(request, was, since, lowered, found.group(6))
    return changes
