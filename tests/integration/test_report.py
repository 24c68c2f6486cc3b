# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The playbook report, by real runs of Ansible on fake hosts."""

from __future__ import annotations

import json
import re

import pytest
from support.fake_fleet import Fakes
from support.plays import recap
from support.report_fleet import HOSTILE

FOLDER = "vbox-memory-report"
FILES = {"vbox-memory.html", "vbox-memory.json", "vbox-memory.csv", "vbox-memory.md"}


@pytest.fixture
def fakes(tmp_path):
    """Two hosts with machines that do not run: their facts stay the same."""
    fakes = Fakes(tmp_path)
    for name in ("office", "lab"):
        host = fakes.host(name)
        for machine in ("web01", "web02"):
            host.ok("createvm", f"--name={machine}", "--ostype", "Debian_64", "--register")
    return fakes


def report(fakes, *arguments, **keywords):
    """Run the playbook; gives back what it printed and the counters of all hosts together."""
    status, output = fakes.play(*arguments, playbook="vbox.memory.report", **keywords)
    assert status == 0, output
    counters = recap(output).values()
    return output, {key: sum(host[key] for host in counters) for key in ("changed", "failed", "ignored")}


def figures(fakes):
    return json.loads((fakes.folder / FOLDER / "vbox-memory.json").read_text())


def test_it_is_written_once_and_the_same_facts_change_nothing(fakes):
    output, counters = report(fakes, "--check", "--diff")
    assert counters["changed"] == 1 and "+# Memory of the VirtualBox fleet" in output
    assert not (fakes.folder / FOLDER).exists()
    output, counters = report(fakes)
    assert counters["changed"] == 1
    assert "The report is in vbox-memory-report/vbox-memory.html: 2 hosts, 4 machines" in output
    assert {path.name for path in (fakes.folder / FOLDER).iterdir()} == FILES
    before = {name: (fakes.folder / FOLDER / name).read_text() for name in FILES}
    output, counters = report(fakes, "--diff")
    assert counters["changed"] == 0 and "+++" not in output
    for name, text in before.items():
        assert without_dates((fakes.folder / FOLDER / name).read_text()) == without_dates(text)


def without_dates(text):
    return re.sub(r"2\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", "", text)


def test_what_the_policy_wants_is_in_it(fakes):
    fakes.inventory["office"]["vbox_memory_policy_office"] = {"balance": {"reserve": "2G"}}
    report(fakes)
    machine = figures(fakes)["hosts"][0]["machines"][0]
    assert {"setting": "balloon", "value": 64, "source": "vbox_memory_policy: defaults"} in machine["wants"]
    assert [row["outcome"] for row in machine["pending"]] == ["would change"]
    assert figures(fakes)["hosts"][0]["reserve_kb"] == 2048 * 1024
    report(fakes, "-e", "vbox_memory_report_policy=false")
    assert figures(fakes)["hosts"][0]["machines"][0]["wants"] == []


def test_each_host_is_read_once(fakes):
    """With its policy, of which nothing is to be done; a host without one has nothing to compare."""
    fakes.inventory["office"]["vbox_memory_policy"] = {"defaults": {"balloon": 0}}
    del fakes.inventory["lab"]["vbox_memory_policy"]
    facts = {"vbox.memory.vbox_memory_facts": {"vboxmanage": "{{ vbox_memory_vboxmanage }}"}}
    read = []
    for run in (lambda: fakes.tasks(facts), lambda: report(fakes)):
        for host in fakes.hosts.values():
            host.forget_calls()
        run()
        read.append([len(host.calls("list")) for host in fakes.hosts.values()])
    assert read[0] == read[1] and all(read[0]), read
    assert [host["pending_count"] for host in figures(fakes)["hosts"]] == [0, None]


def test_a_host_that_fails_is_in_it_and_stops_no_other(fakes):
    fakes.inventory["office"]["vbox_memory_vboxmanage"] = "/nowhere/VBoxManage"
    fakes.inventory["lab"]["vbox_memory_policy"] = {"defaults": {"baloon": 1}}
    away = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    fakes.inventory["away"] = away
    _output, counters = report(fakes)
    assert counters["failed"] == 0
    told = figures(fakes)
    assert [(one["code"], one["host"]) for one in told["findings"]] == [
        ("host_not_read", "office"),
        ("host_not_read", "away"),
        ("policy_failed", "lab"),
    ]
    assert "did you mean balloon?" in told["findings"][2]["sentence"]
    assert told["hosts"][1]["pending_count"] is None  # the policy says nothing then, and 0 would be wrong


