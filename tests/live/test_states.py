# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balloons of machines whose state changes, on the live host: saved, reset, paused, shut down."""

from __future__ import annotations

import pytest
from live_helpers import again_if_it_fell_by_itself, balloon, info, only_machine, unharmed, wait_until


@again_if_it_fell_by_itself
def test_after_savestate_and_restore_the_guest_gets_its_memory_back(bed):
    balloon(bed, "web01", balloon_current=150)
    assert bed.memory("web01")["MemFree"] < 560
    bed.vbox("controlvm", "web01", "savestate")
    wait_until(lambda: info(bed, "web01")["VMState"] == "saved")
    bed.vbox("startvm", "web01", "--type", "headless")
    wait_until(lambda: info(bed, "web01")["GuestAdditionsRunLevel"] == "2")
    assert bed.memory("web01")["MemFree"] < 560  # it still holds its balloon
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


RESTART = ["acpipowerbutton", "modifyvm", "startvm"]


def verbs(machine):
    return [
        command.split()[-1] if "controlvm" in command else command.split()[1] for command in machine["commands"][:3]
    ]


@pytest.mark.parametrize("bed", ["vboxmanage"], indirect=True)  # the bindings need no restart for it
@again_if_it_fell_by_itself
def test_a_default_by_an_orderly_restart(bed):
    machine = balloon(bed, "web01", balloon=64, on_blocked="shutdown")
    assert verbs(machine) == RESTART, machine
    assert machine["after"] == {"balloon_default_mb": 64, "balloon_current_mb": 64} and machine["pending"] == {}, (
        machine
    )
    assert bed.memory("web01")["MemFree"] < 630
    unharmed(bed, "web01")


@pytest.mark.parametrize("bed", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_large_pages_by_an_orderly_restart(bed):
    result, _calls = bed.module("vbox_largepages", {"name": "web01", "large_pages": True, "on_blocked": "shutdown"})
    machine = only_machine(result)
    assert verbs(machine) == RESTART and machine["after"] == {"large_pages": True}, result
    assert info(bed, "web01")["largepages"] == "on"
    unharmed(bed, "web01")
