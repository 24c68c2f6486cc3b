# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How VBoxManage spells a change: for results by every backend, and for the backend that runs it."""

from __future__ import annotations

import shlex
from typing import Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.model.settings import SETTINGS

# What startvm calls the front end that showvminfo names for a running machine.
FRONTENDS = {"headless": "headless", "GUI/Qt": "gui", "GUI/SDL": "sdl", "GUI/Separate": "separate"}


def change_commands(uuid: str, values: Mapping[str, bool | int]) -> list[tuple[str, ...]]:
    """The VBoxManage commands that change settings, as tuples of arguments: one ``modifyvm`` carries all it can.

    :param values: ``{name of a setting: value}``
    """
    calls: dict[str, list[str]] = {}
    for name, setting in SETTINGS.items():
        if name in values:
            verb, option = setting.command
            calls.setdefault(verb, []).extend((option, setting.argument(values[name])))
    return [(verb, uuid) + tuple(arguments) for verb, arguments in calls.items()]


def power_command(uuid: str, action: str, frontend: str | None = None) -> tuple[str, ...]:
    """The VBoxManage command for ``start``, or for an action of ``controlvm``: ``resume``, ``acpipowerbutton``, ``poweroff``.

    :param frontend: for ``start``, as ``showvminfo`` calls it; headless where it is none of :data:`FRONTENDS`
    """
    if action == "start":
        return start_command(uuid, FRONTENDS.get(frontend or "", "headless"))
    return ("controlvm", uuid, action)


def start_command(uuid: str, kind: str) -> tuple[str, ...]:
    """The VBoxManage command that starts a machine.

    :param kind: the front end, as ``startvm`` calls it
    """
    return ("startvm", uuid, "--type", kind)


def command_line(arguments: Sequence[str]) -> str:
    """A VBoxManage command as a user would type it in a shell."""
    return " ".join(map(shlex.quote, ("VBoxManage",) + tuple(arguments)))
