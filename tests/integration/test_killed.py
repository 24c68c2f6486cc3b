# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""SIGKILL at 50 random moments, on the fake, of the service of balance, of its module, and of the module that changes balloons.

No guest is harmed, and the next one goes on.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys

import pytest
from support.hosts import RUNNER, SUPPORT, FakeTestHost, wait_until

from ansible_collections.vbox.memory.plugins.plugin_utils.balance_program import program

POLICY = {"reserve": 0, "ready": 0, "window": 10, "period": 1}
NAMES = ("web01", "db01")
RAISE = {"machines": [{"name": name} for name in NAMES], "balloon_current": 700, "partial": True}
CHANGING = "guestmemoryballoon"
MODULE = [sys.executable, str(SUPPORT / RUNNER)]


@pytest.fixture
def host(tmp_path):
    """A host with less for its two guests than they hold, and a program that grows in one of them for as long as the test may take."""
    host = FakeTestHost(tmp_path, clock_rate=4)
    host.fake.add_guest("web01", memory=1024, rate=30, wobble_kb=12)
    host.fake.add_guest(
        "db01", memory=1024, rate=30, wobble_kb=12, program_mb=200, program_rate=0.5, program_max_mb=500
    )
    host.fake.advance(30)
    with host.fake.state() as state:
        state["host"]["available_mb"] = 1950
    return host


def given(**parameters):
    return json.dumps(dict(parameters, backend="vboxmanage", _ansible_check_mode=False, _ansible_diff=False))


def service(host, tmp_path):
    name, content = program()
    (tmp_path / name).write_bytes(content)
    (tmp_path / "configuration.json").write_text(json.dumps({"policy": POLICY, "backend": "vboxmanage"}))
    return [sys.executable, "-I", str(tmp_path / name), str(tmp_path / "configuration.json")], ""


def balance(host, tmp_path):
    return [*MODULE, "vbox_memory_balance"], given(policy=POLICY, duration=600)


def controller(host, tmp_path):
    return [*MODULE, "vbox_balloon"], given(**RAISE)


def unharmed(host):
    for name in NAMES:
        guest = host.fake.guest(name)
        assert not guest["panicked"] and not guest["oom_kills"] and guest["state"] == "running", (name, guest)


def asked(host):
    return any(CHANGING in call and call[-1] != "0" for call in host.calls())


def kill_at(host, argv, text, number):
    """Start a program, and kill it as soon as it has made so many calls of VBoxManage; the first one not before it has asked something of a guest.

    Gives back whether it was still running.
    """
    before = len(host.calls())
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=host.environment()
    )
    try:
        process.stdin.write(text.encode())
        process.stdin.close()
        wait_until(
            lambda: (len(host.calls()) - before >= number and asked(host)) or process.poll() is not None,
            300,
            pause=0.01,
        )
        return process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(("what", "times", "most"), [(service, 17, 60), (balance, 17, 60), (controller, 16, 60)])
def test_no_guest_is_harmed_and_the_next_one_goes_on(host, tmp_path, what, times, most):
    argv, text = what(host, tmp_path)
    moments = random.Random(what.__name__)
    killed = 0
    for _time in range(times):
        killed += kill_at(host, argv, text, moments.randint(1, most))
        unharmed(host)
        if what is controller:  # which has all to do again
            for name in NAMES:
                host.vbox("controlvm", name, CHANGING, "0")
            host.fake.advance(60)
    assert killed >= times - 2, "the programs ended before they could be killed"
    assert asked(host), "nothing was asked of any guest"

    host.forget_calls()
    if what is controller:
        result, _calls = host.module("vbox_balloon", RAISE)
    else:
        result, _calls = host.module("vbox_memory_balance", {"policy": POLICY, "rounds": 5})
    assert "failed" not in result, result
    unharmed(host)
