# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as one page of HTML, which needs nothing else: style and script are within it, and it may load nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ansible_collections.vbox.memory.plugins.plugin_utils.report import words
from ansible_collections.vbox.memory.plugins.plugin_utils.report.findings import CODES
from ansible_collections.vbox.memory.plugins.plugin_utils.report.savings import KINDS
from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown

ROLE = Path(__file__).resolve().parents[3] / "roles" / "report"
TITLE = "Memory of the VirtualBox fleet"
MOST_OF_A_CODE = 10  # findings of one code that are listed; the tables show all
# Headings, and their classes: n for numbers, the others say how wide.
COLUMNS = (
    ("Machine", "name"),
    ("State", ""),
    ("Guest", "guest"),
    ("Memory", "n size"),
    ("Used", "n size"),
    ("Cache", "n size"),
    ("Balloon asked", "n size"),
    ("Balloon given", "n size"),
    ("Default balloon", "n size"),
    ("Page Fusion", "flag"),
    ("Large pages", "flag"),
    ("Guest Additions", "n"),
    ("Policy wants", "policy"),
    ("To do", ""),
    ("Balance", ""),
)
GLOSSARY = (
    ("MB, GB", "2^20 and 2^30 bytes."),
    ("–", "VirtualBox does not say, so it is not known. It never stands for 0."),
    ("Used", "What the guest's programs use by its own figures, without its cache and its balloon."),
    ("Balloon asked", "The balloon that is asked of the guest now. It is gone when the machine stops."),
    (
        "Balloon given",
        "What the guest gave: by its own count, or by what its figures allow. Linux guests give no count.",
    ),
    ("Default balloon", "The balloon that is asked for at each start."),
    ("Guest Additions", "How far they are up, from 0 to 3. Guests give figures from 2 on."),
    (
        "Overcommit",
        "The memory of running and paused machines by that of their hosts. Over 1, more is promised than there is.",
    ),
    *((name, about[0].upper() + about[1:] + ".") for name, about in words.BAR.values()),
)
NAMES = {"balloon": "balloons", "page_fusion": "Page Fusion", "large_pages": "large pages"}


