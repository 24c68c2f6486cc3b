# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Machines as VBoxManage prints them: recorded, odd, and made up."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.backends.showvminfo import (
    machine_from,
    parse_info,
    read_settings_file,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

RECORDED = Path(__file__).resolve().parents[3] / "recorded"
UUID = "11111111-2222-4333-8444-555555555555"
ODD_NAME = 'evil "q\\" = \\ 1\nmemory=1\nGuestMemoryBalloon=7"\nVMState="running"\tünï;$(id)'

# recording: what the machine is
MACHINES = {
    "7.2.22/stopped.txt": dict(
        name="plain",
        state="poweroff",
        groups=["/"],
        memory=1024,
        balloon_default=0,
        balloon_current=None,
        page_fusion=False,
        large_pages=False,
        os_description="Debian (64-bit)",
        additions_run_level=None,
        frontend=None,
    ),
    "7.2.22/odd-name.txt": dict(
        name=ODD_NAME,
        uuid=UUID,
        state="poweroff",
        groups=["/a", "/b/c"],
        memory=2000,
        balloon_default=100,
        balloon_current=None,
        page_fusion=False,
        large_pages=True,
        os_description="Windows 10 (64-bit)",
    ),
    "7.2.22/arm.txt": dict(
        name="arm", large_pages=None, page_fusion=False, balloon_default=0, os_description="Debian (ARM 64-bit)"
    ),
    "7.2.22/running.txt": dict(
        name="web01",
        state="running",
        memory=768,
        balloon_default=None,
        balloon_current=0,
        additions_run_level=2,
        frontend="headless",
        large_pages=False,
    ),
}
ROWS = [
    ("memory=768\n", {"memory": "768"}),
    ('VMState="poweroff"\n', {"VMState": "poweroff"}),
    ('VMState="poweroff"', {"VMState": "poweroff"}),
    ('a="1"\r\nb=2\r\n', {"a": "1", "b": "2"}),
    ('VideoMode="720,400,0"@0,0 1\nb=2\n', {"VideoMode": '"720,400,0"@0,0 1', "b": "2"}),
    ('"quoted key"="value"\n', {"quoted key": "value"}),
    ('"GuestAdditions/a=b"=1\n', {"GuestAdditions/a=b": "1"}),
    (
        "GuestAdditionsFacility_VirtualBox Base Driver=50,1795434183839\n",
        {"GuestAdditionsFacility_VirtualBox Base Driver": "50,1795434183839"},
    ),
    (' rec_screen0\nrec_screen_enabled="on"\n', {"rec_screen_enabled": "on"}),
    ("cpuid=0001,1,2,3,4memory=768\nb=2\n", {"cpuid": "0001,1,2,3,4memory=768", "b": "2"}),
    ('name="two\nlines"\nb=2\n', {"name": "two\nlines", "b": "2"}),
    ('name="a\nb=1\nc"\nb=2\n', {"name": "a\nb=1\nc", "b": "2"}),
    (r'name="q\"\\"' + "\nb=2\n", {"name": 'q"\\', "b": "2"}),
    ('name=""\n', {"name": ""}),
    ("memory=1\nmemory=2\n", {"memory": "1"}),
    ("a=\n", {"a": ""}),
    ("no row\n\n=\n", {}),
    ("", {}),
]
UNREADABLE = {
    "empty": "",
    "garbage": '\x00\ufffd\ufffdSegm (\n="=\n"""{}\n\x1b[2J\n',
    "no state": 'name="a"\nUUID="x"\nostype="x"\nmemory=1\nGuestMemoryBalloon=0\n',
    "memory in words": 'name="a"\nUUID="x"\nostype="x"\nmemory=lots\nVMState="poweroff"\nGuestMemoryBalloon=0\n',
    "no balloon": 'name="a"\nUUID="x"\nostype="x"\nmemory=1\nVMState="poweroff"\nGuestMemoryBalloon=\n',
    "a run level in words": 'name="a"\nUUID="x"\nostype="x"\nmemory=1\nVMState="poweroff"\nGuestMemoryBalloon=0\nGuestAdditionsRunLevel=up\n',
    "a number of 5000 digits": 'name="a"\nUUID="x"\nostype="x"\nmemory='
    + "9" * 5000
    + '\nVMState="poweroff"\nGuestMemoryBalloon=0\n',
}
SETTINGS_FILES = [
    (
        '<VirtualBox xmlns="http://www.virtualbox.org/"><Machine OSType="Debian_64">'
        '<Hardware><Guest memoryBalloonSize="150"/></Hardware></Machine></VirtualBox>',
        {"os_type": "Debian_64", "balloon_default": 150},
    ),
    (
        '<VirtualBox xmlns="http://www.virtualbox.org/"><Machine OSType="Debian_64"><Hardware><Guest/></Hardware></Machine></VirtualBox>',
        {"os_type": "Debian_64", "balloon_default": 0},
    ),
    (
        '<VirtualBox><Machine OSType="Windows10_64"><Hardware/></Machine></VirtualBox>',
        {"os_type": "Windows10_64", "balloon_default": 0},
    ),
    ('<VirtualBox><MachineEncrypted keyId="x"/></VirtualBox>', {"os_type": None, "balloon_default": None}),
    (
        '<VirtualBox><Machine OSType="x"><Hardware><Guest memoryBalloonSize="lots"/></Hardware></Machine></VirtualBox>',
        {"os_type": None, "balloon_default": None},
    ),
    ('<?xml version="1.0" encoding="nosuch"?><VirtualBox/>', {"os_type": None, "balloon_default": None}),
    ("", {"os_type": None, "balloon_default": None}),
    ("\x00 not XML", {"os_type": None, "balloon_default": None}),
]


