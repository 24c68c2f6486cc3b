# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What users ask for: the options that the modules share, and the machines they give."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from ansible.module_utils.basic import AnsibleModule, env_fallback
from ansible.module_utils.common.validation import check_type_int
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.vbox.memory.plugins.module_utils.backends import BACKENDS
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.sizes import size_in_mb

ON_BLOCKED = ("fail", "defer", "shutdown")

SIZES = ("balloon", "balloon_leave", "balloon_default", "balloon_current")
GUARD = ("guard", "guard_reserve", "guard_cache", "partial", "wait", "timeout")
BALLOON = SIZES + GUARD
PAGE_FUSION = ("page_fusion", "acknowledge_side_channel")
LARGE_PAGES = ("large_pages",)

# What each option holds, as AnsibleModule takes it. Sizes are raw: only we can name the machine when one is wrong.
OPTIONS = {
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
HOW = dict(
    backend=dict(type="str", choices=list(BACKENDS), default="auto", fallback=(env_fallback, ["VBOX_MEMORY_BACKEND"])),
    vboxmanage=dict(type="path", fallback=(env_fallback, ["VBOXMANAGE"])),
    api_python=dict(type="path", fallback=(env_fallback, ["VBOX_MEMORY_API_PYTHON"])),
)
SHARED = ("on_blocked", "shutdown_timeout", "power_off")
NOT_DESIRES = ("acknowledge_side_channel",) + GUARD + SHARED

# Of these groups one can be given; an entry that gives one replaces the task's whole choice.
EXCLUSIVE = (("balloon",), ("balloon_leave",), ("balloon_default", "balloon_current"))


@dataclass
class Wanted:
    """What one machine is to have. ``None`` means: as it is. Sizes in MB."""

    name: str
    balloon: int | None = None
    balloon_leave: int | None = None
    balloon_default: int | None = None
    balloon_current: int | None = None
    page_fusion: bool | None = None
    large_pages: bool | None = None
    acknowledge_side_channel: bool = False
    guard: bool = True
    guard_reserve: int | None = None
    guard_cache: int = 50
    partial: bool = False
    wait: bool = True
    timeout: int = 600
    on_blocked: str = "fail"
    shutdown_timeout: int = 300
    power_off: bool = False

    def values_for(self, machine):
        """The settings that this asks of a machine, as ``{name of a setting: value}``."""
        values = {
            name: getattr(self, name) for name in ("balloon_default", "balloon_current", "page_fusion", "large_pages")
        }
        balloon = self.balloon if self.balloon_leave is None else max(0, machine.memory - self.balloon_leave)
        if balloon is not None:
            values.update(balloon_default=balloon, balloon_current=balloon if machine.live else None)
        # A machine without a setting has it off, so off is what it has already.
        return {
            name: value
            for name, value in values.items()
            if value is not None and not (value is False and getattr(machine, name) is None)
        }

    @property
    def both_balloons(self):
        """Whether a balloon was asked for without saying which: the default that must wait is then no failure."""
        return self.balloon is not None or self.balloon_leave is not None


class MemoryModule(AnsibleModule):
    """The AnsibleModule of the modules that change settings.

    :param owned: the names of the options that the module has beside the shared ones
    """

    def __init__(self, owned):
        spec = dict(name=dict(type="str"), machines=dict(type="list", elements="dict"), **HOW)
        spec.update((option, OPTIONS[option]) for option in tuple(owned) + SHARED)
        self.owned = owned
        super().__init__(
            spec,
            mutually_exclusive=[("name", "machines")],
            required_one_of=[("name", "machines")],
            supports_check_mode=True,
        )

    def fail_json(self, msg, **kwargs):
        """Fail; where Ansible itself refuses a value, say of which machine and with a code."""
        name = getattr(self, "params", None) and self.params.get("name")
        if "code" not in kwargs:
            kwargs["code"] = "invalid_parameters"
            msg = "machine %r: %s" % (name, msg) if name else msg
        super().fail_json(msg, **kwargs)


def wanted_machines(params, owned):
    """The machines of a task, checked.

    :param params: the module's parameters
    :returns: a list of :class:`Wanted`
    :raises VBoxMemoryError: ``invalid_parameters``, with every problem of every machine in the message
    """
    options = tuple(owned) + SHARED
    entries = [{"name": params["name"]}] if params["machines"] is None else params["machines"]
    defaults = {option: params[option] for option in options}
    problems, machines, seen = [], [], set()
    for number, entry in enumerate(entries, 1):
        machine, wrong = _wanted(entry, defaults, options)
        label = "machine %r" % str(entry["name"]) if entry.get("name") else "entry %d of machines" % number
        if str(entry.get("name")) in seen:
            wrong.append("the machine is listed more than once: put all it is to have into one entry")
        seen.add(str(entry.get("name")))
        problems.extend("%s: %s" % (label, problem) for problem in wrong)
        machines.append(machine)
    if problems:
        raise VBoxMemoryError("invalid_parameters", "nothing was changed. " + "; ".join(problems))
    return machines


def _wanted(entry, defaults, options):
    """One entry with the task's values where it gives none: what is wanted, and what is wrong with it."""
    given = {key: value for key, value in entry.items() if value is not None}
    wrong = _unknown_keys(given, options) + _name_problem(given.pop("name", None))
    merged = dict(
        {key: value for key, value in defaults.items() if value is not None and not _replaced(key, given)}, **given
    )
    values = {}
    for key in options:
        if key in merged:
            try:
                values[key] = parse_value(key, merged[key])
            except ValueError as problem:
                wrong.append("%s: %r %s" % (key, merged[key], problem))
    desires = [key for key in options if key in merged and key not in NOT_DESIRES]
    wrong.extend(_contradictions(desires, values))
    if not desires and not wrong:
        wrong.append(
            "nothing is asked for: give one of %s" % ", ".join(key for key in options if key not in NOT_DESIRES)
        )
    return Wanted(name=str(entry.get("name")), **values), wrong


def parse_value(key, value):
    """The value of an option in its own type. A ValueError's message goes on from the value: '… is not a size'."""
    kind = OPTIONS[key]["type"]
    if kind == "raw":
        return size_in_mb(value)
    if kind == "bool":
        try:
            return boolean(value)
        except TypeError:
            raise ValueError("is not a boolean: give true or false") from None
    if kind == "int":
        return _whole_number(value, *RANGES[key])
    if value not in OPTIONS[key]["choices"]:
        raise ValueError("is not one of %s" % ", ".join(OPTIONS[key]["choices"]))
    return value


def _whole_number(value, least, most):
    try:
        number = check_type_int(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not least <= number <= most:
        raise ValueError("is not a whole number from %d to %d" % (least, most))
    return number


def _replaced(key, given):
    """Whether a value of the task gives way, because the entry makes its own choice of the same kind."""
    return key in SIZES and any(other in given for other in SIZES)


def _unknown_keys(given, options):
    problems = []
    known = ("name",) + options
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            problems.append(
                "%s: %r is set, but there is no such option%s"
                % (key, given[key], "; did you mean %s?" % near[0] if near else ": known are %s" % ", ".join(known))
            )
    return problems


def _name_problem(name):
    if name is None or name == "":
        return ["name: it is empty: give the machine's name or UUID"]
    if isinstance(name, (str, int)) and not isinstance(name, bool):
        return []
    return ["name: %r is not a name: give the machine's name or UUID as a string" % (name,)]


def _contradictions(desires, values):
    problems = []
    groups = [group for group in EXCLUSIVE if any(option in desires for option in group)]
    if len(groups) > 1:
        problems.append(
            "give only one of %s: each is a way to say the balloon" % ", ".join(key for key in desires if key in SIZES)
        )
    balloon = next((key for key in ("balloon", "balloon_default", "balloon_current") if values.get(key)), None)
    if values.get("large_pages") and balloon:
        problems.append(
            "%s: %d and large_pages: true exclude each other: give one of them up" % (balloon, values[balloon])
        )
    return problems
