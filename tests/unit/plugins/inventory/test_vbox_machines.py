# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The inventory plugin, on fake hosts of this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import yaml
from fake.vboxfake.fakehost import FakeHost
from hypothesis import given
from hypothesis import strategies as st
from support.hosts import write_program

from ansible_collections.vbox.memory.plugins.inventory.vbox_machines import DOCUMENTATION, EXAMPLES
from ansible_collections.vbox.memory.plugins.plugin_utils.naming import host_name, machine_names
from ansible_collections.vbox.memory.plugins.plugin_utils.remote import (
    KEYS,
    HostError,
    command_for,
    problems_of,
    read_host,
    sources,
)

FRAGMENTS = {"groups", "keyed_groups", "compose", "cache", "cache_plugin", "cache_connection", "cache_timeout"}
U1, U2 = "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-00000000000b"
ODD = {
    "web01": "web01",
    "two\nlines": "two_lines-UUID",
    "{{ 1 + 1 }}": "___1___1___-UUID",
    "a,b:c[1]": "a_b_c_1_-UUID",
    "-x": "_x-UUID",
    "名前": "名前",
    "localhost": "localhost",
    "evil.example.org": "evil_example_org-UUID",
    "x" * 81: "x" * 80 + "-UUID",
    f"a-{U2}": f"a-{U2}-UUID",
    "\u202e": "_-UUID",
    "": "_-UUID",
}


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_odd_names_become_safe_ones(name):
    machines = [{"name": name, "uuid": U1}]
    assert machine_names("h 1.x", machines, "name") == {U1: ODD[name].replace("UUID", U1) + ".h_1.x.vbox"}
    assert machine_names("h", machines, "uuid") == {U1: f"{U1}.h.vbox"}


NAMES = st.lists(
    st.sampled_from([*ODD, "a b", "a_b", f"a_b-{U1}", f"a_b-{U2}", "h.vbox", "x.h"]) | st.text(), max_size=8
)


@given(NAMES, NAMES)
def test_names_are_different_whatever_the_machines_are_called(first, second):
    """Those of two hosts, too; and a machine's name says which host and, in the facts, which machine it is."""
    found = []
    for host, names in (("h", first), ("x.h", second)):
        machines = [{"name": name, "uuid": U1[:-1] + str(number)} for number, name in enumerate(names)]
        for kind in ("name", "uuid"):
            made = machine_names(host, machines, kind)
            assert all(re.fullmatch(rf"[\w][\w-]*\.{re.escape(host)}\.vbox", name) for name in made.values())
            assert len(set(made.values())) == len(names)
            if kind == "name":
                found += made.values()
    assert len(set(found)) == len(first) + len(second)


HOST_NAMES = {
    "web01": "web01",
    "Web-01": "web-01",
    "-oProxyCommand=x": None,
    "web01.example.org": None,
    "a-": None,
    "localhost": None,
    "2130706433": None,
    "0x7f000001": None,
    "a" * 64: None,
    "a\n": None,
    "ａ": None,
    "": None,
}


@pytest.mark.parametrize("name", HOST_NAMES, ids=ascii)
def test_host_names(name):
    assert host_name(name) == HOST_NAMES[name]


