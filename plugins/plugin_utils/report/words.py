# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a report: numbers with their units, settings, parts of the bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable
from ansible_collections.vbox.memory.plugins.plugin_utils.values import count, shown

UNKNOWN = "–"
# The parts of a host's bar: what each is called, and what it is.
BAR = {
    "machines": ("Machines", "what machines use, by their guests' figures, with what VirtualBox itself needs for them"),
    "cache": ("Guests' cache", "what guests use as cache, and a balloon could have the half of"),
    "given": ("Given by balloons", "what balloons gave back, free for other machines of this user"),
    "other": ("Other programs", "what the host's other programs use"),
    "reserve": ("Reserve", "what is free and to be kept so, for other programs"),
    "free": ("Free", "free for anything, beyond the reserve"),
}
SETTINGS = {
    "balloon": "balloon",
    "balloon_leave": "memory left beside its balloon",
    "balloon_default": "default balloon",
    "balloon_default_mb": "default balloon",
    "balloon_current": "current balloon",
    "balloon_current_mb": "current balloon",
    "balloon_asked_mb": "balloon asked",
    "memory_mb": "memory",
    "page_fusion": "Page Fusion",
    "large_pages": "large pages",
}
SIZES = tuple(name for name in SETTINGS if name.startswith(("balloon", "memory")))
# What a machine's finding is called beside its name.
BADGES = {
    "machine_broken": "crashed",
    "interrupted_restart": "restart interrupted",
    "policy_failed": "failed",
    "guest_short": "short of memory",
    "not_following": "does not follow",
    "balloon_with_large_pages": "balloon with large pages",
    "no_figures": "no figures",
}
FLEET_LABELS = {"hosts_count": "Hosts", "hosts_unread_count": "Hosts not read"}


def quantity(key: str, value: Any) -> str:
    """A number with its unit: sizes in MB (2**20 bytes), ``–`` where it is not known."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    unit = key.rpartition("_")[2]
    if unit == "kb":
        return "{:,} MB".format(round(value / 1024))
    if unit == "mb":
        return "{:,} MB".format(value)
    if unit == "ratio":
        return "%.2f ×" % value
    return "{:,}".format(value)


def switch(value: Any) -> str:
    """A setting that is on or off."""
    return UNKNOWN if value is None else "on" if value else "off"


def gigabytes(kb: int | None) -> str:
    """kB as GB (2**30 bytes) with one decimal."""
    return UNKNOWN if kb is None else "{:,.1f} GB".format(kb / 1024**2)


def setting(name: Any, value: Any) -> str:
    """A setting with its value, as a policy or facts call it."""
    return "%s %s" % (SETTINGS.get(name) or printable(str(name)).replace("_", " "), setting_value(name, value))


def setting_value(name: Any, value: Any) -> str:
    """The value of a setting, with its unit."""
    if value is None:
        return UNKNOWN
    is_size = name in SIZES and isinstance(value, int) and not isinstance(value, bool)
    return "%s MB" % "{:,}".format(value) if is_size else shown(value, 60)


def wanted(machine: Mapping[str, Any]) -> str:
    """What the policy wants of a machine, in one line."""
    return ", ".join(setting(one["setting"], one["value"]) for one in machine["wants"]) or UNKNOWN


def change(row: Mapping[str, Any]) -> str:
    """A change that is to be made: from what to what, and when."""
    when = ", at its next shutdown" if row.get("outcome") == "pending" else ""
    after, before = setting(row["setting"], row["after"]), setting_value(row["setting"], row["before"])
    return "%s (now %s)%s" % (after, before, when)


def to_do(machine: Mapping[str, Any]) -> str:
    """How much of the policy is still to be done on a machine."""
    failed = "failed" if machine["failures"] else ""
    changes = count(len(machine["pending"]), "change") if machine["pending"] else ""
    return ", ".join(filter(None, (failed, changes))) or UNKNOWN


def level(value: Any) -> str:
    """The run level of the Guest Additions."""
    return UNKNOWN if value is None else "level %s" % value


def code(value: Any) -> str:
    """One of balance's codes, as words."""
    return UNKNOWN if value is None else str(value).replace("_", " ")
