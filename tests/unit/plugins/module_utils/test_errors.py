# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What somebody else wrote can turn no line of a message around, and begin none."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.errors import (
    VBoxMemoryError,
    did_you_mean,
    error_from_result_code,
    printable,
)

HOSTILE = [
    "web01\nFAILED: all",
    "web01\u202etxt.exe",
    "web01\x1b[2J",
    "web01\r",
    "web01\u2028x",
    "web01\x85x",
    "web01\udc80",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_in_a_hint_stays_in_its_line(name):
    for hint in (did_you_mean("web01", [name]), did_you_mean("x", [name]), did_you_mean(name, [name + "x"])):
        assert hint.isprintable() and "web01" in hint


@pytest.mark.parametrize("name", HOSTILE[1:], ids=ascii)
def test_virtualbox_s_words_are_shown_as_they_can_be(name):
    error = error_from_result_code("VirtualBox says: no machine %s" % name, "0x80bb0001")
    assert error.message.isprintable() and str(error) == error.message == error.as_result()["msg"]


def test_what_people_read_is_kept():
    assert printable("名前 ümläut «x» 'a' \\ \"") == "名前 ümläut «x» 'a' \\ \""
    assert VBoxMemoryError("vboxmanage_failed", "two\nlines").message == "two\nlines"


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [
        ("0x80bb0003", "VBOX_E_INVALID_OBJECT_STATE", "machine_locked"),
        ("0x80BB0003", "VBOX_E_INVALID_OBJECT_STATE", "machine_locked"),
        ("0x80bb0003", "VERR_NO_MEMORY", "vboxmanage_failed"),
        ("0x80bb0001", "VBOX_E_INVALID_OBJECT_STATE", "machine_not_found"),
    ],
)
def test_a_machine_that_is_just_ending_is_asked_again(number, name, code):
    error = error_from_result_code(f"Failed to get a console object from the direct session ({name})", number)
    assert (error.code, error.transient) == (code, code == "machine_locked")
