# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Lines with a machine's name in them: its owner can make none of them, and end no quotes."""

from __future__ import annotations

import os

import pytest
from support.servers import new_server

from ansible_collections.vbox.memory.plugins.module_utils import run_balance, run_module
from ansible_collections.vbox.memory.plugins.module_utils.balance_service import Journal
from ansible_collections.vbox.memory.plugins.module_utils.balance_status import status_path

NAMES = ["a': all is well. machine 'b", 'a"b', "a\nmachine 'b': fine", "\u202egnp.exe", "\x1b[2J\x9b2J", "end\\"]


@pytest.mark.parametrize("name", NAMES)
def test_the_journal(name, monkeypatch):
    monkeypatch.setenv("VBOX_IPC_SOCKETID", new_server())
    lines = []
    journal = Journal("1", lines.append)
    os.unlink(status_path())
    journal.log(name, "a balloon\nis requested")
    assert lines == ["machine %r: a balloon\\nis requested" % name] and lines[0].isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_the_headers_of_a_diff(name):
    entry = dict(name=name, before=dict(balloon_current_mb=0), after=dict(balloon_current_mb=8))
    for diff in (run_balance.differences([entry])[0], run_module._diff(entry)):
        assert diff["before_header"] == diff["after_header"] and diff["before_header"].isprintable()
