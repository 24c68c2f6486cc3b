# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The role `balance` with systemd, on the live host: put there, run, changed, killed and taken away, while machines run."""

from __future__ import annotations

import json
import re
import signal

import pytest
from support.live import again_if_it_fell_by_itself, info, policy_for, unharmed, wait_until
from support.plays import ansible, recap
from support.testbeds import ssh_variables

UNIT = "vbox-memory-balance-vbox"
PLACES = ("/usr/local/lib/vbox-memory", "/etc/vbox-memory", f"/etc/systemd/system/{UNIT}.service")
PAUSED, BUDGET = 768, 600  # MB: web02 is paused, as everything is slow there, so web01 has to do with so much
LONG = 900  # seconds: the host is emulated, and reads its units anew in 10 to 40 s
SIGNALS = ("HUP", "INT", "TERM", "KILL")
BOOTS = ("booting", "no_additions", "no_statistics")
# In the live host, so that no way to it comes in between: a signal in the moment in which a round holds its lock.
SIGNAL_IN_MID_ROUND = """
import glob, os, sys, time
signal, pid = sys.argv[1:]
[lock] = glob.glob("/home/vbox/.vbox-memory/balloon-*.lock")
held = ":%d " % os.stat(lock).st_ino
while not any(held in line and " %s " % pid in line for line in open("/proc/locks")):
    time.sleep(0.002)
os.kill(int(pid), int(signal))
"""


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


def systemctl(host, *words):
    return host.live("ssh", "sudo", "env", f"SYSTEMD_BUS_TIMEOUT={LONG}", "systemctl", *words).stdout.decode().strip()


def shown(host, *keys):
    """The properties of the unit, in the order of their names."""
    found = systemctl(host, "show", *(f"--property={key}" for key in keys), UNIT)
    return dict(line.split("=", 1) for line in found.splitlines())


def process(host):
    return shown(host, "MainPID")["MainPID"]


def journal(host):
    return host.live("ssh", "sudo", "journalctl", "--output=cat", "--unit", UNIT).stdout.decode()


def there(host):
    """Which of its places there are."""
    return host.live("ssh", "sh", "-c", "ls -d %s 2> /dev/null || true" % " ".join(PLACES)).stdout.decode().split()


def status(host):
    result, _calls = host.module("vbox_memory_facts", {"metrics": False, "details": False})
    return result["ansible_facts"]["vbox_memory"]["balance_service"]


@pytest.mark.parametrize("host", ["api"], indirect=True)
def test_the_role_puts_the_service_there_changes_it_and_takes_it_away(host, tmp_path):
    host.vbox("controlvm", "web01", "pause")  # what the guests do takes the time that Ansible needs
    policy = {"reserve": 0, "window": 20}
    wanted = {"vbox_memory_balance_state": "service", "vbox_memory_balance_policy": policy}

    counted, output = play(host, tmp_path, "--check", **wanted)
    assert counted["failed"] == 0 and counted["changed"] >= 4 and there(host) == [], output
    counted, output = play(host, tmp_path, **wanted)
    assert counted["changed"] >= 5 and sorted(there(host)) == sorted(PLACES), output
    found = shown(host, "ActiveState", "UnitFileState", "User", "MainPID")
    before = found.pop("MainPID")
    assert found == {"ActiveState": "active", "UnitFileState": "enabled", "User": "vbox"}
    counted, output = play(host, tmp_path, **wanted)
    assert counted["changed"] == 0 and process(host) == before, output

    # What is wrong is not put in place; what is right is, with one restart.
    wrong = {**wanted, "vbox_memory_balance_policy": dict(policy, windw=3)}
    counted, output = play(host, tmp_path, must_succeed=False, **wrong)
    assert counted["failed"] == 1 and "'windw' is no key" in output and process(host) == before, output
    other = {**wanted, "vbox_memory_balance_policy": dict(policy, window=30)}
    counted, output = play(host, tmp_path, **other)
    assert counted["changed"] == 2 and '+        "window": 30' in output and process(host) not in ("0", before), output
    assert "Traceback" not in journal(host)

    counted, output = play(host, tmp_path, vbox_memory_balance_state="absent")
    assert there(host) == [] and status(host) is None, output
    counted, output = play(host, tmp_path, "--check", vbox_memory_balance_state="absent")
    assert counted["changed"] == 0 and counted["failed"] == 0, output


