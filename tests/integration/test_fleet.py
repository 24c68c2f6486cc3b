# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A fleet on the real VirtualBox over SSH: 50 users of a sandbox of its own are 50 hosts, with the same machines each.

`VBOX_FLEET=50x20` is a large fleet; `make test` takes fewer. The time is printed (`pytest -s`).
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from support.hosts import SandboxTestHost
from support.plays import recap
from support.testbeds import sandbox_named

pytestmark = pytest.mark.sandbox

TESTS = Path(__file__).resolve().parents[1]
CSV_EXAMPLE = TESTS.parent / "docs" / "examples" / "csv-inventory"
VBOX = "/usr/lib/virtualbox/VBoxManage"
HOSTS, MACHINES = map(int, os.environ.get("VBOX_FLEET", "20x2").split("x"))
POLICY = {
    "defaults": {"large_pages": False, "balloon": 128},
    "rules": [{"name": "Windows", "when": "starts_with(os_type, 'Windows')", "balloon": "1G"}],
}

# Root of the sandbox gives every user the machines of the first, whose server has to be gone.
COPY = """
until [ -z "$(pgrep -u vbox01 VBoxSVC)" ]; do pkill -u vbox01 VBoxSVC || true; sleep 0.1; done
for number in $(seq -w 2 50); do
    user=vbox$number home=/home/vbox$number
    [ -d $home ] || continue
    mkdir -p $home/.config
    cp -r /home/vbox01/.config/VirtualBox $home/.config/
    cp -r "/home/vbox01/VirtualBox VMs" $home/
    sed -i "s#/home/vbox01/#$home/#g" $home/.config/VirtualBox/VirtualBox.xml
    chown -R $user: $home/.config "$home/VirtualBox VMs"
done
printf '#!/bin/sh\\nVBOX_RECORD=/tmp/$(id -un).calls exec /opt/recorder/VBoxManage "$@"\\n' >/tmp/recorded
chmod +x /tmp/recorded
"""
# A VBoxManage whose host goes down at the second reading: the first is that of the facts.
DYING = f"""
cat >/tmp/VBoxManage-dying <<'END'
#!/bin/sh
if [ "$1" = list ]; then
    echo >>/tmp/dying
    [ $(wc -l </tmp/dying) -lt 2 ] || pkill -KILL -u $(id -u) sshd
fi
exec {VBOX} "$@"
END
chmod +x /tmp/VBoxManage-dying
"""


class Fleet:
    """The hosts of a sandbox, and ways to reach them."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.info = json.loads(sandbox("info").stdout)
        self.common = {
            "ansible_host": self.info["host"],
            "ansible_port": self.info["port"],
            "ansible_user": "vbox{{ inventory_hostname[-2:] }}",
            "ansible_ssh_private_key_file": self.info["key"],
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.info['known_hosts']}",
            "ansible_python_interpreter": self.info["python"],
        }
        for number in range(MACHINES):
            self.make(
                "vbox01", f"machine{number:02}", *("Windows11_64", "1024") if number % 2 else ("Debian_64", "128")
            )
        self.root(COPY)

    def root(self, script):
        return self.sandbox("exec", "--user", "root", "bash", "-ec", script).stdout

    def vbox(self, user, *arguments):
        return SandboxTestHost(self.sandbox, user).vbox(*arguments)

    def make(self, user, name, os_type, balloon):
        made = self.vbox(user, "createvm", "--name", name, "--ostype", os_type, "--register")
        uuid = re.search(r"UUID: ([0-9a-f-]{36})", made).group(1)
        self.vbox(user, "modifyvm", uuid, "--memory", "4096", "--guestmemoryballoon", balloon, "--largepages", "off")
        return uuid

    def balloon(self, user, machine="machine00"):
        return int(
            re.search(
                r"^GuestMemoryBalloon=(\d+)", self.vbox(user, "showvminfo", machine, "--machinereadable"), re.MULTILINE
            ).group(1)
        )

    def calls(self, user):
        """What the recorder saw of a user's VBoxManage, which is forgotten then."""
        recorded = self.root(f"touch /tmp/{user}.calls; cat /tmp/{user}.calls; rm /tmp/{user}.calls")
        return [json.loads(line)[1:] for line in recorded.splitlines()]

    def settings_files(self):
        """A sum of all settings files of all users."""
        return self.root('cat /home/*/"VirtualBox VMs"/*/*.vbox | sha256sum')


