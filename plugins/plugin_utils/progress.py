# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a module that takes its time: lines on the controller's terminal.

The module appends lines of JSON to a file of the host, ``{"machine": name, "message": words, "seconds": number}``. The host can write
anything there, so each is bounded and made printable.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ansible_collections.vbox.memory.plugins.plugin_utils.values import quoted, shown

# Callbacks that are read by people while a play runs, by the last part of their names. All others (oneline, minimal, json, …) stay as they are.
HUMAN = ("default", "debug", "yaml", "unixy", "default_without_diff")

FIRST_LOOKS = (0.5, 1, 1.5, 2)  # seconds between looks, so that a short wait costs little
INTERVAL = 4
SAME_AGAIN = 5  # seconds after which the next look says the same again: so something is said every 10 seconds
LONGEST = 200  # characters of a name or message
LAST_LINES, LAST_BYTES = 20, 20000


def is_read_by_people(callback: str) -> bool:
    """Whether the output of this callback is for a terminal."""
    return callback.rpartition(".")[2] in HUMAN


def latest(text: str) -> dict[str, str]:
    """The last message of each machine, by its name in quotes, in a part of such a file, the last one last; what is no such line is left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        try:
            said = json.loads(line)
            name, message = said["machine"], said["message"]
        except (ValueError, TypeError, KeyError):
            continue
        name = quoted(name, LONGEST)
        found.pop(name, None)  # the newest is the last
        found[name] = shown(message, LONGEST)
    return found


class Progress:
    """Which lines are due.

    :param host: the host's name
    :param names: the machines that are waited for; none: all of the host's
    :param now: the seconds of a clock that never goes back
    """

    def __init__(self, host: str, names: Sequence[str], now: float):
        self._host = host
        self._start = self._said_at = now
        self._said: dict[str, str] = {}
        words = ", ".join(quoted(name, LONGEST) for name in names[:3]) or "the machines"
        more = " and %d more" % (len(names) - 3) if len(names) > 3 else ""
        self._waits = "waiting for %s%s" % (words, more)

    def lines(self, text: str, now: float) -> list[str]:
        """What is to be shown now: what is new in a part of the file, or that it goes on.

        :param text: the end of the file
        """
        if now - self._said_at < INTERVAL - 1:
            return []
        known = latest(text)
        new = {name: message for name, message in known.items() if self._said.get(name) != message}
        if not new and now - self._said_at < SAME_AGAIN:
            return []
        self._said, self._said_at = known, now
        last = dict(list(known.items())[-1:])
        words = ["machine %s: %s" % pair for pair in (new or last).items()] or [self._waits]
        return ["%s, %s (%d s)" % (self._host, said, now - self._start) for said in words]
