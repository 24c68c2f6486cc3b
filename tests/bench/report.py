# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The result of a bench as tables of Markdown."""

from __future__ import annotations

import fleet as fleets
from ways import JOBS, WAYS

HEAD = "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n<!-- Copyright: vbox.memory contributors -->\n"  # of each of our pages


def tables(result):
    """All of a result, which is what bench.py writes as JSON, as text."""
    parts = [_about(result["about"]), *_jobs(result["rows"]), _memory(result["rows"])]
    parts += [_fleet(result["fleet"])] if result["fleet"] else []
    parts += [_calls(result["calls"]), _payloads(result["payloads"]), _required(result["required"])]
    return "\n\n".join(part for part in parts if part)


def _about(about):
    return "\n".join(f"- {key.replace('_', ' ')}: {value}" for key, value in about.items())


def _jobs(rows):
    for job, label in JOBS.items():
        some = [row for row in rows if row["job"] == job]
        sizes = sorted({row["machines"] for row in some})
        found = {(row["way"], row["machines"]): row for row in some}
        lines = [
            [way.label] + [_seconds(found.get((way.key, size))) for size in sizes]
            for way in WAYS.values()
            if job in way.jobs
        ]
        if some:
            yield f"Seconds to {label}:\n\n" + table(["way"] + ["%d machines" % size for size in sizes], lines)


def _seconds(row):
    if row is None:
        return ""
    return ("≈ %.0f (extrapolated)" if row["extrapolated"] else "%.2f") % row["seconds"]


def _memory(rows):
    watched = [row for row in rows if row["peak_kb"]]
    kinds = [
        kind
        for kind in ("module", "bindings", "module and bindings", "VBoxManage", "VBoxSVC")
        if any(kind in row["peak_kb"] for row in watched)
    ]
    lines = [
        [row["job"], row["way"], row["machines"]]
        + ["%.1f" % (row["peak_kb"][kind] / 1024) if kind in row["peak_kb"] else "" for kind in kinds]
        for row in watched
    ]
    return "Peak memory in MB:\n\n" + table(["job", "backend", "machines"] + kinds, lines) if watched else ""


def _fleet(fleet):
    title = "Seconds for {hosts} hosts with {machines} machines each by SSH, {forks} forks, no change, no server running:\n\n".format(
        **fleet
    )
    slowest = fleet["ways"]["loop"]["seconds"]
    return title + table(
        ["way", "seconds", "runs", "faster than the loop"],
        [
            [fleets.LABELS[way], "%.1f" % found["seconds"], len(found["runs"]), "%.1f ×" % (slowest / found["seconds"])]
            for way, found in fleet["ways"].items()
        ],
    )


def _calls(calls):
    lines = [
        [backend, job, ", ".join(f"{count} × {command}" for command, count in commands.items())]
        for backend, jobs in calls["commands"].items()
        for job, commands in jobs.items()
    ]
    return f"Commands of VBoxManage that our modules run for {calls['machines']} machines:\n\n" + table(
        ["backend", "job", "commands"], lines
    )


def _payloads(payloads):
    lines = [
        [
            name,
            found["sent_bytes"],
            found["files"],
            len(found["our_files"]),
            found["our_compressed_bytes"],
            "%.0f" % (found["import_basic_seconds"] * 1000),
            "%.0f" % (found["import_rest_seconds"] * 1000),
        ]
        for name, found in payloads.items()
    ]
    return "What Ansible sends, and what its import takes on the host:\n\n" + table(
        [
            "module",
            "bytes sent",
            "files",
            "of them ours",
            "bytes of ours, packed",
            "ms to import AnsibleModule",
            "ms for the rest",
        ],
        lines,
    )


def _required(required):
    lines = [[one["what"], one["required"], one["measured"], "holds" if one["holds"] else "FAILS"] for one in required]
    return "Required:\n\n" + table(["what", "required", "measured", ""], lines) if lines else ""


def table(head, lines):
    """A table of Markdown, in columns."""
    cells = [list(map(str, line)) for line in [head, *lines]]
    widths = [max(map(len, column)) for column in zip(*cells)]
    rows = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]])
