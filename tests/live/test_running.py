# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balloons of running machines: real VirtualBox, real guests, their own view of their memory."""

from __future__ import annotations

import subprocess
import threading

from live_helpers import again_if_it_fell_by_itself, info, only_machine, unharmed, wait_until

MEMORY = 768
NEARLY_ALL = MEMORY * 89 // 100  # what raw VBoxManage accepts, and what panics a guest


@again_if_it_fell_by_itself
def test_nearly_all_memory_is_refused_or_taken_as_far_as_it_does_no_harm(bed):
    refused, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": NEARLY_ALL}, check=True)
    assert refused["code"] == "unsafe_balloon" and "partial: true" in refused["msg"], refused

    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": NEARLY_ALL, "partial": True})
    machine = only_machine(result)
    reached = machine["after"]["balloon_current_mb"]
    assert machine["limited"] and 450 < reached < 600, machine
    assert bed.memory("web01")["MemFree"] < 700 - reached
    unharmed(bed, "web01")

    again, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": NEARLY_ALL, "partial": True})
    assert not again["changed"] and again["commands"] == [], again

    back, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 0})
    assert only_machine(back)["after"] == {"balloon_current_mb": 0}
    assert bed.memory("web01")["MemFree"] > 600


@again_if_it_fell_by_itself
def test_both_balloons_are_two_things(bed):
    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon": 64})
    machine = only_machine(result)
    assert machine["after"] == {"balloon_default_mb": 0, "balloon_current_mb": 64}
    assert machine["pending"] == {"balloon_default_mb": 64}
    assert info(bed, "web01")["GuestMemoryBalloon"] == "64"

    named, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_default": 64})
    assert named["failed"] and named["code"] == "state_blocks_change", named

    facts = bed.module("vbox_memory_facts", {})[0]["ansible_facts"]["vbox_memory"]
    web01 = next(machine for machine in facts["machines"] if machine["name"] == "web01")
    assert (web01["balloon_default_mb"], web01["balloon_current_mb"]) == (0, 64)
    assert facts["host"]["vmm_ballooned_kb"] == 64 * 1024
    assert web01["guest"]["total_kb"] > 700_000 and web01["guest"]["free_kb"] < 670_000 and web01["process_kb"] > 0
    stopped = next(machine for machine in facts["machines"] if machine["name"] == "db01")
    assert stopped["guest"] is None and stopped["balloon_current_mb"] is None and stopped["process_kb"] is None


@again_if_it_fell_by_itself
def test_a_program_that_grows_meanwhile_gets_its_memory_back(bed):
    grown = threading.Timer(20, bed.guest, ("web01", "sh", "-c", "eat 330 10 >/dev/null 2>&1 &"))
    grown.start()
    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 480})
    grown.join()
    machine = only_machine(result)
    assert result["failed"] and result["code"] == "balloon_limited", result
    assert machine["limited"] and machine["after"]["balloon_current_mb"] < 480
    unharmed(bed, "web01")
    assert "eat" in bed.guest("web01", "ps")


@again_if_it_fell_by_itself
def test_killed_on_the_way_up_a_second_run_gets_there(bed):
    killed = subprocess.Popen(  # the connection is lost and the module is killed, both at once
        [str(bed.program), "ssh", "sh", "-c", f"cd {bed.FOLDER} && echo '{{\"name\": \"web01\", \"balloon_current\": 300}}' |"
         f" PYTHONPATH={bed.FOLDER} python3 run_module.py vbox_balloon"], env=bed.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: int(info(bed, "web01")["GuestMemoryBalloon"]) > 0)
    bed.live("ssh", "pkill", "-KILL", "-f", "run_module.py", must_succeed=False)
    killed.kill()
    killed.wait()
    assert info(bed, "web01")["VMState"] == "running"

    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 300})
    assert only_machine(result)["after"] == {"balloon_current_mb": 300}
    wait_until(lambda: bed.memory("web01")["MemFree"] < 400)
    unharmed(bed, "web01")


@again_if_it_fell_by_itself
def test_after_savestate_and_restore_the_guest_gets_its_memory_back(bed):
    bed.module("vbox_balloon", {"name": "web01", "balloon_current": 150})
    bed.vbox("controlvm", "web01", "savestate")
    wait_until(lambda: info(bed, "web01")["VMState"] == "saved")
    bed.vbox("startvm", "web01", "--type", "headless")
    wait_until(lambda: info(bed, "web01")["GuestAdditionsRunLevel"] == "2")
    bed.vbox("controlvm", "web01", "guestmemoryballoon", "0")  # does nothing, but is shown from now on
    assert bed.memory("web01")["MemFree"] < 560

    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 0})
    assert result["changed"], result
    wait_until(lambda: bed.memory("web01")["MemFree"] > 600)
    again, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 0})
    assert not again["changed"] and again["commands"] == [], again


@again_if_it_fell_by_itself
def test_after_a_reset_the_balloon_is_filled_again(bed):
    bed.module("vbox_balloon", {"name": "web01", "balloon_current": 200})
    bed.vbox("controlvm", "web01", "reset")
    wait_until(lambda: info(bed, "web01").get("GuestAdditionsRunLevel") != "2")
    wait_until(lambda: info(bed, "web01").get("GuestAdditionsRunLevel") == "2", 400)
    assert bed.memory("web01")["MemFree"] > 600  # nobody has filled it

    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 200})
    assert result["changed"], result
    assert bed.memory("web01")["MemFree"] < 500
    unharmed(bed, "web01")


@again_if_it_fell_by_itself
def test_a_paused_machine_follows_when_it_is_asked_again_after_its_resume(bed):
    bed.module("vbox_memory_facts", {})  # sets the metrics up: a paused guest gives no first figures
    bed.vbox("controlvm", "web01", "pause")
    result, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 100})
    assert only_machine(result)["after"] == {"balloon_current_mb": 100}
    bed.vbox("controlvm", "web01", "resume")
    again, _calls = bed.module("vbox_balloon", {"name": "web01", "balloon_current": 100})  # the guest has not heard the first request
    assert "failed" not in again, again
    assert bed.memory("web01")["MemFree"] < 600
    unharmed(bed, "web01")
