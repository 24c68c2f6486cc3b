# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What values from outside have to look like, as data: facts and results, from a host, a cache, or somebody's playbook.

A shape is a type, ``[shape]`` for a list of such, ``{key: shape}`` for a dictionary with these keys and any others, ``Null(shape)`` for what
can be null or absent, an :class:`Each`, or a :class:`Text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import UUID
from ansible_collections.vbox.memory.plugins.plugin_utils.values import as_given, kind_of, plain

Shape = Any
LARGEST = 2**63 - 1  # of the numbers that VirtualBox gives
ABSENT = object()


@dataclass(frozen=True)
class Null:
    """What can be null or absent."""

    shape: Shape


@dataclass(frozen=True)
class Each:
    """A dictionary of any keys, with values of a shape."""

    shape: Shape


@dataclass(frozen=True)
class Text:
    """A string of a form.

    :param words: what it is called
    """

    pattern: str
    words: str


WORDS = {
    int: "a whole number from 0 to %d" % LARGEST,
    str: "a string",
    bool: "a boolean",
    dict: "a dictionary",
    list: "a list",
}

# Facts, also as users write them by hand: what is absent is not known.
MACHINE: dict[str, Shape] = {
    "uuid": str,
    "name": str,
    "state": Null(str),
    "groups": Null([str]),
    "os_type": Null(str),
    "os_description": Null(str),
    "memory_mb": Null(int),
    "balloon_default_mb": Null(int),
    "balloon_current_mb": Null(int),
    "balloon_followed": Null(bool),
    "last_balance": Null(dict),
    "page_fusion": Null(bool),
    "large_pages": Null(bool),
    "guest_additions_run_level": Null(int),
    "process_kb": Null(int),
    "guest": Null(dict),
}
UNREADABLE: Shape = {"uuid": Null(str), "name": Null(str), "code": str, "msg": str}
FACTS: Shape = {"host": Null(dict), "machines": [MACHINE], "unreadable": Null([UNREADABLE]), "totals": Null(dict)}

# Facts as a host sends them itself.
SENT_FACTS: Shape = {
    "host": dict,
    "machines": [dict(MACHINE, uuid=Text(UUID.replace("A-F", ""), "a UUID"), state=str, groups=[str], memory_mb=int)],
    "unreadable": [UNREADABLE],
    "totals": dict,
}

# Facts with metrics, for the planner of balance.
_FIGURES_OF_A_GUEST = dict.fromkeys(("total_kb", "free_kb", "cache_kb", "balloon_kb"), Null(int))
_FIGURES_OF_A_HOST = dict.fromkeys(
    ("memory_total_kb", "memory_free_kb", "vmm_used_kb", "vmm_free_kb", "vmm_ballooned_kb"), Null(int)
)
BALANCED_FACTS: Shape = {
    "host": _FIGURES_OF_A_HOST,
    "machines": [dict(MACHINE, state=str, memory_mb=int, guest=Null(_FIGURES_OF_A_GUEST))],
}
RESERVATIONS: Shape = [{"name": Null(str), "memory_mb": int}]

# Results of vbox_memory_balance_plan.
_STEP = {"uuid": str, "request_mb": int, "was_mb": int}
_BALANCED = {
    "uuid": str,
    "name": str,
    "code": str,
    "sentence": str,
    "managed": bool,
    "figures": dict,
    "gives_to": [{"uuid": str, "mb": int}],
}
_HOST_OF_A_PLAN = {"codes": [str], "sentence": str, "figures": dict}
PLANNED: Shape = {
    "plan": Null({"host": _HOST_OF_A_PLAN, "machines": [_BALANCED], "steps": [_STEP]}),
    "input": Null(dict),
    "differences": Null([{"machine": Null(str), "outcome": str, "msg": Null(str)}]),
}

# Results of vbox_memory_balance.
_HELD = {"balloon_current_mb": int, "holds_mb": int}
BALANCED: Shape = {
    "host": Null(_HOST_OF_A_PLAN),
    "machines": Null(
        [
            {
                "name": str,
                "code": str,
                "sentence": str,
                "figures": dict,
                "before": _HELD,
                "after": _HELD,
            }
        ]
    ),
    "differences": Null([{"machine": Null(str), "outcome": str, "msg": Null(str)}]),
}

# Facts with metrics, for the report.
_ALL_OF_A_HOST = dict(_FIGURES_OF_A_HOST, **dict.fromkeys(("memory_used_kb", "vmm_shared_kb"), Null(int)))
_ALL_OF_A_GUEST = dict(_FIGURES_OF_A_GUEST, **dict.fromkeys(("shared_kb", "pagefile_kb"), Null(int)))
MEASURED_FACTS: Shape = {
    "host": Null(dict(_ALL_OF_A_HOST, vbox_version=Null(str), features=Null(Each(dict)))),
    "machines": [dict(MACHINE, guest=Null(_ALL_OF_A_GUEST), memory_mb=int, interrupted_restart=Null(int))],
    "unreadable": Null([UNREADABLE]),
}

# What is kept in an inventory cache, by host.
KEPT: Shape = {"how": str, "facts": SENT_FACTS}

# A module's result, what a policy says of machines, and rows of differences.
CHANGED: dict[str, Shape] = {
    "name": str,
    "uuid": Null(str),
    "state": Null(str),
    "before": dict,
    "after": dict,
    "pending": dict,
    "msg": Null(str),
}
RESULT: Shape = {"machines": Null([CHANGED])}
SENT_RESULT: Shape = [dict(CHANGED, changed=bool, commands=list)]  # of machines
EXPLAINED: Shape = Null([{"uuid": Null(str), "settings": Each({"source": Null(str)})}])
POLICY_RESULT: Shape = Null(
    {
        "policies": Null([str]),
        "explained": EXPLAINED,
        "balance": Null(dict),
        "differences": Null([{"uuid": Null(str), "setting": Null(str), "outcome": str, "msg": Null(str)}]),
    }
)
DIFFERENCES: Shape = {
    "machines": Null(list),
    "differences": Null([{"machine": Null(str), "outcome": str, "msg": Null(str)}]),
}


def problem_of(value: Any, shape: Shape, place: str) -> str | None:
    """What is wrong with a value first, as a sentence that begins with the place; ``None`` if nothing is."""
    return next(map(printable, _problems(value, shape, place)), None)


def results_by_host(results: Any, shape: Shape, action: str) -> dict[str, Any]:
    """Registered results of an action by host, in plain types, without those of hosts that have none.

    :raises ValueError: where they are something else
    """
    results = plain(results)
    if not isinstance(results, dict):
        raise ValueError("the input is %s, and not results by host" % kind_of(results))
    known = {str(host): result for host, result in results.items() if result is not None}
    for host, result in known.items():
        problem = problem_of(result, shape, "the result of %s" % printable(host))
        if problem:
            raise ValueError("%s: give the results of vbox.memory.%s by host" % (problem, action))
    return known


def problem_of_facts(facts: Any, shape: Shape = None) -> str | None:
    """The same of facts, in which each UUID stands once.

    :param shape: :data:`FACTS` unless given
    """
    problem = problem_of(facts, shape or FACTS, "facts")
    seen: dict[str, int] = {}
    for number, machine in enumerate([] if problem else facts["machines"]):
        first = seen.setdefault(machine["uuid"], number)
        if first != number:
            return "facts.machines[%d].uuid: it is that of machines[%d]" % (number, first)
    return problem


def _problems(value: Any, shape: Shape, place: str) -> Iterator[str]:
    if isinstance(shape, Null):
        if value is None or value is ABSENT:
            return
        shape = shape.shape
    if isinstance(shape, Each):
        shape = dict.fromkeys(value, shape.shape) if isinstance(value, dict) else dict
    if value is ABSENT:
        yield "%s: it is missing" % place
    elif isinstance(shape, Text):
        if not isinstance(value, str) or not re.fullmatch(shape.pattern, value):
            yield "%s: %s is not %s" % (place, as_given(value), shape.words)
    elif not _is_a(value, kind := shape if isinstance(shape, type) else type(shape)):
        yield "%s: it is %s and has to be %s" % (place, kind_of(value), WORDS[kind])
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            yield from _problems(value.get(key, ABSENT), inner, "%s.%s" % (place, key))
    elif isinstance(shape, list):
        for number, item in enumerate(value):
            yield from _problems(item, shape[0], "%s[%d]" % (place, number))


def _is_a(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
    return isinstance(value, kind)
