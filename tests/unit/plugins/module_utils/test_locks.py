# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One client of VirtualBox at a time: between processes, and never against oneself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.locks import ClientLock

TAKE = """
from ansible_collections.vbox.memory.plugins.module_utils.locks import client_lock
with client_lock:
    print("had")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def other_process_waits():
    """Whether another process has to wait for the lock."""
    with subprocess.Popen([sys.executable, "-c", TAKE], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.communicate(timeout=1)[0] == "had\n"
        except subprocess.TimeoutExpired:
            process.kill()
            return True
    return False


def test_it_can_be_taken_again_and_is_given_back_once():
    lock = ClientLock()
    with lock:
        with lock:
            pass
        assert other_process_waits()
    assert not other_process_waits()


def test_a_child_that_has_it_keeps_it_and_gives_it_back_with_us():
    lock = ClientLock()
    with lock:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor])
        assert other_process_waits()
    assert not other_process_waits(), "between two requests others get their turn"
    with lock:
        os.close(lock.descriptor)  # as when we are killed
        assert other_process_waits()
        child.communicate()
        assert not other_process_waits()
        lock.descriptor = None


def test_another_users_file_in_its_place_is_no_error(tmp_path):
    (tmp_path / ("vbox-memory-%d.lock" % os.geteuid())).symlink_to("/dev/null")
    with ClientLock() as nothing:
        assert nothing is None
