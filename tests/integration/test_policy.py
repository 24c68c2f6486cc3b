# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The role policy and the playbooks apply and audit, on the real VirtualBox over SSH."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
from support.fake_fleet import report
from support.hosts import SandboxTestHost
from support.plays import AWAY, recap

pytestmark = pytest.mark.sandbox

USERS = ("vbox31", "vbox32", "vbox33")  # of the tests' sandbox, ours alone
ODD_NAMES = (
    'quo"te',
    "a=b",
    "back\\slash",
    "new\nline",
    "$(id);",
    "-leading",
    "名前",
    "{{ 1 + 1 }}",
    "00000000-0000-0000-0000-00000000beef",
)
WINDOWS_1G = {"rules": [{"name": "Windows", "when": "starts_with(os_type, 'Windows')", "balloon": "1G"}]}


class Fleet:
    """Hosts with machines, and an inventory that reaches them."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder
        info = json.loads(sandbox("info").stdout)
        self.common = {
            "ansible_host": info["host"],
            "ansible_port": info["port"],
            "ansible_ssh_private_key_file": info["key"],
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={info['known_hosts']} -o ControlMaster=auto -o ControlPersist=60s",
            "ansible_python_interpreter": info["python"],
        }
        self.hosts = {}
        self.groups = {}
        for user in USERS:
            self.forget_machines(user)

    def host(self, name, user=USERS[0], **variables):
        self.hosts[name] = dict(self.common, ansible_user=user, **variables)

    def vbox(self, user, *arguments):
        return SandboxTestHost(self.sandbox, user).vbox(*arguments)

    def forget_machines(self, user):
        SandboxTestHost(self.sandbox, user).forget_machines()

    def machine(self, name, user=USERS[0], os_type="Debian_64", memory=2048):
        made = self.vbox(user, "createvm", f"--name={name}", "--ostype", os_type, "--register")
        uuid = re.search(r"UUID: ([0-9a-f-]{36})", made).group(1)
        self.vbox(user, "modifyvm", uuid, "--memory", str(memory))
        return uuid

    def settings(self, uuid, user=USERS[0]):
        info = self.vbox(user, "showvminfo", uuid, "--machinereadable")
        return {
            "balloon": int(re.search(r"^GuestMemoryBalloon=(\d+)", info, re.MULTILINE).group(1)),
            "large_pages": re.search(r'^largepages="(\w+)"', info, re.MULTILINE).group(1) == "on",
        }

    def play(self, playbook, *arguments, **environment):
        """Run a playbook; gives back its exit status and what it printed."""
        inventory = self.folder / "inventory.json"
        groups = {
            group: {"hosts": dict.fromkeys(hosts, {}), "vars": variables}
            for group, (hosts, variables) in self.groups.items()
        }
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "children": groups}}))
        settings = dict(
            os.environ,
            ANSIBLE_PIPELINING="true",
            ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
            ANSIBLE_NOCOLOR="true",
            ANSIBLE_HOME=str(self.folder / "ansible"),
            **environment,
        )
        command = ["ansible-playbook", "-i", str(inventory), str(playbook), *arguments]
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


@pytest.fixture
def fleet(sandbox, tmp_path):
    return Fleet(sandbox, tmp_path)


def changed(output):
    return {host: counters["changed"] for host, counters in recap(output).items()}


def test_apply_check_apply_apply_audit(fleet):
    """What check mode says is what happens, once, with few module calls."""
    fleet.host("h1", vbox_memory_policy=WINDOWS_1G)
    fleet.host("h2", user=USERS[1], vbox_memory_policy=WINDOWS_1G)
    win, debian = fleet.machine("win", os_type="Windows11_64", memory=4096), fleet.machine("debian")
    would_be = ["h1", "win", "poweroff", "balloon_default_mb", "0", "1024"]
    source = "vbox_memory_policy: rule 'Windows'"

    status, output = fleet.play("vbox.memory.audit")
    assert (status, report(output), changed(output)) == (
        2,
        [[*would_be, "would change", source]],
        {"h1": 0, "h2": 0},
    ), output
    assert recap(output)["h2"]["failed"] == 0

    status, output = fleet.play("vbox.memory.apply", "--check", "--diff")
    assert (status, report(output)) == (0, [[*would_be, "would change", source]]), output
    assert "-balloon_default_mb: 0\n+balloon_default_mb: 1024\n" in output
    assert fleet.settings(win)["balloon"] == 0

    status, output = fleet.play("vbox.memory.apply")
    assert (status, report(output), changed(output)) == (0, [[*would_be, "changed", source]], {"h1": 1, "h2": 0}), (
        output
    )
    assert (fleet.settings(win)["balloon"], fleet.settings(debian)["balloon"]) == (1024, 0)

    status, output = fleet.play("vbox.memory.apply", "-vvv")
    assert (status, report(output), changed(output)) == (0, [], {"h1": 0, "h2": 0}), output
    assert len(re.findall("Using module file", output)) == 1 * 2  # only the facts are read: nothing differs
    assert "modifyvm" not in output

    assert fleet.play("vbox.memory.audit")[0] == 0


def test_any_name(fleet):
    """Each machine gets its own value by its name, whatever the name; nothing in a name is a template."""
    uuids = {name: fleet.machine(name) for name in ODD_NAMES}
    sizes = {name: 100 + number for number, name in enumerate(ODD_NAMES)}
    fleet.host("h1", vbox_memory_policy={"machines": {name: {"balloon": size} for name, size in sizes.items()}})
    status, output = fleet.play("vbox.memory.apply")
    assert status == 0, output
    assert {name: fleet.settings(uuid)["balloon"] for name, uuid in uuids.items()} == sizes
    rows = [row[1] for row in report(output)]
    assert rows == [name.replace("\n", r"\n") for name in ODD_NAMES]


def test_levels(fleet):
    """Group and host add to what is said for all; the result names the variable."""
    for name in ("web01", "db01", "win"):
        fleet.machine(name, os_type="Windows10_64" if name == "win" else "Debian_64", memory=4096)
    fleet.host("h1", vbox_memory_policy_host={"machines": {"db01": {"large_pages": True, "balloon": 0}}})
    fleet.groups = {
        "office": (["h1"], {"vbox_memory_policy_group": WINDOWS_1G}),
        "everything": (["h1"], {"vbox_memory_policy": {"defaults": {"balloon": 64}}}),
    }
    status, output = fleet.play("vbox.memory.audit")
    assert status == 2
    assert {(row[1], row[3], row[5], row[7]) for row in report(output)} == {
        ("web01", "balloon_default_mb", "64", "vbox_memory_policy: defaults"),
        ("win", "balloon_default_mb", "1024", "vbox_memory_policy_group: rule 'Windows'"),
        ("db01", "large_pages", "on", "vbox_memory_policy_host: machine 'db01'"),
    }, output


def test_broken_hosts_are_named_and_stop_nobody(fleet):
    """Also with one host at a time, where Ansible itself would stop at the first."""
    uuid = fleet.machine("web01")
    last = fleet.machine("web01", user=USERS[1])
    policy = {"rules": [{"name": "All", "balloon": 32}]}
    fleet.host("a_down", ansible_port=1, vbox_memory_policy=policy)
    fleet.host("b_none", vbox_memory_vboxmanage="/nowhere/VBoxManage", vbox_memory_policy=policy)
    fleet.host("c_key", vbox_memory_policy={"rules": [{"name": "All", "baloon": 32}, {"balloon": 32}]})
    fleet.host(
        "d_expression",
        vbox_memory_policy={"rules": [{"name": "Large", "when": "memory_mb > 4096", "balloon": 32}, {"balloon": 32}]},
    )
    fleet.host("e_no_policy")
    fleet.host("f_good", user=USERS[1], vbox_memory_policy=policy)
    status, output = fleet.play("vbox.memory.apply", "-e", "vbox_memory_serial=1")
    assert status == 2, output
    for message in (
        f"FAILED: a_down: .*({AWAY.pattern})",
        "FAILED: b_none: .*/nowhere/VBoxManage",
        r"(?s)FAILED: c_key: .*vbox_memory_policy\.rules\[0\] \('All'\)\.baloon: there is no such key; did you mean balloon\?",
        r"(?s)FAILED: d_expression: .*vbox_memory_policy\.rules\[0\] \('Large'\)\.when: 'memory_mb > 4096' is broken at position 13",
        "FAILED: e_no_policy: No policy is defined: set vbox_memory_policy",
    ):
        assert re.search(message, output), (message, output)
    assert {host: counters["failed"] for host, counters in recap(output).items()} == dict.fromkeys(fleet.hosts, 1) | {
        "f_good": 0
    }
    assert (fleet.settings(uuid)["balloon"], fleet.settings(last, USERS[1])["balloon"]) == (0, 32)


def test_a_machine_that_fails_stops_no_other_machine(fleet):
    uuid = fleet.machine("small", memory=64)
    large = fleet.machine("large", memory=1024)
    fleet.host("h1", vbox_memory_policy={"defaults": {"balloon": 128}})
    status, output = fleet.play("vbox.memory.apply")
    assert status == 2
    assert 'FAILED: h1, machine "small": ' in output
    assert [row[1] for row in report(output)] == ["large"]
    assert (fleet.settings(uuid)["balloon"], fleet.settings(large)["balloon"]) == (0, 128)


def test_free_strategy_limit_and_pattern(fleet):
    machines = {}
    for number, user in enumerate(USERS):
        fleet.host(f"h{number}", user=user, vbox_memory_policy={"defaults": {"balloon": 16}})
        machines[user] = fleet.machine("m", user=user)

    status, output = fleet.play(
        "vbox.memory.apply", "--limit", "h1,h2", "-e", "vbox_memory_hosts=h0:h1", ANSIBLE_STRATEGY="free"
    )
    assert (status, changed(output)) == (0, {"h1": 1}), output
    status, output = fleet.play("vbox.memory.apply", "--tags", "apply", ANSIBLE_STRATEGY="free")
    assert (status, changed(output)) == (0, {"h0": 1, "h1": 0, "h2": 1}), output
    assert output.count("machines on 3 hosts") == 1
    assert {fleet.settings(uuid, user)["balloon"] for user, uuid in machines.items()} == {16}


def test_the_role_alone_fails_as_tasks_do(fleet):
    playbook = fleet.folder / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": ["vbox.memory.policy"]}]))
    fleet.host("h1", vbox_memory_policy={"rules": [{"when": "memory_mb > `1`", "required": True}]})
    status, output = fleet.play(playbook)
    assert status == 2
    assert "vbox_memory_policy.rules[0]: it is required, and matches none of the 0 machines of this host" in re.sub(
        r"\s+", " ", output
    )
