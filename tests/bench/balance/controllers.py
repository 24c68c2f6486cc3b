# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""All controllers, by name."""

from __future__ import annotations


class Nobody:
    """Balloons stay as they are."""

    name = "nobody"
    period = 60
    looks = False
    settles = 0

    def act(self, now, host, view):
        return []


CONTROLLERS = {each.name: each for each in (Nobody,)}
NAMES = list(CONTROLLERS)


def make(name: str):
    """A controller of that name, with no memory yet."""
    return CONTROLLERS[name]()
