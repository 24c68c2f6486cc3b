# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What balance takes from the policy: defaults, and sizes as MB of one machine. Plain data in and out."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.vbox.memory.plugins.module_utils.model.desired import balloon_limit
from ansible_collections.vbox.memory.plugins.module_utils.model.sizes import size_or_percent, truth, whole_number

FLOOR_MB = 256
# A guest kills programs from 45 to 52 MB of Free down, and the figure is 5 s old (measured at 768 MB).
HARD_MB, HARD_PERCENT = 128, 2

# Of a host. reserve: a twentieth of its memory and at least 1024 MB; ready: 2 % of the budget and at least 256 MB.
POLICY: Dict[str, Any] = {"reserve": None, "share": 100, "ready": None, "window": 300, "period": 1}
# Of a machine. floor: 256 MB, or what the largest balloon leaves (a tenth), if that is more; hard_reserve: 128 MB + 2 %;
# comfort_reserve: twice the hard one.
MACHINE: Dict[str, Any] = {
    "balance": True,
    "floor": None,
    "ceiling": "100%",
    "weight": 100,
    "priority": 0,
    "hard_reserve": None,
    "comfort_reserve": None,
}
SIZES = ("reserve", "ready", "floor", "ceiling", "hard_reserve", "comfort_reserve")
RANGES = {"share": (1, 100), "window": (10, 86400), "weight": (1, 1000000), "priority": (-1000, 1000000)}
LONGEST_PERIOD = 3600  # s


class Limits(NamedTuple):
    """One machine's, in MB of what it holds."""

    floor: int
    ceiling: int
    hard: int
    comfort: int
    weight: int
    priority: int


class HostPolicy(NamedTuple):
    reserve: Optional[int]  # MB
    share: int  # per cent
    ready: Optional[int]  # MB
    window: int  # s
    period: float  # s
    defaults: Dict[str, Any]
    machines: Dict[str, Dict[str, Any]]
    common: Dict[int, Limits]  # those of machines without settings of their own, by memory


def read(policy: Optional[Dict[str, Any]], total_mb: Optional[int] = None) -> HostPolicy:
    """A checked policy with its defaults.

    :param policy: as the package's page says; what is absent or null takes its default
    :param total_mb: the host's memory, for a reserve in per cent
    :raises ValueError: one line for each problem: where it is, the value, what is right
    """
    policy = policy or {}
    problems: List[str] = []
    known = set(POLICY) | {"defaults", "machines"}
    problems += [
        "policy: %r is no key: take one of %s" % (key, ", ".join(sorted(known))) for key in policy if key not in known
    ]
    host = dict(POLICY, **_parsed("policy", {key: policy[key] for key in POLICY if key in policy}, POLICY, problems))
    defaults = _parsed("defaults", policy.get("defaults"), MACHINE, problems)
    given = policy.get("machines") or {}
    if not isinstance(given, dict):
        problems.append("machines: %r is not a dictionary of settings by UUID" % (given,))
        given = {}
    machines = {
        uuid: dict(defaults, **_parsed("machines: %s" % uuid, own, MACHINE, problems)) for uuid, own in given.items()
    }
    if problems:
        raise ValueError("\n".join(problems))
    reserve, ready = (None if host[key] is None else _in_mb(host[key], total_mb or 0) for key in ("reserve", "ready"))
    return HostPolicy(
        reserve,
        host["share"],
        ready,
        host["window"],
        host["period"],
        dict(MACHINE_PARSED, **defaults),
        machines,
        {},
    )


def parse(key: str, value: Any) -> Any:
    """The value of a setting of a machine or of a host: sizes as ``(MB, per cent)``, of which one is 0.

    :raises ValueError: the message goes on from the value
    """
    if key in SIZES:
        return size_or_percent(value)
    if key == "balance":
        return truth(value)
    if key == "period":
        return _seconds(value)
    return whole_number(value, *RANGES[key])


def written(key: str, value: Any) -> Any:
    """The value of a setting as :func:`read` takes it, checked: sizes as MB or such as '25%'.

    :raises ValueError: the message goes on from the value
    """
    parsed = parse(key, value)
    return parsed if key not in SIZES else "%d%%" % parsed[1] if parsed[1] else parsed[0]


def exclude_each_other(settings: Dict[str, Any], memory: int) -> bool:
    """Whether a machine of so many MB would have to hold more than it may: its floor is above its ceiling.

    :param settings: as :func:`read` takes them, checked
    """
    if settings.get("floor") is None or settings.get("ceiling") is None:
        return False
    floor, ceiling = (min(memory, _in_mb(size_or_percent(settings[key]), memory)) for key in ("floor", "ceiling"))
    return floor > ceiling


def limits(settings: Dict[str, Any], memory: int) -> Limits:
    """The limits of a machine of so many MB: floor and ceiling lie in what VirtualBox's balloon can make."""
    get = settings.get
    least = memory - balloon_limit(memory)
    ceiling = _bounded(_in_mb(get("ceiling", MACHINE_PARSED["ceiling"]), memory), least, memory)
    floor = get("floor")
    floor_mb = _bounded(FLOOR_MB if floor is None else _in_mb(floor, memory), least, ceiling)
    hard, comfort = get("hard_reserve"), get("comfort_reserve")
    hard_mb = HARD_MB + memory * HARD_PERCENT // 100 if hard is None else _in_mb(hard, memory)
    comfort_mb = 2 * hard_mb if comfort is None else max(hard_mb, _in_mb(comfort, memory))
    return Limits(
        floor_mb, ceiling, hard_mb, comfort_mb, get("weight", MACHINE["weight"]), get("priority", MACHINE["priority"])
    )


def _parsed(where: str, given: Any, known: Dict[str, Any], problems: List[str]) -> Dict[str, Any]:
    """What is set there, parsed."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        problems.append("%s: %r is not a dictionary of settings" % (where, given))
        return {}
    settings = {}
    for key, value in given.items():
        if key not in known:
            problems.append("%s: %r is no setting: take one of %s" % (where, key, ", ".join(sorted(known))))
        elif value is not None:
            try:
                settings[key] = parse(key, value)
            except ValueError as problem:
                problems.append("%s: %s: %r %s" % (where, key, value, problem))
    return settings


def _seconds(value: Any) -> float:
    try:
        seconds: Optional[float] = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = None
    if seconds is None or not 0 < seconds <= LONGEST_PERIOD:
        raise ValueError("is not a number of seconds above 0, up to %d" % LONGEST_PERIOD)
    return value if isinstance(value, int) else seconds


def _in_mb(size: Tuple[int, int], memory: int) -> int:
    return size[0] + memory * size[1] // 100


def _bounded(size: int, least: int, most: int) -> int:
    return least if size < least else most if size > most else size


MACHINE_PARSED: Dict[str, Any] = {
    key: parse(key, value) if key in SIZES and value else value for key, value in MACHINE.items()
}
MACHINE_PARSED = {key: value for key, value in MACHINE_PARSED.items() if value is not None}
