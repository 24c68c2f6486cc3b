# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balloons on their way up, on the live host: the guard, and what is lost in the midst."""

from __future__ import annotations

import json
import threading

import pytest
from support.live import again_if_it_fell_by_itself, balloon, eat_when_requested, info, unharmed, wait_until

MEMORY = 768
NEARLY_ALL = MEMORY * 89 // 100  # what raw VBoxManage accepts, and what panics a guest


# The guard is the same by both backends, and GROWING has it by VBoxManage, too.
@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_nearly_all_memory_is_refused_or_taken_as_far_as_it_does_no_harm(host):
    refused, _calls = host.module("vbox_balloon", {"name": "web01", "balloon_current": NEARLY_ALL}, check=True)
    assert refused["code"] == "unsafe_balloon" and "partial: true" in refused["msg"], refused

    machine = balloon(host, "web01", balloon_current=NEARLY_ALL, partial=True)
    reached = machine["after"]["balloon_current_mb"]
    assert machine["limited"] and 450 < reached < 600, machine
    assert host.memory("web01")["MemFree"] < 700 - reached
    log = host.live("ssh", "sudo", "journalctl", "--output=cat").stdout.decode()
    assert f"'web01': requested a balloon of {reached} MB, the guest holds {reached} MB" in log, log[-2000:]
    unharmed(host, "web01")

    again = balloon(host, "web01", balloon_current=NEARLY_ALL, partial=True)
    assert not again["changed"] and again["commands"] == [], again

    back = balloon(host, "web01", balloon_current=0)
    assert back["after"] == {"balloon_current_mb": 0}, back
    assert host.memory("web01")["MemFree"] > 600


# The backend, MB requested when a program starts to grow in the guest, and MB a second. Near the end no guard can help at more than
# docs/how-it-works.md says. The guard does not depend on the backend, so the series runs by one.
GROWING = [
    ("api", 50, 40),
    ("api", 300, 40),
    ("api", 500, 5),
    ("vboxmanage", 300, 20),
]


@pytest.mark.parametrize(("host", "starts", "rate"), GROWING, indirect=["host"])
@again_if_it_fell_by_itself
def test_a_program_that_grows_meanwhile_gets_its_memory_back(host, starts, rate):
    program = eat_when_requested(host, "web01", starts, 250, rate)
    machine = balloon(host, "web01", balloon_current=NEARLY_ALL, partial=True)
    program.join()
    unharmed(host, "web01")
    processes = host.guest("web01", "ps")
    assert f"eat 250 {rate}" in processes, (processes, machine["progress"])
    assert machine["limited"] and machine["after"]["balloon_current_mb"] < 450, machine
    assert starts < 300 or "its programs grew by" in machine["limited_by"], machine


# What is lost in the midst of a raise, and the commands that lose it. `run_module.py` is the module; the bindings' process has `vboxapi` in its
# command line.
LOST = {
    "the module": [("pkill", "-KILL", "-f", "run_module.py")],
    "the connection": [("pkill", "-KILL", "-f", "sshd-session: vbox@notty")],
    "the clients of VBoxSVC": [("pkill", "-KILL", "VBoxManage"), ("pkill", "-KILL", "-f", "vboxapi")],
}


# A client of VBoxSVC is another process for each backend. The other two are lost where less is left to go on: the worker ends with its module, and a
# VBoxManage outlives the connection.
LOSSES = [
    ("api", "the module"),
    ("vboxmanage", "the connection"),
    ("api", "the clients of VBoxSVC"),
    ("vboxmanage", "the clients of VBoxSVC"),
]


@pytest.mark.parametrize(("host", "lost"), LOSSES, indirect=["host"])
@again_if_it_fell_by_itself
def test_a_second_run_gets_there_when_the_first_one_lost(host, lost):
    given = json.dumps({"name": "web01", "balloon_current": 200, "backend": host.backend})
    first = threading.Thread(target=host.python, args=("run_module.py", "vbox_balloon"), kwargs={"given": given})
    first.start()
    wait_until(lambda: 0 < int(info(host, "web01")["GuestMemoryBalloon"]) < 200)
    for argv in LOST[lost]:
        host.live("ssh", *argv, must_succeed=False)
    second = balloon(host, "web01", balloon_current=200)
    first.join()
    assert second["after"] == {"balloon_current_mb": 200}, second
    assert info(host, "web01")["GuestMemoryBalloon"] == "200"
    wait_until(lambda: host.memory("web01")["MemFree"] < 500)
    unharmed(host, "web01")
