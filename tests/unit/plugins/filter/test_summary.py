# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filter summary."""

from __future__ import annotations

import os

import pytest
from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.vbox.memory.plugins.filter.summary import summary_filter
from ansible_collections.vbox.memory.plugins.plugin_utils import terminal

ROW = {
    "host": "h1",
    "machine": "web01",
    "uuid": "u1",
    "state": "running",
    "setting": "balloon_default_mb",
    "before": 0,
    "after": 64,
    "outcome": "changed",
    "source": "base: defaults",
    "msg": None,
}


def test_a_table_the_failures_and_the_numbers():
    failed = dict(ROW, setting=None, outcome="failed", msg="one\nand two")
    results = {
        "h1": {"failed": True, "machines": [{}, {}], "differences": [ROW, dict(ROW, outcome="pending"), failed]},
        "h2": {"unreachable": True, "msg": "no route"},
        "h3": {"failed": True, "msg": "nowhere is undefined\x07"},
        "h4": {"failed": False, "machines": [{}], "differences": []},
        "h5": None,
    }
    assert summary_filter(results) == [
        "Host  Machine  State    Setting             Current  Desired  Outcome  Source",
        "----  -------  -------  ------------------  -------  -------  -------  --------------",
        "h1    web01    running  balloon_default_mb        0       64  changed  base: defaults",
        "h1    web01    running  balloon_default_mb        0       64  pending  base: defaults",
        'FAILED: h1, machine "web01": one',
        "  and two",
        "FAILED: h2: no route",
        r"FAILED: h3: nowhere is undefined\x07",
        "3 machines on 4 hosts: 1 setting changed, 1 has to wait for a shutdown, 3 failures.",
    ]


def test_nothing_differs():
    assert summary_filter({}, check_mode=True) == [
        "0 machines on 0 hosts: 0 settings differ and could change now, 0 have to wait for a shutdown, 0 failures."
    ]


def test_a_message_is_told_once_with_all_whom_it_is_about():
    failed = {"failed": True, "msg": "1 problem with the policy:\n- baloon: there is no such key"}
    lines = summary_filter(
        {"h1": failed, "h2": failed, "h3": {"failed": True, "msg": "nowhere"}, "h4": {"machines": [{}]}}
    )
    assert lines == [
        "FAILED: h1; h2: 1 problem with the policy:",
        "  - baloon: there is no such key",
        "FAILED: h3: nowhere",
        "1 machine on 4 hosts: 0 settings changed, 0 have to wait for a shutdown, 3 failures.",
    ]


def test_long_messages_are_cut_where_they_are_to_fit_and_whole_otherwise():
    failed = {"failed": True, "msg": "\n".join(["first"] + ["x" * 1000] * 20)}
    results = {f"h{number}": failed for number in range(9)}
    short, whole = summary_filter(results, fit=True), summary_filter(results)
    assert short[0] == "FAILED: h0; h1; h2; h3; h4 and 4 more: first"
    assert short[-2] == "  … and 14 more lines: -v shows all" and len(short) == 9 and max(map(len, short)) < 500
    assert len(whole) == 22 and "x" * 1000 in whole[-2]


@pytest.mark.parametrize("width", [200, 100, 80])
def test_the_table_fits_the_terminal(monkeypatch, width):
    monkeypatch.setattr(Display(), "columns", width)
    long = dict(ROW, machine="m" * 70, source="vbox_memory_policy: rule 'A rule with a long name'")
    lines = summary_filter({"h1": {"machines": [{}], "differences": [ROW, long]}}, fit=True)
    assert all(len(line) <= width for line in lines[:-1]), lines
    assert ("…" in lines[3]) == (width < 200) and "    64" in lines[3]  # numbers stay whole
    assert summary_filter({"h1": {"differences": [long]}})[2].count("m" * 70) == 1


def test_an_output_that_is_no_terminal_has_no_width(monkeypatch):
    """Such as that of these tests, or of a pipe: whoever reads it later wants all."""
    monkeypatch.setattr(Display(), "columns", 79)
    monkeypatch.setattr(os, "readlink", lambda path: "pipe:[1]")
    assert terminal.terminal_width() is None
    monkeypatch.setattr(os, "readlink", lambda path: "/dev/pts/3")
    assert terminal.terminal_width() == 79


@pytest.mark.parametrize(
    ("results", "problem"), [([], "the input is a list"), ({"h1": 1}, "the result of h1: it is a number")]
)
def test_what_is_no_result(results, problem):
    with pytest.raises(AnsibleFilterError, match=problem):
        summary_filter(results)
