# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of balance of many hosts, as the lines of a terminal: each host's machines, where a machine could start, and what helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.whatif import advise, places
from ansible_collections.vbox.memory.plugins.plugin_utils.balancing import BROKEN, BalanceError, start_of
from ansible_collections.vbox.memory.plugins.plugin_utils.summary import failure_lines, rows_of
from ansible_collections.vbox.memory.plugins.plugin_utils.table import table
from ansible_collections.vbox.memory.plugins.plugin_utils.values import count, quoted, shown

Result = Mapping[str, Any]

MACHINES = {
    "name": "Machine",
    "holds_mb": "Holds",
    "used_mb": "Used",
    "free_mb": "Free",
    "request_mb": "Balloon",
    "target_mb": "Target",
    "next_mb": "Next balloon",
    "code": "Code",
    "why": "Why",
}
STARTS = {"host": "Host", "when": "When", "gives": "Who gives", "sentence": "Why"}
INDENT = "  "
LONGEST = 80  # characters of a machine's name within a sentence
WATCH = "vbox_memory_watch"  # the variable of the playbook


def balance_summary(
    results: Mapping[str, Result], start_mb: int | None, compares_only: bool, width: int | None = None
) -> list[str]:
    """The lines of the report.

    :param results: of each host the result of the action ``vbox_memory_balance_plan``
    :param start_mb: the memory of a machine for which a place is looked for
    :param compares_only: whether it was known that nothing is carried out
    :param width: the columns of the terminal that tables are to fit, and long messages are cut for
    :raises BalanceError: where a plan, or what it was made from, is none of ours
    """
    try:
        return list(_lines(results, start_mb, compares_only, width))
    except BROKEN as problem:
        raise BalanceError(
            "the plans are none of vbox.memory.vbox_memory_balance_plan (%s: %s)"
            % (type(problem).__name__, shown(problem, 200))
        ) from None


def _lines(
    results: Mapping[str, Result], start_mb: int | None, compares_only: bool, width: int | None
) -> Iterator[str]:
    plans = {host: result["plan"] for host, result in results.items() if result.get("plan")}
    failures = [row for host, result in results.items() for row in rows_of(host, result) if row["outcome"] == "failed"]
    start = _start_anywhere(results)
    for host, plan in plans.items():
        yield from [*_host(host, plan, width), ""]
    if start_mb is not None:
        yield from [*_starts(plans, start, start_mb, width), ""]
    yield from _advice(plans, start)
    yield from failure_lines(failures, short=width is not None)
    yield from _total(results, plans, len(failures), compares_only)


def _host(host: str, plan: Result, width: int | None) -> Iterator[str]:
    codes = " (%s)" % ", ".join(plan["host"]["codes"]) if plan["host"]["codes"] else ""
    yield shown("%s%s: %s" % (host, codes, plan["host"]["sentence"]))
    names = {row["uuid"]: row["name"] for row in plan["machines"]}
    steps = {step["uuid"]: step["request_mb"] for step in plan["steps"]}
    rows = [
        dict(
            row,
            used_mb=row["figures"].get("used_mb"),
            free_mb=row["figures"].get("free_mb"),
            next_mb=steps.get(row["uuid"]),
            why=row["sentence"] + _gifts(row, names),
        )
        for row in plan["machines"]
    ]
    yield from _indented(table(rows, MACHINES, _inside(width))) if rows else ["  no machine runs"]


def _gifts(row: Result, names: Mapping[str, str]) -> str:
    """For whom a machine gives how much."""
    parts = [
        "%d MB for %s" % (each["mb"], _quoted(names[each["uuid"]])) for each in row["gives_to"] if each["uuid"] in names
    ]
    return " (%s)" % ", ".join(parts) if parts else ""


def _starts(
    plans: dict[str, Any], start: Callable[[str, int], dict[str, Any]], memory: int, width: int | None
) -> list[str]:
    rows = [
        dict(
            answer,
            when={"now": "now", "never": "never"}.get(answer["verdict"], "in %s s" % answer["seconds"]),
            gives=", ".join("%s %d MB" % (_quoted(each["name"]), each["mb"]) for each in answer["gives"]) or None,
        )
        for answer in places(plans, start, memory)
    ]
    title = "Where a machine of %d MB could start:" % memory
    return (
        [title, *_indented(table(rows, STARTS, _inside(width)))] if rows else [title, "  on no host: there is no plan"]
    )


def _advice(plans: dict[str, Any], start: Callable[[str, int], dict[str, Any]]) -> list[str]:
    lines = []
    for each in advise(plans, start):
        names = {row["uuid"]: _quoted(row["name"]) for row in plans[each["host"]]["machines"]}
        stop = ": %s" % ", ".join(names[uuid] for uuid in each["stop"]) if each["stop"] else ""
        lines.append(shown(each["sentence"] + stop))
    return ["What helps hosts whose floors cannot be met:", *_indented(lines), ""] if lines else []


def _total(results: Mapping[str, Result], plans: Mapping[str, Result], failures: int, compares_only: bool) -> list[str]:
    rows = [row for plan in plans.values() for row in plan["machines"]]
    steps = [step for plan in plans.values() for step in plan["steps"]]
    lines = [
        "%s on %s: %d would get memory now, %d would give, %d are left as they are; %s."
        % (
            count(len(rows), "machine"),
            count(len(results), "host"),
            sum(step["request_mb"] < step["was_mb"] for step in steps),
            sum(step["request_mb"] > step["was_mb"] for step in steps),
            len(rows) - len(steps),
            count(failures, "failure"),
        )
    ]
    if not compares_only:
        lines.append(
            "Nothing was carried out: this playbook plans (run it with --check), and the role vbox.memory.balance carries out."
        )
    lines += _watch_longer(rows)
    idle = [host for host, plan in plans.items() if plan["machines"] and all(map(_is_unmanaged, plan["machines"]))]
    if idle:
        names = ", ".join(idle[:3]) + (" and %d more" % (len(idle) - 3) if len(idle) > 3 else "")
        lines.append(
            "No policy lets any machine of %s be balanced: say balance: true in vbox_memory_policy." % shown(names)
        )
    return lines


def _watch_longer(rows: Sequence[Result]) -> list[str]:
    windows = [row["figures"].get("window_s") or 0 for row in rows if row["code"] == "window_not_full"]
    if not windows:
        return []
    return [
        "Watched too briefly to say whether they may give: %s. Watch for %d s (%s)."
        % (count(len(windows), "machine"), max(windows), "-e %s=%d" % (WATCH, max(windows)))
    ]


def _start_anywhere(results: Mapping[str, Result]) -> Callable[[str, int], dict[str, Any]]:
    """A function from a host and MB to what a start there would cost, which finds out each once."""

    @lru_cache(maxsize=None)
    def answer(host: str, memory: int) -> dict[str, Any]:
        given = results[host].get("input")
        try:
            return start_of(dict(given or {}), memory)
        except (*BROKEN, BalanceError) as problem:
            raise BalanceError(
                "the input of %s is not what its plan was made from (%s)" % (shown(host), shown(problem, 200))
            ) from None

    return answer


def _is_unmanaged(row: Result) -> bool:
    return bool(row["code"] == "unmanaged")


def _quoted(name: Any) -> str:
    return quoted(name, LONGEST)


def _indented(lines: Sequence[str]) -> list[str]:
    """What somebody else wrote cannot look like a line of ours."""
    return [INDENT + line for line in lines]


def _inside(width: int | None) -> int | None:
    return None if width is None else width - len(INDENT)
