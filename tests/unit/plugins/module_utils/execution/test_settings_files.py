# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a settings file on the disk says after a change. Full disks: tests/integration/test_full_disk.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.memory_backend import WEB01, MemoryBackend

from ansible_collections.vbox.memory.plugins.module_utils.execution import settings_files
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.run_module import converge

STOPPED = replace(WEB01, state="poweroff", balloon_current=None)
WHOLE = '<VirtualBox xmlns="http://www.virtualbox.org/"><Machine>%s</Machine></VirtualBox>'
SAVED = WHOLE % (
    '<Snapshot><Hardware><Guest memoryBalloonSize="7"/></Hardware></Snapshot><Hardware><CPU><HardwareVirtExLargePages enabled="false"/></CPU>'
    '<Guest memoryBalloonSize="64"/></Hardware>'
)
# What the file holds after a balloon of 64 was saved, and the code and words of the error.
AFTER = {
    "what was asked for": (SAVED, None, ""),
    "another balloon": (SAVED.replace("64", "63"), "change_did_not_stick", "the default balloon is 63, not 64"),
    "no balloon": (WHOLE % "<Hardware><Guest/></Hardware>", "change_did_not_stick", "the default balloon is 0, not 64"),
    "other large pages": (SAVED.replace("false", "true"), "change_did_not_stick", "large pages is True, not False"),
    "what only the password opens": (
        '<VirtualBox xmlns="http://www.virtualbox.org/"><MachineEncrypted/></VirtualBox>',
        None,
        "",
    ),
    "nothing": ("", "settings_not_saved", "web01.vbox-prev' holds the settings of before"),
    "half of it": (SAVED[:150], "settings_not_saved", "Make room"),
    "what is no XML": ("garbage", "settings_not_saved", "web01.vbox-prev'"),
    "a declaration that lies": ('<?xml version="1.0" encoding="nosuch"?>' + SAVED, "settings_not_saved", "web01.vbox'"),
    "no file": (None, "settings_not_saved", "lost when VirtualBox's server ends"),
}


class Backend(MemoryBackend):
    """Machines in memory, and the settings file of one on the disk, which a change replaces as VirtualBox does."""

    def __init__(self, path, content):
        super().__init__(STOPPED)
        self.path, self.content = path, content

    def settings_file(self, uuid):
        return str(self.path)

    def change(self, uuid, values, live=False):
        super().change(uuid, values, live)
        if self.path.exists():
            self.path.rename(str(self.path) + "-prev")
            if self.content is not None:
                self.path.write_text(self.content)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(settings_files, "PAUSE", 0)


def changed(path, content):
    return converge(Backend(path, content), [DesiredState("web01", balloon_default=64)])[0].as_result()


@pytest.mark.parametrize(("content", "code", "words"), AFTER.values(), ids=AFTER)
def test_what_is_on_the_disk_after_a_change(tmp_path, content, code, words):
    path = tmp_path / "web01.vbox"
    path.write_text(SAVED)
    result = changed(path, content)
    assert result.get("code") == code and words in result.get("msg", ""), result
    assert result["changed"] and result["after"] == {"balloon_default_mb": 64}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (SAVED, None),
        (SAVED + "\n\n", None),
        (AFTER["what only the password opens"][0], None),
        ("", "settings_not_saved"),
        (SAVED[:150], "settings_not_saved"),
        (None, None),  # nobody can see it from here
    ],
)
@pytest.mark.parametrize("asked", ["default", "both", "current"])
def test_what_virtualbox_has_and_the_disk_has_not_is_not_called_unchanged(tmp_path, content, code, asked):
    path = tmp_path / "web01.vbox"
    if content is not None:
        path.write_text(content)
    backend = Backend(path, SAVED)
    backend.machines = {STOPPED.uuid: replace(WEB01 if asked == "current" else STOPPED, balloon_default=64)}
    option = {"default": "balloon_default", "both": "balloon", "current": "balloon_current"}[asked]
    desired = DesiredState("web01", **{option: 0 if asked == "current" else 64}, wait=False)
    for check_mode in (True, False):
        result = converge(backend, [desired], check_mode)[0].as_result()
        assert result.get("code") == (None if asked == "current" else code), result
        assert not result["changed"]
        assert code is None or asked == "current" or "web01.vbox" in result["msg"]


def test_a_file_of_before_that_is_not_whole_is_not_praised(tmp_path):
    path = tmp_path / "web01.vbox"
    path.write_text("half")
    result = changed(path, "")
    assert result["code"] == "settings_not_saved" and "holds" not in result["msg"] and "is lost" in result["msg"]


def test_a_file_that_nobody_can_see_from_here_is_not_judged(tmp_path):
    assert changed(tmp_path / "elsewhere" / "web01.vbox", "").get("code") is None


@pytest.fixture
def disk(monkeypatch):
    """A file system of which a test says how much is free."""

    class Disk:
        f_frsize, f_bfree, f_bavail, f_files, f_favail = 1024, 0, 0, 0, 0

    monkeypatch.setattr(settings_files.os, "statvfs", lambda _path: Disk)
    return Disk


@pytest.mark.parametrize(
    ("free_kb", "files", "why"),
    [
        (64 + 200, (0, 0), None),
        (64 + 199, (0, 0), "263 kB are free"),
        (10**6, (9, 0), "no further file"),
        (10**6, (9, 1), None),
    ],
)
def test_room_for_a_file_twice_and_a_little_more(tmp_path, disk, free_kb, files, why):
    path = tmp_path / "VirtualBox.xml"
    path.write_bytes(b"x" * 100 * 1024)
    disk.f_bfree = disk.f_bavail = free_kb
    disk.f_files, disk.f_favail = files
    found = settings_files.lacks_room(str(path))
    assert found is None if why is None else why in found


@pytest.mark.parametrize("variable", ["VBOX_USER_HOME", "XDG_CONFIG_HOME", "HOME"])
def test_virtualbox_s_own_settings_are_found(tmp_path, monkeypatch, disk, variable):
    for name in ("VBOX_USER_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    assert settings_files.global_settings_lack_room() is None  # they cannot be seen
    monkeypatch.setenv(variable, str(tmp_path))
    folder = {"VBOX_USER_HOME": ".", "XDG_CONFIG_HOME": "VirtualBox", "HOME": ".config/VirtualBox"}[variable]
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / "VirtualBox.xml").write_text("<VirtualBox/>")
    assert "0 kB are free" in settings_files.global_settings_lack_room()
