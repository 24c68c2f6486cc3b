# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the tests on the live host ask again and again."""

from __future__ import annotations

import functools
import threading
import time
import warnings

from support import hosts
from support.testbeds import VBOX

GUESTS = ("web01", "web02")  # which run there, of 768 MB each


class FellByItself(Exception):
    """A nested guest ended in a triple fault with a clean serial log: the emulator's doing (tests/testbed/live.d/README.md)."""


def fell_by_itself(guest):
    """Whether the emulator ended a guest, by what `live health` says of it: a balloon would have left its words on the serial line."""
    return (guest["triple_fault"] or guest["guru_meditation"]) and not (guest["panic"] or guest["oom_kill"])


def unharmed(host, *names):
    """Assert that guests answer, and that nothing was killed, panicked or stopped in them."""
    health = host.health()
    for name in names:
        guest = health[name]
        if fell_by_itself(guest):
            raise FellByItself(f"{name}: {guest}")
        assert not guest["panic"] and not guest["oom_kill"], guest
        assert guest["state"] == "running", guest
        assert host.guest(name, "echo", "here").strip() == "here"


def again_if_it_fell_by_itself(test):
    """Run a test once more, and say so, when the emulator and not the balloon ended a guest."""

    @functools.wraps(test)
    def run(host, **fixtures):
        try:
            return test(host, **fixtures)
        except FellByItself as fell:
            warnings.warn(f"{test.__name__} is run once more: {fell}", stacklevel=1)
            host.start_afresh()
            return test(host, **fixtures)

    return run


def wait_until(there, seconds=180):
    """Wait for a condition on the live host, where everything takes its time."""
    hosts.wait_until(there, seconds, pause=1)


def only_machine(result):
    """The one machine of a result."""
    assert len(result.get("machines", [])) == 1, result
    return result["machines"][0]


def balloon(host, name, **parameters):
    """Have `vbox_balloon` change one machine, without an error; gives back its result for this machine."""
    result, _calls = host.module("vbox_balloon", dict(parameters, name=name))
    assert not result.get("failed"), result
    return only_machine(result)


def policy_for(host, budget):
    """A policy of balance by which the running machines together have so many MB."""
    result, _calls = host.module("vbox_memory_facts", {"metrics_wait": 60})
    figures = result["ansible_facts"]["vbox_memory"]["host"]
    there = (figures["memory_free_kb"] + figures["vmm_used_kb"] + figures["vmm_free_kb"]) // 1024
    return {"reserve": there - budget, "ready": 0, "window": 20}


def info(host, name):
    """What showvminfo says of a machine, as a dictionary of strings. One between two states refuses for a moment, by many words, and is asked again."""
    command = ("ssh", VBOX, "showvminfo", name, "--machinereadable")
    for left in reversed(range(20)):
        done = host.live(*command, must_succeed=not left)
        if done.returncode == 0:
            break
        time.sleep(1)
    rows = (line.partition("=") for line in done.stdout.decode().splitlines())
    return {key: value.strip('"') for key, _equals, value in rows}


# In the live host: wait for the module's own log to say that so much of the balloon was requested, and start a program in the guest then.
SSH_FAILED = 255
EAT_WHEN = """
import re, subprocess, sys
name, at, eat = sys.argv[1], int(sys.argv[2]), sys.argv[3]
log = subprocess.Popen(["sudo", "journalctl", "--follow", "--output=cat", "--lines=0"], stdout=subprocess.PIPE, text=True)
print("watching", flush=True)
for line in log.stdout:
    found = re.search(r"machine '%s': requested a balloon of ([0-9]+) MB" % name, line)
    if found and int(found.group(1)) >= at:
        break
else:
    sys.exit("the log ended")
subprocess.run(["live-guest", name, "sh", "-c", eat + " > /dev/null 2>&1 &"], check=True)
subprocess.run(["sudo", "kill", str(log.pid)])
"""


def eat_when_requested(host, name, at, size, rate):
    """Have a program grow in a guest by so many MB a second up to a size, once so many MB of its balloon are requested; gives back the thread."""
    command = ["ssh", "python3", "-c", EAT_WHEN, name, str(at), f"eat {size} {rate}"]

    def watch():
        while host.live(*command, must_succeed=False).returncode == SSH_FAILED:
            pass

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    wait_until(lambda: host.live("ssh", "pgrep", "journalctl", must_succeed=False).returncode == 0)
    return thread