@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_the_service_balances_and_comes_again_whatever_ends_it(host, tmp_path):
    wait_until(lambda: host.facts("web01")["guest"])
    policy = policy_for(host, PAUSED + BUDGET)
    play(host, tmp_path, vbox_memory_balance_state="service", vbox_memory_balance_policy=policy)
    wait_until(lambda: int(info(host, "web01")["GuestMemoryBalloon"]) >= 768 - BUDGET - 32, LONG)
    said = journal(host)
    assert re.search(r"machine 'web01': gives .* A balloon of \d+ MB is requested", said), said
    found = status(host)
    assert found["running"] and str(found["pid"]) == process(host) and found["problem"] is None, found
    unharmed(host, "web01")

    for number in SIGNALS:
        before = process(host)
        host.live(
            "ssh", "sudo", "python3", "-c", SIGNAL_IN_MID_ROUND, str(int(getattr(signal, "SIG" + number))), before
        )
        wait_until(lambda before=before: process(host) not in ("0", before), LONG)
        wait_until(lambda: str((status(host) or {}).get("pid")) == process(host) and status(host)["rounds"], LONG)
    unharmed(host, "web01")
    assert "Traceback" not in journal(host)

    systemctl(host, "stop", UNIT)
    assert status(host)["running"] is False
    systemctl(host, "start", UNIT)
    wait_until(lambda: status(host)["running"] and status(host)["rounds"], LONG)
    before = process(host)

    # Machines end with VirtualBox's server; the service does not.
    host.live("ssh", "pkill", "-KILL", "VBoxSVC")
    wait_until(lambda: info(host, "web01")["VMState"] in ("aborted", "poweroff"), LONG)
    wait_until(lambda: status(host)["machines"] == [] and status(host)["problem"] is None, LONG)
    assert process(host) == before and "Traceback" not in journal(host)


@pytest.mark.parametrize("host", ["api"], indirect=True)
def test_the_service_is_there_again_after_a_reboot_of_the_host(host, tmp_path):
    policy = {"reserve": 0, "window": 20}
    play(host, tmp_path, vbox_memory_balance_state="service", vbox_memory_balance_policy=policy)
    wait_until(lambda: (status(host) or {}).get("rounds"), LONG)
    before = boot(host)
    host.live(
        "ssh", "sudo", "systemctl", "reboot", must_succeed=False
    )  # ends the connection, perhaps before it answers
    wait_until(lambda: boot(host) not in ("", before), LONG)

    # Nobody has spoken to VirtualBox since, nor logged in as the user.
    wait_until(lambda: shown(host, "ActiveState")["ActiveState"] == "active", LONG)
    wait_until(lambda: str((status(host) or {}).get("pid")) == process(host) and status(host)["rounds"], LONG)
    found = status(host)
    assert found["running"] and found["problem"] is None and found["machines"] == [], found

    host.vbox("startvm", "web01", "--type", "headless")
    wait_until(lambda: [one["name"] for one in status(host)["machines"]] == ["web01"], LONG)
    wait_until(lambda: host.facts("web01")["guest"], LONG)
    wait_until(lambda: status(host)["machines"][0]["code"] not in BOOTS, LONG)
    health = host.health()["web01"]
    assert health["state"] == "running" and not health["panic"] and not health["oom_kill"], health
    assert "Traceback" not in journal(host)


def boot(host):
    """Which boot of the host this is; nothing while it does not answer."""
    return host.live("ssh", "cat", "/proc/sys/kernel/random/boot_id", must_succeed=False).stdout.decode().strip()
