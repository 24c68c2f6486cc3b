# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How long until there is room: the law itself, carried out in thought on guests that answer as they answered lately and use what they use now. MB, seconds."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

LONGEST = 600  # s that are looked ahead
MOST_PLANS = 20_000  # of one machine: what is beyond takes longer than a round may
ANSWER = 12  # s from a request to the figures that show it given, until one was seen: the slow live host's (measured)
FALLS = 0.5  # the part of that after which the guest's Free has fallen
JITTER = 4  # kB: figures that stood still would be taken for those of a guest that hangs

Plan = Dict[str, Any]
Machines = List[Dict[str, Any]]


def seconds_until_room(
    plan: Callable[[Dict[str, Any], Machines, Dict[str, Any], float], Plan],
    host: Dict[str, Any],
    machines: Machines,
    history: Dict[str, Any],
    now: float,
    period: float,
) -> Optional[int]:
    """Seconds of rounds until the pool lacks nothing; none where the next minutes do not show it.

    :param plan: of :func:`.planner.plan` by host, machines, history and time, with the reservation that is to be met
    :param period: of the rounds, as they really are
    """
    began, host = now, dict(host, ballooned_kb=host.get("ballooned_kb") or 0)
    machines = [dict(machine, sample=machine["sample"] and dict(machine["sample"])) for machine in machines]
    asked: List[Tuple[float, float, int, int]] = []  # when Free falls, when the sum shows it, whose, and MB of balloon
    for _round in range(int(min(LONGEST / period, MOST_PLANS / max(1, len(machines))))):
        made = plan(host, machines, history, now)
        history = made["history"]
        if made["host"]["figures"]["pool_mb"] >= 0:
            return int(now - began)
        indexes = {machine["uuid"]: index for index, machine in enumerate(machines)}
        for step in made["steps"]:
            index, size = indexes[step["uuid"]], step["request_mb"] - step["was_mb"]
            machines[index]["request_mb"] = step["request_mb"]
            taken = history["sum"]["answers"]
            answer = ANSWER if taken is None else taken
            asked.append((now + answer * FALLS, now + answer, index, size))
        now += period
        _pass(host, machines, period)
        for falls, due, index, size in asked:
            if now - period < falls <= now:
                sample = machines[index]["sample"]
                sample["free_kb"] = max(0, sample["free_kb"] - size * 1024)
            if due <= now:
                host["ballooned_kb"] = max(0, host["ballooned_kb"] + size * 1024)
        asked = [one for one in asked if one[1] > now]
    return None


def _pass(host: Dict[str, Any], machines: Machines, seconds: float) -> None:
    """The same figures, so many seconds later."""
    host["time"] += seconds
    for machine in machines:
        sample = machine["sample"]
        if sample and isinstance(sample.get("free_kb"), int):
            sample["time"] += seconds
            odd = int(sample["time"]) % 2
            sample["free_kb"] = max(0, sample["free_kb"] + (JITTER if odd else -JITTER))
