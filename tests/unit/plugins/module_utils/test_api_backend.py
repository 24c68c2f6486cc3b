# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which commands the bindings carry out, and as what; and what becomes of work that a child does not do."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
import types

import pytest

from ansible_collections.vbox.memory.plugins.module_utils import api_backend
from ansible_collections.vbox.memory.plugins.module_utils.api_backend import ApiBackend, Bindings, request_for
from ansible_collections.vbox.memory.plugins.module_utils.arguments import Wanted
from ansible_collections.vbox.memory.plugins.module_utils.converge import converge
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.machines import not_found
from ansible_collections.vbox.memory.plugins.module_utils.settings import SETTINGS, commands

VALUES = {"balloon_default": 512, "page_fusion": True, "large_pages": False, "balloon_current": 0}


@pytest.mark.parametrize("names", [names for count in range(1, 5) for names in itertools.combinations(SETTINGS, count)])
def test_every_command_of_ours_is_a_request(names):
    requests = [request_for(command) for command in commands("uuid", {name: VALUES[name] for name in names})]
    expected = []
    if set(names) - {"balloon_current"}:
        expected.append(
            {
                "do": "modify",
                "uuid": "uuid",
                "values": [(name, VALUES[name]) for name in names if name != "balloon_current"],
            }
        )
    if "balloon_current" in names:
        expected.append({"do": "balloon", "uuid": "uuid", "size": 0})
    assert requests == expected


@pytest.mark.parametrize(
    "command",
    [
        ("startvm", "uuid", "--type", "headless"),
        ("controlvm", "uuid", "acpipowerbutton"),
        ("controlvm", "uuid", "guestmemoryballoon"),
        ("controlvm", "uuid", "guestmemoryballoon", "1", "guestmemoryballoon", "2"),
        ("modifyvm", "uuid"),
        ("modifyvm", "uuid", "--memory", "64"),
        ("modifyvm", "uuid", "--guestmemoryballoon", "64", "--memory", "64"),
        ("modifyvm", "uuid", "--guestmemoryballoon", "010"),
        ("modifyvm", "uuid", "--guestmemoryballoon", "0x10"),
        ("modifyvm", "uuid", "--guestmemoryballoon", str(2**32)),
        ("modifyvm", "uuid", "guestmemoryballoon", "64"),
    ],
)
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
for earlier, line in enumerate(sys.stdin):
    request = json.loads(line)
    if not who:
        who = "second" if (folder / "greeted").exists() else "first"
        (folder / "greeted").touch()
    time.sleep(0.1 if who == "first" else 0)
    exec(json.loads((folder / "does").read_text()).get(who, {}).get(request["do"], ""))
    if "answered" not in request:
        print(json.dumps({"answer": dict(request["with"], version="7.2.22", who=who, earlier=earlier)}), flush=True)
"""
REFUSES = (
    'print(json.dumps({"problem": {"says": "No", "number": "0x80070057"}}), flush=True); request.update(answered=True)'
)
REQUESTS = [{"number": number} for number in range(6)]


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A function that gives the path of :data:`STAND_IN`, which does what it is given first."""
    monkeypatch.setattr(api_backend, "PROCESSES", 2)
    monkeypatch.setattr(api_backend, "TIME_LIMIT", 3)

    def make(**does):
        python = tmp_path / "python"
        python.write_text(STAND_IN % sys.executable)
        python.chmod(0o755)
        (tmp_path / "does").write_text(json.dumps(does))
        return str(python)

    return make


@pytest.fixture
def bindings(stand_in):
    opened = []

    def make(**does):
        opened.append(Bindings([stand_in(**does)], machines=api_backend.MANY))
        assert opened[-1].version == "7.2.22"
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_two_processes_share_the_work(bindings):
    answers = bindings().share("read", REQUESTS)
    assert [answer["number"] for answer in answers] == list(range(6))
    assert answers[0]["who"] == "first" and {"first", "second"} == {answer["who"] for answer in answers}


@pytest.mark.parametrize(
    "does",
    [
        {"hello": "sys.exit(1)"},
        {"hello": REFUSES},
        {"hello": "time.sleep(60)"},
        {"hello": "print('Hello', flush=True)"},
        {"read": "sys.exit(1)"},
        {"read": REFUSES},
        {"read": "time.sleep(60)"},
        {"read": "print('{}', flush=True)"},
    ],
)
def test_the_first_process_does_what_the_second_one_does_not(bindings, does):
    answers = bindings(second=does).share("read", REQUESTS)
    assert [(answer["number"], answer["who"]) for answer in answers] == [(number, "first") for number in range(6)]
    assert sorted(answer["earlier"] for answer in answers) == list(range(1, 7)), "nothing was done twice"


def test_no_answer_is_taken_for_that_to_another_request(bindings):
    both = bindings(
        first={"read": f"if request['with'].get('refused'):\n    {REFUSES}"}, second={"read": "time.sleep(0.5)"}
    )
    with pytest.raises(VBoxMemoryError) as raised:
        both.share("read", [{"number": number, "refused": True} for number in range(10, 16)])
    assert raised.value.code == "change_refused"
    assert [answer["number"] for answer in both.share("read", REQUESTS)] == list(range(6))


@pytest.mark.parametrize("number, code", [("0x80070005", None), ("0x80070057", "change_refused")])
def test_a_search_in_parts_is_made_anew_after_what_passes(stand_in, number, code):
    refuses = REFUSES.replace("0x80070057", number)
    finds = 'print(json.dumps({"answer": [[{"machine": dict(uuid=one, name=one, state="poweroff")}] for one in request["with"]["wanted"]]}), flush=True)'
    does = {
        "find": f"if 'search' in request['with']:\n    {refuses}\nelse:\n    {finds}; request.update(answered=True)"
    }
    wanted = ["machine%d" % each for each in range(api_backend.MANY)]
    with ApiBackend(
        types.SimpleNamespace(version="7.2.22"), stand_in(first=does, second=does), api_backend.MANY
    ) as backend:
        if code:
            with pytest.raises(VBoxMemoryError) as raised:
                backend.find_many(wanted)
            assert raised.value.code == code
        else:
            assert [machine.name for machine in backend.find_many(wanted)] == wanted


@pytest.mark.parametrize("page_fusion", [True, False, None])
def test_the_type_of_the_system_is_asked_for_where_page_fusion_depends_on_it(page_fusion):
    class Asked:
        version = "7.0.20"

        def find_many(self, wanted, details):
            self.details = details
            return [not_found() for _name in wanted]

    backend = Asked()
    converge(backend, [Wanted("web01", balloon=0), Wanted("web02", page_fusion=page_fusion)])
    assert backend.details is (page_fusion is True)