def test_a_history_is_kept_and_bounded_and_the_textfile_written(fakes):
    arguments = ["-e", "vbox_memory_report_history=kept", "-e", "vbox_memory_report_textfile_dir=textfiles"]
    (fakes.folder / "kept").mkdir()
    (fakes.folder / "kept" / "notes.txt").write_text("mine")
    for day in (1, 2, 3):
        (fakes.folder / "kept" / f"2025010{day}T000000Z.json").write_text(
            json.dumps({"version": 1, "read_at": f"2025-01-0{day}T00:00:00Z", "hosts": {}})
        )
    (fakes.folder / "kept" / "20250104T000000Z.json").write_text("{")
    output, _counters = report(fakes, *arguments, "-e", "vbox_memory_report_history_keep=3")
    assert re.sub(r"\s+", " ", output).count("is no sample of this role") == 1
    kept = sorted(path.name for path in (fakes.folder / "kept").iterdir())
    assert kept[:2] == ["20250103T000000Z.json", "20250104T000000Z.json"] and kept[3:] == ["notes.txt"]
    assert "History: 3 looks since 2025-01-02" in (fakes.folder / FOLDER / "vbox-memory.html").read_text()
    assert 'vbox_memory_host_read{host="office"} 1' in (fakes.folder / "textfiles" / "vbox_memory.prom").read_text()


def test_hostile_names_are_data(fakes):
    for name in HOSTILE:
        fakes.hosts["office"].add_guest(name.replace("\n", " "))
    report(fakes)
    names = {machine["name"] for machine in figures(fakes)["hosts"][0]["machines"]}
    assert {name.replace("\n", " ") for name in HOSTILE} <= names
    page = (fakes.folder / FOLDER / "vbox-memory.html").read_text()
    assert (
        "<script>alert" not in page and "&lt;script&gt;alert(1)" in page and "{{ 7*7 }}" in page and "49" not in names
    )


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"dest": "x", "facts": []}, "facts: it is a list, and not a dictionary by host"),
        (
            {"dest": "x", "facts": {"h": {}}, "plans": {"h": {}}},
            "plans.h.host: it is missing: give the plans of vbox.memory.balance",
        ),
        (
            {"dest": "x", "facts": {"h": {}}, "policies": {"h": 1}},
            "policies.h: it is a number and has to be a dictionary",
        ),
        ({"dest": "x", "facts": {}, "format": "html"}, "there is no option format; did you mean formats?"),
        (
            {"dest": "x", "facts": {}, "formats": ["pdf"]},
            "value of formats must be one or more of: html, json, csv, markdown",
        ),
        ({"dest": "x", "facts": {}, "read_at": "now"}, "read_at: 'now' is not a time such as 2026-11-25T20:12:00Z"),
        ({"dest": "x", "facts": {}, "history_keep": 0}, "history_keep: 0 is not a whole number from 1 to 1000000"),
        ({"dest": "play.json/x", "facts": {}}, "cannot be read or written: Not a directory"),
        ({"facts": {}}, "missing required arguments: dest"),
    ],
)
def test_wrong_arguments_are_one_clear_sentence(fakes, arguments, problem):
    status, output = fakes.tasks({"vbox.memory.vbox_memory_report": arguments, "run_once": True})
    assert status == 2
    words = re.sub(r"\s+", " ", output)
    assert "vbox.memory.vbox_memory_report: " in words and problem in words and "Traceback" not in words


def test_whatever_a_host_sends_costs_only_itself(fakes):
    machine = {"uuid": "u", "name": "m", "memory_mb": 1}
    facts = {
        "good": {"ansible_facts": {"vbox_memory": {"host": {}, "machines": [machine]}}},
        "text": {"ansible_facts": {"vbox_memory": {"host": {"memory_total_kb": "<b>"}, "machines": []}}},
        "guest": {"ansible_facts": {"vbox_memory": {"machines": [dict(machine, guest={"free_kb": -1})]}}},
        "twice": {"ansible_facts": {"vbox_memory": {"machines": [machine, machine]}}},
        "list": [],
        "nothing": None,
    }
    status, output = fakes.tasks({"vbox.memory.vbox_memory_report": {"dest": FOLDER, "facts": facts}, "run_once": True})
    assert status == 0, output
    read = {host["name"]: (host["read"], host["msg"]) for host in figures(fakes)["hosts"]}
    assert [name for name, (was_read, _msg) in read.items() if was_read] == ["good"]
    assert (
        read["text"][1]
        == "its answer cannot be used: facts.host.memory_total_kb: it is a string and has to be a whole number from 0 to 9223372036854775807"
    )
