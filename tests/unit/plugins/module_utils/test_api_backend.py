# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which commands the bindings carry out, and as what; and a child that never answers."""

from __future__ import annotations

import itertools
import os
import re
import signal

import pytest

from ansible_collections.vbox.memory.plugins.module_utils import api_backend
from ansible_collections.vbox.memory.plugins.module_utils.api_backend import Bindings, request_for
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.settings import SETTINGS, commands

VALUES = {"balloon_default": 512, "page_fusion": True, "large_pages": False, "balloon_current": 0}


@pytest.mark.parametrize("names", [names for count in range(1, 5) for names in itertools.combinations(SETTINGS, count)])
def test_every_command_of_ours_is_a_request(names):
    requests = [request_for(command) for command in commands("uuid", {name: VALUES[name] for name in names})]
    expected = []
    if set(names) - {"balloon_current"}:
        expected.append({"do": "modify", "uuid": "uuid", "values": [(name, VALUES[name]) for name in names if name != "balloon_current"]})
    if "balloon_current" in names:
        expected.append({"do": "balloon", "uuid": "uuid", "size": 0})
    assert requests == expected


@pytest.mark.parametrize("command", [
    ("startvm", "uuid", "--type", "headless"),
    ("controlvm", "uuid", "acpipowerbutton"),
    ("controlvm", "uuid", "guestmemoryballoon"),
    ("controlvm", "uuid", "guestmemoryballoon", "1", "guestmemoryballoon", "2"),
    ("modifyvm", "uuid"),
    ("modifyvm", "uuid", "--memory", "64"),
    ("modifyvm", "uuid", "--guestmemoryballoon", "64", "--memory", "64"),
    ("modifyvm", "uuid", "--guestmemoryballoon", "010"),
    ("modifyvm", "uuid", "--guestmemoryballoon", "0x10"),
    ("modifyvm", "uuid", "--guestmemoryballoon", str(2 ** 32)),
    ("modifyvm", "uuid", "guestmemoryballoon", "64"),
])
def test_any_other_command_is_none(command):
    assert request_for(command) is None


def test_a_child_that_does_not_answer_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(api_backend, "TIME_LIMIT", 0.2)
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    with pytest.raises(VBoxMemoryError) as raised:
        Bindings([str(silent), "/never/tried"])
    assert raised.value.code == "vboxmanage_timeout"
    process = int(re.search(r"process (\d+)", raised.value.message).group(1))
    os.kill(process, signal.SIGTERM)  # it was there
