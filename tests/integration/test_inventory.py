# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The inventory plugin on the real VirtualBox, over SSH."""

from __future__ import annotations

import json
import re

import pytest
from support.hosts import SandboxTestHost
from support.plays import ansible

pytestmark = pytest.mark.sandbox

USERS = ("vbox34", "vbox35", "vbox45")
ODD_NAMES = (
    'quo"te',
    "new\nline",
    "$(id);",
    "-leading",
    "名前",
    "{{ 1 / 0 }}",
    "00000000-0000-0000-0000-00000000beef",
    "all",
)
RECORDER = '#!/bin/sh\nVBOX_RECORD=/tmp/{user}.calls exec /opt/recorder/VBoxManage "$@"\n'


class Hosts:
    """Users of the sandbox as entries of the plugin's `hosts`, with the recorder before VBoxManage."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder
        self.info = json.loads(sandbox("info").stdout)
        self.users = {user: SandboxTestHost(sandbox, user) for user in USERS}
        for user, host in self.users.items():
            host.forget_machines()
            host.run(
                "sh",
                "-c",
                f"cat >/tmp/{user}.vboxmanage; chmod +x /tmp/{user}.vboxmanage",
                given=RECORDER.format(user=user),
            )
            host.run("rm", "-f", host.file)

    def entry(self, user, **more):
        ssh = [
            "-p",
            self.info["port"],
            "-i",
            self.info["key"],
            "-o",
            f"UserKnownHostsFile={self.info['known_hosts']}",
            f"{user}@{self.info['host']}",
        ]
        return {
            "name": user,
            "ssh": ssh,
            "python": self.info["python"],
            "vboxmanage": f"/tmp/{user}.vboxmanage",
            **more,
        }

    def machine(self, user, name, *create, os_type="Debian_64"):
        return self.users[user].create(name, *create, ostype=os_type)

    def listed(self, **config):
        source = self.folder / "vbox_machines.yml"
        source.write_text(json.dumps({"plugin": "vbox.memory.vbox_machines", **config}))
        return self.ansible("inventory", "--list")

    def ansible(self, program, *arguments):
        return ansible(self.folder, program, "-i", "vbox_machines.yml", *arguments)


@pytest.fixture
def hosts(sandbox, tmp_path):
    return Hosts(sandbox, tmp_path)


def test_two_hosts_with_odd_names_one_dead_and_a_cache(hosts):
    uuids = {f"{hosts.machine(USERS[0], name)}.{USERS[0]}.vbox": name for name in ODD_NAMES}
    windows = hosts.machine(USERS[1], "win", "--groups", "/office/desks", os_type="Windows11_64") + f".{USERS[1]}.vbox"
    config = dict(
        hosts=[
            hosts.entry(USERS[0]),
            hosts.entry(USERS[1]),
            dict(hosts.entry(USERS[2], name="dead"), ssh=["-p", "1", "nobody@127.0.0.1"]),
        ],
        cache=True,
        cache_plugin="ansible.builtin.jsonfile",
        cache_connection=str(hosts.folder / "cache"),
        policy={"rules": [{"name": "Windows", "when": "starts_with(os_type, 'Windows')", "balloon": "1G"}]},
    )
    done = hosts.listed(**config)
    listing = json.loads(done.stdout)
    assert {key: names["vbox_machine"]["name"] for key, names in listing["_meta"]["hostvars"].items()} == {
        uuid: {"__ansible_unsafe": name} for uuid, name in dict(uuids, **{windows: "win"}).items()
    }
    assert {
        group: set(content["hosts"])
        for group, content in listing.items()
        if group.startswith("vbox_") and "hosts" in content
    } == {
        "vbox_state_poweroff": {*uuids, windows},
        "vbox_os_Debian_64": set(uuids),
        "vbox_os_Windows11_64": {windows},
        "vbox_group_office": {windows},
        "vbox_group_office_desks": {windows},
        f"vbox_host_{USERS[0]}": set(uuids),
        f"vbox_host_{USERS[1]}": {windows},
        "vbox_rule_Windows": {windows},
        "vbox_machines": {*uuids, windows},
    }
    assert "host 'dead' cannot be read: ssh: connect to host 127.0.0.1 port 1: Connection refused" in " ".join(
        done.stderr.split()
    )
    for user, count in ((USERS[0], len(ODD_NAMES)), (USERS[1], 1)):
        calls = [call[0] for call in hosts.users[user].calls()]
        assert sorted(calls) == sorted(["--version", "list", "getextradata"] + ["showvminfo"] * count), (
            "one list, one look at each machine, and one for restarts that were interrupted"
        )
        hosts.users[user].forget_calls()

    again = hosts.listed(**config)
    assert json.loads(again.stdout) == listing
    assert [hosts.users[user].calls() for user in USERS] == [[], [], []]

    unnamed = {key: value for key, value in hosts.entry(USERS[0]).items() if key != "vboxmanage"}
    by_the_bindings = json.loads(hosts.listed(hosts=[unnamed]).stdout)
    assert {uuid: found["vbox_machine"] for uuid, found in by_the_bindings["_meta"]["hostvars"].items()} == {
        uuid: listing["_meta"]["hostvars"][uuid]["vbox_machine"] for uuid in uuids
    }
    assert set(by_the_bindings["vbox_os_Debian_64"]["hosts"]) == set(uuids)


def test_a_service_users_machines_and_names(hosts):
    here, there = (hosts.machine(user, "web 1") for user in USERS[:2])
    odd = hosts.machine(USERS[1], "{{ 1 / 0 }}")
    hosts.listed(
        hosts=[
            hosts.entry(USERS[0]),
            hosts.entry(USERS[0], name="service", become_user=USERS[1], vboxmanage=f"/tmp/{USERS[1]}.vboxmanage"),
        ],
        hostnames="name",
        compose={"ansible_connection": "'local'", "ansible_python_interpreter": "ansible_playbook_python"},
    )
    show = {"debug": {"msg": "<{{ inventory_hostname }}|{{ vbox_machine.name }}|{{ vbox_host }}>"}}
    play = [{"hosts": "vbox_machines", "gather_facts": False, "tasks": [show]}]
    (hosts.folder / "play.json").write_text(json.dumps(play))
    said = re.findall("<(.*?)>", hosts.ansible("playbook", "play.json").stdout)
    assert sorted(said) == sorted(
        [
            f"web_1-{here}.{USERS[0]}.vbox|web 1|{USERS[0]}",
            f"web_1-{there}.service.vbox|web 1|service",
            f"___1___0___-{odd}.service.vbox|{{{{ 1 / 0 }}}}|service",
        ]
    )