@pytest.mark.parametrize("recording", MACHINES)
def test_a_recorded_machine(recording):
    machine = machine_from(parse_info((RECORDED / recording).read_text()), "asked")
    assert {key: getattr(machine, key) for key in MACHINES[recording]} == MACHINES[recording]


@pytest.mark.parametrize(("text", "rows"), ROWS, ids=[repr(row[0])[:40] for row in ROWS])
def test_parse_info(text, rows):
    assert parse_info(text) == rows


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_one_clear_error(text):
    with pytest.raises(VBoxMemoryError) as caught:
        machine_from(parse_info(text), UUID)
    assert caught.value.code == "vboxmanage_unreadable"
    assert "VBoxManage showvminfo %s --machinereadable" % UUID in caught.value.message


@pytest.mark.parametrize(("text", "expected"), SETTINGS_FILES, ids=map(str, range(len(SETTINGS_FILES))))
def test_read_settings_file(tmp_path, text, expected):
    path = tmp_path / "web01.vbox"
    path.write_text(text)
    assert read_settings_file(str(path)) == expected


@pytest.mark.parametrize(
    "path", ["", "/nosuch/web01.vbox", "/", "a\x00b"], ids=["none", "gone", "a folder", "no path at all"]
)
def test_a_settings_file_that_is_not_there(path):
    assert read_settings_file(path) == {"os_type": None, "balloon_default": None}


LINES = st.lists(
    st.sampled_from(
        [
            'name="',
            "a",
            '"',
            "\\",
            "\n",
            "=",
            "\r\n",
            'VMState="running"\n',
            'VMState="poweroff"\n',
            "memory=",
            "7",
            "GuestMemoryBalloon=",
            'UUID="x"\n',
            'ostype="x"\n',
            'CfgFile="/"\n',
            "GuestAdditionsRunLevel=",
            "\x00",
            "é",
            "groups=",
            ",",
        ]
    )
)


@given(st.text() | LINES.map("".join))
def test_arbitrary_text_is_a_machine_or_our_error(text):
    try:
        machine_from(parse_info(text), UUID)
    except VBoxMemoryError as error:
        assert error.code == "vboxmanage_unreadable"


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
NASTY = st.lists(
    st.sampled_from(
        ['"', "\\", "\n", "\r", "=", "memory=1\n", 'name="x"\n', "VMState=", "GuestMemoryBalloon=0", "\t", "ü"]
    )
).map("".join)


@given(TEXT | NASTY, TEXT | NASTY)
def test_names_and_descriptions_come_back_as_they_are(name, description):
    machine = machine_from(parse_info(printed(name, description)), UUID)
    assert (machine.name, machine.memory, machine.state, machine.balloon_default) == (name, 768, "poweroff", 64)
    assert parse_info(printed(name, description)).get("description", "") == description


def printed(name, description):
    """A machine as showvminfo prints it: the name first, the description, if any, before the balloon (7.2.22)."""
    rows = [
        ("name", name),
        ("ostype", "Debian (64-bit)"),
        ("UUID", UUID),
        ("memory", 768),
        ("pagefusion", "off"),
        ("VMState", "poweroff"),
    ]
    rows += [("description", description)] if description else []
    return "".join("%s=%s\n" % (key, escaped(value)) for key, value in rows + [("GuestMemoryBalloon", 64)])


def escaped(value):
    """Quoted, with a backslash before quotes and backslashes, and newlines raw."""
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"') if isinstance(value, str) else str(value)
