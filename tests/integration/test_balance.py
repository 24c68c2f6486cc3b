# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""vbox_memory_balance on the fake, with several running guests, as a module and as a task; its rounds are in tests/unit, on simulated hosts."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support.fake_fleet import Fakes
from support.hosts import RUNNER, SUPPORT, FakeTestHost, wait_until
from support.plays import keep, kept

MODULE = "vbox_memory_balance"
POLICY = {"reserve": 0, "ready": 0, "window": 10}
KEY = "vbox.memory/balance/changes"
QUIET = {"rate": 60, "wobble_kb": 12}


def fill(fake, available):
    """Three running guests of 1 GB, one of them short of memory with a balloon, on a host that has so much for them; and one that is off."""
    fake.add_guest("web01", memory=1024, **QUIET)
    fake.add_guest("web02", memory=1024, **QUIET)
    fake.add_guest("db01", memory=1024, program_mb=450, **QUIET)
    fake.add_machine("off", memory=512)
    fake.ok("controlvm", "db01", "guestmemoryballoon", "400")
    fake.advance(30)
    with fake.state() as state:
        state["host"]["available_mb"] = available


@pytest.fixture
def host(tmp_path):
    host = FakeTestHost(tmp_path)
    fill(host.fake, 3000)
    return host


def requests(calls):
    return [call[1:] for call in calls if call[0] == "controlvm"]


def uuid_of(host, name):
    return host.fake.machine(name)["uuid"]


def by_name(result):
    return {machine["name"]: machine for machine in result["machines"]}


def notes(fake):
    with fake.state() as content:
        return content["host"].get("extra_data", {}).get(KEY, "")


def test_who_needs_memory_gets_it_in_the_first_round_and_check_mode_says_so(host):
    planned, calls = host.module(MODULE, {"policy": POLICY}, check=True)
    assert planned["changed"] and requests(calls) == [] and not notes(host.fake), planned
    result, calls = host.module(MODULE, {"policy": POLICY})
    assert "failed" not in result and result["changed"], result
    [step] = result["steps"]
    assert (step["name"], step["was_mb"], step["round"]) == ("db01", 400, 1) and step["request_mb"] < 400, step
    assert [one[-1] for one in requests(calls)][-1] == str(step["request_mb"])
    assert (
        result["commands"][-1]
        == f"VBoxManage controlvm {uuid_of(host, 'db01')} guestmemoryballoon {step['request_mb']}"
    )
    assert [one["request_mb"] for one in planned["plan"]["steps"]] == [step["request_mb"]]
    for key in ("before", "after", "changed", "got_mb"):
        assert [machine[key] for machine in planned["machines"]] == [machine[key] for machine in result["machines"]], (
            key
        )
    assert result["moved"] == [{"giver": "pool", "taker": "db01", "mb": 400 - step["request_mb"]}]
    assert [(one["before_header"], one["before"]) for one in result["diff"]] == [("db01", "balloon_current_mb: 400\n")]
    assert result["diff"] == planned["diff"] and list(by_name(result)) == ["web01", "web02", "db01"]
    # the module waited for the guest
    assert (
        host.fake.guest("db01")["balloon"]
        == step["request_mb"]
        == by_name(result)["db01"]["after"]["balloon_current_mb"]
    )


def test_the_facts_say_what_it_asked_last(host):
    before = int(time.time())
    result, _calls = host.module(MODULE, {"policy": POLICY})
    facts, _calls = host.module("vbox_memory_facts", {"metrics": False})
    machines = {machine["name"]: machine for machine in facts["ansible_facts"]["vbox_memory"]["machines"]}
    last = machines["db01"]["last_balance"]
    [step] = result["steps"]
    assert before <= last.pop("since") <= time.time()
    assert last == {"balloon_mb": step["request_mb"], "was_mb": 400, "code": step["code"]}
    assert [machines[name]["last_balance"] for name in ("web01", "off")] == [None, None]
    for value in ("garbage", "x" * 5000, notes(host.fake).replace(" ", ";")):
        host.vbox("setextradata", "global", KEY, value)
        facts, _calls = host.module("vbox_memory_facts", {"metrics": False})
        assert not any(machine["last_balance"] for machine in facts["ansible_facts"]["vbox_memory"]["machines"])


