# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The playbook balance on fake hosts with running guests."""

from __future__ import annotations

import pytest
from support.fake_fleet import Fakes

ON = {"balance": True}


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path)


def test_try(fakes):
    fakes.host("h1", vbox_memory_policy=ON)
    fakes.host("h2", vbox_memory_policy={})
    fakes.host("h3", vbox_memory_policy={"balance": {"reserv": 1}})
    fakes.guest("h1", "short", memory=2048, balloon=1500, program_mb=400)
    fakes.guest("h1", "idle", memory=4096)
    fakes.guest("h1", "bare", memory=1024, additions=False)
    status, output = fakes.play("--check", "--diff", "-e", "vbox_memory_start=4G", playbook="vbox.memory.balance")
    print(output)
    assert 0
