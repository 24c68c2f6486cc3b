# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What balance takes from the policy: defaults, and sizes as MB of one machine. Plain data in and out."""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

FLOOR_MB = 256
SWING = 90  # per cent of a machine's memory: VirtualBox takes balloons under that only (measured at 128 and 768 MB)
HARD_MB, HARD_PERCENT = (
    128,
    2,
)  # a guest kills programs from 45 to 52 MB of Free down, and the figure is 5 s old (measured at 768 MB)

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
SIZES = ("floor", "ceiling", "hard_reserve", "comfort_reserve")
PERCENT = re.compile(r"(\d{1,3})\s*%\Z")
LARGEST = 2**32 - 1


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
    host = {key: default if policy.get(key) is None else policy[key] for key, default in POLICY.items()}
    for key, least, most in (("share", 1, 100), ("window", 10, 86400)):
        if not _is_integer(host[key]) or not least <= host[key] <= most:
            problems.append("policy: %s: %r is not a whole number from %d to %d" % (key, host[key], least, most))
    if (
        isinstance(host["period"], bool)
        or not isinstance(host["period"], (int, float))
        or not 0 < host["period"] <= 3600
    ):
        problems.append("policy: period: %r is not a number of seconds up to 3600" % (host["period"],))
    sizes = {}
    for key in ("reserve", "ready"):
        size = None if host[key] is None else parse_size(host[key])
        if host[key] is not None and size is None:
            problems.append(
                "policy: %s: %r is not a size: give whole MB such as 2048, or per cent such as '5%%'" % (key, host[key])
            )
        sizes[key] = None if size is None else _in_mb(size, total_mb or 0)
    defaults = _settings("defaults", policy.get("defaults"), problems)
    machines = {}
    for uuid, own in (policy.get("machines") or {}).items():
        settings = _settings("machines: %s" % uuid, own, problems)
        machines[uuid] = dict(defaults, **settings)
    if problems:
        raise ValueError("\n".join(problems))
    return HostPolicy(
        sizes["reserve"],
        host["share"],
        sizes["ready"],
        host["window"],
        host["period"],
        dict(MACHINE_PARSED, **defaults),
        machines,
        {},
    )


def limits(settings: Dict[str, Any], memory: int) -> Limits:
    """The limits of a machine of so many MB: floor and ceiling lie in what VirtualBox's balloon can make."""
    get = settings.get
    least = memory - (memory * SWING - 1) // 100  # the balloon must be under 90 % of the memory
    ceiling = _bounded(_in_mb(get("ceiling", MACHINE_PARSED["ceiling"]), memory), least, memory)
    floor = get("floor")
    floor_mb = _bounded(FLOOR_MB if floor is None else _in_mb(floor, memory), least, ceiling)
    hard, comfort = get("hard_reserve"), get("comfort_reserve")
    hard_mb = HARD_MB + memory * HARD_PERCENT // 100 if hard is None else _in_mb(hard, memory)
    comfort_mb = 2 * hard_mb if comfort is None else max(hard_mb, _in_mb(comfort, memory))
    return Limits(floor_mb, ceiling, hard_mb, comfort_mb, get("weight", 100), get("priority", 0))


def parse_size(value: Any) -> Optional[Tuple[int, int]]:
    """A size as (MB, per cent): one of them is 0. Null where it is neither."""
    if _is_integer(value):
        return (value, 0) if 0 <= value <= LARGEST else None
    if isinstance(value, str):
        text = value.strip()
        percent = PERCENT.match(text)
        if percent and int(percent.group(1)) <= 100:
            return (0, int(percent.group(1)))
        if text.isdigit() and text.isascii() and int(text) <= LARGEST:
            return (int(text), 0)
    return None


def _settings(where: str, given: Any, problems: List[str]) -> Dict[str, Any]:
    """What is set there, sizes parsed."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        problems.append("%s: %r is not a dictionary of settings" % (where, given))
        return {}
    settings = {}
    for key, value in given.items():
        if key not in MACHINE:
            problems.append("%s: %r is no setting: take one of %s" % (where, key, ", ".join(sorted(MACHINE))))
        elif value is None:
            continue
        elif key in SIZES:
            size = parse_size(value)
            if size is None:
                problems.append(
                    "%s: %s: %r is not a size: give whole MB such as 2048, or per cent of the machine's memory such as '25%%'"
                    % (where, key, value)
                )
            settings[key] = size
        elif key == "balance":
            if not isinstance(value, bool):
                problems.append("%s: balance: %r is neither true nor false" % (where, value))
            settings[key] = value
        else:
            least = 1 if key == "weight" else -1000
            if not _is_integer(value) or not least <= value <= 1000000:
                problems.append("%s: %s: %r is not a whole number from %d to 1000000" % (where, key, value, least))
            settings[key] = value
    return settings


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _in_mb(size: Tuple[int, int], memory: int) -> int:
    return size[0] + memory * size[1] // 100


def _bounded(size: int, least: int, most: int) -> int:
    return least if size < least else most if size > most else size


MACHINE_PARSED: Dict[str, Any] = {
    key: parse_size(value) if key in SIZES and value else value for key, value in MACHINE.items()
}
MACHINE_PARSED = {key: value for key, value in MACHINE_PARSED.items() if value is not None}
