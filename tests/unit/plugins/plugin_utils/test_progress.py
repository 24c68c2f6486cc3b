# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which lines of progress are due, whatever a host writes."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from ansible_collections.vbox.memory.plugins.plugin_utils.progress import (
    GONE,
    Look,
    Progress,
    is_read_by_people,
    latest,
    look,
    seen,
)

NOTHING = Look()


def said(*pairs):
    return "".join(json.dumps({"machine": name, "message": message, "seconds": 1}) + "\n" for name, message in pairs)


@pytest.mark.parametrize(
    ("callback", "read"),
    [("default", True), ("ansible.builtin.default", True), ("ansible.posix.debug", True)]
    + [(name, False) for name in ("minimal", "oneline", "ansible.posix.json", "null", "", "my.own.callback")],
)
def test_callbacks(callback, read):
    assert is_read_by_people(callback) is read


def test_only_what_is_a_line_of_progress_is_taken():
    text = '\n[]\n1\nnull\n{}\n{"machine": "a"}\n' + said(("a", "one"), ("b", "two"), ("a", "three")) + '{"machine": "c'
    assert latest(text) == {'"b"': "two", '"a"': "three"}


@pytest.mark.parametrize("depth", [10, 500, 900, 990, 1000, 9000])
def test_what_is_nested_deeper_than_python_reads_is_no_traceback(depth):
    deep = "[" * depth + "]" * depth
    for text in (deep, '{"machine": %s, "message": 1}' % deep, '{"processes": %s}' % deep):
        assert seen(text, NOTHING, False).processes == () and len(str(latest(text))) < 1000


def test_what_a_host_writes_is_bounded_and_printable():
    found = latest(said(("\x1b[31mred\n" * 100, "x" * 1000)))
    name, message = next(iter(found.items()))
    assert len(name) <= 1000 and len(message) == 200 and (name + message).isprintable()
    assert name.startswith(r'"\u001b[31mred\n')
    assert latest(said((["a", 1], {"b": 2}))) == {"\"['a', 1]\"": "{'b': 2}"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('a": all is well. machine "b', r'"a\": all is well. machine \"b"'),
        ("a\nh2, machine", r'"a\nh2, machine"'),
        ("\u202egnp.exe", r'"\u202egnp.exe"'),
        ("\x9b2J", r'"\x9b2J"'),
        ("end\\", r'"end\\"'),
        ("名前", '"名前"'),
    ],
)
def test_no_name_ends_its_quotes_or_its_line(name, shown):
    progress = Progress("h1", [name], 0)
    assert progress.lines("", 9) == [f"h1, waiting for {shown} (9 s)"]
    assert progress.lines(said((name, "one")), 13) == [f"h1, machine {shown}: one (13 s)"]


def test_something_is_said_every_ten_seconds_and_nothing_twice_in_a_hurry():
    progress = Progress("h1", ["a", "b"], 100)
    looks = [
        (102, "", []),
        (108.6, "", ['h1, waiting for "a", "b" (8 s)']),
        (110, said(("a", "one")), []),
        (113, said(("a", "one")), ['h1, machine "a": one (13 s)']),
        (117, said(("a", "one")), []),
        (121.5, said(("a", "one")), ['h1, machine "a": one (21 s)']),
        (126, said(("a", "two"), ("b", "one")), ['h1, machine "a": two (26 s)', 'h1, machine "b": one (26 s)']),
    ]
    assert [progress.lines(text, now) for now, text, _lines in looks] == [lines for _now, _text, lines in looks]


def test_many_machines_are_counted():
    assert Progress("h1", list("abcde"), 0).lines("", 9) == ['h1, waiting for "a", "b", "c" and 2 more (9 s)']


def looked(path, known=NOTHING, claim=False):
    """What the command shows, run by a shell, as on a host."""
    done = subprocess.run(["/bin/sh", "-c", look(str(path), known, claim)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return seen(done.stdout, known, claim)


@pytest.fixture(params=["file", "it's a $(touch here); `file`", "名前 -n"])
def file(request, tmp_path):
    return tmp_path / request.param


def test_who_makes_the_file_first_decides(file):
    assert looked(file) == Look(text="\n") and not file.exists()
    assert looked(file, claim=True).claimed and file.read_text() == ""
    refused = looked(file, claim=True)
    assert refused.refused and not refused.gone  # whoever made it may be about to write
    assert looked(file, refused, claim=True).gone
    file.write_text('{"processes": [%d]}\n' % os.getpid())
    named = looked(file, refused, claim=True)
    assert (named.processes, named.refused, named.gone, named.claimed) == ([os.getpid()], False, False, False)


def test_processes_that_end_are_found_gone(file):
    """One that is left is enough: the module that works, or the wrapper that has yet to write its result."""
    ends = subprocess.Popen(["sleep", "infinity"])
    file.write_text('{"processes": [%d, %d]}\n' % (ends.pid, os.getpid()) + said(*[("a", "one")] * 30))
    both = looked(file)
    assert both.processes == [ends.pid, os.getpid()] and latest(both.text) == {'"a"': "one"}
    ends.kill()
    ends.wait()
    assert not looked(file, both).gone
    assert looked(file, both._replace(processes=[ends.pid])).gone
    file.unlink()
    assert looked(file, both) == both._replace(text="\n")


@pytest.mark.parametrize(
    "written",
    ["1", "[1]", "true", '"2"', "[0]", "[-5]", "[true]", "[1e9]", '["7; reboot"]', "[99999999999]", "null", "{}"],
)
def test_what_names_no_process_is_none(file, written):
    file.write_text('{"processes": %s}\n' % written)
    assert looked(file).processes == ()


def test_many_processes_are_no_long_command():
    assert seen('{"processes": %s}' % list(range(2, 5000)), NOTHING, False).processes == list(range(2, 10))


def test_lines_of_a_login_count_for_nothing(file):
    file.write_text('{"processes": [%d]}\n' % os.getpid())
    known = looked(file)
    assert seen("Welcome!\r\n" + '{"processes": [7]}\r\n', known, False).processes == known.processes
    assert seen("Welcome!\r\n" + GONE + "\r\n", known, False).gone
