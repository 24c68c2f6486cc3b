# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What must hold before a setting changes, as one table: the first row that is broken is the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import (
    DesiredState,
    balloon_limit,
    conflicting_balloon,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.features import Features, runs_page_fusion
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import BALLOONS, SETTINGS


@dataclass(frozen=True)
class Change:
    """What a precondition looks at: the machine now, as it is to be, what was requested, and what of it differs."""

    now: Machine
    then: Machine
    requested: Mapping[str, Any]
    differs: Mapping[str, Any]
    desired: DesiredState
    features: Features

    def raises(self, name: str) -> bool:
        """Whether this balloon is to become larger."""
        return bool(self.differs.get(name, 0) > (getattr(self.now, name) or 0))

    def turns_on(self, name: str) -> bool:
        """Whether this setting is off and is to be on."""
        return self.differs.get(name) is True


def check(change: Change) -> None:
    """Raise what the first broken precondition says.

    :raises VBoxMemoryError: with the row's code
    """
    for code, broken in PRECONDITIONS:
        message = broken(change)
        if message:
            raise VBoxMemoryError(code, message)


def has_balloon_and_large_pages(machine: Machine) -> bool:
    """Whether a machine has both in its settings already, which exclude each other."""
    return conflicting_balloon(vars(machine)) is not None


def _unavailable(change: Change) -> str | None:
    for name, value in change.differs.items():
        if value is True and getattr(change.now, name) is None:
            return "the machine has no setting for %s (ARM machines have none): leave the option %s out for it" % (
                SETTINGS[name].label,
                name,
            )
    return None


def _unsupported(change: Change) -> str | None:
    for name, value in change.differs.items():
        reason = change.features[SETTINGS[name].feature]
        if reason and name == "page_fusion" and value is False:
            return (
                "Page Fusion is on in the machine's settings and cannot be turned off here: %s. It has no effect on this"
                " host; leave the option page_fusion out for this machine, or turn it off on a release that has it"
                % reason
            )
        if reason:
            return "%s cannot change to %s: %s. Leave the option out for machines of this host" % (
                SETTINGS[name].label,
                SETTINGS[name].argument(value),
                reason,
            )
    return None


def _guest_unsuited(change: Change) -> str | None:
    if change.turns_on("page_fusion") and not runs_page_fusion(change.now.os_description or ""):
        return (
            "page_fusion cannot be on: it works with Windows guests (2000 and later) only, and this machine's type is %r."
            " Leave it off, or correct the type of the machine's operating system" % change.now.os_description
        )
    return None


def _side_channel(change: Change) -> str | None:
    if change.turns_on("page_fusion") and not change.desired.acknowledge_side_channel:
        return (
            "page_fusion was to be turned on: Page Fusion opens a side channel, through which a malicious guest can learn"
            " the memory layout of other guests of this host and attack them. If you accept that for all guests that"
            " share pages, set acknowledge_side_channel: true"
        )
    return None


def _balloon_and_large_pages(change: Change) -> str | None:
    guarded_raise = change.desired.guard and change.raises("balloon_current")
    touched = change.turns_on("large_pages") or change.differs.get("balloon_default") or guarded_raise
    if not (touched and has_balloon_and_large_pages(change.then)):
        return None
    return (
        "a balloon of %d MB and large pages exclude each other: a balloon on large pages can crash the machine."
        " VirtualBox 7.0 makes new machines with large pages on. Ask for large_pages: false with the balloon"
        " (vbox_memory does both in one change), or for a balloon of 0"
        % max(change.then.balloon_default or 0, change.then.balloon_current or 0)
    )


def _balloon_range(change: Change) -> str | None:
    memory = change.now.memory or 0
    for name in BALLOONS:
        if change.differs.get(name, 0) > balloon_limit(memory):
            return (
                "%s of %d MB is too large: with %d MB of memory VirtualBox takes at most %d MB. Ask for less, or give the"
                " machine more memory" % (SETTINGS[name].label, change.differs[name], memory, balloon_limit(memory))
            )
    return None


def _balloon_exceeds(change: Change) -> str | None:
    memory, balloon = change.now.memory or 0, change.now.balloon_default or 0
    asked_for_again = "balloon_default" in change.requested and "balloon_default" not in change.differs
    if asked_for_again and balloon > balloon_limit(memory):
        return (
            "the default balloon of %d MB that is set already is too large for the machine's %d MB of memory, of which"
            " VirtualBox takes at most %d MB: ask for at most that, or give the machine more memory"
            % (balloon, memory, balloon_limit(memory))
        )
    return None


# The code of the error, and what gives its words, or nothing when the precondition holds.
PRECONDITIONS: tuple[tuple[str, Callable[[Change], str | None]], ...] = (
    ("setting_not_available", _unavailable),
    ("not_supported_by_host", _unsupported),
    ("not_supported_by_guest", _guest_unsuited),
    ("side_channel_not_acknowledged", _side_channel),
    ("large_pages_conflict", _balloon_and_large_pages),
    ("balloon_out_of_range", _balloon_range),
    ("balloon_exceeds_memory", _balloon_exceeds),
)
