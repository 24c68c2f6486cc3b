# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as JSON and as CSV, for programs: numbers as they are."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable
from ansible_collections.vbox.memory.plugins.plugin_utils.report.quantities import HOST, MACHINE

VERSION = 1  # of the form of the JSON
KEYS = list(dict.fromkeys(["hosts_count", "hosts_unread_count"] + [one.key for one in (*HOST, *MACHINE)]))
WORDS = ("kind", "host", "machine", "uuid", "state", "os_type", "wants", "balance_code", "balance_sentence")
FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # what spreadsheets run, when a cell begins with it


def as_json(figures: Mapping[str, Any]) -> str:
    """All figures, in the order in which they were made. What a terminal would take for more than a letter is escaped, as JSON can."""
    text = json.dumps(dict(version=VERSION, **figures), ensure_ascii=False, indent=1)
    return "".join((line if line.isprintable() else _escaped(line)) + "\n" for line in text.split("\n"))


def _escaped(line: str) -> str:
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in line)


def as_csv(figures: Mapping[str, Any]) -> str:
    """A row for the fleet, for each host and for each machine; ``kind`` says which. What a row has not got is empty.

    Each is one line: control characters and changes of direction are shown as their escapes.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*WORDS, *KEYS])
    for words, values in _rows(figures):
        cells = [_harmless(words.get(key)) for key in WORDS]
        writer.writerow(cells + [_number(values.get(key)) for key in KEYS])
    return text.getvalue()


def _rows(figures: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    yield dict(kind="fleet"), figures["fleet"]
    for host in figures["hosts"]:
        yield dict(kind="host", host=host["name"]), host
        for machine in host["machines"]:
            wants = ", ".join("%s: %s" % (one["setting"], one["value"]) for one in machine["wants"])
            yield dict(machine, kind="machine", host=host["name"], machine=machine["name"], wants=wants), machine


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else "" if value is None else value


def _harmless(value: Any) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe stands before what would be one."""
    text = "" if value is None else printable(value)
    return "'" + text if text.startswith(FORMULAS) else text
