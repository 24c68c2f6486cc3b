# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The main job from end to end on the fake: this ansible-core, with each Python of a managed host. tests/tools/matrix runs it with others.

VBOX_MEMORY_PYTHONS=ends: with the oldest and the newest of those Pythons only.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from support.fake_fleet import Fakes, commands, report
from support.plays import AWAY, ansible, recap
from support.pythons import TOO_OLD, python_of, pythons_of_hosts, taken_by_this_core

# A condition over the facts, so that JMESPath sees what the host has sent
POLICY = {
    "defaults": {"large_pages": False, "balloon": 0, "timeout": 60, "shutdown_timeout": 60},
    "rules": [{"name": "Web servers", "when": "starts_with(name, 'web') && memory_mb >= `700`", "balloon": "64M"}],
}
ODD = "web{{ 1 / 0 }}"  # before ansible-core 2.19, each string that is not marked as somebody else's is a template
# Ours, or Ansible's own, which newer ones have
SENTENCE = re.compile(
    r"Its Python is too old: this collection and ansible-core need"
    r"|Ansible requires Python \S+ or newer|ansible-core requires a minimum of Python"
)

ROOT = Path(__file__).resolve().parents[2]
# What runs on a host, and what its task needs
ON_HOSTS = {
    "vbox_balloon": {"name": "web01", "balloon": 0},
    "vbox_largepages": {"name": "web01", "large_pages": False},
    "vbox_memory": {"name": "web01", "balloon": 0},
    "vbox_memory_balance": {},
    "vbox_memory_facts": {},
    "vbox_memory_policy": {},
    "vbox_pagefusion": {"name": "web01", "page_fusion": False},
}


@pytest.fixture
def fakes(tmp_path):
    """A fake host, whose modules run with the tests' own Python."""
    fakes = Fakes(tmp_path)
    host = fakes.host("h1", vbox_memory_policy=POLICY)
    fakes.guest("h1", "web01")
    host.add_machine(ODD, memory=1024)
    host.add_machine("db01", memory=1024)
    return fakes


@pytest.mark.parametrize("version", pythons_of_hosts(os.environ.get("VBOX_MEMORY_PYTHONS")))
def test_check_apply_audit_and_inventory_with_each_python_of_a_host(fakes, version):
    if not taken_by_this_core(version):
        pytest.skip(f"this ansible-core does not run modules with Python {version}")
    python = python_of(version)
    if not python:
        pytest.skip(f"NOT TESTED: Python {version} on a managed host: there is none on this machine")
    host = fakes.hosts["h1"]
    fakes.inventory["h1"]["ansible_python_interpreter"] = python

    status, output = fakes.play("--check", "--diff", playbook="vbox.memory.apply")
    assert status == 0, output
    assert commands(host, "modifyvm", "guestmemoryballoon") == []
    assert "+balloon_default_mb: 64" in output
    assert {row[1] for row in report(output)} == {"web01", ODD}, output

    status, output = fakes.play(playbook="vbox.memory.apply")
    assert status == 0, output
    assert host.machine(ODD)["balloon"] == 64 and host.machine("db01")["balloon"] == 0
    assert host.guest("web01")["balloon"] == 64, output

    status, output = fakes.play(playbook="vbox.memory.audit")
    assert status == 2, output
    assert {(row[1], row[6]) for row in report(output)} == {("web01", "pending")}, output

    assert inventory(fakes) == {"web01", ODD, "db01"}


def test_maintain_leaves_nothing_to_do(fakes):
    status, output = fakes.play(playbook="vbox.memory.maintain")
    assert status == 0, output
    restart = [("acpipowerbutton", "web01"), ("modifyvm", "web01"), ("startvm", "web01")]
    assert commands(fakes.hosts["h1"]) == [("modifyvm", ODD), *restart], output

    status, output = fakes.play(playbook="vbox.memory.audit")
    assert status == 0 and "0 settings differ" in output, output


