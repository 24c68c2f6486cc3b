# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a module that takes its time: lines on the controller's terminal.

The module makes a file on the host, whose first line of JSON names the processes that its result comes from, ``{"processes": [number, …]}``,
and appends ``{"machine": name, "message": words, "seconds": number}``. The host can write anything there, so each is bounded and made printable.

Who makes that file first decides whether the module does anything: a controller that has seen none for too long claims it, and a module that
comes later than that ends at once.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.vbox.memory.plugins.plugin_utils.values import quoted, shown

# Callbacks that are read by people while a play runs, by the last part of their names. All others (oneline, minimal, json, …) stay as they are.
HUMAN = ("default", "debug", "yaml", "unixy", "default_without_diff")

FIRST_LOOKS = (0.5, 1, 1.5, 2)  # seconds between looks, so that a short wait costs little
INTERVAL = 4
SAME_AGAIN = 5  # seconds after which the next look says the same again: so something is said every 10 seconds
LONGEST = 200  # characters of a name or message
LAST_LINES, LAST_BYTES = 20, 20000
FIRST_BYTES = 200  # of the first line
BEGINS_WITHIN = 30  # seconds; Ansible's async_wrapper may have lost the module by then, and claiming it does no harm where it has not
PROCESSES = range(2, 2**31)
MOST_PROCESSES = 8

GONE = '{"job": "gone"}'
CLAIMED = '{"job": "claimed"}'


def is_read_by_people(callback: str) -> bool:
    """Whether the output of this callback is for a terminal."""
    return callback.rpartition(".")[2] in HUMAN


def latest(text: str) -> dict[str, str]:
    """The last message of each machine, by its name in quotes, in a part of such a file, the last one last; what is no such line is left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        said = _value(line)
        if "machine" in said and "message" in said:
            name = quoted(said["machine"], LONGEST)
            found.pop(name, None)  # the newest is the last
            found[name] = shown(said["message"], LONGEST)
    return found


class Look(NamedTuple):
    """What a look at such a file shows.

    ``processes`` are those that its result comes from, none where nobody has made the file; ``claimed`` is that the module has not begun,
    and will not; ``refused`` that it could not be claimed, and names nobody; ``gone`` that none of the processes is left, or that it was
    refused twice; ``text`` is the end of the file.
    """

    processes: Sequence[int] = ()
    claimed: bool = False
    refused: bool = False
    gone: bool = False
    text: str = ""


def look(path: str, known: Look, claim: bool) -> str:
    """The shell command that looks at such a file.

    :param known: what the last look showed
    :param claim: claim the file, if no processes are known
    """
    file = shlex.quote(path)
    parts = ["head -n 1 %s 2>/dev/null | head -c %d; echo" % (file, FIRST_BYTES)]
    parts.append("tail -n %d %s 2>/dev/null | tail -c %d" % (LAST_LINES, file, LAST_BYTES))
    if known.processes:
        alive = " || ".join("kill -0 %d 2>/dev/null" % process for process in known.processes)
        parts.insert(0, "%s || echo '%s'" % (alive, GONE))
    elif claim:
        parts.insert(0, "(set -C; : > %s) 2>/dev/null && echo '%s'" % (file, CLAIMED))
    return "; ".join(parts)


def seen(output: str, known: Look, claim: bool) -> Look:
    """What that command's output shows; what it has of other lines, such as those of a login, counts for nothing.

    :param known: what the last look showed
    :param claim: as the command was given
    """
    lines = [line.strip() for line in output.splitlines()]
    processes = known.processes or next(filter(None, map(_processes, lines)), ())
    claimed = CLAIMED in lines and not processes
    refused = claim and not claimed and not processes
    return Look(processes, claimed, refused, GONE in lines if processes else refused and known.refused, output)


def _processes(line: str) -> Sequence[int]:
    found = _value(line).get("processes")
    if isinstance(found, list) and all(isinstance(process, int) and process in PROCESSES for process in found):
        return found[:MOST_PROCESSES]
    return ()


def _value(line: str) -> dict[str, Any]:
    """The object that a line of JSON is; none where it is something else."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


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
