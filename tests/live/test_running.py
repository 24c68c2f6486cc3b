# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balloons of running machines: real VirtualBox, real guests, their own view of their memory."""

from __future__ import annotations

import threading

import pytest
from live_helpers import again_if_it_fell_by_itself, balloon, info, only_machine, unharmed, wait_until

MEMORY = 768
NEARLY_ALL = MEMORY * 89 // 100  # what raw VBoxManage accepts, and what panics a guest


@again_if_it_fell_by_itself
def test_nearly_all_memory_is_refused_or_taken_as_far_as_it_does_no_harm(bed):
    refused, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": NEARLY_ALL}, check=True)
    assert refused["code"] == "unsafe_balloon" and "partial: true" in refused["msg"], refused

    machine = balloon(bed, "web01", balloon_current=NEARLY_ALL, partial=True)
    reached = machine["after"]["balloon_current_mb"]
    assert machine["limited"] and 450 < reached < 600, machine
    assert bed.memory("web01")["MemFree"] < 700 - reached
    log = bed.live("ssh", "sudo", "journalctl", "--output=cat").stdout.decode()
    assert f"'web01': asked for a balloon of {reached} MB, holds {reached} MB" in log, log[-2000:]
    unharmed(bed, "web01")

    again = balloon(bed, "web01", balloon_current=NEARLY_ALL, partial=True)
    assert not again["changed"] and again["commands"] == [], again

    back = balloon(bed, "web01", balloon_current=0)
    assert back["after"] == {"balloon_current_mb": 0}, back
    assert bed.memory("web01")["MemFree"] > 600


@again_if_it_fell_by_itself
def test_a_program_that_grows_meanwhile_gets_its_memory_back(bed):
    grown = threading.Timer(20, bed.guest, ("web01", "sh", "-c", "eat 330 10 >/dev/null 2>&1 &"))
    grown.start()
    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 480})
    grown.join()
    machine = only_machine(result)
    assert result["failed"] and result["code"] == "balloon_limited", result
    assert machine["limited"] and machine["after"]["balloon_current_mb"] < 480, machine
    unharmed(bed, "web01")
    assert "eat" in bed.guest("web01", "ps")


# What is lost in the midst of a raise, and the commands that lose it. `run_module.py` is the module; the bindings' process has `vboxapi` in its
# command line.
LOST = {
    "the module": [("pkill", "-KILL", "-f", "run_module.py")],
    "the connection": [("pkill", "-KILL", "-f", "sshd-session: vbox@notty")],
    "the clients of VBoxSVC": [("pkill", "-KILL", "VBoxManage"), ("pkill", "-KILL", "-f", "vboxapi")],
}


@pytest.mark.parametrize("lost", LOST)
@again_if_it_fell_by_itself
def test_a_second_run_gets_there_when_the_first_one_lost(bed, lost):
    first = threading.Thread(target=bed.python, args=("run_module.py", "vbox_balloon"), kwargs={"given": '{"name": "web01", "balloon_current": 200}'})
    first.start()
    wait_until(lambda: 0 < int(info(bed, "web01")["GuestMemoryBalloon"]) < 200)
    for argv in LOST[lost]:
        bed.live("ssh", *argv, must_succeed=False)
    second = balloon(bed, "web01", balloon_current=200)
    first.join()
    assert second["after"] == {"balloon_current_mb": 200}, second
    assert info(bed, "web01")["GuestMemoryBalloon"] == "200"
    wait_until(lambda: bed.memory("web01")["MemFree"] < 500)
    unharmed(bed, "web01")


@again_if_it_fell_by_itself
def test_after_savestate_and_restore_the_guest_gets_its_memory_back(bed):
    balloon(bed, "web01", balloon_current=150)
    assert bed.memory("web01")["MemFree"] < 560
    bed.vbox("controlvm", "web01", "savestate")
    wait_until(lambda: info(bed, "web01")["VMState"] == "saved")
    bed.vbox("startvm", "web01", "--type", "headless")
    wait_until(lambda: info(bed, "web01")["GuestAdditionsRunLevel"] == "2")
    bed.vbox("controlvm", "web01", "guestmemoryballoon", "0")  # mostly does nothing, but is shown from now on

    balloon(bed, "web01", balloon_current=0)
    wait_until(lambda: bed.memory("web01")["MemFree"] > 600)
    again = balloon(bed, "web01", balloon_current=0)
    assert not again["changed"] and again["commands"] == [], again


@again_if_it_fell_by_itself
def test_after_a_reset_the_balloon_is_filled_again(bed):
    balloon(bed, "web01", balloon_current=200)
    bed.vbox("controlvm", "web01", "reset")
    wait_until(lambda: info(bed, "web01").get("GuestAdditionsRunLevel") != "2")
    wait_until(lambda: info(bed, "web01").get("GuestAdditionsRunLevel") == "2", 400)
    assert bed.memory("web01")["MemFree"] > 600  # nobody has filled it
    assert bed.facts("web01")["balloon_followed"] is False

    machine = balloon(bed, "web01", balloon_current=200)
    assert machine["changed"], str(machine)
    assert bed.memory("web01")["MemFree"] < 500
    unharmed(bed, "web01")


