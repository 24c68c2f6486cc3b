# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balloons that more than one wants to change, and both backends, on the live host."""

from __future__ import annotations

import threading

import pytest
from support.live import again_if_it_fell_by_itself, balloon, info, unharmed, wait_until


@pytest.mark.parametrize("host", ["vboxmanage"], indirect=True)  # one lock for both backends, and its calls take longer
@again_if_it_fell_by_itself
def test_two_tasks_at_once_both_get_there(host):
    host.vbox("controlvm", "web02", "resume")
    machines = {}
    tasks = [
        threading.Thread(target=lambda name=name: machines.update({name: balloon(host, name, balloon_current=60)}))
        for name in ("web01", "web02")
    ]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    assert {name: machine["after"] for name, machine in machines.items()} == dict.fromkeys(
        ("web01", "web02"), {"balloon_current_mb": 60}
    ), machines
    unharmed(host, "web01", "web02")


@pytest.mark.parametrize("host", ["api"], indirect=True)  # by VBoxManage, it is two of the same kind, as above
@again_if_it_fell_by_itself
def test_a_user_s_own_vboxmanage_at_the_same_time_is_no_failure(host):
    own = threading.Thread(
        target=lambda: [host.vbox("controlvm", "web01", "guestmemoryballoon", size) for size in ("30", "45", "20")]
    )
    wait_until(lambda: host.facts("web01")["guest"])
    own.start()
    balloon(host, "web01", balloon_current=200)
    own.join()
    # Whoever came last has what he asked for; where that was the user, our next run brings ours.
    machine = balloon(host, "web01", balloon_current=200)
    assert machine["after"] == {"balloon_current_mb": 200}, machine
    assert host.memory("web01")["MemFree"] < 500
    unharmed(host, "web01")


# The default that a running machine has in the end, what is pending, and the error when it is asked for by name: only the bindings can save it then.
DEFAULTS = {
    "vboxmanage": (0, [{"name": "web01", "balloon_default_mb": 64}], "state_blocks_change"),
    "api": (64, [], None),
}


@again_if_it_fell_by_itself
def test_both_ways_to_virtualbox_say_the_same_but_for_a_running_default(host):
    default, pending, code = DEFAULTS[host.backend]
    wanted = {"machines": [{"name": "web01", "balloon": 64}, {"name": "db01", "balloon": 32}]}
    planned, _calls = host.module("vbox_memory", wanted, check=True)
    result, _calls = host.module("vbox_memory", wanted)
    assert (result.get("backend"), result["pending"]) == (host.backend, pending), result
    after = [machine["after"] for machine in result["machines"]]
    assert after == [machine["after"] for machine in planned["machines"]], (planned, result)
    assert after == [{"balloon_default_mb": default, "balloon_current_mb": 64}, {"balloon_default_mb": 32}], result
    assert info(host, "web01")["GuestMemoryBalloon"] == "64"
    again, _calls = host.module("vbox_memory", wanted)
    assert not again["changed"] and again["commands"] == [], again

    named, _calls = host.module("vbox_balloon", {"name": "web01", "balloon_default": 48}, check=True)
    assert named.get("code") == code and named["changed"] == (code is None), named

    facts, _calls = host.module("vbox_memory_facts", {"metrics_wait": 15})
    memory = facts["ansible_facts"]["vbox_memory"]
    web01, db01 = ({machine["name"]: machine for machine in memory["machines"]}[name] for name in ("web01", "db01"))
    assert (web01["balloon_default_mb"], web01["balloon_current_mb"], web01["balloon_followed"]) == (
        default,
        64,
        True,
    ), web01
    assert memory["host"]["vmm_ballooned_kb"] == 64 * 1024, memory["host"]
    assert web01["guest"]["total_kb"] > 700_000 and web01["guest"]["free_kb"] < 670_000 and web01["process_kb"] > 0, (
        web01
    )
    assert (db01["guest"], db01["balloon_current_mb"], db01["balloon_followed"], db01["process_kb"]) == (
        None,
        None,
        None,
        None,
    ), db01
