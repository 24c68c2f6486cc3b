# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The fake's own tests."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from vboxfake import FakeHost  # noqa: E402


@pytest.fixture
def host(tmp_path):
    return FakeHost(tmp_path / "fake", release="7.2")


def test_a_made_machine_is_listed_and_shown(host):
    host.ok("createvm", "--name", "web", "--ostype", "Debian_64", "--register")
    assert host.ok("list", "vms").startswith('"web" {')
    assert "\nGuestMemoryBalloon=0\n" in host.ok("showvminfo", "web", "--machinereadable")