@pytest.mark.parametrize("version", TOO_OLD)
def test_an_old_python_on_a_host_gets_a_sentence(fakes, version):
    python = python_of(version)
    if not python:
        pytest.skip(f"NOT TESTED: Python {version} on a managed host: there is none on this machine")
    fakes.inventory["h1"]["ansible_python_interpreter"] = python
    tasks = [{f"vbox.memory.{module}": parameters, "ignore_errors": True} for module, parameters in ON_HOSTS.items()]
    _status, output = fakes.tasks(*tasks)
    said = output.split("TASK [")[1:]
    assert len(said) == len(ON_HOSTS) and all(map(SENTENCE.search, said)), output
    assert recap(output)["h1"]["ignored"] == len(ON_HOSTS) and "Traceback" not in output, output


def test_each_module_that_runs_on_hosts_is_among_those():
    folder = ROOT / "plugins" / "modules"
    on_hosts = {path.stem for path in folder.glob("*.py") if "module_utils" in path.read_text(encoding="utf-8")}
    assert set(ON_HOSTS) - {"vbox_memory_policy"} == on_hosts  # whose action calls the others


def inventory(fakes):
    """The machines that the inventory plugin finds on the host."""
    variables = fakes.inventory["h1"]
    hosts = [
        {
            "name": "h1",
            "python": variables["ansible_python_interpreter"],
            "vboxmanage": variables["vbox_memory_vboxmanage"],
        }
    ]
    source = fakes.folder / "vbox_machines.yml"
    source.write_text(json.dumps({"plugin": "vbox.memory.vbox_machines", "hosts": hosts, "hostnames": "name"}))
    listed = json.loads(ansible(fakes.folder, "inventory", "-i", source.name, "--list").stdout)
    return {plain_name(variables["vbox_machine"]["name"]) for variables in listed["_meta"]["hostvars"].values()}


def plain_name(listed):
    return listed["__ansible_unsafe"] if isinstance(listed, dict) else listed


def test_without_a_pattern_the_playbooks_leave_out_the_machines_of_the_inventory_plugin(fakes):
    variables = fakes.inventory["h1"]
    entry = {"name": "h1", "python": sys.executable, "vboxmanage": variables["vbox_memory_vboxmanage"]}
    source = fakes.folder / "vbox_machines.yml"
    source.write_text(json.dumps({"plugin": "vbox.memory.vbox_machines", "hosts": [entry]}))
    for playbook in ("apply", "audit", "maintain"):
        status, output = fakes.play("--check", "-i", source.name, playbook=f"vbox.memory.{playbook}")
        assert set(recap(output)) == {"h1"}, output
        assert "Could not match" not in output and (status == 2) == (playbook == "audit"), output


def test_a_host_that_cannot_be_reached_costs_two_lines(fakes):
    fakes.inventory["down"] = {"ansible_host": "127.0.0.1", "ansible_port": 1, "vbox_memory_policy": POLICY}
    _status, output = fakes.play("--check", playbook="vbox.memory.apply")
    first_play = output.partition("PLAY [Report]")[0]
    assert first_play.count("UNREACHABLE!") == 1 and "Origin:" not in first_play, output
    assert AWAY.search(first_play) and "FAILED!" not in first_play, output
    assert recap(output)["h1"]["failed"] == 0, output


def test_balance_and_the_report_where_a_host_cannot_be_reached(fakes):
    fakes.inventory["down"] = {"ansible_host": "127.0.0.1", "ansible_port": 1, "vbox_memory_policy": POLICY}
    for playbook in ("balance", "report"):
        _status, output = fakes.play(playbook=f"vbox.memory.{playbook}")
        assert recap(output)["h1"]["failed"] == 0 and "Undefined" not in output, output
    assert '"h1"' in (fakes.folder / "vbox-memory-report" / "vbox-memory.json").read_text(encoding="utf-8")
