# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The inventory plugin, on fake hosts of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml
from fake.vboxfake.fakehost import FakeHost
from support.hosts import write_program

from ansible_collections.vbox.memory.plugins.inventory.vbox_machines import DOCUMENTATION, EXAMPLES, inventory_names
from ansible_collections.vbox.memory.plugins.plugin_utils.remote import KEYS, command_for, problems_of, sources

FRAGMENTS = {"groups", "keyed_groups", "compose", "cache", "cache_plugin", "cache_connection", "cache_timeout"}
ODD = {
    "two\nlines": "two_lines",
    "{{ 1 + 1 }}": "___1___1___",
    "a,b:c[1]": "a_b_c_1_",
    "-x": "_x",
    "名前": "名前",
    "localhost": "localhost-h",
    "": "_",
}


def test_odd_names_become_safe_ones():
    machines = [("h", {"name": name, "uuid": f"u{number}"}) for number, name in enumerate(ODD)]
    assert list(inventory_names(machines, "name").values()) == list(ODD.values())
    assert list(inventory_names(machines, "uuid").values()) == [machine["uuid"] for _host, machine in machines]


def test_names_are_unique_whatever_the_order():
    machines = [
        ("h1", {"name": "a", "uuid": "u1"}),
        ("h2", {"name": "a", "uuid": "u2"}),
        ("h2", {"name": "a", "uuid": "u3"}),
        ("h2", {"name": "a-h1", "uuid": "u4"}),
        ("h3", {"name": "b", "uuid": "u1"}),
    ]
    names = inventory_names(machines, "name")
    assert len(set(names.values())) == 5
    assert names == inventory_names(machines[::-1], "name")
    assert names["h3", "u1"] == "b"
    assert inventory_names(machines, "uuid")["h1", "u1"] == "u1-h1"
    assert inventory_names(machines, "host_and_name")["h3", "u1"] == "h3-b"


@pytest.mark.parametrize(
    ("hosts", "problem"),
    [
        ([{"name": "a", "shh": "x"}], "hosts[0].shh: there is no such key; did you mean ssh?"),
        ([{"ssh": "x"}], "hosts[0]: it has no name"),
        ([{"name": "a"}, {"name": "a"}], "hosts[1].name: 'a' stands twice"),
        (["a"], "hosts[0]: it is a string and has to be a dictionary"),
        ([{"name": "a", "ssh": {}}], "hosts[0].ssh: {} does not do: give a string or a list"),
    ],
)
def test_what_is_written_wrong(hosts, problem):
    assert problems_of(hosts) == [problem]


def test_the_documented_keys_are_those_that_are_taken():
    assert set(yaml.safe_load(DOCUMENTATION)["options"]["hosts"]["suboptions"]) == set(KEYS)
    example = yaml.safe_load(EXAMPLES)
    assert problems_of(example["hosts"]) == []
    assert set(example) <= set(yaml.safe_load(DOCUMENTATION)["options"]) | FRAGMENTS


def test_commands():
    assert command_for({"name": "a"}, ["-q"]) == [sys.executable, "-I", "-"]
    assert command_for({"name": "a", "become_user": "v", "python": "py"}, []) == [
        "sudo",
        "-n",
        "-H",
        "-u",
        "v",
        "--",
        "py",
        "-I",
        "-",
    ]
    assert command_for({"name": "a", "ssh": "me@there", "python": "/a b/py"}, ["-q"]) == [
        "ssh",
        "-q",
        "me@there",
        "'/a b/py' -I -",
    ]
    assert command_for({"name": "a", "ssh": ["-p", 22, "there"]}, []) == ["ssh", "-p", "22", "there", "python3 -I -"]


def test_what_is_sent_needs_no_ansible():
    code = sources()
    assert "ansible_collections.vbox.memory.plugins.module_utils.model.machine" in code
    assert not [name for name, source in code.items() if source and "ansible.module_utils" in source]


@pytest.fixture
def listed(tmp_path):
    """A function that writes an inventory and lists it: hostvars and groups, and what was printed on stderr."""

    def run(must_succeed=True, **config):
        source = tmp_path / "x.vbox_machines.yml"
        source.write_text(json.dumps({"plugin": "vbox.memory.vbox_machines", **config}))
        environment = dict(
            os.environ,
            ANSIBLE_HOME=str(tmp_path / "ansible"),
            ANSIBLE_NOCOLOR="true",
            ANSIBLE_INVENTORY_UNPARSED_FAILED="true",
        )
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "inventory", "-i", str(source), "--list"],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == must_succeed, done.stdout + done.stderr
        listing = json.loads(done.stdout, object_hook=trusted) if must_succeed else {}
        hostvars = listing.pop("_meta", {}).get("hostvars", {})
        return hostvars, {group: set(content.get("hosts", [])) for group, content in listing.items()}, done.stderr

    return run


