# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a run over many hosts, as the lines of a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.results import Result, host_failure
from ansible_collections.vbox.memory.plugins.plugin_utils.table import table
from ansible_collections.vbox.memory.plugins.plugin_utils.values import count, plain, quoted, shown

COLUMNS = {
    "host": "Host",
    "machine": "Machine",
    "state": "State",
    "setting": "Setting",
    "before": "Current",
    "after": "Desired",
    "outcome": "Outcome",
    "source": "Source",
}


# Of a failure that is to be short.
MOST_NAMES = 5
MOST_LINES = 8
LONGEST = 400  # characters of a line


def rows_of(host: str, result: Mapping[str, Any]) -> list[Result]:
    """The rows of one host; one that failed before it had any has one that says why."""
    rows = plain(result.get("differences") or [])
    if not rows and (result.get("failed") or result.get("unreachable")):
        rows = [host_failure(str(result.get("msg") or "The host failed without a message"), host)]
    return [dict(row, host=host) for row in rows]


def summary(
    results: Mapping[str, Mapping[str, Any]], compares_only: bool, width: int | None = None, short: bool = False
) -> list[str]:
    """What differs, what failed, and how much of each. Failures are last, each message once.

    :param results: of each host the result of the action ``vbox_memory_policy``
    :param compares_only: whether nothing was changed
    :param width: the columns of the terminal that the table is to fit
    :param short: whether long messages are cut
    """
    rows = [row for host, result in results.items() for row in rows_of(host, result)]
    failures = [row for row in rows if row["outcome"] == "failed"]
    others = [row for row in rows if row["outcome"] != "failed"]
    pending = sum(row["outcome"] == "pending" for row in others)
    changed = len(others) - pending
    lines = table(others, COLUMNS, width) if others else []
    lines += failure_lines(failures, short)
    lines.append(
        "%s on %s: %s %s, %d %s to wait for a shutdown, %s."
        % (
            count(sum(len(result.get("machines") or []) for result in results.values()), "machine"),
            count(len(results), "host"),
            count(changed, "setting"),
            "%s and could change now" % ("differs" if changed == 1 else "differ") if compares_only else "changed",
            pending,
            "has" if pending == 1 else "have",
            count(len(failures), "failure"),
        )
    )
    return lines


def failure_lines(failures: Sequence[Result], short: bool = False) -> list[str]:
    """The lines of failures, each message once with all whom it is about."""
    about: dict[str, list[str]] = {}
    for row in failures:
        machine = "" if row.get("machine") is None else ", machine %s" % quoted(row["machine"])
        about.setdefault(str(row.get("msg")), []).append("%s%s" % (row["host"], machine))
    return [line for msg, whom in about.items() for line in _failure(msg, whom, short)]


def _failure(msg: str, whom: Sequence[str], short: bool) -> list[str]:
    """All lines but the first are indented: what somebody else wrote cannot look like a line of ours."""
    first, *others = msg.splitlines() or [""]
    names = "; ".join(whom[:MOST_NAMES] if short else whom)
    if short and len(whom) > MOST_NAMES:
        names += " and %d more" % (len(whom) - MOST_NAMES)
    longest = LONGEST if short else None
    lines = [shown("FAILED: %s: %s" % (names, first), longest), *("  %s" % shown(line, longest) for line in others)]
    if short and len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = ["  … and %d more lines: -v shows all" % (len(lines) - MOST_LINES + 1)]
    return lines