def as_page(figures: Mapping[str, Any], lines: Mapping[str, Any] | None = None, title: str = TITLE) -> str:
    """The page.

    :param lines: what :func:`~.history.lines` gives; ``None`` for a page without history
    """
    with_lines = bool(lines and len(lines["times"]) > 1)
    style = _asset("page.css") + (_asset("uplot/uPlot.min.css") if with_lines else "")
    script = (_asset("uplot/uPlot.iife.min.js") if with_lines else "") + _asset("page.js")
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(str(ROLE / "templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    anchors = _anchors(figures)
    return environment.get_template("page.html.j2").render(
        anchor=lambda one: anchors.get((one["host"], one["uuid"])) or anchors[one["host"], None],
        badges=_badges,
        cards=list(_cards(figures["fleet"])),
        changes=lambda machine: [words.change(row) for row in machine["pending"]] + machine["failures"],
        columns=COLUMNS,
        figures=figures,
        geometry=_geometry,
        glossary=GLOSSARY,
        groups=_groups(figures["findings"]),
        hosts=sorted(figures["hosts"], key=_free_share),
        lines=lines,
        lines_json=_embedded(lines),
        missing=_missing,
        most=MOST_OF_A_CODE,
        policy=_policy(style, script),
        savings=_savings(figures["savings"]),
        script=Markup(script),  # our own, and without an end tag: tested
        sources=lambda machine: [
            "%s: %s" % (words.setting(one["setting"], one["value"]), shown(one["source"])) for one in machine["wants"]
        ],
        style=Markup(style),
        title=title,
        words=words,
    )


def _asset(name: str) -> str:
    return (ROLE / "files" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """The Content-Security-Policy: our own style and script, known by their hashes, and nothing else at all."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'"
        % tuple(hashes)
    )


def _embedded(value: Any) -> Markup:
    """JSON that can stand within a script element, whatever its strings hold."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _anchors(figures: Mapping[str, Any]) -> dict[tuple[str, Any], str]:
    anchors: dict[tuple[str, Any], str] = {}
    for number, host in enumerate(figures["hosts"], 1):
        anchors[host["name"], None] = "h%d" % number
        for place, machine in enumerate(host["machines"], 1):
            anchors[host["name"], machine["uuid"]] = "h%dm%d" % (number, place)
    return anchors


def _cards(fleet: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The fleet in the figures that matter most: label, value, and what stands below it."""
    unread = fleet["hosts_unread_count"]
    yield "Hosts", str(fleet["hosts_count"]), "%d not read" % unread if unread else "all were read"
    unreadable = fleet["unreadable_count"] or 0
    live = "%d live%s" % (fleet["live_count"] or 0, ", %d unreadable" % unreadable if unreadable else "")
    yield "Machines", words.quantity("count", fleet["machines_count"] or 0), live
    free = "%s free" % words.gigabytes(fleet["memory_free_kb"])
    yield "Memory of the hosts", words.gigabytes(fleet["memory_total_kb"]), free
    yield "In use", words.gigabytes(fleet["memory_used_kb"]), "%s by machines" % words.gigabytes(fleet["vmm_used_kb"])
    for key, label, about in (
        ("configured_mb", "Configured", "for all machines"),
        ("running_mb", "Running", "for live machines"),
    ):
        yield label, words.gigabytes(None if fleet[key] is None else fleet[key] * 1024), about
    yield "Overcommit", words.quantity("ratio", fleet["overcommit_ratio"]), "running by hosts' memory"
    yield (
        "In balloons",
        words.gigabytes(fleet["ballooned_kb"]),
        "%s kept for others" % words.gigabytes(fleet["vmm_free_kb"]),
    )
    yield "Shared", words.gigabytes(fleet["shared_kb"]), "by Page Fusion"
    won = None if fleet["room_mb"] is None else fleet["room_mb"] * 1024
    yield "Could be won", words.gigabytes(won), "by balloons, at most"
    pending = fleet["pending_count"]
    yield "Changes to make", words.UNKNOWN if pending is None else str(pending), "by the policy"


def _groups(findings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    groups = [
        dict(level=level, heading=heading, found=[one for one in findings if one["code"] == code])
        for code, (level, heading) in CODES.items()
    ]
    return [group for group in groups if group["found"]]


def _savings(savings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    groups = []
    for kind, heading in KINDS.items():
        rows = [one for one in savings if one["kind"] == kind]
        if rows:
            first = rows[0]
            total = sum(one["kb"] for one in rows)
            groups.append(dict(heading=heading, kb=total, rows=rows, how=first["how"], costs=first["costs"]))
    return groups


def _badges(machine: Mapping[str, Any]) -> list[str]:
    return [words.BADGES[code] for code in machine["found"] if code in words.BADGES]


def _free_share(host: Mapping[str, Any]) -> float:
    """What part of a host's memory is free; one that has no figures comes first."""
    total, free = host["memory_total_kb"], host["memory_free_kb"]
    return float(free / total) if total and free is not None else -1.0


def _missing(host: Mapping[str, Any]) -> list[str]:
    """Which features the host has not got, and why."""
    return [
        "No %s: %s." % (NAMES.get(name, name), feature.get("reason"))
        for name, feature in host["features"].items()
        if isinstance(feature, Mapping) and not feature.get("supported")
    ]


def _geometry(parts: Sequence[Mapping[str, Any]], by_machine: bool = True) -> Iterator[dict[str, Any]]:
    """The rectangles of a bar, in per cent of its width.

    :param by_machine: whether the machines' part is divided by machine
    """
    whole = sum(part["kb"] for part in parts) or 1
    start = 0
    for part in parts:
        label = words.BAR[part["key"]][0]
        pieces = [
            (one["kb"], "%s: %s" % (one["name"], words.gigabytes(one["kb"]))) for one in part["parts"] if by_machine
        ]
        rest = part["kb"] - sum(kb for kb, _title in pieces)
        pieces.append((rest, "%s%s: %s" % (label, ", the rest" if pieces else "", words.gigabytes(rest))))
        for kb, title in pieces:
            if kb:
                yield dict(key=part["key"], x=_percent(start, whole), width=_percent(kb, whole), title=title)
            start += kb


def _percent(kb: int, whole: int) -> str:
    return ("%.3f" % (100 * kb / whole)).rstrip("0").rstrip(".")
