# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a machine's settings file says. Full disks: execution/test_settings_files.py."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.backends.settings_file import read_settings_file

WHOLE = '<VirtualBox xmlns="http://www.virtualbox.org/"><Machine OSType="Debian_64">%s</Machine></VirtualBox>'
LARGE_PAGES = '<Hardware><CPU><HardwareVirtExLargePages enabled="%s"/></CPU></Hardware>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            WHOLE % '<Hardware><Guest memoryBalloonSize="150"/></Hardware>',
            {"os_type": "Debian_64", "balloon_default": 150},
        ),
        (WHOLE % "<Hardware><Guest/></Hardware>", {"os_type": "Debian_64", "balloon_default": 0}),
        (WHOLE % "<Hardware/>", {"os_type": "Debian_64", "balloon_default": 0}),
        (WHOLE % (LARGE_PAGES % "true"), {"os_type": "Debian_64", "balloon_default": 0, "large_pages": True}),
        (WHOLE % (LARGE_PAGES % "false"), {"os_type": "Debian_64", "balloon_default": 0, "large_pages": False}),
        (WHOLE % '<Hardware><Guest memoryBalloonSize="lots"/></Hardware>', {"os_type": "Debian_64"}),
        (WHOLE % '<Hardware><Guest memoryBalloonSize="²"/></Hardware>', {"os_type": "Debian_64"}),
        ("<VirtualBox><Machine/></VirtualBox>", {"balloon_default": 0}),
        ('<VirtualBox><MachineEncrypted keyId="x"/></VirtualBox>', {}),
    ],
)
def test_what_a_file_says(tmp_path, text, expected):
    path = tmp_path / "web01.vbox"
    path.write_text(text)
    assert read_settings_file(str(path)) == expected


@pytest.mark.parametrize(
    "text", ["", "\x00 not XML", WHOLE[:60], '<?xml version="1.0" encoding="nosuch"?><VirtualBox/>']
)
def test_a_file_that_is_not_whole(tmp_path, text):
    path = tmp_path / "web01.vbox"
    path.write_text(text)
    with pytest.raises(ValueError, match="web01.vbox is not whole"):
        read_settings_file(str(path))


@pytest.mark.parametrize("path", ["", "/nosuch/web01.vbox", "/", "a\x00b"], ids=["none", "gone", "a folder", "no path"])
def test_a_file_that_is_not_there(path):
    with pytest.raises((OSError, ValueError)):
        read_settings_file(path)
