# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a start would cost, and whom; and over a fleet, where a machine could start and what helps a host whose floors cannot be met. MB."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

LAG = 5  # s that figures are old
STEP = 128  # the largest step
Plan = Dict[str, Any]


def start_of(
    memory: int, now_plan: Plan, then_plan: Plan, forecast: Callable[[], Optional[int]] = lambda: None
) -> Dict[str, Any]:
    """Whether a machine of so many MB may start.

    :param now_plan: the plan as things are
    :param then_plan: the plan with a reservation of so many MB: what others are to hold then is what they are to hold after the start
    :param forecast: gives the seconds until there is room, where that can be told; else it is reckoned by steps and rates
    :returns: ``verdict`` (``now``, ``after_steps`` or ``never``), ``lacks_mb`` (what the pool lacks), ``gives`` (who is to give how much),
        ``seconds`` (an estimate, null for never), ``fails_by_mb`` and a ``sentence``
    """
    left_of_budget = now_plan["host"]["figures"]["pool_mb"]  # what is held beyond the budget has to be given first
    pool = max(0, left_of_budget)
    lacks = max(0, memory - left_of_budget)
    rate = max(1, now_plan["history"]["sum"]["give_rate"])
    gives = []
    left = lacks
    spares = sorted(
        ((_spare(row), row["uuid"], row["name"]) for row in then_plan["machines"] if row["managed"]),
        key=lambda each: (-each[0], each[1]),
    )
    for spare, uuid, name in spares:
        part = min(spare, left)
        if part > 0:
            gives.append({"uuid": uuid, "name": name, "mb": part})
            left -= part
    steps = max([-(-each["mb"] // STEP) for each in gives] or [0])
    result = {
        "memory_mb": memory,
        "pool_mb": pool,
        "lacks_mb": lacks,
        "gives": gives,
        "fails_by_mb": left,
        "targets": _targets(then_plan),
    }
    if not lacks:
        result.update(verdict="now", seconds=0, sentence="%d MB can start now: %d MB are free for it" % (memory, pool))
    elif not left:
        seconds = forecast() or int(steps * (STEP / rate + LAG))
        text = "%d MB can start in some %d s, when %s given %d MB" % (
            memory,
            seconds,
            "1 machine has" if len(gives) == 1 else "%d machines have" % len(gives),
            lacks,
        )
        result.update(verdict="after_steps", seconds=seconds, sentence=text)
    else:
        free = "%d MB are free" if left_of_budget >= 0 else "the machines may hold %d MB more than their budget already"
        text = "%d MB cannot start: %s, the machines can spare %d MB, and %d MB are missing" % (
            memory,
            free % abs(left_of_budget),
            lacks - left,
            left,
        )
        result.update(verdict="never", seconds=None, sentence=text)
    return result


def advise(plans: Dict[str, Plan], would_start: Callable[[str, int], Dict[str, Any]]) -> List[Dict[str, Any]]:
    """For each host whose floors cannot be met: the smallest machine whose move helps and that fits elsewhere, else what to stop.

    :param plans: the plan of each host, by its name
    :param would_start: host and MB to the answer of :func:`start_of` there
    """
    advice = []
    for name in sorted(plans):
        missing = plans[name]["host"]["figures"]["missing_mb"]
        if missing > 0:
            advice.append(_help(name, missing, plans, would_start))
    return advice


def places(
    plans: Dict[str, Plan], would_start: Callable[[str, int], Dict[str, Any]], memory: int
) -> List[Dict[str, Any]]:
    """Where a machine of so many MB could start: the hosts where it can at once first, then those where it is soonest there."""
    order = {"now": 0, "after_steps": 1, "never": 2}
    answers = [dict(would_start(name, memory), host=name) for name in sorted(plans)]
    return sorted(
        answers,
        key=lambda each: (
            order[each["verdict"]],
            each["seconds"] or 0,
            each["fails_by_mb"],
            -each["pool_mb"],
            each["host"],
        ),
    )


def _help(
    name: str, missing: int, plans: Dict[str, Plan], would_start: Callable[[str, int], Dict[str, Any]]
) -> Dict[str, Any]:
    rows = [row for row in plans[name]["machines"] if _frees(row) >= missing]
    for row in sorted(rows, key=lambda each: (each["figures"]["memory_mb"], each["uuid"])):
        memory = row["figures"]["memory_mb"]
        for other in sorted(plans):
            if other == name or plans[other]["host"]["figures"]["missing_mb"] > 0:
                continue
            answer = would_start(other, memory)
            if answer["verdict"] != "never":
                text = '%s lacks %d MB for its floors: move "%s" (%d MB, which frees %d MB) to %s, where %s' % (
                    name, missing, row["name"], memory, _frees(row), other, answer["sentence"],
                )  # fmt: skip
                return {
                    "host": name,
                    "missing_mb": missing,
                    "move": row["uuid"],
                    "to": other,
                    "stop": [],
                    "sentence": text,
                }
    stop, freed = [], 0
    for row in sorted(
        plans[name]["machines"], key=lambda each: (each["figures"].get("priority", 0), -_frees(each), each["uuid"])
    ):
        if freed >= missing:
            break
        if _frees(row) > 0:
            stop.append(row["uuid"])
            freed += _frees(row)
    text = "%s lacks %d MB for its floors, and moving no one machine elsewhere helps: stop %s, which frees %d MB" % (
        name,
        missing,
        "1 machine" if len(stop) == 1 else "%d machines" % len(stop),
        freed,
    )
    return {"host": name, "missing_mb": missing, "move": None, "to": None, "stop": stop, "sentence": text}


def _spare(row: Dict[str, Any]) -> int:
    figures = row["figures"]
    least = max(row["target_mb"], figures["used_recent_mb"] + figures["hard_reserve_mb"])
    return max(0, row["holds_mb"] - least)


def _frees(row: Dict[str, Any]) -> int:
    """What a host's floors need less without that machine."""
    return row["figures"]["floor_mb"] if row["managed"] else row["figures"]["charged_mb"]


def _targets(plan: Plan) -> Dict[str, int]:
    return {row["uuid"]: row["target_mb"] for row in plan["machines"]}
