# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which commands the bindings carry out, and as what; and a child that never answers."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys

import pytest

from ansible_collections.vbox.memory.plugins.module_utils import api_backend
from ansible_collections.vbox.memory.plugins.module_utils.api_backend import Bindings, request_for
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.settings import SETTINGS, commands

VALUES = {"balloon_default": 512, "page_fusion": True, "large_pages": False, "balloon_current": 0}


@pytest.mark.parametrize("names", [names for count in range(1, 5) for names in itertools.combinations(SETTINGS, count)])
def test_every_command_of_ours_is_a_request(names):
    requests = [request_for(command) for command in commands("uuid", {name: VALUES[name] for name in names})]
    expected = []
    if set(names) - {"balloon_current"}:
        expected.append({"do": "modify", "uuid": "uuid", "values": [(name, VALUES[name]) for name in names if name != "balloon_current"]})
    if "balloon_current" in names:
        expected.append({"do": "balloon", "uuid": "uuid", "size": 0})
    assert requests == expected


@pytest.mark.parametrize("command", [
    ("startvm", "uuid", "--type", "headless"),
    ("controlvm", "uuid", "acpipowerbutton"),
    ("controlvm", "uuid", "guestmemoryballoon"),
    ("controlvm", "uuid", "guestmemoryballoon", "1", "guestmemoryballoon", "2"),
    ("modifyvm", "uuid"),
    ("modifyvm", "uuid", "--memory", "64"),
    ("modifyvm", "uuid", "--guestmemoryballoon", "64", "--memory", "64"),
    ("modifyvm", "uuid", "--guestmemoryballoon", "010"),
    ("modifyvm", "uuid", "--guestmemoryballoon", "0x10"),
    ("modifyvm", "uuid", "--guestmemoryballoon", str(2 ** 32)),
    ("modifyvm", "uuid", "guestmemoryballoon", "64"),
])
def test_any_other_command_is_none(command):
    assert request_for(command) is None


def test_a_child_that_does_not_answer_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(api_backend, "TIME_LIMIT", 0.2)
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    with pytest.raises(VBoxMemoryError) as raised:
        assert Bindings([str(silent), "/never/tried"]).version
    assert raised.value.code == "vboxmanage_timeout"
    process = int(re.search(r"process (\d+)", raised.value.message).group(1))
    os.kill(process, signal.SIGTERM)  # it was there


# Two processes that answer `read` with their request and who they are, the first one slowly. What they do first is in the file `does`.
STAND_IN = """#!%s
import json, os, sys, time
from pathlib import Path
folder, who = Path(__file__).parent, None
for line in sys.stdin:
    request = json.loads(line)
    if not who:
        who = "second" if (folder / "greeted").exists() else "first"
        (folder / "greeted").touch()
    time.sleep(0.1 if who == "first" else 0)
    exec(json.loads((folder / "does").read_text()).get(who, {}).get(request["do"], ""))
    if "answered" not in request:
        print(json.dumps({"answer": dict(request["with"], version="7.2.22", who=who)}), flush=True)
"""
REFUSES = 'print(json.dumps({"problem": {"says": "No", "number": "0x80070057"}}), flush=True); request.update(answered=True)'
REQUESTS = [{"number": number} for number in range(6)]


@pytest.fixture
def bindings(tmp_path, monkeypatch):
    monkeypatch.setattr(api_backend, "PROCESSES", 2)
    monkeypatch.setattr(api_backend, "TIME_LIMIT", 3)
    opened = []

    def make(**does):
        python = tmp_path / "python"
        python.write_text(STAND_IN % sys.executable)
        python.chmod(0o755)
        (tmp_path / "does").write_text(json.dumps(does))
        opened.append(Bindings([str(python)], machines=api_backend.MANY))
        assert opened[-1].version == "7.2.22"
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_two_processes_share_the_work(bindings):
    answers = bindings().share("read", REQUESTS)
    assert [answer["number"] for answer in answers] == list(range(6))
    assert answers[0]["who"] == "first" and {"first", "second"} == {answer["who"] for answer in answers}


@pytest.mark.parametrize("does", [
    {"hello": "sys.exit(1)"}, {"hello": REFUSES}, {"hello": "time.sleep(60)"}, {"hello": "print('Hello', flush=True)"},
    {"read": "sys.exit(1)"}, {"read": REFUSES}, {"read": "time.sleep(60)"}, {"read": "print('{}', flush=True)"},
])
def test_the_first_process_does_what_the_second_one_does_not(bindings, does):
    answers = bindings(second=does).share("read", REQUESTS)
    assert [(answer["number"], answer["who"]) for answer in answers] == [(number, "first") for number in range(6)]


def test_no_answer_is_taken_for_that_to_another_request(bindings):
    both = bindings(first={"read": f"if request['with'].get('refused'):\n    {REFUSES}"}, second={"read": "time.sleep(0.5)"})
    with pytest.raises(VBoxMemoryError) as raised:
        both.share("read", [{"number": number, "refused": True} for number in range(10, 16)])
    assert raised.value.code == "change_refused"
    assert [answer["number"] for answer in both.share("read", REQUESTS)] == list(range(6))