def trusted(value):
    return value["__ansible_unsafe"] if set(value) == {"__ansible_unsafe"} else value


@pytest.fixture
def fake(tmp_path):
    """A function that makes a fake host: it, and its entry."""

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        host = FakeHost(folder)
        return host, {"name": name, "vboxmanage": write_program(host, folder / "VBoxManage")}

    return make


def test_machines_groups_and_variables(listed, fake):
    one, entry = fake("h 1")
    uuid = one.add_machine('{{ 1 / 0 }} "x"', ostype="Windows10_64", groups=["/a/b c", "/d"], memory=4096)
    running = one.add_guest("db", large_pages=True)
    hostvars, groups, said = listed(
        hosts=[entry, {"name": "dead", "vboxmanage": "/nowhere/VBoxManage"}],
        keyed_groups=[{"key": "vbox_machine.memory_mb | string", "prefix": "mb"}],
        compose={"ansible_host": "vbox_machine.name"},
        groups={"big": "vbox_machine.memory_mb > 1000"},
        strict=True,
        policy={
            "rules": [
                {"name": "Windows, all", "when": "starts_with(os_type, 'Windows')", "balloon": "1G"},
                {"large_pages": False},
            ]
        },
    )
    assert set(hostvars) == {uuid, running}
    assert hostvars[uuid]["vbox_machine"]["name"] == hostvars[uuid]["ansible_host"] == '{{ 1 / 0 }} "x"'
    assert hostvars[uuid]["vbox_host"] == "h 1"
    assert hostvars[uuid]["vbox_policy"]["balloon"] == {"value": 1024, "source": "policy: rule 'Windows, all'"}
    assert groups == groups | {
        "vbox_machines": {uuid, running},
        "vbox_state_poweroff": {uuid},
        "vbox_state_running": {running},
        "vbox_os_Windows_10__64_bit_": {uuid},
        "vbox_host_h_1": {uuid, running},
        "vbox_group_a_b_c": {uuid},
        "vbox_group_a": set(),
        "vbox_group_d": {uuid},
        "vbox_rule_Windows__all": {uuid},
        "vbox_rule_2": {uuid, running},
        "mb_4096": {uuid},
        "big": {uuid},
    }
    assert "host 'dead' cannot be read: VBoxManage was not found" in " ".join(said.split())


def test_a_dead_host_can_be_an_error(listed):
    _hostvars, _groups, said = listed(
        must_succeed=False, hosts=[{"name": "dead", "python": "/nowhere/python"}], strict_hosts=True
    )
    assert "host 'dead' cannot be read: /nowhere/python: No such file or directory" in " ".join(said.split())


def test_a_policy_that_does_not_fit_is_warned_of(listed, fake):
    one, entry = fake("h1")
    uuid = one.add_machine("web")
    hostvars, groups, said = listed(hosts=[entry], policy={"machines": {"wib": {"balloon": 1}}})
    assert set(hostvars) == {uuid} and not [group for group in groups if group.startswith("vbox_rule")]
    assert "policy.machines['wib']: this host has no such machine; did you mean web?" in " ".join(said.split())


def test_what_is_cached_is_not_read_again(listed, fake, tmp_path):
    (one, entry), (two, other) = fake("h1"), fake("h2")
    uuids = {one.add_machine("{{ 1 / 0 }}"), two.add_machine("b")}
    config = dict(
        cache=True, cache_plugin="ansible.builtin.jsonfile", cache_connection=str(tmp_path / "cache"), hostnames="uuid"
    )
    assert set(listed(hosts=[entry], **config)[0]) < uuids
    one.forget_calls()
    hostvars = listed(hosts=[entry, other], **config)[0]
    assert set(hostvars) == uuids
    assert one.calls() == [] and two.calls()
    two.forget_calls()
    assert listed(hosts=[entry, other], **config)[0] == hostvars
    assert one.calls() == two.calls() == []
    listed(hosts=[dict(entry, python=sys.executable), other], **config)
    assert one.calls() and two.calls() == []
