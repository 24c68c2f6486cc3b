# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The playbook maintain, and apply where only the fake can show it: fake hosts with running guests whose time goes ten times as fast."""

from __future__ import annotations

import re

import pytest
from support.fake_fleet import Fakes, commands, report

# The guest, its time limits, and faults of VirtualBox
WAYS_TO_BE_LOST = {
    "shutdown_timeout": ({"ignores_acpi": True}, {"shutdown_timeout": 2}, ()),
    "guest_not_back": ({"boot_seconds": 10000}, {"timeout": 2}, ()),
    "start_failed": ({}, {}, [{"kind": "server_failure", "command": "startvm", "count": None}]),
}


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path)


def restart(name):
    return [("acpipowerbutton", name), ("modifyvm", name), ("startvm", name)]


def test_what_differs_is_restarted_one_by_one_and_nothing_else(fakes):
    host = fakes.host("h1")
    fakes.guest("h1", "web")
    fakes.guest("h1", "right", balloon=64)
    fakes.guest("h1", "db")
    host.change("db", large_pages=True)
    host.add_machine("stopped", memory=1024)
    host.add_machine("saved", memory=1024, state="saved")

    status, output = fakes.play("--check")
    assert status == 0, output
    assert commands(host) == []
    assert {(row[1], row[3], row[6]) for row in report(output)} >= {
        ("web", "balloon_default_mb", "would change"),
        ("db", "large_pages", "would change"),
        ("stopped", "balloon_default_mb", "would change"),
        ("saved", "balloon_default_mb", "pending"),
    }, output

    host.forget_calls()
    status, output = fakes.play("--tags", "maintain")
    assert status == 0, output
    assert commands(host) == [("modifyvm", "stopped"), *restart("web"), *restart("db")]
    assert [host.machine(name)["balloon"] for name in ("web", "right", "db", "stopped", "saved")] == [64, 64, 64, 64, 0]
    assert [host.machine(name)["state"] for name in ("web", "right", "db", "saved")] == [
        "running",
        "running",
        "running",
        "saved",
    ]
    assert [row[1] for row in report(output) if row[6] == "pending"] == ["saved"]

    host.forget_calls()
    status, output = fakes.play()
    assert (status, commands(host)) == (0, []), output


@pytest.mark.parametrize("code", WAYS_TO_BE_LOST)
def test_a_machine_that_does_not_come_back_stops_all(fakes, code):
    figures, limits, faults = WAYS_TO_BE_LOST[code]
    first, second = fakes.host("h1", vbox_memory_policy_host={"machines": {"b": limits}}), fakes.host("h2")
    for name in ("a", "b", "c"):
        fakes.guest("h1", name, **figures if name == "b" else {})
    first.faults(*(dict(fault, machine="b") for fault in faults))
    fakes.guest("h2", "d")
    status, output = fakes.play()
    assert status == 2, output
    assert {name for _command, name in commands(first)} == {"a", "b"}
    assert commands(second) == []
    assert re.search(r'FAILED: h1, machine "b": ', output)
    assert 'FAILED: h2: Not begun, because of "b" on h1' in output
    assert ["h1", "a", "running", "balloon_default_mb", "0", "64", "changed"] in [row[:7] for row in report(output)], (
        output
    )
    assert ["h1", "c", "running", "balloon_default_mb", "0", "64", "pending"] in [row[:7] for row in report(output)]


def test_other_failures_stop_nobody(fakes):
    first, second = fakes.host("h1"), fakes.host("h2")
    fakes.guest("h1", "small", memory=70)
    fakes.guest("h1", "web")
    fakes.guest("h2", "web")
    fakes.host("h0", vbox_memory_vboxmanage="/nowhere/VBoxManage")
    status, output = fakes.play("-e", "vbox_memory_serial=2")
    assert status == 2
    assert commands(first) == commands(second) == restart("web"), output
    assert 'FAILED: h1, machine "small"' in output and "FAILED: h0: " in output


def test_what_the_guard_refuses_is_pending_and_told(fakes):
    host = fakes.host("h1", vbox_memory_policy_host={"machines": {"full": {"balloon_default": 680}}})
    for name in ("full", "web"):
        fakes.guest("h1", name, memory=768)
    status, output = fakes.play()
    assert status == 2, output
    assert commands(host) == restart("web"), output
    assert re.search(r'FAILED: h1, machine "full": a balloon of 680 MB would harm the guest', output), output
    assert ["h1", "full", "running", "balloon_default_mb", "0", "680", "pending"] in [
        row[:7] for row in report(output)
    ], output


def test_who_may_not_be_restarted_and_batches(fakes):
    machines = {"a": {"on_blocked": "defer"}, "b": {"on_blocked": "shutdown"}}
    host = fakes.host("h1", vbox_memory_policy_host={"machines": machines})
    for name in ("a", "b", "c", "d"):
        fakes.guest("h1", name)
    status, output = fakes.play("-e", "vbox_memory_batch=2", ANSIBLE_STRATEGY="free")
    assert status == 0, output
    assert commands(host) == [*restart("b"), *restart("c"), *restart("d")]
    assert [row[1] for row in report(output) if row[6] == "pending"] == ["a"]
    assert re.findall(r"^h1: restarting .*", output, re.MULTILINE) == [
        'h1: restarting "b", "c" (1 to 2 of 3)',
        'h1: restarting "d" (3 of 3)',
    ]


def test_a_machine_that_vanishes_on_the_way(fakes):
    host = fakes.host("h1")
    for name in ("a", "b"):
        host.add_machine(name, memory=1024)
    host.faults({"kind": "vanish", "machine": "a", "command": "modifyvm"})
    status, output = fakes.play(playbook="vbox.memory.apply")
    assert status == 2
    assert re.search(r'FAILED: h1, machine "a": .*Could not find a registered machine', output), output
    assert (host.machine("b")["balloon"], [row[1] for row in report(output)]) == (64, ["b"])