def test_machines_with_plenty_give_when_they_were_watched_and_nobody_is_harmed(host):
    with host.fake.state() as state:
        state["host"]["available_mb"] = 1900
    result, calls = host.module(MODULE, {"policy": POLICY, "rounds": 12})
    machines = by_name(result)
    assert "failed" not in result and machines["web01"]["gave_mb"] > 0 and machines["web02"]["gave_mb"] > 0, result
    given = sum(host.fake.guest(name)["balloon"] for name in ("web01", "web02", "db01"))
    # how soon all is given depends on the machine that runs this: that it is in the end, is in tests/unit
    assert given >= machines["web01"]["gave_mb"], result["host"]
    for name in ("web01", "web02", "db01"):
        guest = host.fake.guest(name)
        assert not guest["panicked"] and not guest["oom_kills"] and guest["state"] == "running", (name, guest)
    assert result["rounds"] >= 12 and machines["web01"]["after"]["balloon_current_mb"] == machines["web01"]["gave_mb"]
    # one query of the metrics of all in a round, and only what is in the result was asked of guests
    assert len([call for call in calls if call[:2] == ["metrics", "query"]]) < result["rounds"] + 20
    asked = ["VBoxManage controlvm %s guestmemoryballoon %s" % (one[0], one[2]) for one in requests(calls)]
    assert asked == result["commands"]


def test_a_question_changes_nothing_and_may_be_asked_beside_another_balance(host):
    with Running(host, {"policy": POLICY, "duration": 600}):
        result, _calls = host.module(MODULE, {"policy": POLICY, "rounds": 0, "what_if": "2G"})
        assert "failed" not in result and not result["changed"] and result["host"]["codes"] == []
        assert (
            result["what_if"]["verdict"] in ("now", "after_steps", "never")
            and "2048 MB" in result["what_if"]["sentence"]
        )


