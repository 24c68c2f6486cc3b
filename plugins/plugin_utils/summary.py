# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a run over many hosts, as the lines of a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.results import Result, host_failure
from ansible_collections.vbox.memory.plugins.plugin_utils.table import table
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain, shown

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


def rows_of(host: str, result: Mapping[str, Any]) -> list[Result]:
    """The rows of one host; one that failed before it had any has one that says why."""
    rows = plain(result.get("differences") or [])
    if not rows and (result.get("failed") or result.get("unreachable")):
        rows = [host_failure(str(result.get("msg") or "The host failed without a message"), host)]
    return [dict(row, host=host) for row in rows]


def summary(results: Mapping[str, Mapping[str, Any]], compares_only: bool) -> list[str]:
    """What differs, what failed, and how much of each.

    :param results: of each host the result of the action ``vbox_memory_policy``
    :param compares_only: whether nothing was changed
    """
    rows = [row for host, result in results.items() for row in rows_of(host, result)]
    failures = [row for row in rows if row["outcome"] == "failed"]
    others = [row for row in rows if row["outcome"] != "failed"]
    pending = sum(row["outcome"] == "pending" for row in others)
    lines = table(others, COLUMNS) if others else []
    lines += [line for row in failures for line in failure_lines(row)]
    lines.append(
        "%d machines on %d hosts: %d settings %s, %d have to wait for a shutdown, %d failures."
        % (
            sum(len(result.get("machines") or []) for result in results.values()),
            len(results),
            len(others) - pending,
            "differ and could change now" if compares_only else "changed",
            pending,
            len(failures),
        )
    )
    return lines


def failure_lines(row: Result) -> list[str]:
    """The lines of a failure. All but the first are indented: what somebody else wrote cannot look like a line of ours."""
    machine = "" if row.get("machine") is None else ", machine %s" % json.dumps(row["machine"], ensure_ascii=False)
    first, *others = str(row.get("msg")).splitlines() or [""]
    return [shown("FAILED: %s%s: %s" % (row["host"], machine, first)), *("  %s" % shown(line) for line in others)]