class Run:
    """Runs of Ansible on an inventory, in a folder."""

    def __init__(self, fleet, folder):
        self.fleet, self.folder = fleet, folder
        self.inventory = folder / "inventory.yml"

    def hosts(self, **hosts):
        """An inventory with these hosts; each is a user of the sandbox, and further variables."""
        content = {
            name: dict(self.fleet.common, ansible_user=user, **variables) for name, (user, variables) in hosts.items()
        }
        self.inventory.write_text(yaml.safe_dump({"all": {"hosts": content, "vars": {"vbox_memory_policy": POLICY}}}))

    def play(self, playbook, *arguments, **environment):
        """Run a playbook, or one play given as a dictionary; gives back its exit status and what it printed."""
        if isinstance(playbook, dict):
            (self.folder / "play.json").write_text(
                json.dumps([dict({"hosts": "all", "gather_facts": False}, **playbook)])
            )
            playbook = "play.json"
        settings = dict(
            os.environ,
            ANSIBLE_PIPELINING="true",
            ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
            ANSIBLE_NOCOLOR="true",
            ANSIBLE_HOME=str(self.folder / "ansible"),
            ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=60s",
            **environment,
        )
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(self.inventory), playbook, *arguments]
        done = subprocess.run(
            command,
            env=settings,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def fleet(need_testbed):
    sandbox = sandbox_named(f"fleet{os.getpid()}", fail=pytest.fail, missing=need_testbed)
    sandbox("up", "--users", str(HOSTS))
    try:
        yield Fleet(sandbox)
    finally:
        sandbox("down")


@pytest.fixture
def run(fleet, tmp_path):
    return Run(fleet, tmp_path)


def test_a_whole_fleet_that_is_right_already(fleet, run):
    """With one host that is down and one that has no VirtualBox: both named, neither in the way."""
    half = HOSTS // 2
    run.inventory.write_text(
        yaml.safe_dump(
            {
                "all": {
                    "vars": fleet.common,
                    "children": {
                        "offices": {
                            "hosts": {f"host[01:{half:02}]": None},
                            "vars": {"vbox_memory_policy_group": {"rules": POLICY["rules"]}},
                        },
                        "labs": {
                            "hosts": {f"host[{half + 1:02}:{HOSTS:02}]": None},
                            "vars": {"vbox_memory_policy_group": {"rules": POLICY["rules"]}},
                        },
                        "broken": {
                            "hosts": {
                                "down01": {"ansible_port": 1},
                                "bare02": {"vbox_memory_vboxmanage": "/nowhere/VBoxManage"},
                            }
                        },
                        "everything": {
                            "children": {"offices": None, "labs": None, "broken": None},
                            "vars": {"vbox_memory_policy": {"defaults": POLICY["defaults"]}},
                        },
                    },
                }
            }
        )
    )
    before, started = fleet.settings_files(), time.monotonic()
    status, output = run.play("vbox.memory.apply", "-vvv", "--forks", "10")
    print(f"\nNo-change apply, {HOSTS} hosts with {MACHINES} machines each: {time.monotonic() - started:.1f} s")
    counters = recap(output)
    assert status == 2
    assert [host for host, counts in counters.items() if counts["failed"] or counts["changed"]] == [
        "bare02",
        "down01",
    ], output[-5000:]
    assert len(counters) == HOSTS + 2
    assert "FAILED: down01: " in output and "FAILED: bare02: VBoxManage was not found" in output
    assert f"{HOSTS * MACHINES:,} machines on {HOSTS + 2} hosts: 0 settings changed" in output
    calls = output.count("Using module file")
    print(f"{calls} module calls, {calls / HOSTS:.2f} for each host")
    assert HOSTS <= calls <= HOSTS + 2  # the facts, and nothing more where nothing differs
    assert fleet.settings_files() == before, "a settings file has changed"


def test_few_calls_and_no_modifyvm_then_one_and_that_host_alone(fleet, run):
    run.hosts(**{f"h{number}": (f"vbox0{number}", {"vbox_memory_vboxmanage": "/tmp/recorded"}) for number in (3, 4, 5)})
    status, output = run.play("vbox.memory.apply", ANSIBLE_STRATEGY="free")
    assert (status, [counts["changed"] for counts in recap(output).values()]) == (0, [0, 0, 0]), output
    for number in (3, 4, 5):
        commands = [call[0] for call in fleet.calls(f"vbox0{number}")]
        assert len(commands) <= 3 + MACHINES and "modifyvm" not in commands, commands

    fleet.vbox("vbox04", "modifyvm", "machine00", "--guestmemoryballoon", "7")
    status, output = run.play(
        "vbox.memory.apply", "--limit", "h3,h4", "--forks", "1", "-e", "vbox_memory_serial=1", "--tags", "apply"
    )
    assert (status, {host: counts["changed"] for host, counts in recap(output).items()}) == (0, {"h3": 0, "h4": 1}), (
        output
    )
    assert [call[0] for call in fleet.calls("vbox04")].count("modifyvm") == 1
    assert fleet.calls("vbox05") == []
    assert fleet.balloon("vbox04") == 128


def test_a_table_as_an_inventory(fleet, run):
    """The example of docs/examples/csv-inventory, with hosts that there are; the second one's machines are another user's."""
    folder = run.folder / "csv"
    folder.mkdir()
    shutil.copy(CSV_EXAMPLE / "inventory.py", folder)
    lines = (CSV_EXAMPLE / "hosts.csv").read_text().splitlines()
    columns, *rows = csv.reader(line for line in lines if not line.startswith("#"))
    connection = {key: str(value) for key, value in fleet.common.items()}
    more = [key for key in connection if key not in columns]
    with open(folder / "hosts.csv", "w", newline="") as table:
        writer = csv.DictWriter(table, columns + more)
        writer.writeheader()
        for row, user, owner in zip((dict(zip(columns, row)) for row in rows), ("vbox06", "vbox07"), ("", "vbox08")):
            writer.writerow(dict(row, **dict(connection, ansible_user=user, ansible_become_user=owner)))
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text(
        yaml.safe_dump({"vbox_memory_policy": {"defaults": {"balloon": 99}}})
    )
    (folder / "group_vars" / "labs.yml").write_text(
        yaml.safe_dump({"vbox_memory_policy_group": {"rules": [{"balloon": 98}]}})
    )
    run.inventory = folder / "inventory.py"
    status, output = run.play("vbox.memory.apply")
    assert (status, sorted(recap(output))) == (0, sorted(row[0] for row in rows)), output
    assert [fleet.balloon(user) for user in ("vbox06", "vbox07", "vbox08")] == [99, 128, 98]


def test_async_module_defaults_and_facts_from_a_cache(fleet, run):
    run.hosts(h9=("vbox09", {}))
    cache = {
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(run.folder / "cache"),
    }
    status, output = run.play(
        {
            "module_defaults": {"group/vbox.memory.memory": {"vboxmanage": "/tmp/recorded"}},
            "tasks": [
                {"vbox.memory.vbox_memory_facts": {"metrics": False}},
                {"vbox.memory.vbox_memory": {"name": "machine00", "balloon": 77}, "async": 60, "poll": 1},
            ],
        },
        **cache,
    )
    assert (status, recap(output)["h9"]["changed"]) == (0, 1), output
    assert {"list", "showvminfo", "modifyvm"} <= {call[0] for call in fleet.calls("vbox09")}
    assert fleet.balloon("vbox09") == 77

    status, output = run.play(
        {"tasks": [{"ansible.builtin.assert": {"that": f"ansible_facts.vbox_memory.machines | length == {MACHINES}"}}]},
        **cache,
    )
    assert (status, fleet.calls("vbox09")) == (0, []), output


def test_a_host_that_goes_down_and_a_policy_with_a_mistake_on_the_way(fleet, run):
    fleet.root(DYING)
    mistake = {"vbox_memory_policy_host": {"rules": [{"name": "R", "when": "memory_gb > `1`", "balloon": 1}]}}
    run.hosts(
        h1=("vbox11", {"vbox_memory_vboxmanage": "/tmp/VBoxManage-dying"}), h2=("vbox12", mistake), h3=("vbox13", {})
    )
    for user in ("vbox11", "vbox13"):
        fleet.vbox(user, "modifyvm", "machine00", "--guestmemoryballoon", "7")
    status, output = run.play("vbox.memory.apply")
    assert status == 2
    assert re.search(r"FAILED: h1: .*(closed|could not be sent|Failed to connect)", output), output
    assert re.search(
        r"(?s)FAILED: h2: .*rules\[0\] \('R'\)\.when: there is no fact memory_gb; did you mean memory_mb\?", output
    ), output
    assert {host: (counts["failed"], counts["changed"]) for host, counts in recap(output).items()} == {
        "h1": (1, 0),
        "h2": (1, 0),
        "h3": (0, 1),
    }
    assert fleet.balloon("vbox13") == 128
