# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which lines of progress are due, whatever a host writes."""

from __future__ import annotations

import json

import pytest

from ansible_collections.vbox.memory.plugins.plugin_utils.progress import Progress, is_read_by_people, latest


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
