# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What users ask for: the options that the modules share, and the machines they give."""

from __future__ import annotations

from typing import Any, Mapping, NoReturn, Sequence

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError, did_you_mean, printable
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import (
    BALLOON_OPTIONS,
    DesiredState,
    balloon_forms_given,
    conflicting_balloon,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import without_braces
from ansible_collections.vbox.memory.plugins.module_utils.model.sizes import size_in_mb, truth, whole_number

BACKENDS = ("auto", "vboxmanage", "api")
ON_BLOCKED = ("fail", "defer", "shutdown")

GUARD = ("guard", "guard_reserve", "guard_cache", "partial", "wait", "timeout")
BALLOON = BALLOON_OPTIONS + GUARD
PAGE_FUSION = ("page_fusion", "acknowledge_side_channel")
LARGE_PAGES = ("large_pages",)

# What each option holds, as AnsibleModule takes it. Sizes are raw: only we can name the machine when one is wrong.
OPTIONS: dict[str, dict[str, Any]] = {
    "balloon": dict(type="raw"),
    "balloon_leave": dict(type="raw"),
    "balloon_default": dict(type="raw"),
    "balloon_current": dict(type="raw"),
    "page_fusion": dict(type="bool"),
    "acknowledge_side_channel": dict(type="bool", default=False),
    "large_pages": dict(type="bool"),
    "guard": dict(type="bool", default=True),
    "guard_reserve": dict(type="raw"),
    "guard_cache": dict(type="int", default=50),
    "partial": dict(type="bool", default=False),
    "wait": dict(type="bool", default=True),
    "timeout": dict(type="int", default=600),
    "on_blocked": dict(type="str", choices=list(ON_BLOCKED), default="fail"),
    "shutdown_timeout": dict(type="int", default=300),
    "power_off": dict(type="bool", default=False),
}
RANGES = {"guard_cache": (0, 100), "timeout": (1, 86400), "shutdown_timeout": (1, 86400)}
BACKEND_OPTIONS: dict[str, dict[str, Any]] = dict(
    backend=dict(type="str", choices=list(BACKENDS), default="auto", fallback=(env_fallback, ["VBOX_MEMORY_BACKEND"])),
    vboxmanage=dict(type="path", fallback=(env_fallback, ["VBOXMANAGE"])),
    api_python=dict(type="path", fallback=(env_fallback, ["VBOX_MEMORY_API_PYTHON"])),
)
SHARED = ("on_blocked", "shutdown_timeout", "power_off")
MANNER = ("acknowledge_side_channel",) + GUARD + SHARED  # how to do it: alone they ask for nothing


class MemoryModule(AnsibleModule):
    """The AnsibleModule of the modules that change settings.

    :param owned: the names of the options that the module has beside the shared ones
    """

    def __init__(self, owned: Sequence[str]) -> None:
        spec: dict[str, Any] = dict(
            name=dict(type="str"), machines=dict(type="list", elements="dict"), **BACKEND_OPTIONS
        )
        spec.update((option, OPTIONS[option]) for option in tuple(owned) + SHARED)
        self.owned = owned
        super().__init__(
            spec,
            mutually_exclusive=[("name", "machines")],
            required_one_of=[("name", "machines")],
            supports_check_mode=True,
        )

    def fail_json(self, msg: str, **kwargs: Any) -> NoReturn:
        """Fail; where Ansible itself refuses a value, say of which machine and with a code."""
        name = getattr(self, "params", None) and self.params.get("name")
        if "code" not in kwargs:
            kwargs["code"] = "invalid_parameters"
            msg = printable("machine %r: %s" % (name, msg) if name else msg)
        super().fail_json(msg, **kwargs)


def desired_states(params: Mapping[str, Any], owned: Sequence[str]) -> list[DesiredState]:
    """The machines of a task, checked.

    :param params: the module's parameters
    :raises VBoxMemoryError: ``invalid_parameters``, with every problem of every machine in the message
    """
    options = tuple(owned) + SHARED
    entries = [{"name": params["name"]}] if params["machines"] is None else params["machines"]
    defaults = {option: params[option] for option in options}
    problems: list[str] = []
    machines: list[DesiredState] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        machine, wrong = _desired(entry, defaults, options)
        label = "machine %r" % str(entry["name"]) if entry.get("name") else "entry %d of machines" % number
        if machine.name in seen:
            wrong.append("the machine is listed more than once: put all it is to have into one entry")
        seen.add(machine.name)
        problems.extend("%s: %s" % (label, problem) for problem in wrong)
        machines.append(machine)
    if problems:
        raise VBoxMemoryError("invalid_parameters", "nothing was changed. " + "; ".join(problems))
    return machines


def _desired(
    entry: Mapping[str, Any], defaults: Mapping[str, Any], options: Sequence[str]
) -> tuple[DesiredState, list[str]]:
    """One entry with the task's values where it gives none: what is desired, and what is wrong with it."""
    given = {key: value for key, value in entry.items() if value is not None}
    wrong = _unknown_keys(given, options) + _name_problem(given.pop("name", None))
    inherited = {key: value for key, value in defaults.items() if value is not None and not _replaced(key, given)}
    merged = {**inherited, **given}
    values: dict[str, Any] = {}
    for key in options:
        if key in merged:
            try:
                values[key] = parse_value(key, merged[key])
            except ValueError as problem:
                wrong.append("%s: %r %s" % (key, merged[key], problem))
    desires = [key for key in options if key in merged and key not in MANNER]
    wrong.extend(_contradictions(desires, values))
    if not desires and not wrong:
        wrong.append("nothing is asked for: give one of %s" % ", ".join(key for key in options if key not in MANNER))
    return DesiredState(name=without_braces(str(entry.get("name"))), **values), wrong


def parse_value(key: str, value: Any) -> Any:
    """The value of an option in its own type. A ValueError's message goes on from the value: '… is not a size'."""
    kind = OPTIONS[key]["type"]
    if kind == "raw":
        return size_in_mb(value)
    if kind == "bool":
        return truth(value)
    if kind == "int":
        return whole_number(value, *RANGES[key])
    if value not in OPTIONS[key]["choices"]:
        raise ValueError("is not one of %s" % ", ".join(OPTIONS[key]["choices"]))
    return value


def _replaced(key: str, given: Mapping[str, Any]) -> bool:
    """Whether a value of the task gives way, because the entry makes its own choice of the same kind."""
    return key in BALLOON_OPTIONS and any(other in given for other in BALLOON_OPTIONS)


def _unknown_keys(given: Mapping[str, Any], options: Sequence[str]) -> list[str]:
    known = ("name",) + tuple(options)
    return [
        "%s: %r is set, but there is no such option; %s" % (key, value, did_you_mean(key, known))
        for key, value in given.items()
        if key not in known
    ]


def _name_problem(name: Any) -> list[str]:
    if name is None or name == "":
        return ["name: it is empty: give the machine's name or UUID"]
    if isinstance(name, (str, int)) and not isinstance(name, bool):
        return []
    return ["name: %r is not a name: give the machine's name or UUID as a string" % (name,)]


def _contradictions(desires: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    problems = []
    forms = balloon_forms_given(desires)
    if forms:
        problems.append("give only one of %s: each is a way to say the balloon" % ", ".join(forms))
    conflict = conflicting_balloon(values)
    if conflict:
        problems.append("%s: %d and large_pages: true exclude each other: give one of them up" % conflict)
    return problems