@again_if_it_fell_by_itself
def test_a_paused_machine_follows_when_it_is_asked_again_after_its_resume(bed):
    wait_until(lambda: bed.facts("web01")["guest"])  # a paused guest gives no first figures
    bed.vbox("controlvm", "web01", "pause")
    machine = balloon(bed, "web01", balloon_current=100)
    assert machine["after"] == {"balloon_current_mb": 100}, machine
    bed.vbox("controlvm", "web01", "resume")
    balloon(bed, "web01", balloon_current=100)  # the guest has not heard the first request
    assert bed.memory("web01")["MemFree"] < 600
    unharmed(bed, "web01")


@again_if_it_fell_by_itself
def test_a_default_by_an_orderly_restart(bed):
    machine = balloon(bed, "web01", balloon=64, on_blocked="shutdown", backend="vboxmanage")
    verbs = [command.split()[-1] if "controlvm" in command else command.split()[1] for command in machine["commands"][:3]]
    assert verbs == ["acpipowerbutton", "modifyvm", "startvm"], machine
    assert machine["after"] == {"balloon_default_mb": 64, "balloon_current_mb": 64} and machine["pending"] == {}, machine
    assert bed.memory("web01")["MemFree"] < 630
    unharmed(bed, "web01")


@again_if_it_fell_by_itself
def test_two_tasks_at_once_both_get_there(bed):
    bed.vbox("controlvm", "web02", "resume")
    machines = {}
    tasks = [threading.Thread(target=lambda name=name: machines.update({name: balloon(bed, name, balloon_current=60)})) for name in ("web01", "web02")]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    assert {name: machine["after"] for name, machine in machines.items()} == dict.fromkeys(("web01", "web02"), {"balloon_current_mb": 60}), machines
    unharmed(bed, "web01", "web02")


@again_if_it_fell_by_itself
def test_a_user_s_own_vboxmanage_at_the_same_time_is_no_failure(bed):
    own = threading.Thread(target=lambda: [bed.vbox("controlvm", "web01", "guestmemoryballoon", size) for size in ("30", "45", "20")])
    wait_until(lambda: bed.facts("web01")["guest"])
    own.start()
    balloon(bed, "web01", balloon_current=200)
    own.join()
    # Whoever came last has what he asked for; where that was the user, our next run brings ours.
    machine = balloon(bed, "web01", balloon_current=200)
    assert machine["after"] == {"balloon_current_mb": 200}, machine
    assert bed.memory("web01")["MemFree"] < 500
    unharmed(bed, "web01")


# The default that a running machine has in the end, and what is pending: only the bindings can save it then.
DEFAULTS = {"vboxmanage": (0, [{"name": "web01", "balloon_default_mb": 64}]), "api": (64, [])}


@pytest.mark.parametrize("backend", DEFAULTS)
@again_if_it_fell_by_itself
def test_both_ways_to_virtualbox_say_the_same_but_for_a_running_default(bed, backend):
    bed.backend = backend
    default, pending = DEFAULTS[backend]
    wanted = {"machines": [{"name": "web01", "balloon": 64}, {"name": "db01", "balloon": 32}]}
    planned, _calls = bed.module("vbox_memory", wanted, check=True)
    result, _calls = bed.module("vbox_memory", wanted)
    assert (result.get("backend"), result["pending"]) == (backend, pending), result
    after = [machine["after"] for machine in result["machines"]]
    assert after == [machine["after"] for machine in planned["machines"]], (planned, result)
    assert after == [
        {"balloon_default_mb": default, "balloon_current_mb": 64}, {"balloon_default_mb": 32}], result
    assert info(bed, "web01")["GuestMemoryBalloon"] == "64"
    again, _calls = bed.module("vbox_memory", wanted)
    assert not again["changed"] and again["commands"] == [], again

    facts, _calls = bed.module("vbox_memory_facts", {"wait": 60})
    memory = facts["ansible_facts"]["vbox_memory"]
    web01, db01 = ({machine["name"]: machine for machine in memory["machines"]}[name] for name in ("web01", "db01"))
    assert (web01["balloon_default_mb"], web01["balloon_current_mb"], web01["balloon_followed"]) == (default, 64, True), web01
    assert memory["host"]["vmm_ballooned_kb"] == 64 * 1024, memory["host"]
    assert web01["guest"]["total_kb"] > 700_000 and web01["guest"]["free_kb"] < 670_000 and web01["process_kb"] > 0, web01
    assert (db01["guest"], db01["balloon_current_mb"], db01["balloon_followed"], db01["process_kb"]) == (None, None, None, None), db01
