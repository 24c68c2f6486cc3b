# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The role `balance` with systemd, on the live host: put there, run, changed, killed and taken away, while machines run."""

from __future__ import annotations

import json
import re

import pytest
from support.live import again_if_it_fell_by_itself, info, policy_for, unharmed, wait_until
from support.plays import ansible, recap
from support.testbeds import ssh_variables

UNIT = "vbox-memory-balance-vbox"
PLACES = ("/usr/local/lib/vbox-memory", "/etc/vbox-memory", f"/etc/systemd/system/{UNIT}.service")
PAUSED, BUDGET = 768, 600  # MB: web02 is paused, as everything is slow there, so web01 has to do with so much


def play(host, folder, *arguments, must_succeed=True, **variables):
    """Run the role; gives back the counters of the recap, and what was printed."""
    connection = ssh_variables(json.loads(host.live("info").stdout), "root")
    inventory = {"all": {"hosts": {"h1": dict(connection, vbox_memory_balance_user="vbox", **variables)}}}
    (folder / "inventory.json").write_text(json.dumps(inventory))
    roles = [{"role": "vbox.memory.balance"}]
    (folder / "play.json").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "become": True, "roles": roles}])
    )
    done = ansible(
        folder, "playbook", "-i", "inventory.json", "play.json", "--diff", *arguments, must_succeed=must_succeed
    )
    return recap(done.stdout)["h1"], done.stdout + done.stderr


def shown(host, key):
    return host.live("ssh", "sudo", "systemctl", "show", "--value", "--property", key, UNIT).stdout.decode().strip()


def journal(host):
    return host.live("ssh", "sudo", "journalctl", "--output=cat", "--unit", UNIT).stdout.decode()


def there(host):
    """Which of its places there are."""
    return [place for place in PLACES if host.live("ssh", "test", "-e", place, must_succeed=False).returncode == 0]


def status(host):
    result, _calls = host.module("vbox_memory_facts", {"metrics": False, "details": False})
    return result["ansible_facts"]["vbox_memory"]["balance_service"]


@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_the_service_comes_runs_changes_and_goes(host, tmp_path):
    wait_until(lambda: host.facts("web01")["guest"])
    policy = policy_for(host, PAUSED + BUDGET)
    wanted = {"vbox_memory_balance_state": "service", "vbox_memory_balance_policy": policy}

    counted, output = play(host, tmp_path, "--check", **wanted)
    assert counted["failed"] == 0 and counted["changed"] >= 4 and there(host) == [], output
    counted, output = play(host, tmp_path, **wanted)
    assert counted["changed"] >= 5 and there(host) == list(PLACES), output
    assert (shown(host, "ActiveState"), shown(host, "UnitFileState"), shown(host, "User")) == (
        "active",
        "enabled",
        "vbox",
    )
    process = shown(host, "MainPID")
    counted, output = play(host, tmp_path, **wanted)
    assert counted["changed"] == 0 and shown(host, "MainPID") == process, output

    wait_until(lambda: int(info(host, "web01")["GuestMemoryBalloon"]) >= 768 - BUDGET - 32, 400)
    said = journal(host)
    assert re.search(r"machine 'web01': gives .* A balloon of \d+ MB is requested", said), said
    found = status(host)
    assert found["running"] and str(found["pid"]) == process and found["problem"] is None, found
    unharmed(host, "web01")

    # Whatever ends it, it comes again, and no machine notices.
    for signal in ("KILL", "TERM"):
        before = shown(host, "MainPID")
        host.live("ssh", "sudo", "systemctl", "kill", "--kill-whom=main", "-s", signal, UNIT)
        wait_until(lambda before=before: shown(host, "MainPID") not in ("0", before), 120)
    unharmed(host, "web01")

    # What is wrong is not put in place; what is right is, with one restart.
    before = shown(host, "MainPID")
    wrong = {**wanted, "vbox_memory_balance_policy": dict(policy, windw=3)}
    counted, output = play(host, tmp_path, must_succeed=False, **wrong)
    assert counted["failed"] == 1 and "'windw' is no key" in output and shown(host, "MainPID") == before, output
    other = {**wanted, "vbox_memory_balance_policy": dict(policy, window=30)}
    counted, output = play(host, tmp_path, **other)
    assert counted["changed"] == 2 and '+        "window": 30' in output and shown(host, "MainPID") != before, output

    counted, output = play(host, tmp_path, vbox_memory_balance_state="absent")
    assert there(host) == [] and status(host) is None, output
    counted, output = play(host, tmp_path, "--check", vbox_memory_balance_state="absent")
    assert counted["changed"] == 0 and counted["failed"] == 0, output
    unharmed(host, "web01")
