# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Restarts that are interrupted, on the fake: by each signal, at each stage. What ran runs again: by the same run, or by the next one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.hosts import RUNNER, SUPPORT, FakeTestHost, wait_until

KEY = "vbox.memory/restart/"
RESTART = {"name": "web01", "large_pages": True, "on_blocked": "shutdown"}
# When the signal comes: once the module has made this call of VBoxManage, which goes on until the signal was sent.
STAGES = {
    "while the note is written": ("setextradata", 1),
    "while the shutdown is requested": ("controlvm", 1),
    "while it is awaited": ("controlvm", 1),
    "while the settings change": ("modifyvm", 1),
    "while it is started": ("startvm", 1),
    "while the note is taken away": ("setextradata", 2),
}

LONG = 600  # seconds in which a guest shuts down, on whatever machine, only when the fake's clock is set forward


@pytest.fixture
def host(tmp_path):
    host = FakeTestHost(tmp_path)
    host.fake.add_guest("web01", memory=768, boot_seconds=0.5, shutdown_seconds=1.5)
    return host


# So that it hears the signals that whoever started the tests has ignored, as nohup does
HEARING = ["env", "--default-signal=HUP,INT,TERM"]


class Module:
    """A module under way, as a process of its own that signals can be sent to."""

    def __init__(self, host, parameters):
        environment = host.environment()
        self.process = subprocess.Popen(
            [*HEARING, sys.executable, str(SUPPORT / RUNNER), "vbox_memory"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            start_new_session=True,
        )
        given = json.dumps(dict(parameters, backend="vboxmanage", _ansible_check_mode=False, _ansible_diff=True))
        self.output = []
        self.reader = threading.Thread(target=lambda: self.output.extend(self.process.communicate(given)))
        self.reader.start()

    def send(self, name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, getattr(signal, name))

    def result(self):
        self.reader.join()
        lines = [line for line in self.output[0].splitlines() if line.startswith("{")]
        assert "Traceback" not in self.output[1], self.output[1]
        return json.loads(lines[-1]) if lines else None


def interrupt(host, stage, name, parameters=None):
    """Run a module, and send it a signal at a stage; gives back its result, if it had any."""
    command, number = STAGES[stage]
    awaited, release = stage == "while it is awaited", os.path.join(host.fake.path, "release")
    if awaited:
        host.fake.set_guest("web01", shutdown_seconds=LONG)
    else:
        host.fake.faults({"command": command, "kind": "hang", "until": release, "skip": number - 1})
    module = Module(host, parameters or RESTART)
    wait_until(lambda: len(host.fake.calls(command)) >= number or module.process.poll() is not None, 30, pause=0.02)
    if awaited:
        wait_until(lambda: host.fake.calls()[-1][0] == "showvminfo", 30, pause=0.02)
    module.send(name)
    if awaited:
        host.fake.set_guest("web01", shutdown_seconds=1.5)
        host.fake.advance(LONG)
    else:
        Path(release).touch()
    result = module.result()
    host.fake.faults()
    return result


def state(host):
    machine = host.fake.machine("web01")
    return machine["state"], machine["large_pages"]


def notes(host):
    with host.fake.state() as content:
        return {key: value for key, value in content["host"].get("extra_data", {}).items() if key.startswith(KEY)}


@pytest.mark.parametrize(
    ("name", "stage"),
    [("SIGTERM", stage) for stage in STAGES]
    + [
        (name, stage) for name in ("SIGHUP", "SIGINT") for stage in ("while it is awaited", "while the settings change")
    ],
)
def test_a_signal_that_can_be_held_leaves_the_machine_running(host, name, stage):
    result = interrupt(host, stage, name)
    assert state(host)[0] == "running" and notes(host) == {}, (result, state(host))
    assert result["code"] == "interrupted" and name in result["msg"], result
    changed = stage in ("while the settings change", "while it is started", "while the note is taken away")
    assert state(host)[1] is changed and ("settings are changed" in result["msg"]) is changed, result
    again, _calls = host.module("vbox_memory", RESTART)
    assert again["changed"] is not changed and state(host) == ("running", True) and "failed" not in again, again


@pytest.mark.parametrize("stage", STAGES)
def test_after_a_kill_the_next_run_starts_it_and_says_so(host, stage):
    assert interrupt(host, stage, "SIGKILL") is None
    # The calls of VBoxManage that were under way end by themselves, and a guest that was asked to shut down does.
    goes_off = ("while the shutdown is requested", "while it is awaited")
    wait_until(lambda: stage not in goes_off or state(host)[0] == "poweroff", 30)
    wait_until(lambda: stage != "while it is started" or state(host)[0] == "running", 30)
    wait_until(lambda: stage != "while the settings change" or state(host)[1], 30)
    off = state(host)[0] == "poweroff"
    planned, _calls = host.module("vbox_memory", RESTART, check=True)
    done, calls = host.module("vbox_memory", RESTART)
    assert state(host) == ("running", True) and "failed" not in done, done
    assert not off or ["startvm"] == [call[0] for call in calls if call[0] == "startvm"], calls
    assert planned["changed"] is done["changed"], (planned, done)
    assert [planned["machines"][0][key] for key in ("commands", "after", "warnings")] == [
        done["machines"][0][key] for key in ("commands", "after", "warnings")
    ]
    if off:
        assert done["changed"] and "interrupted" in done["machines"][0]["warnings"][0], done
        assert done["machines"][0]["commands"][-1].endswith("--type headless") and notes(host) == {}
    again, _calls = host.module("vbox_memory", RESTART)
    assert not again["changed"] and "interrupted" not in str(again["machines"][0]["warnings"]), again


def test_the_machines_after_it_are_left_alone(host):
    host.fake.add_machine("web02", memory=768, ostype="Debian_64")
    both = {"machines": [dict(RESTART), {"name": "web02", "balloon": 64}]}
    both["machines"][0].pop("on_blocked")
    result = interrupt(host, "while it is awaited", "SIGTERM", dict(both, on_blocked="shutdown"))
    assert [machine["code"] for machine in result["machines"]] == ["interrupted", "interrupted"], result
    assert host.fake.machine("web02")["balloon"] == 0 and state(host) == ("running", False)


def off_with(host, value):
    """The machine is off, with a note."""
    host.fake.change("web01", state="poweroff")
    uuid = host.fake.machine("web01")["uuid"]
    host.fake.ok("setextradata", "global", KEY + uuid, value)
    return uuid


NOW = int(time.time())


@pytest.mark.parametrize(
    "value",
    [
        "rm -rf 1 {now}",
        "headless 2 {now}",
        "headless 1 x",
        "headless 1 0",
        "headless 1 99999999999",
        "headless 1 {now} ",
        "headless 1 {now}\n",
        "HEADLESS 1 {now}",
        "GUI/Qt 1 {now}",
        "headless 1 ١٢٣",
    ],
)
def test_a_note_that_is_not_ours_or_not_of_the_last_day_starts_nothing(host, value):
    off_with(host, value.replace("{now}", str(NOW)))
    result, calls = host.module("vbox_memory", dict(RESTART))
    assert "failed" not in result and state(host) == ("poweroff", True), result
    assert not [call for call in calls if call[0] == "startvm"]
    assert "does not count" in result["machines"][0]["warnings"][0] and "setextradata global" in str(result)


def test_a_machine_that_is_right_already_is_started_too(host):
    uuid = off_with(host, f"gui 1 {NOW}")
    wanted = {"name": "web01", "large_pages": False, "on_blocked": "shutdown"}
    facts, _calls = host.module("vbox_memory_facts", {"metrics": False})
    assert facts["ansible_facts"]["vbox_memory"]["machines"][0]["interrupted_restart"] == NOW
    result, calls = host.module("vbox_memory", wanted)
    assert result["changed"] and result["machines"][0]["commands"] == [f"VBoxManage startvm {uuid} --type gui"], result
    assert state(host)[0] == "running" and not host.module("vbox_memory", wanted)[0]["changed"]


def test_it_is_started_though_what_is_desired_cannot_be_had(host):
    off_with(host, f"headless 1 {NOW}")
    result, _calls = host.module("vbox_memory", {"name": "web01", "balloon_default": 700, "on_blocked": "shutdown"})
    assert result["code"] == "balloon_out_of_range" and result["changed"] and state(host) == ("running", False), result


def test_a_current_balloon_is_for_after_the_start(host):
    off_with(host, f"headless 1 {NOW}")
    result, _calls = host.module("vbox_memory", {"name": "web01", "balloon_current": 64, "on_blocked": "shutdown"})
    assert "failed" not in result and result["machines"][0]["after"] == {"balloon_current_mb": 64}, result
    assert host.fake.guest("web01")["balloon"] == 64


def test_a_guest_that_shuts_down_too_late_is_started_by_the_next_run(host):
    host.fake.set_guest("web01", shutdown_seconds=LONG)
    late, _calls = host.module("vbox_memory", dict(RESTART, shutdown_timeout=1))
    assert late["code"] == "shutdown_timeout" and "next run starts it" in late["msg"], late
    host.fake.advance(LONG)
    host.fake.set_guest("web01", shutdown_seconds=1.5)
    assert state(host)[0] == "poweroff"
    result, _calls = host.module("vbox_memory", RESTART)
    assert result["changed"] and state(host) == ("running", True), result


def test_where_nothing_is_off_no_note_is_read(host):
    _result, calls = host.module("vbox_memory", {"name": "web01", "large_pages": False, "on_blocked": "shutdown"})
    assert not [call for call in calls if call[0] == "getextradata"]


def test_who_restarts_nothing_reads_no_note(host):
    off_with(host, f"headless 1 {NOW}")
    _result, calls = host.module("vbox_memory", {"name": "web01", "large_pages": True})
    assert not [call for call in calls if call[0] == "getextradata"]
