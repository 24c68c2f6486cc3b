# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Balance on many hosts, planned or carried out, as the lines of a terminal: each host's machines, where a machine could start, and what helps."""

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
CARRIED_OUT = {
    "name": "Machine",
    "held_mb": "Held",
    **{key: word for key, word in MACHINES.items() if key not in ("name", "next_mb")},
}
STARTS = {"host": "Host", "when": "When", "gives": "Who gives", "sentence": "Why"}
INDENT = "  "
LONGEST = 80  # characters of a machine's name within a sentence
# The variables of the playbook
WATCH = "vbox_memory_watch"
DURATION = "vbox_memory_balance_duration"


def balance_summary(
    results: Mapping[str, Result],
    start_mb: int | None,
    carried_out: Mapping[str, Result] | None = None,
    width: int | None = None,
) -> list[str]:
    """The lines of the report.

    :param results: of each host the result of the action ``vbox_memory_balance_plan``
    :param start_mb: the memory of a machine for which a place is looked for, by the plans
    :param carried_out: where the plans were carried out, of each host the result of the action ``vbox_memory_balance``
    :param width: the columns of the terminal that tables are to fit, and long messages are cut for
    :raises BalanceError: where a plan, or what it was made from, is none of ours
    """
    try:
        return list(_lines(results, start_mb, carried_out, width))
    except BROKEN as problem:
        raise BalanceError(
            "the results are none of vbox.memory.vbox_memory_balance_plan and vbox_memory_balance (%s: %s)"
            % (type(problem).__name__, shown(problem, 200))
        ) from None


def _lines(
    results: Mapping[str, Result], start_mb: int | None, carried_out: Mapping[str, Result] | None, width: int | None
) -> Iterator[str]:
    plans = {host: result["plan"] for host, result in results.items() if result.get("plan")}
    done = {host: result for host, result in (carried_out or {}).items() if result.get("machines") is not None}
    rows = [
        row for each in (results, carried_out or {}) for host, result in each.items() for row in rows_of(host, result)
    ]
    failures = [row for row in rows if row["outcome"] == "failed"]
    start = _start_anywhere(results)
    for host, plan in plans.items():
        yield from [*(_outcome(host, done[host], width) if host in done else _host(host, plan, width)), ""]
    if start_mb is not None:
        yield from [*_starts(plans, start, start_mb, width), ""]
    yield from _advice(plans, start)
    yield from failure_lines(failures, short=width is not None)
    yield _planned(results, plans, len(failures)) if carried_out is None else _done(results, plans, done, len(failures))
    yield from _hints(plans, done, carried_out is None)


def _heading(host: str, said: Result) -> str:
    codes = " (%s)" % ", ".join(said["codes"]) if said["codes"] else ""
    return shown("%s%s: %s" % (host, codes, said["sentence"]))


def _outcome(host: str, result: Result, width: int | None) -> Iterator[str]:
    """What the machines of a host held before, and what they hold now."""
    yield _heading(host, result["host"])
    rows = [
        dict(
            row,
            held_mb=row["before"]["holds_mb"],
            holds_mb=row["after"]["holds_mb"],
            used_mb=row["figures"].get("used_mb"),
            free_mb=row["figures"].get("free_mb"),
            request_mb=row["after"]["balloon_current_mb"],
            why=row["sentence"],
        )
        for row in result["machines"]
    ]
    yield from _indented(table(rows, CARRIED_OUT, _inside(width))) if rows else ["  no machine runs"]


def _host(host: str, plan: Result, width: int | None) -> Iterator[str]:
    yield _heading(host, plan["host"])
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


def _planned(results: Mapping[str, Result], plans: Mapping[str, Result], failures: int) -> str:
    machines = sum(len(plan["machines"]) for plan in plans.values())
    steps = [step for plan in plans.values() for step in plan["steps"]]
    return "%s on %s: %d would get memory now, %d would give, %d are left as they are; %s." % (
        count(machines, "machine"),
        count(len(results), "host"),
        sum(step["request_mb"] < step["was_mb"] for step in steps),
        sum(step["request_mb"] > step["was_mb"] for step in steps),
        machines - len(steps),
        count(failures, "failure"),
    )


def _done(results: Mapping[str, Result], plans: Mapping[str, Result], done: Mapping[str, Result], failures: int) -> str:
    """The total of what was carried out. A machine of a host where nothing was is left as it is."""
    machines = sum(len((done.get(host) or plan)["machines"]) for host, plan in plans.items())
    more = [
        row["after"]["balloon_current_mb"] - row["before"]["balloon_current_mb"]
        for result in done.values()
        for row in result["machines"]
    ]
    return "%s on %s: %d got memory, %d gave, %d kept theirs; %s." % (
        count(machines, "machine"),
        count(len(results), "host"),
        sum(size < 0 for size in more),
        sum(size > 0 for size in more),
        machines - sum(size != 0 for size in more),
        count(failures, "failure"),
    )


def _hints(plans: Mapping[str, Result], done: Mapping[str, Result], planned_only: bool) -> Iterator[str]:
    """What to do where machines could not be asked."""
    rows = [row for host, plan in plans.items() for row in (done.get(host) or plan)["machines"]]
    windows = [row["figures"].get("window_s") or 0 for row in rows if row["code"] == "window_not_full"]
    if windows:
        longest = max(windows)
        more = (
            "Watch for %d s (-e %s=%d)." % (longest, WATCH, longest)
            if planned_only
            else "They may give after %d s: balance for longer (-e %s=%d)." % (longest, DURATION, 2 * longest)
        )
        yield "Watched too briefly to say whether they may give: %s. %s" % (count(len(windows), "machine"), more)
    idle = [host for host, plan in plans.items() if plan["machines"] and all(map(_is_unmanaged, plan["machines"]))]
    if idle:
        names = ", ".join(idle[:3]) + (" and %d more" % (len(idle) - 3) if len(idle) > 3 else "")
        yield "No policy lets any machine of %s be balanced: say balance: true in vbox_memory_policy." % shown(names)


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
