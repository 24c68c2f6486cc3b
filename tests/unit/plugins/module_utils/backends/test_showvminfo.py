# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Machines as VBoxManage prints them: recorded, odd, and made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.backends import process
from ansible_collections.vbox.memory.plugins.module_utils.backends.showvminfo import (
    machine_from,
    rows_in,
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
PLAIN = (RECORDED / "7.2.22" / "stopped.txt").read_text()
RUNNING = (RECORDED / "7.2.22" / "running.txt").read_text()
# What somebody can write into a field that VirtualBox prints raw.
FORGED = 'x"\nGuestMemoryBalloon=777\nmemory=5\nlargepages="on"\nVMState="running"\nGuestAdditionsRunLevel=9\nSessionName="gui"\nz="'
# Where such fields stand: before the balloon, and with 6.1 its snapshots after it.
RAW = [
    'storagecontrollername0="%s"',
    'intnet1="%s"',
    'bridgeadapter1="%s"',
    'hostonlyadapter1="%s"',
    'generic1="%s"',
    'nat-network1="%s"',
    'cloud-network1="%s"',
    'natnet1="%s"',
    'Forwarding(0)="%s,tcp,,2222,,22"',
    'uartmode1="file,%s"',
    'uartmode1="%s"',
    'lptmode1="%s"',
    'vrdeaddress="%s"',
    'SnapshotName="%s"',
    'SnapshotDescription="%s"',
    'CurrentSnapshotName="%s"',
]
TAIL = "GuestMemoryBalloon=0\n"
# What is not whole or not of the known form: the text, and what the message names.
UNREADABLE = {
    "nothing": ("", "does not end"),
    "garbage": ('\x00\ufffd\ufffdSegm (\n="=\n"""{}\n\x1b[2J\n', "does not end"),
    "no state": (PLAIN.replace("VMState=", "State="), "VMState"),
    "no memory": (PLAIN.replace("memory=1024\n", ""), "memory"),
    "no Page Fusion": (PLAIN.replace('pagefusion="off"\n', ""), "pagefusion"),
    "no large pages": (PLAIN.replace('largepages="off"\n', ""), "largepages"),
    "memory in words": (PLAIN.replace("memory=1024", "memory=lots"), "'lots'"),
    "memory with an underscore": (PLAIN.replace("memory=1024", "memory=1_0"), "'1_0'"),
    "memory in other digits": (PLAIN.replace("memory=1024", "memory=\u0661\u0660"), "is no number"),
    "memory with a sign": (PLAIN.replace("memory=1024", "memory=+5"), "'+5'"),
    "memory of 5000 digits": (PLAIN.replace("memory=1024", "memory=" + "9" * 5000), "is no number"),
    "no balloon": (PLAIN.replace(TAIL, "GuestMemoryBalloon=\n"), "is no number"),
    "a balloon with an underscore": (PLAIN.replace(TAIL, "GuestMemoryBalloon=1_0\n"), "'1_0'"),
    "Page Fusion of another kind": (PLAIN.replace('pagefusion="off"', 'pagefusion="0"'), "'0'"),
    "a run level in words": (RUNNING.replace("RunLevel=2", "RunLevel=up"), "'up'"),
    "another machine": (
        PLAIN.replace('UUID="', 'UUID="12345678-4321-4321-4321-123456789abc"\nUUID2="', 1),
        "is about machine",
    ),
    "memory twice": (PLAIN.replace("memory=1024\n", "memory=1024\nmemory=5\n"), "memory"),
    "a state of two lines": (
        PLAIN.replace('VMState="poweroff"', 'VMState="running"\nz="').replace("VMState=", "x=", 1),
        "VMState",
    ),
    "cut in the balloon": (PLAIN.replace(TAIL, "GuestMemoryBalloon=51"), "does not end"),
    "cut before the balloon": (PLAIN.replace(TAIL, ""), "does not end"),
    "cut before the balloon, and one forged": (PLAIN.replace(TAIL, 'natnet1="%s"\n' % FORGED), "does not end"),
    "two session names": (RUNNING.replace("SessionName=", 'intnet1="%s"\nSessionName=' % FORGED), "SessionName"),
    "two balloons before the snapshots of 6.1": (
        PLAIN.replace(
            TAIL, TAIL + 'SnapshotName="%s"\nSnapshotName="b"\nCurrentSnapshotNode="SnapshotName"\n' % FORGED
        ).replace("\nmemory=5", '\nSnapshotName="'),
        "GuestMemoryBalloon",
    ),
}


def uuid_in(text):
    return re.search('^UUID="(.*)"$', text, re.MULTILINE).group(1)


def read(text, uuid=None):
    return machine_from(text, uuid or uuid_in(text))


@pytest.mark.parametrize("recording", MACHINES)
def test_a_recorded_machine(recording):
    machine = read((RECORDED / recording).read_text())
    assert {key: getattr(machine, key) for key in MACHINES[recording]} == MACHINES[recording]


@pytest.mark.parametrize("row", RAW)
@pytest.mark.parametrize("text", [PLAIN, RUNNING], ids=["stopped", "running"])
def test_no_text_of_somebody_else_stands_for_a_value(text, row):
    forged = FORGED.replace('SessionName="gui"\n', "")
    assert read(text.replace("GuestMemoryBalloon=", row % forged + "\nGuestMemoryBalloon=", 1)) == read(text)


def test_an_arm_machine_gets_no_large_pages_from_somebody_else():
    text = (RECORDED / "7.2.22" / "arm.txt").read_text()
    assert (
        read(text.replace("GuestMemoryBalloon=", 'intnet1="%s"\nGuestMemoryBalloon=' % FORGED, 1)).large_pages is None
    )


@pytest.mark.parametrize(
    "version",
    ["1\nGuestMemoryBalloon=5\n", "1\nGuestMemoryBalloon=5\nGuestAdditionsRunLevel=3\nGuestAdditionsFacility_"],
)
def test_what_a_guest_says_of_itself_stands_for_nothing_else(version):
    assert read(RUNNING.replace("6.0.0 r127566", escaped(version)[1:-1] + " r127566")) == read(RUNNING)


def test_the_snapshots_of_6_1_stand_after_the_balloon():
    rows = 'SnapshotName="%s"\nSnapshotUUID="x"\nCurrentSnapshotName="one"\nCurrentSnapshotNode="SnapshotName-1"\n'
    assert read(PLAIN + rows % "one") == read(PLAIN)
    assert read(PLAIN + rows % FORGED) == read(PLAIN)


def test_lines_that_end_as_on_windows_are_lines(tmp_path):
    with process.scratch_file() as stream:
        stream.write(PLAIN.replace("\n", "\r\n").encode())
        assert read(process.content(stream)) == read(PLAIN)


@pytest.mark.parametrize(("text", "names"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_one_clear_error(text, names):
    uuid = uuid_in(RUNNING if "web01" in text else PLAIN)
    with pytest.raises(VBoxMemoryError) as caught:
        read(text, uuid)
    assert caught.value.code == "vboxmanage_unreadable"
    assert "VBoxManage showvminfo %s --machinereadable" % uuid in caught.value.message and names in caught.value.message
    assert len(caught.value.message) < 400


def test_before_7_0_a_guest_s_version_is_printed_raw():
    older = RUNNING.replace('encryption="disabled"\n', "")
    assert read(older) == read(RUNNING)
    forged = '1"\nGuestMemoryBalloon=5\nGuestAdditionsRunLevel=3\nGuestAdditionsVersion="1 r127566'
    with pytest.raises(VBoxMemoryError, match="GuestMemoryBalloon"):
        read(older.replace("6.0.0 r127566", forged))


ROW = '"web01" {%s}\n' % UUID
WARNING = (
    "WARNING: The character device /dev/vboxdrv does not exist.\n\t Please install it.\n\n\t You will not be able to.\n"
)


@pytest.mark.parametrize(
    "text",
    [
        "nothing\n",
        "garbage\n" + ROW,
        ROW + "garbage\n",
        ROW + '"web02" {%s' % UUID,
        ROW[:-1],
        ROW + '"web',
        ROW + "\n",
        WARNING + "garbage\n" + ROW,
    ],
)
def test_a_list_that_is_not_whole_is_an_error(text):
    with pytest.raises(VBoxMemoryError, match="not of the known form, or not whole"):
        rows_in(text)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        (WARNING, []),
        (ROW, [UUID]),
        (WARNING + ROW, [UUID]),
        ('"<inaccessible>" {%s}\n' % UUID, [UUID]),
        ("<inaccessible> {%s}\n" % UUID, [UUID]),
        (ROW.replace("web01", 'two\nlines"').upper() + ROW, [UUID]),
    ],
)
def test_rows_of_a_list(text, rows):
    assert rows_in(text) == rows


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
        machine_from(text, UUID)
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
    machine = machine_from(printed(name, description), UUID)
    assert (machine.name, machine.memory, machine.state, machine.balloon_default) == (name, 768, "poweroff", 64)


def printed(name, description):
    """A machine as showvminfo prints it: the name first, the description, if any, before the balloon (7.2.22)."""
    rows = [
        ("name", name),
        ("groups", "/"),
        ("ostype", "Debian (64-bit)"),
        ("UUID", UUID),
        ("CfgFile", "/nosuch"),
        ("memory", 768),
        ("pagefusion", "off"),
        ("largepages", "off"),
        ("VMState", "poweroff"),
    ]
    rows += [("description", description)] if description else []
    return "".join("%s=%s\n" % (key, escaped(value)) for key, value in rows + [("GuestMemoryBalloon", 64)])


def escaped(value):
    """Quoted, with a backslash before quotes and backslashes, and newlines raw."""
    return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"') if isinstance(value, str) else str(value)
