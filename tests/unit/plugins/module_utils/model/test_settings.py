# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Changes become commands."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.model.commands import (
    change_commands,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import SETTINGS, shown

COMMANDS = [
    ({}, []),
    ({"balloon_default": 512}, [("modifyvm", "U", "--guestmemoryballoon", "512")]),
    ({"balloon_default": 0}, [("modifyvm", "U", "--guestmemoryballoon", "0")]),
    ({"page_fusion": True}, [("modifyvm", "U", "--pagefusion", "on")]),
    ({"large_pages": False}, [("modifyvm", "U", "--largepages", "off")]),
    ({"balloon_current": 2**32 - 1}, [("controlvm", "U", "guestmemoryballoon", "4294967295")]),
    (
        {"large_pages": True, "page_fusion": False, "balloon_default": 1},
        [("modifyvm", "U", "--guestmemoryballoon", "1", "--pagefusion", "off", "--largepages", "on")],
    ),
    (
        {"balloon_current": 8, "balloon_default": 8},
        [("modifyvm", "U", "--guestmemoryballoon", "8"), ("controlvm", "U", "guestmemoryballoon", "8")],
    ),
]
MACHINE = Machine(
    uuid="U", name="web01", state="poweroff", os_description="Debian (64-bit)", balloon_default=64, page_fusion=False
)


@pytest.mark.parametrize(("changes", "expected"), COMMANDS)
def test_commands(changes, expected):
    assert change_commands("U", changes) == expected


@pytest.mark.parametrize(
    ("machine", "names", "expected"),
    [
        (MACHINE, {"page_fusion", "balloon_default"}, {"balloon_default_mb": 64, "page_fusion": False}),
        (MACHINE, {"large_pages"}, {"large_pages": None}),
        (MACHINE, set(), {}),
        (None, {"page_fusion"}, {}),
    ],
)
def test_shown(machine, names, expected):
    assert shown(machine, names) == expected


def test_every_setting_is_a_field_of_a_machine():
    assert all(hasattr(MACHINE, name) for name in SETTINGS)
