# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as Markdown, for tickets and wikis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.report import words
from ansible_collections.vbox.memory.plugins.plugin_utils.report.findings import CODES
from ansible_collections.vbox.memory.plugins.plugin_utils.report.quantities import HOST, MACHINE
from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown

MOST_OF_A_CODE = 20  # findings of one code that are listed; all are in the JSON


def as_markdown(figures: Mapping[str, Any]) -> str:
    """The fleet, what stands out, and a table for each host."""
    return "\n".join(_lines(figures)).rstrip("\n") + "\n"


def _lines(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "# Memory of the VirtualBox fleet"
    yield from ("", "As of %s. 1 MB is 2^20 bytes; – is not known." % figures["read_at"], "")
    counts = [(label, figures["fleet"][key], key) for key, label in words.FLEET_LABELS.items()]
    yield from _pairs(counts + [(one.label, figures["fleet"][one.key], one.key) for one in HOST])
    yield from ("", "## What stands out", "")
    yield from _findings(figures["findings"])
    yield from ("", "## What could be won", "")
    yield from _savings(figures["savings"])
    for host in figures["hosts"]:
        yield from ("", "## Host %s" % _text(host["name"]), "")
        if not host["read"]:
            yield "Not read: %s" % _text(host["msg"])
            continue
        yield from _pairs([(one.label, host[one.key], one.key) for one in HOST])
        yield ""
        yield from _table(
            ["Machine", "UUID", "State", *(one.label for one in MACHINE), "Policy wants", "Balance"],
            [_machine(machine) for machine in host["machines"]],
            len(MACHINE),
        )


def _pairs(rows: Sequence[tuple[str, Any, str]]) -> list[str]:
    return ["| Figure | Value |", "|---|---:|"] + [
        "| %s | %s |" % (label, words.quantity(key, value)) for label, value, key in rows
    ]


def _findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not findings:
        yield "Nothing."
    for code, (level, heading) in CODES.items():
        found = [one for one in findings if one["code"] == code]
        if found:
            yield "- **%s** (%s, %d)" % (heading, level, len(found))
        for one in found[:MOST_OF_A_CODE]:
            machine = "" if one["machine"] is None else ", machine %s" % _text(one["machine"])
            yield "  - %s%s: %s" % (_text(one["host"]), machine, _text(one["sentence"]))
        if len(found) > MOST_OF_A_CODE:
            yield "  - and %d more" % (len(found) - MOST_OF_A_CODE)


def _savings(savings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not savings:
        yield "Nothing that can be estimated."
    for one in savings:
        what = "by balloons" if one["kind"] == "balloons" else "by Page Fusion, %s" % _text(one["os_type"])
        yield "- %s, %s: up to %s. How: %s%s Costs: %s" % (
            _text(one["host"]),
            what,
            words.quantity("kb", one["kb"]),
            _text(one["how"]),
            " " + _text(one["measured"]) if one["measured"] else "",
            _text(one["costs"]),
        )


def _machine(machine: Mapping[str, Any]) -> list[str]:
    values = [words.quantity(one.key, machine[one.key]) for one in MACHINE]
    balance = machine["balance_code"] and "%s: %s" % (machine["balance_code"], machine["balance_sentence"])
    names = [_text(machine["name"]), _text(machine["uuid"]), _text(machine["state"])]
    return [*names, *values, _text(words.wanted(machine)), _text(balance)]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> Iterator[str]:
    yield "| %s |" % " | ".join(headings)
    yield "|%s|" % "|".join("---:" if 3 <= place < 3 + numbers else "---" for place in range(len(headings)))
    for row in rows:
        yield "| %s |" % " | ".join(row)


def _text(value: Any) -> str:
    """A text that Markdown takes for nothing else, in one line."""
    return re.sub(r"([\\`*_{}\[\]<>()#|&!~$])", r"\\\1", words.UNKNOWN if value is None else shown(value))
