# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The event source vbox_hosts: its options, what hosts may answer, and how ansible-rulebook loads it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from support.any_json import ANYTHING, changed
from support.event_source import SOURCE, event_source
from unit.plugins.plugin_utils.test_remote import ANSWER, MACHINE

from ansible_collections.vbox.memory.plugins.plugin_utils.remote import HostError, facts_in
from ansible_collections.vbox.memory.plugins.plugin_utils.watch import Watched

SOURCES = event_source()
HOSTS = [{"name": "office", "ssh": "me@office.example.org"}]
FIGURES = dict.fromkeys(
    ("memory_total_kb", "memory_free_kb", "vmm_used_kb", "vmm_free_kb", "vmm_ballooned_kb"), 8 * 1024 * 1024
)
GUEST = {"total_kb": 500000, "free_kb": 20000, "cache_kb": 9000, "balloon_kb": 0}
FACTS = {
    "facts": dict(
        ANSWER["facts"],
        host=FIGURES,
        machines=[
            dict(MACHINE, large_pages=False, balloon_current_mb=100, guest=GUEST),
            ANSWER["facts"]["machines"][1],
        ],
    )
}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({}, None),
        ({"interval": 0.5}, "interval: 0.5 is not a number of seconds from 1 to 3600"),
        ({"interval": "30s"}, "interval: 30s is not a number of seconds"),
        ({"interval": float("nan")}, "interval: nan is not a number of seconds from 1 to 3600"),
        ({"repeat": True}, "repeat: on is not a number of seconds"),
        ({"forks": 0}, "forks: 0 is not a whole number from 1 to 1000"),
        ({"timeout": 1.5}, "timeout: 1.5 is not a whole number of seconds from 1 to 3600"),
        ({"hosts": None}, "hosts: - is not a list of hosts"),
        ({"hosts": "office"}, "hosts: office is not a list of hosts"),
        ({"hosts": []}, "hosts: there is none to watch"),
        ({"hosts": [{"nam": "office"}]}, "hosts[0].nam: there is no such key; did you mean name?"),
        ({"hosts": [{"name": "a"}, {"name": "all"}]}, "hosts[1].name: 'all' is not how one host can be called"),
        ({"hosts": [{"name": "-x"}]}, "hosts[0].name: '-x' is not how one host can be called"),
        ({"hosts": [{"name": "a,b"}]}, "hosts[0].name: 'a,b' is not how one host can be called"),
        ({"balance": {"reserv": 1}}, "balance: policy: 'reserv' is no key"),
        ({"intervall": 3}, "there is no option intervall; did you mean interval?"),
    ],
)
def test_options(more, problem):
    arguments = dict({"hosts": HOSTS}, **more)
    if problem is None:
        assert SOURCES.options(arguments)["balance"] == {"period": 30}
        return
    with pytest.raises(ValueError) as error:
        asyncio.run(SOURCES.main(None, arguments))
    assert str(error.value).startswith("vbox.memory.vbox_hosts: " + problem) and str(error.value).isprintable()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(changed(FACTS) | ANYTHING)
def test_whatever_a_host_answers_is_an_event_or_none(answer):
    try:
        facts = facts_in(json.dumps(answer))
    except HostError:
        return
    options, known = SOURCES.options({"hosts": HOSTS}), Watched()
    for now in (1000, 1030):
        events, known = SOURCES._told("office", facts, options, known, now)
        for event in events:
            assert event["host"] == "office" and event["sentence"].isprintable() and len(event["sentence"]) < 1500
            json.dumps(event)


def test_a_host_without_figures_cannot_be_read():
    facts = facts_in(json.dumps(ANSWER))
    (event,), _known = SOURCES._told("office", facts, SOURCES.options({"hosts": HOSTS}), Watched(), 1000)
    assert event["type"] == "unreachable" and "vmm_used_kb" in event["sentence"]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["alone", "beside another package of collections"])
def test_it_finds_its_collection_when_it_is_run_by_its_path(tmp_path, elsewhere):
    """As ansible-rulebook runs it, and twice, as for two sources."""
    if elsewhere:
        (tmp_path / "ansible_collections").mkdir()
        (tmp_path / "ansible_collections" / "__init__.py").touch()
    script = "import runpy, sys; print([runpy.run_path(sys.argv[1])['NAME'] for _each in range(2)])"
    done = subprocess.run(
        [sys.executable, "-c", script, str(SOURCE)],
        env=dict(os.environ, PYTHONPATH=str(tmp_path)),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "['vbox.memory.vbox_hosts', 'vbox.memory.vbox_hosts']\n", done.stderr
