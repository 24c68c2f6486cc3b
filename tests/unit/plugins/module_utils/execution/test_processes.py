# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Who else changes balloons, and when machines began: by a /proc of our own making, and by real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import pytest
from support.hosts import wait_until
from support.servers import new_server

from ansible_collections.vbox.memory.plugins.module_utils.execution.processes import (
    CONTROLLER,
    Processes,
    look_at_processes,
)

UUID = "0a1b2c3d-0000-4000-8000-00000000000A"
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def server(monkeypatch):
    name = new_server()
    monkeypatch.setenv("VBOX_IPC_SOCKETID", name)
    return name


def process(proc, number, comm, cmdline=(), user=None, environ=None, start=500):
    """A process as Linux shows it; without an environment that may be read unless given."""
    folder = proc / str(number)
    folder.mkdir(parents=True)
    uid = os.getuid() if user is None else user
    (folder / "comm").write_text(comm + "\n")
    (folder / "status").write_text(
        f"Name:\t{comm}\nUmask:\t0022\nState:\tS\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t0\t0\t0\t0\n"
    )
    (folder / "cmdline").write_text("".join(word + "\0" for word in cmdline))
    fields = ["S"] + ["0"] * 18 + [str(start * TICKS)] + ["0"] * 20
    (folder / "stat").write_text(f"{number} (a) b ({comm}) {' '.join(fields)}\n")
    if environ is not None:
        (folder / "environ").write_text("".join(row + "\0" for row in environ))


def test_machines_and_users(tmp_path, server):
    process(tmp_path, 10, "VBoxHeadless", ["VBoxHeadless", "--comment", "a --startvm b", "--startvm", UUID], start=77)
    process(tmp_path, 11, "VirtualBoxVM", ["VirtualBoxVM", "--startvm", "by name"])
    process(tmp_path, 12, "VBoxHeadless", ["VBoxHeadless", "--startvm", UUID.replace("A", "B")], user=os.getuid() + 1)
    process(tmp_path, 13, "bash", ["VBoxHeadless", "--startvm", UUID], start=1)
    (tmp_path / "14").mkdir()
    (tmp_path / "self").mkdir()
    assert look_at_processes(str(tmp_path)) == Processes(None, 2, {UUID.lower(): 77.0})


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"environ": ["A=1", "VBOX_IPC_SOCKETID={server}"]}, True),
        ({"environ": ["VBOX_IPC_SOCKETID=another"]}, False),
        ({"environ": ["A=1"]}, False),
        ({}, True),  # nobody may see
        ({"user": os.getuid() + 1}, False),
    ],
)
def test_the_controller_that_ships_with_virtualbox(tmp_path, server, options, found):
    options = {
        key: [row.format(server=server) for row in value] if key == "environ" else value
        for key, value in options.items()
    }
    process(tmp_path, 21, CONTROLLER, [CONTROLLER, "--balloon-interval"], **options)
    assert look_at_processes(str(tmp_path)).other_controller == ("VBoxBalloonCtrl (process 21)" if found else None)


def test_where_there_is_no_proc_nothing_is_known(tmp_path):
    assert look_at_processes(str(tmp_path / "nothing")) == Processes()


def test_a_real_process_of_that_name_is_seen(tmp_path, server):
    program = tmp_path / CONTROLLER
    shutil.copy(shutil.which("sleep"), program)
    running = subprocess.Popen([program, "600"])
    try:
        wait_until(lambda: look_at_processes().other_controller == f"{CONTROLLER} (process {running.pid})", 30)
    finally:
        running.kill()
        running.wait()
    assert look_at_processes().other_controller is None


def test_a_real_machine_s_process_began_when_it_did(server):
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    script = "import sys, time; open('/proc/self/comm', 'w').write('VBoxHeadless'); sys.stdin.read()"
    running = subprocess.Popen([sys.executable, "-c", script, "--startvm", UUID], stdin=subprocess.PIPE)
    try:
        wait_until(lambda: UUID.lower() in look_at_processes().started, 30)
        began = look_at_processes().started[UUID.lower()]
        assert before - 1 <= began <= time.clock_gettime(time.CLOCK_BOOTTIME)
        assert look_at_processes().started[UUID.lower()] == began
    finally:
        running.kill()
        running.wait()
