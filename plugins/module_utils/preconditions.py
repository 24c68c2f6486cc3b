# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What must hold before a setting changes, as one table: the first row that is broken is the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.settings import BALLOONS, SETTINGS
from ansible_collections.vbox.memory.plugins.module_utils.support import runs_page_fusion


@dataclass
class Case:
    """What a precondition looks at: the machine now, as it is to be, what was asked, and what of it differs."""

    now: object
    then: object
    asked: dict
    changes: dict
    wanted: object  # an arguments.Wanted
    unsupported: Callable  # feature -> why it does not work on this host, or None

    def raises(self, name):
        """Whether this balloon is to become larger."""
        return self.changes.get(name, 0) > (getattr(self.now, name) or 0)

    def turns_on(self, name):
        """Whether this setting is off and is to be on."""
        return self.changes.get(name) is True


@dataclass(frozen=True)
class Precondition:
    """``broken`` gives the words of the error, or nothing when the precondition holds."""

    code: str
    broken: Callable


def check(case):
    """Raise what the first broken precondition says.

    :raises VBoxMemoryError: with the row's code
    """
    for precondition in PRECONDITIONS:
        message = precondition.broken(case)
        if message:
            raise VBoxMemoryError(precondition.code, message)


def balloon_limit(memory):
    """The largest balloon in MB that VirtualBox takes for so much memory in MB.

    It is below floor(0.9 × memory); the program's own message names that figure itself, which is refused.
    Source: measured on 7.2.22 (690 of 768 is taken; 114 of 128 is taken, 115 is refused).
    """
    return max(0, memory * 9 // 10 - 1)


def _unavailable(case):
    for name, wanted in case.changes.items():
        if wanted is True and getattr(case.now, name) is None:
            return "the machine has no setting for %s (ARM machines have none): leave the option %s out for it" % (
                SETTINGS[name].label,
                name,
            )
    return None


def _unsupported(case):
    for name, wanted in case.changes.items():
        reason = case.unsupported(SETTINGS[name].feature)
        if reason and name == "page_fusion" and wanted is False:
            return (
                "Page Fusion is on in the machine's settings and cannot be turned off here: %s. It has no effect on this"
                " host; leave the option page_fusion out for this machine, or turn it off on a release that has it"
                % reason
            )
        if reason:
            return "%s cannot change to %s: %s. Leave the option out for machines of this host" % (
                SETTINGS[name].label,
                SETTINGS[name].argument(wanted),
                reason,
            )
    return None


def _guest_unsuited(case):
    if case.turns_on("page_fusion") and not runs_page_fusion(case.now.os_description):
        return (
            "page_fusion cannot be on: it works with Windows guests (2000 and later) only, and this machine's type is %r."
            " Leave it off, or correct the type of the machine's operating system" % case.now.os_description
        )
    return None


def _side_channel(case):
    if case.turns_on("page_fusion") and not case.wanted.acknowledge_side_channel:
        return (
            "page_fusion was to be turned on: Page Fusion opens a side channel, through which a malicious guest can learn"
            " the memory layout of other guests of this host and attack them. If you accept that for all guests that"
            " share pages, set acknowledge_side_channel: true"
        )
    return None


def _balloon_and_large_pages(case):
    touched = (
        case.turns_on("large_pages")
        or case.changes.get("balloon_default")
        or (case.wanted.guard and case.raises("balloon_current"))
    )
    balloon = max(case.then.balloon_default or 0, case.then.balloon_current or 0)
    if touched and case.then.large_pages and balloon:
        return (
            "a balloon of %d MB and large pages exclude each other: a balloon on large pages can crash the machine. Ask for"
            " large_pages: false with the balloon (vbox_memory does both in one change), or for a balloon of 0"
            % balloon
        )
    return None


def _balloon_range(case):
    for name in BALLOONS:
        limit = balloon_limit(case.now.memory)
        if case.changes.get(name, 0) > limit:
            return (
                "%s of %d MB is too large: with %d MB of memory VirtualBox takes at most %d MB. Ask for less, or give the"
                " machine more memory" % (SETTINGS[name].label, case.changes[name], case.now.memory, limit)
            )
    return None


def _balloon_exceeds(case):
    limit = balloon_limit(case.now.memory)
    balloon = case.now.balloon_default or 0
    if "balloon_default" in case.asked and "balloon_default" not in case.changes and balloon > limit:
        return (
            "the default balloon of %d MB that is set already is too large for the machine's %d MB of memory, of which"
            " VirtualBox takes at most %d MB: ask for at most that, or give the machine more memory"
            % (balloon, case.now.memory, limit)
        )
    return None


PRECONDITIONS = (
    Precondition("setting_not_available", _unavailable),
    Precondition("not_supported_by_host", _unsupported),
    Precondition("not_supported_by_guest", _guest_unsuited),
    Precondition("side_channel_not_acknowledged", _side_channel),
    Precondition("large_pages_conflict", _balloon_and_large_pages),
    Precondition("balloon_out_of_range", _balloon_range),
    Precondition("balloon_exceeds_memory", _balloon_exceeds),
)
