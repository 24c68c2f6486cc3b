# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balloons of machines whose state changes, on the live host: saved, reset, paused, shut down.

What VirtualBox and the guest do then does not depend on the backend, so each runs by one. test_together.py has what the backends do themselves, by both.
"""

from __future__ import annotations

import json
import threading

import pytest
from support.live import again_if_it_fell_by_itself, balloon, info, only_machine, unharmed, wait_until


@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_after_savestate_and_restore_the_guest_gets_its_memory_back(host):
    balloon(host, "web01", balloon_current=150)
    assert host.memory("web01")["MemFree"] < 560
    host.vbox("controlvm", "web01", "savestate")
    wait_until(lambda: info(host, "web01")["VMState"] == "saved")
    host.vbox("startvm", "web01", "--type", "headless")
    wait_until(lambda: info(host, "web01")["GuestAdditionsRunLevel"] == "2")
    assert host.memory("web01")["MemFree"] < 560  # it still holds its balloon
    host.vbox("controlvm", "web01", "guestmemoryballoon", "0")  # mostly does nothing, but is shown from now on

    balloon(host, "web01", balloon_current=0)
    wait_until(lambda: host.memory("web01")["MemFree"] > 600)
    again = balloon(host, "web01", balloon_current=0)
    assert not again["changed"] and again["commands"] == [], again


@pytest.mark.parametrize("host", ["vboxmanage"], indirect=True)
@again_if_it_fell_by_itself
def test_after_a_reset_the_balloon_is_filled_again(host):
    balloon(host, "web01", balloon_current=200)
    host.vbox("controlvm", "web01", "reset")
    wait_until(lambda: info(host, "web01").get("GuestAdditionsRunLevel") != "2")
    wait_until(lambda: info(host, "web01").get("GuestAdditionsRunLevel") == "2", 400)
    assert host.memory("web01")["MemFree"] > 600  # nothing has filled it
    assert host.facts("web01")["balloon_followed"] is False

    machine = balloon(host, "web01", balloon_current=200)
    assert machine["changed"], str(machine)
    assert host.memory("web01")["MemFree"] < 500
    unharmed(host, "web01")


@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_a_paused_machine_follows_when_it_is_asked_again_after_its_resume(host):
    wait_until(lambda: host.facts("web01")["guest"])  # a paused guest gives no first figures
    host.vbox("controlvm", "web01", "pause")
    machine = balloon(host, "web01", balloon_current=100)
    assert machine["after"] == {"balloon_current_mb": 100}, machine
    host.vbox("controlvm", "web01", "resume")
    balloon(host, "web01", balloon_current=100)  # the guest has not heard the first request
    assert host.memory("web01")["MemFree"] < 600
    unharmed(host, "web01")


RESTART = ["acpipowerbutton", "modifyvm", "startvm"]


def verbs(machine):
    return [
        command.split()[-1] if "controlvm" in command else command.split()[1] for command in machine["commands"][:3]
    ]


@pytest.mark.parametrize("host", ["vboxmanage"], indirect=True)  # the bindings need no restart for it
@again_if_it_fell_by_itself
def test_a_default_by_an_orderly_restart(host):
    machine = balloon(host, "web01", balloon=64, on_blocked="shutdown")
    assert verbs(machine) == RESTART, machine
    assert machine["after"] == {"balloon_default_mb": 64, "balloon_current_mb": 64} and machine["pending"] == {}, (
        machine
    )
    assert host.memory("web01")["MemFree"] < 630
    unharmed(host, "web01")


@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_large_pages_by_an_orderly_restart(host):
    result, _calls = host.module("vbox_largepages", {"name": "web01", "large_pages": True, "on_blocked": "shutdown"})
    machine = only_machine(result)
    assert verbs(machine) == RESTART and machine["after"] == {"large_pages": True}, result
    assert info(host, "web01")["largepages"] == "on"
    unharmed(host, "web01")


# In the live host, so that no way to it comes in between: the signal is sent in the moment in which the module says that it waits.
SIGNAL_WHILE_SHUTTING_DOWN = (
    "grep -q -m 1 'it is asked to shut down' <(sudo journalctl --follow --lines=all --output=cat)"
    " && pkill -%s -f 'run_modul[e].py'"
)


def interrupted(host, signal):
    """A restart for large pages that gets a signal while the shutdown is awaited; gives back what the module printed."""
    given = json.dumps({"name": "web01", "large_pages": True, "on_blocked": "shutdown", "backend": host.backend})
    done = []
    first = threading.Thread(target=lambda: done.append(host.python("run_module.py", "vbox_memory", given=given)))
    first.start()
    host.live("ssh", "bash", "-c", SIGNAL_WHILE_SHUTTING_DOWN % signal)
    first.join()
    return done[0].stdout


@pytest.mark.parametrize("host", ["vboxmanage"], indirect=True)
@again_if_it_fell_by_itself
def test_a_terminated_restart_leaves_the_machine_running(host):
    printed = interrupted(host, "TERM")
    assert '"code": "interrupted"' in printed
    # The guest may have shut down before the signal was there.
    large_pages = "on" if "its settings are changed" in printed else "off"
    now = info(host, "web01")
    assert (now["VMState"], now["largepages"]) == ("running", large_pages), printed
    assert "vbox.memory/" not in host.vbox("getextradata", "global", "enumerate")


@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_after_a_kill_the_next_run_starts_the_machine(host):
    assert '"machines"' not in interrupted(host, "KILL")
    wait_until(lambda: info(host, "web01")["VMState"] == "poweroff")
    assert "vbox.memory/restart/" in host.vbox("getextradata", "global", "enumerate")
    result, _calls = host.module("vbox_largepages", {"name": "web01", "large_pages": True, "on_blocked": "shutdown"})
    machine = only_machine(result)
    assert machine["changed"] and "interrupted" in machine["warnings"][0], result
    now = info(host, "web01")
    assert (now["VMState"], now["largepages"], now["GuestAdditionsRunLevel"]) == ("running", "on", "2"), now
    assert "vbox.memory/" not in host.vbox("getextradata", "global", "enumerate")
    unharmed(host, "web01")
