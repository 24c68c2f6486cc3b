# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The settings that this collection manages, as one table: a further setting is a further row."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.vbox.memory.plugins.module_utils.machines import LIVE, STOPPED


@dataclass(frozen=True)
class Setting:
    """One setting of a machine.

    ``name`` is the field of :class:`~.machines.Machine`, ``key`` what results and facts call it, ``states`` those in
    which it can change, and ``command`` what comes before and after the machine's UUID on VBoxManage's command line.
    The spellings are those that every release from 3.2 to 7.2 takes (measured). ``while_live`` is the method that changes
    it while the machine is live, of those backends that can.
    """

    name: str
    key: str
    feature: str
    states: tuple
    command: tuple
    label: str
    while_live: str | None = None

    @staticmethod
    def argument(value):
        """The value as VBoxManage takes it: plain decimals, on, off."""
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else "%d" % value


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "balloon_default",
            "balloon_default_mb",
            "balloon",
            STOPPED,
            ("modifyvm", "--guestmemoryballoon"),
            "the default balloon",
            "set_default_while_live",
        ),
        Setting("page_fusion", "page_fusion", "page_fusion", STOPPED, ("modifyvm", "--pagefusion"), "Page Fusion"),
        Setting("large_pages", "large_pages", "large_pages", STOPPED, ("modifyvm", "--largepages"), "large pages"),
        Setting(
            "balloon_current",
            "balloon_current_mb",
            "balloon",
            LIVE,
            ("controlvm", "guestmemoryballoon"),
            "the current balloon",
        ),
    )
}

BALLOONS = ("balloon_default", "balloon_current")


def commands(uuid, changes):
    """The VBoxManage commands that make these changes, as tuples of arguments: one ``modifyvm`` carries all it can.

    :param changes: ``{name of a setting: value}``
    """
    calls = {}
    for name, setting in SETTINGS.items():
        if name in changes:
            verb, option = setting.command
            calls.setdefault(verb, []).extend((option, setting.argument(changes[name])))
    return [(verb, uuid) + tuple(arguments) for verb, arguments in calls.items()]


def shown(machine, names):
    """These settings of a machine (or of none) as keys and values of a result."""
    return {SETTINGS[name].key: getattr(machine, name) for name in SETTINGS if name in names} if machine else {}
