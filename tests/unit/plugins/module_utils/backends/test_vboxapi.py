# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which commands the bindings carry out, and as what; and what becomes of work that a child does not do."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import types

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.backends import vboxapi_pool
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi import VBoxApiBackend
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_pool import WorkerPool
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError


def test_a_child_that_does_not_answer_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(vboxapi_pool, "TIME_LIMIT", 0.2)
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    with pytest.raises(VBoxMemoryError) as raised:
        assert WorkerPool([str(silent), "/never/tried"]).version
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
    exec(json.loads((folder / "does").read_text()).get(who, {}).get(request["method"], ""))
    if "answered" not in request:
        print(json.dumps({"result": dict(request["params"], version="7.2.22", who=who, earlier=earlier)}), flush=True)
"""
REFUSES = (
    'print(json.dumps({"error": {"message": "No", "code": "0x80070057"}}), flush=True); request.update(answered=True)'
)
REQUESTS = [{"number": number} for number in range(6)]


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A function that gives the path of :data:`STAND_IN`, which does what it is given first."""
    monkeypatch.setattr(vboxapi_pool, "PROCESSES", 2)
    monkeypatch.setattr(vboxapi_pool, "TIME_LIMIT", 3)

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
        opened.append(WorkerPool([stand_in(**does)], machines=vboxapi_pool.MANY))
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
        first={"read": f"if request['params'].get('refused'):\n    {REFUSES}"}, second={"read": "time.sleep(0.5)"}
    )
    with pytest.raises(VBoxMemoryError) as raised:
        both.share("read", [{"number": number, "refused": True} for number in range(10, 16)])
    assert raised.value.code == "change_refused"
    assert [answer["number"] for answer in both.share("read", REQUESTS)] == list(range(6))


@pytest.mark.parametrize("number, code", [("0x80070005", None), ("0x80070057", "change_refused")])
def test_a_search_in_parts_is_made_anew_after_what_passes(stand_in, number, code):
    refuses = REFUSES.replace("0x80070057", number)
    finds = 'print(json.dumps({"result": [[{"machine": dict(uuid=one, name=one, state="poweroff")}] for one in request["params"]["names"]]}), flush=True)'
    does = {
        "find": f"if 'search' in request['params']:\n    {refuses}\nelse:\n    {finds}; request.update(answered=True)"
    }
    wanted = ["machine%d" % each for each in range(vboxapi_pool.MANY)]
    with VBoxApiBackend(
        types.SimpleNamespace(version="7.2.22"), stand_in(first=does, second=does), vboxapi_pool.MANY
    ) as backend:
        if code:
            with pytest.raises(VBoxMemoryError) as raised:
                backend.find(wanted)
            assert raised.value.code == code
        else:
            assert [machine.name for machine in backend.find(wanted)] == wanted
