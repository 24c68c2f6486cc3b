# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a machine is to have, as a value, and the rules on what can be said together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine

# The ways to say the balloon. Of these groups one can be given; one that is more specific replaces the others.
BOTH_BALLOONS = ("balloon", "balloon_leave")  # each of which means the default and the current one
BALLOON_FORMS = tuple((option,) for option in BOTH_BALLOONS) + (("balloon_default", "balloon_current"),)
BALLOON_OPTIONS = tuple(option for form in BALLOON_FORMS for option in form)


@dataclass(frozen=True)
class DesiredState:
    """What one machine is to have. ``None`` means: as it is. Sizes in MB, times in seconds."""

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

    def settings_for(self, machine: Machine) -> dict[str, Any]:
        """The settings that this requests of a machine, as ``{name of a setting: value}``."""
        names = ("balloon_default", "balloon_current", "page_fusion", "large_pages")
        values: dict[str, Any] = {name: getattr(self, name) for name in names}
        balloon = self.balloon
        if self.balloon_leave is not None:
            balloon = balloon_that_leaves(self.balloon_leave, machine.memory or 0)
        if balloon is not None:
            values.update(balloon_default=balloon, balloon_current=balloon if machine.live else None)
        # A machine without a setting has it off, so off is what it has already.
        return {
            name: value
            for name, value in values.items()
            if value is not None and not (value is False and getattr(machine, name) is None)
        }

    @property
    def both_balloons(self) -> bool:
        """Whether a balloon was requested without saying which: the default that must wait is then no failure."""
        return any(getattr(self, option) is not None for option in BOTH_BALLOONS)


def balloon_limit(memory: int) -> int:
    """The largest balloon in MB that VirtualBox takes for so much memory in MB.

    It is below floor(0.9 × memory); the program's own message names that figure itself, which is refused.
    Source: measured on 7.2.22 (690 of 768 is taken; 114 of 128 is taken, 115 is refused).
    """
    return max(0, memory * 9 // 10 - 1)


def balloon_that_leaves(leave: int, memory: int) -> int:
    """The balloon in MB that leaves a guest so many MB of its memory."""
    return max(0, memory - leave)


def balloon_forms_given(options: Iterable[str]) -> list[str]:
    """Those of these options that say the balloon, where they say it in more than one way; else nothing."""
    given = [option for option in options if option in BALLOON_OPTIONS]
    return given if sum(any(option in form for option in given) for form in BALLOON_FORMS) > 1 else []


def replaced_by(option: str) -> set[str]:
    """The options that one of a more specific place replaces: itself, and the other ways to say the balloon."""
    own = next((form for form in BALLOON_FORMS if option in form), None)
    return {option} if own is None else {option} | (set(BALLOON_OPTIONS) - set(own))


def conflicting_balloon(values: Mapping[str, Any], memory: int | None = None) -> tuple[str, int] | None:
    """The option that asks for a balloon together with large pages, and its value; ``None`` where they do not conflict.

    :param values: options and their values
    :param memory: MB of the machine, where it is known: only then ``balloon_leave`` tells
    """
    if not values.get("large_pages"):
        return None
    for option in BALLOON_OPTIONS:
        size = values.get(option)
        if size is None or (option == "balloon_leave" and memory is None):
            continue
        if balloon_that_leaves(size, memory or 0) if option == "balloon_leave" else size:
            return option, size
    return None
