# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The settings that this collection manages, as one table: a further setting is a further row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable

from ansible_collections.vbox.memory.plugins.module_utils.model.desired import BOTH_BALLOONS
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE, STOPPED, Machine


@dataclass(frozen=True)
class Setting:
    """One setting of a machine.

    ``name`` is the field of :class:`~.machine.Machine`, ``key`` what results and facts call it, ``options`` the options
    that can ask for it, ``states`` those in which it can change, and ``command`` what comes before and after the
    machine's UUID on VBoxManage's command line. The spellings are those that every release from 3.2 to 7.2 takes
    (measured). ``live_capability`` is what a backend is capable of that can change it on a live machine, too.
    """

    name: str
    key: str
    feature: str
    options: tuple[str, ...]
    states: tuple[str, ...]
    command: tuple[str, str]
    label: str
    live_capability: str | None = None

    @staticmethod
    def argument(value: bool | int) -> str:
        """The value as VBoxManage takes it: plain decimals, on, off."""
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else "%d" % value


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            name="balloon_default",
            key="balloon_default_mb",
            feature="balloon",
            options=BOTH_BALLOONS + ("balloon_default",),
            states=STOPPED,
            command=("modifyvm", "--guestmemoryballoon"),
            label="the default balloon",
            live_capability="live_default",
        ),
        Setting(
            name="page_fusion",
            key="page_fusion",
            feature="page_fusion",
            options=("page_fusion",),
            states=STOPPED,
            command=("modifyvm", "--pagefusion"),
            label="Page Fusion",
        ),
        Setting(
            name="large_pages",
            key="large_pages",
            feature="large_pages",
            options=("large_pages",),
            states=STOPPED,
            command=("modifyvm", "--largepages"),
            label="large pages",
        ),
        Setting(
            name="balloon_current",
            key="balloon_current_mb",
            feature="balloon",
            options=BOTH_BALLOONS + ("balloon_current",),
            states=LIVE,
            command=("controlvm", "guestmemoryballoon"),
            label="the current balloon",
        ),
    )
}
BALLOONS = ("balloon_default", "balloon_current")


def shown(machine: Machine | None, names: Iterable[str]) -> dict[str, Any]:
    """These settings of a machine (or of none) as keys and values of a result."""
    return {SETTINGS[name].key: getattr(machine, name) for name in SETTINGS if name in names} if machine else {}