@pytest.mark.parametrize(
    ("hosts", "problem"),
    [
        ([{"name": "a", "shh": "x"}], "hosts[0].shh: there is no such key; did you mean ssh?"),
        ([{"ssh": "x"}], "hosts[0]: it has no name"),
        ([{"name": "a"}, {"name": "a"}], "hosts[1].name: 'a' stands twice"),
        ([{"name": "a b"}, {"name": "a_b"}], "hosts[1].name: 'a_b' is as 'a b' in the names of groups: choose another"),
        ([{"name": ["a"]}], "hosts[0].name: ['a'] does not do: give a string"),
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

    def run(must_succeed=True, arguments=(), text="", **config):
        source = tmp_path / "x.vbox_machines.yml"
        source.write_text(text or json.dumps({"plugin": "vbox.memory.vbox_machines", **config}))
        environment = dict(
            os.environ,
            ANSIBLE_HOME=str(tmp_path / "ansible"),
            ANSIBLE_NOCOLOR="true",
            ANSIBLE_INVENTORY_UNPARSED_FAILED="true",
        )
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "inventory", *(arguments or ["-i", str(source)]), "--list"],
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
    stopped = one.add_machine('{{ 1 / 0 }} "x"', ostype="Windows10_64", groups=["/a/b c", "/d"], memory=4096)
    started = one.add_guest("db", large_pages=True)
    uuid, running = f"{stopped}.h_1.vbox", f"{started}.h_1.vbox"
    hostvars, groups, said = listed(
        hosts=[entry, {"name": "dead", "vboxmanage": "/nowhere/VBoxManage"}],
        keyed_groups=[{"key": "vbox_machine.memory_mb | string", "prefix": "mb"}],
        compose={"own_name": "vbox_machine.name"},
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
    assert hostvars[uuid]["vbox_machine"]["name"] == hostvars[uuid]["own_name"] == '{{ 1 / 0 }} "x"'
    assert hostvars[uuid]["vbox_host"] == "h 1"
    assert (hostvars[uuid]["vbox_hostname"], hostvars[running]["vbox_hostname"]) == (None, "db")
    assert hostvars[uuid]["vbox_policy"]["balloon"] == {"value": 1024, "source": "policy: rule 'Windows, all'"}
    assert groups == groups | {
        "vbox_machines": {uuid, running},
        "vbox_state_poweroff": {uuid},
        "vbox_state_running": {running},
        "vbox_os_Windows10_64": {uuid},
        "vbox_host_h_1": {uuid, running},
        "vbox_group_a_b_c": {uuid},
        "vbox_group_a": {uuid},
        "vbox_group_d": {uuid},
        "vbox_rule_Windows__all": {uuid},
        "vbox_rule_2": {uuid, running},
        "mb_4096": {uuid},
        "big": {uuid},
    }
    assert "host 'dead' cannot be read: VBoxManage was not found" in " ".join(said.split())


def test_a_machine_that_cannot_be_read_is_left_out(listed, fake):
    one, entry = fake("h1")
    uuid, lost = one.add_machine("web"), one.add_machine("lost")
    one.change("lost", accessible=False)
    hostvars, _groups, said = listed(hosts=[entry], strict_hosts=True)
    flat = " ".join(said.split())
    assert (
        set(hostvars) == {f"{uuid}.h1.vbox"} and flat.count("host 'h1': a machine is left out: ") == 1 and lost in flat
    )


def test_a_dead_host_can_be_an_error(listed):
    _hostvars, _groups, said = listed(
        must_succeed=False, hosts=[{"name": "dead", "python": "/nowhere/python"}], strict_hosts=True
    )
    assert "host 'dead' cannot be read: /nowhere/python: No such file or directory" in " ".join(said.split())


def test_a_policy_that_does_not_fit_is_warned_of(listed, fake):
    one, entry = fake("h1")
    uuid = one.add_machine("web")
    hostvars, groups, said = listed(hosts=[entry], policy={"machines": {"wib": {"balloon": 1}}})
    assert set(hostvars) == {f"{uuid}.h1.vbox"} and not [group for group in groups if group.startswith("vbox_rule")]
    assert "policy.machines['wib']: this host has no such machine; did you mean web?" in " ".join(said.split())


def test_what_is_cached_is_not_read_again(listed, fake, tmp_path):
    (one, entry), (two, other) = fake("h1"), fake("h2")
    uuids = {f"{one.add_machine('{{ 1 / 0 }}')}.h1.vbox", f"{two.add_machine('b')}.h2.vbox"}
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


SOURCES = {  # without an ending: ansible-core before 2.19 leaves .ini files in a folder out
    "a": "[webservers]\nreal1\n[early.h.vbox]\nreal3\n",
    "z": "[late]\nreal2\nreal4\n[vboxes]\nknown.h.vbox\n[vboxes:vars]\nown=1\n",
}
# What machines are called: groups and hosts of other sources, parsed before and after, our own groups, and words of Ansible's
TAKEN = (
    "webservers",
    "real1",
    "late",
    "real2",
    "vbox_machines",
    "vbox_os_Debian_64",
    "vbox_host_h",
    "all",
    "ungrouped",
    "localhost",
)


@pytest.mark.parametrize("kind", ["uuid", "name"])
def test_a_machine_is_no_host_or_group_of_another_name(listed, fake, tmp_path, kind):
    one, entry = fake("h")
    machines = {one.add_machine(name, ostype="Debian_64"): name for name in TAKEN}
    other = one.add_machine("known", groups=["/webservers", "/../late"])
    early = one.add_machine("early")
    folder = tmp_path / "sources"
    folder.mkdir()
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    config = {"plugin": "vbox.memory.vbox_machines", "hosts": [entry], "hostnames": kind}
    (folder / "m.vbox_machines.yml").write_text(json.dumps(config))
    hostvars, groups, said = listed(arguments=["-i", str(folder)])
    flat = " ".join(said.split())
    ours = {f"{uuid if kind == 'uuid' else name}.h.vbox" for uuid, name in machines.items()}
    assert (groups["webservers"], groups["late"], groups["early.h.vbox"]) == ({"real1"}, {"real2", "real4"}, {"real3"})
    known = f"{other}.h.vbox" if kind == "uuid" else "known.h.vbox"
    ours |= {known} if kind == "name" else {known, f"{early}.h.vbox"}
    assert groups["vbox_machines"] == groups["vbox_host_h"] == ours
    assert not [name for name in ("real1", "real2", "real3", "real4") if hostvars.get(name)]
    if kind == "name":
        assert hostvars["known.h.vbox"]["own"] == 1, "who writes that name elsewhere means that machine"
        assert "'early.h.vbox' is a group of another source of the inventory, and the machine is left out" in flat


# A Python that answers what is in a file, whatever it is asked, once it has repeated the marker.
# Pythons that are too old, and what they do with `-I -` and a program as their input.
OLD = {
    "3.6": 'exec {python} -c \'import sys; sys.version_info = (3, 6, 15, "final", 0); exec(compile(sys.stdin.read(), "-", "exec"))\'',
    "3.7": 'exec {python} -c \'import sys; sys.version_info = (3, 7, 16, "final", 0); exec(compile(sys.stdin.read(), "-", "exec"))\'',
    "2": "printf 'Unknown option: -I\\nusage: python [option] ...\\nTry `python -h` for more information.\\n' >&2; exit 2",
}


@pytest.mark.parametrize("version", OLD)
def test_a_host_whose_python_is_too_old_says_so(tmp_path, version):
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\n" + OLD[version].format(python=sys.executable))
    old.chmod(0o755)
    with pytest.raises(
        HostError,
        match=rf"Python 3.8 or newer is needed there, and this is {version}: name another with the key python",
    ):
        read_host({"name": "a", "python": str(old)}, [], False, 60)


ANSWERING = """#!{python}
import re, sys
sys.stdout.write(re.search('"marker": "([0-9a-f]+)"', sys.stdin.read()).group(1))
sys.stdout.flush()
with open({path!r}) as file:
    sys.stdout.write(file.read() * {times})
"""
MACHINE = {
    "uuid": U1,
    "name": "web",
    "state": "poweroff",
    "groups": ["/"],
    "os_type": "Debian_64",
    "os_description": "Debian (64-bit)",
    "memory_mb": 512,
    "balloon_default_mb": 0,
    "balloon_current_mb": None,
    "balloon_followed": None,
    "page_fusion": False,
    "large_pages": None,
    "guest_additions_run_level": None,
    "process_kb": None,
    "guest": None,
}


def facts_with(**values):
    return {"facts": {"host": {}, "machines": [dict(MACHINE, **values)], "unreadable": [], "totals": {}}}


# What a host answers, and what is said of it
BAD = {
    "list": ([], "its answer is a list and has to be a dictionary"),
    "null": (None, "its answer is null and has to be a dictionary"),
    "no_json": ("{", "its answer was cut off, or is no JSON: see what that Python prints"),
    "bottomless": ("[" * 100000, "its answer was cut off, or is no JSON: see what that Python prints"),
    "digits": (f"[1{'0' * 5000}]", "its answer was cut off, or is no JSON: see what that Python prints"),
    "nothing": ({}, "its answer holds neither facts nor an error"),
    "error": ({"msg": "no\n\u202eway" + "x" * 1000}, "no\\n\\u202eway" + "x" * 30),
    "number": ({"facts": 5}, "facts: it is a number and has to be a dictionary"),
    "machines": ({"facts": {"host": {}, "machines": {}}}, "facts.machines: it is a dictionary and has to be a list"),
    "machine": ({"facts": {"host": {}, "machines": [7]}}, "facts.machines[0]: it is a number and has to be a dictionary"),
    "groups": (facts_with(groups=None), "facts.machines[0].groups: it is null and has to be a list"),
    "group": (facts_with(groups=[5]), "facts.machines[0].groups[0]: it is a number and has to be a string"),
    "no_uuid": ({"facts": {"host": {}, "machines": [{"name": "a"}]}}, "facts.machines[0].uuid: it is missing"),
    "false_uuid": (facts_with(uuid="webservers"), 'facts.machines[0].uuid: "webservers" is not a UUID'),
    "capitals": (facts_with(uuid=U2.upper()), f'facts.machines[0].uuid: "{U2.upper()}" is not a UUID'),
    "line": (facts_with(uuid=U1 + "\n"), f'facts.machines[0].uuid: "{U1}\\n" is not a UUID'),
    "state": (facts_with(state=None), "facts.machines[0].state: it is null and has to be a string"),
    "name": (facts_with(name=["a"]), "facts.machines[0].name: it is a list and has to be a string"),
    "memory": (facts_with(memory_mb="512"), "facts.machines[0].memory_mb: it is a string and has to be a whole number"),
    "negative": (facts_with(memory_mb=-1), "facts.machines[0].memory_mb: it is a number and has to be a whole number from 0"),
    "deep": (json.dumps(facts_with(guest=None)).replace("null}]", "[" * 200 + "]" * 200 + "}]"), "more than 100 levels deep"),
    "twice": (
        {"facts": dict(facts_with()["facts"], machines=[MACHINE, MACHINE])},
        "facts.machines[1].uuid: it is that of machines[0]",
    ),
}  # fmt: skip


@pytest.fixture
def answering(tmp_path):
    """A function that makes a host that answers something, whatever it is asked: its entry."""

    def make(name, answer, times=1):
        path, program = tmp_path / f"{name}.json", tmp_path / f"{name}.py"
        path.write_text(answer if isinstance(answer, str) else json.dumps(answer))
        program.write_text(ANSWERING.format(python=sys.executable, path=str(path), times=times))
        program.chmod(0o755)
        return {"name": name, "python": str(program)}

    return make


def squeezed(text):
    """A text without blanks: ansible-core before 2.19 breaks warnings into lines, also within words."""
    return "".join(text.split())


def test_a_bad_answer_costs_its_own_host_only(listed, fake, answering):
    one, good = fake("good")
    machine = one.add_machine("web")
    entries = [answering(name, answer) for name, (answer, _message) in BAD.items()]
    entries.append(answering("flood", "x" * 1024 * 1024, times=200))
    hostvars, groups, said = listed(hosts=[*entries, good], hostnames="uuid", policy={"defaults": {"balloon": 64}})
    assert set(hostvars) == groups["vbox_machines"] == {f"{machine}.good.vbox"}
    flat = squeezed(said)
    for name, message in dict(
        {name: message for name, (_answer, message) in BAD.items()},
        flood="its answer is longer than 64 MB: see what that Python prints",
    ).items():
        warning = squeezed(f"host '{name}' cannot be read: ")
        assert flat.count(warning) == 1, said
        assert squeezed(message) in flat.partition(warning)[2].partition("[WARNING]")[0], said


def test_a_host_that_claims_a_machine_of_another_host(listed, fake, answering):
    """By its UUID, its name, or half a character in its name: it is another machine."""
    one, good = fake("good")
    machine = one.add_machine("web")
    claims = answering("bad", facts_with(uuid=machine, name="web", groups=["/good", "\ud800"]))
    for kind, name in (("uuid", machine), ("name", "web")):
        hostvars, groups, _said = listed(hosts=[claims, good], hostnames=kind)
        assert groups["vbox_machines"] == {f"{name}.good.vbox", f"{name}.bad.vbox"}
        assert (groups["vbox_host_good"], hostvars[f"{name}.good.vbox"]["vbox_host"]) == ({f"{name}.good.vbox"}, "good")


CACHES = [
    "{",
    "[]",
    "5",
    '{"h1": 5}',
    '{"h1": {"how": "x"}}',
    '{"h1": {"how": "HOW", "facts": {"machines": [{"uuid": "webservers"}]}}}',
]


def test_what_is_wrong_in_the_cache_is_read_again(listed, fake, tmp_path):
    one, entry = fake("h1")
    uuid = one.add_machine("web")
    config = dict(cache=True, cache_plugin="ansible.builtin.jsonfile", cache_connection=str(tmp_path / "cache"))
    listed(hosts=[entry], **config)
    (path,) = (tmp_path / "cache").iterdir()
    good = path.read_text()
    wrapped = "__payload__" in json.loads(good)  # from ansible-core 2.19 on
    how = (json.loads(json.loads(good)["__payload__"]) if wrapped else json.loads(good))["h1"]["how"]
    payloads = [payload.replace("HOW", how) for payload in CACHES]
    for text in ["{", *(json.dumps({"__payload__": payload}) if wrapped else payload for payload in payloads)]:
        path.write_text(text)
        one.forget_calls()
        hostvars, _groups, _said = listed(hosts=[entry], **config)
        assert set(hostvars) == {f"{uuid}.h1.vbox"} and one.calls(), text


def test_what_is_encrypted_is_decrypted_and_not_in_the_cache(listed, fake, tmp_path):
    one, entry = fake("h1")
    uuid = one.add_machine("web")
    (tmp_path / "password").write_text("secret")
    encrypted = subprocess.run(
        [
            sys.executable,
            "-m",
            "ansible",
            "vault",
            "encrypt_string",
            "--vault-password-file",
            "password",
            entry["vboxmanage"],
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = (
        "plugin: vbox.memory.vbox_machines\ncache: true\ncache_plugin: ansible.builtin.jsonfile\n"
        f"cache_connection: {tmp_path}/cache\nhosts:\n- name: h1\n  vboxmanage: " + encrypted
    )
    source = tmp_path / "x.vbox_machines.yml"
    given = ["-i", str(source), "--vault-password-file", "password"]
    hostvars, _groups, _said = listed(arguments=given, text=text)
    assert set(hostvars) == {f"{uuid}.h1.vbox"}
    assert not [path for path in (tmp_path / "cache").iterdir() if entry["vboxmanage"] in path.read_text()]
    _hostvars, _groups, said = listed(must_succeed=False, text=text)
    assert "no vault secrets" in " ".join(said.split()) and "ANSIBLE_VAULT" not in said
