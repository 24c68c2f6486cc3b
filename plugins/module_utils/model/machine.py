# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""A machine as VirtualBox shows it, as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping

UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

BRACED_UUID = re.compile(r"\{(%s)\}" % UUID)

STOPPED = ("poweroff", "aborted", "teleported")  # settings can change
LIVE = ("running", "paused")  # the balloon can be requested


@dataclass(frozen=True)
class RestartNote:
    """A restart that was under way, see ``restart_note.py``: the machine was to be started again.

    :param frontend: what ``startvm`` calls the front end
    :param additions: whether its Guest Additions ran
    :param since: seconds since 1970 at which its shutdown was requested
    :param ago: the same in seconds before it was read
    :param problem: in words, why the note does not count
    """

    frontend: str = "headless"
    additions: bool = False
    since: int = 0
    ago: int = 0
    problem: str | None = None


@dataclass
class Machine:
    """One machine. ``None`` means that VirtualBox does not say, or that it was not asked for details."""

    uuid: str
    name: str
    state: str
    memory: int | None = None  # MB
    balloon_default: int | None = None  # MB; the setting
    balloon_current: int | None = None  # MB; the request, of a live machine only
    page_fusion: bool | None = None
    large_pages: bool | None = None
    additions_run_level: int | None = None
    frontend: str | None = None  # of a live machine: headless, gui, …
    # Details.
    groups: list[str] = field(default_factory=list)
    os_type: str | None = None  # the ID of the type of its operating system: 'Debian_64'
    os_description: str | None = None  # of that type: 'Debian (64-bit)'

    # Not of the machine itself: what a run that was interrupted has left, where that was looked for.
    note: RestartNote | None = None

    @property
    def live(self) -> bool:
        """Whether a balloon can be requested now."""
        return self.state in LIVE

    @property
    def to_be_started(self) -> bool:
        """Whether a run shut the machine down, and was interrupted before it had started it again."""
        return self.state in STOPPED and self.note is not None and self.note.problem is None

    @property
    def additions_serve(self) -> bool:
        """Whether the guest's Guest Additions follow requests and report figures: from run level 2 on."""
        return (self.additions_run_level or 0) >= 2


def without_braces(name: str) -> str:
    """A machine's name or UUID as it was given; a UUID without the braces in which ``VBoxManage list vms`` prints it.

    A machine whose name is a UUID in braces can be meant by its own UUID only.
    """
    found = BRACED_UUID.fullmatch(name)
    return found.group(1) if found else name


# The fields of a Machine by their keys in the facts.
FACTS = {
    "uuid": "uuid",
    "name": "name",
    "state": "state",
    "groups": "groups",
    "os_type": "os_type",
    "os_description": "os_description",
    "memory_mb": "memory",
    "balloon_default_mb": "balloon_default",
    "balloon_current_mb": "balloon_current",
    "page_fusion": "page_fusion",
    "large_pages": "large_pages",
    "guest_additions_run_level": "additions_run_level",
}


def as_facts(machine: Machine) -> dict[str, Any]:
    """What the facts say of a machine itself, by their keys."""
    return {key: getattr(machine, field_name) for key, field_name in FACTS.items()}


def machine_from_facts(entry: Mapping[str, Any]) -> Machine:
    """The :class:`Machine` that an entry of the facts was made of.

    :raises KeyError: where the entry lacks a key, as one that was written by hand can
    """
    note = RestartNote() if entry.get("interrupted_restart") else None
    return Machine(**{field_name: entry[key] for key, field_name in FACTS.items()}, note=note)