class Running:
    """A balance under way, as a process of its own."""

    def __init__(self, host, parameters):
        self.host, self.parameters = host, dict(parameters, backend="vboxmanage")

    def __enter__(self):
        self.process = subprocess.Popen(
            ["env", "--default-signal=HUP,INT,TERM", sys.executable, str(SUPPORT / RUNNER), MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.host.environment(),
            text=True,
            start_new_session=True,
        )
        self.process.stdin.write(json.dumps(self.parameters))
        self.process.stdin.close()
        wait_until(lambda: self.host.fake.calls("metrics") or self.process.poll() is not None, 30)
        assert self.process.poll() is None, self.process.stdout.read()
        return self

    def __exit__(self, *_error):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.mark.parametrize("check", [False, True])
def test_two_of_them_do_not_run_side_by_side(host, check):
    with Running(host, {"policy": POLICY, "duration": 600}):
        refused, _calls = host.module(MODULE, {"policy": POLICY}, check=check)
        assert (refused["failed"], refused["code"]) == (True, "balloon_busy"), refused
        assert "another balance of this user" in refused["msg"] and "balance-" in refused["msg"]
    again, _calls = host.module(MODULE, {"policy": POLICY}, check=check)  # its lock went with it
    assert "failed" not in again, again


@pytest.mark.parametrize("check", [False, True])
def test_beside_the_controller_of_virtualbox_it_refuses(host, tmp_path, check):
    program = tmp_path / "VBoxBalloonCtrl"
    shutil.copy(shutil.which("sleep"), program)
    other = subprocess.Popen([program, "600"], env=host.environment())
    try:
        refused, calls = host.module(MODULE, {"policy": POLICY}, check=check)
        assert (refused["failed"], refused["code"]) == (True, "balloon_busy") and calls == [], refused
        assert f"VBoxBalloonCtrl (process {other.pid})" in refused["msg"]
        looked, _calls = host.module(MODULE, {"policy": POLICY, "rounds": 0})
        assert looked["host"]["codes"] == ["other_controller"] and looked["plan"]["steps"] == []
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_signal_at_any_moment_harms_nobody_and_the_next_run_goes_on(host, name):
    # The signal comes while a request to a guest is on its way.
    host.fake.faults({"command": "controlvm", "kind": "hang", "seconds": 1, "count": None})
    with Running(host, {"policy": POLICY, "duration": 600}) as running:
        wait_until(lambda: len(host.fake.calls("controlvm")) >= 1, 60)
        running.process.send_signal(getattr(signal, name))
        running.process.wait()
    host.fake.faults()
    result, _calls = host.module(MODULE, {"policy": POLICY, "rounds": 3})
    assert "failed" not in result, result
    assert host.fake.guest("db01")["balloon"] == by_name(result)["db01"]["after"]["balloon_current_mb"] < 400
    for guest in (host.fake.guest(one) for one in ("web01", "web02", "db01")):
        assert not guest["panicked"] and not guest["oom_kills"] and guest["state"] == "running", guest


def test_a_machine_that_goes_meanwhile_is_no_failure(host):
    host.fake.faults({"command": "controlvm", "kind": "vanish", "machine": uuid_of(host, "db01")})
    result, _calls = host.module(MODULE, {"policy": POLICY, "rounds": 2})
    assert "failed" not in result, result
    assert [step["error"] for step in result["steps"] if step.get("failed")] == ["machine_not_found"], result["steps"]
    assert list(by_name(result)) == ["web01", "web02"]
    assert any("'db01'" in warning for warning in map(str, result["warnings"])), result


def test_wrong_options_are_told_all_at_once(host):
    result, calls = host.module(MODULE, {"policy": {"windw": 3}, "rounds": -2, "what_if": "much"})
    assert result["code"] == "invalid_parameters" and calls == []
    assert all(part in result["msg"] for part in ("'windw'", "rounds: -2", "what_if: 'much'")), result["msg"]


def test_without_running_machines_there_is_nothing_to_do(tmp_path):
    host = FakeTestHost(tmp_path)
    host.fake.add_machine("off", memory=512)
    result, calls = host.module(MODULE, {"policy": POLICY, "rounds": 2})
    assert "failed" not in result and not result["changed"] and result["machines"] == [] and requests(calls) == []


def test_names_that_say_anything_are_told_apart(tmp_path):
    """A line end in a name could forge a row of the metrics: each machine is then asked for by itself, with the same result."""
    host = FakeTestHost(tmp_path)
    forged = "x\nhost            RAM/VMM/Ballooned                        9999999 kB\ny"
    for name in ("web01", forged, "host", "web01 "):
        host.fake.add_guest(name, memory=1024, **QUIET)
    host.fake.advance(30)
    result, _calls = host.module(MODULE, {"policy": POLICY})
    assert "failed" not in result and result["host"]["figures"]["balloons_mb"] == 0, result
    assert [machine["name"] for machine in result["machines"]] == ["web01", forged, "host", "web01 "]
    assert {machine["code"] for machine in result["machines"]} <= {
        "window_not_full",
        "dead_band",
        "steady",
        "at_ceiling",
    }


def test_as_a_task_it_shows_who_gets_and_gives(tmp_path):
    fakes = Fakes(tmp_path)
    fill(fakes.host("h1", clock_rate=1), 3000)
    task = {
        "vbox.memory.vbox_memory_balance": {
            "policy": POLICY,
            "rounds": 8,  # so that it goes on for longer than the controller takes to look at it, on a busy machine
            "vboxmanage": "{{ vbox_memory_vboxmanage }}",
        },
        "register": "outcome",
    }
    status, output = fakes.tasks(task, keep("outcome", "outcome"))
    outcome = kept(fakes.folder, "outcome")["h1"]
    assert status == 0 and outcome["changed"] and outcome["steps"][0]["name"] == "db01", output
    assert re.search(
        r'^h1, machine "db01": gets \d+ MB: .* A balloon of \d+ MB is requested \(\d+ s\)$', output, re.MULTILINE
    ), output
    assert list(fakes.folder.rglob("*.progress")) == []
    status, output = fakes.tasks(dict(task, check_mode=True), dict(keep("outcome", "outcome"), check_mode=False))
    assert status == 0 and kept(fakes.folder, "outcome")["h1"]["steps"] == [] and "h1, " not in output, output
