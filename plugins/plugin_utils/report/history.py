# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that were kept: a folder of dated samples, the lines over time that they make, and the events between them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

Sample = dict[str, Any]

VERSION = 1
NAME = re.compile(r"\d{8}T\d{6}Z\.json")
LARGEST_FILE = 64 * 1024**2  # bytes; 50 hosts of 20 machines take 0.3 MB
MOST_POINTS = 200  # of one line
MOST_NUMBERS = 80_000  # of all lines: a third of a megabyte of the page
MOST_EVENTS = 500
HOST_LINES = ("memory_used_kb", "vmm_used_kb", "ballooned_kb", "running_mb")
MACHINE_LINES = ("used_kb", "balloon_given_mb")
# What a change of each says, and of which kind it is.
EVENTS = {
    "balloon_asked_mb": "request",
    "balloon_default_mb": "change",
    "memory_mb": "change",
    "page_fusion": "change",
    "large_pages": "change",
    "state": "state",
}


def file_name(read_at: str) -> str:
    """How the sample of a time is called: 2026-11-25T20:12:00Z is 20261125T201200Z.json."""
    return "%s.json" % re.sub("[-:]", "", read_at)


def sample(figures: Mapping[str, Any]) -> Sample:
    """What is kept of a report."""
    hosts = {
        host["name"]: dict(
            {key: host[key] for key in HOST_LINES},
            machines={
                machine["uuid"]: {key: machine[key] for key in ("name", *MACHINE_LINES, *EVENTS)}
                for machine in host["machines"]
            },
        )
        for host in figures["hosts"]
        if host["read"]
    }
    return dict(version=VERSION, read_at=figures["read_at"], hosts=hosts)


def read(folder: Path, keep: int) -> tuple[list[Sample], list[str]]:
    """The newest samples of a folder, the oldest first, and what is wrong with others.

    :param keep: how many, at most
    """
    samples, problems = [], []
    for path in kept(folder)[-keep:]:
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise ValueError("it has more than %d bytes" % LARGEST_FILE)
            samples.append(_checked(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, RecursionError) as error:
            problems.append("%s is no sample of this role, and is left out: %s" % (path, error))
    return sorted(samples, key=lambda one: one["read_at"]), problems


def kept(folder: Path) -> list[Path]:
    """The samples of a folder, the oldest first."""
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name)) if folder.is_dir() else []


def _checked(value: Any) -> Sample:
    if not isinstance(value, dict) or value.get("version") != VERSION or not isinstance(value.get("hosts"), dict):
        raise ValueError("it is not of version %d" % VERSION)
    seconds(value.get("read_at"))
    for host in value["hosts"].values():
        if not isinstance(host, dict) or not isinstance(host.get("machines"), dict):
            raise ValueError("a host has no machines")
        rows = [(host, HOST_LINES), *((machine, MACHINE_LINES) for machine in host["machines"].values())]
        for row, keys in rows:
            if not isinstance(row, dict) or not all(_is_number(row.get(key)) for key in keys):
                raise ValueError("a line is not of numbers")
    result: Sample = value
    return result


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def seconds(read_at: Any) -> int:
    """Seconds since 1970 of such a time.

    :raises ValueError: when it is none
    """
    try:
        return int(datetime.strptime(read_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())
    except (TypeError, ValueError):
        raise ValueError("%r is not a time such as 2026-11-25T20:12:00Z" % (read_at,)) from None


def lines(samples: Sequence[Sample], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Lines over time for the hosts and machines of a report, and events, the newest first.

    :param samples: the oldest first; the report's own is the last
    :returns: ``times`` (seconds since 1970), ``hosts`` and ``machines`` with a list for each line, ``events``, ``samples`` (how many there
        were) and ``first`` (the time of the oldest); thinned out evenly where there are too many, and the newest is always there
    """
    names = [host["name"] for host in figures["hosts"]]
    uuids = [(host["name"], machine["uuid"]) for host in figures["hosts"] for machine in host["machines"]]
    rows = len(names) * len(HOST_LINES) + len(uuids) * len(MACHINE_LINES)
    thin = _thinned(samples, max(2, min(MOST_POINTS, MOST_NUMBERS // max(1, rows))))
    hosts = {name: {key: [_of(one, name).get(key) for one in thin] for key in HOST_LINES} for name in names}
    machines: dict[str, dict[str, Any]] = {name: {} for name in names}
    for name, uuid in uuids:
        rows_of_machine = [(_of(one, name).get("machines") or {}).get(uuid) or {} for one in thin]
        machines[name][uuid] = {key: [row.get(key) for row in rows_of_machine] for key in MACHINE_LINES}
    return dict(
        times=[seconds(one["read_at"]) for one in thin],
        hosts=hosts,
        machines=machines,
        events=list(_events(samples, names))[-MOST_EVENTS:][::-1],
        samples=len(samples),
        first=samples[0]["read_at"] if samples else None,
    )


def _of(one: Sample, host: str) -> dict[str, Any]:
    found: dict[str, Any] = one["hosts"].get(host) or {}
    return found


def _thinned(samples: Sequence[Sample], most: int) -> list[Sample]:
    if len(samples) <= most:
        return list(samples)
    return [samples[(len(samples) - 1) * number // (most - 1)] for number in range(most)]


def _events(samples: Sequence[Sample], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What became different from one sample to the next."""
    for before, after in zip(samples, samples[1:]):
        for host in names:
            earlier = _of(before, host).get("machines") or {}
            for uuid, machine in (_of(after, host).get("machines") or {}).items():
                for key, kind in EVENTS.items():
                    old, new = (earlier.get(uuid) or {}).get(key), machine.get(key)
                    if uuid in earlier and old != new and not (key == "balloon_asked_mb" and None in (old, new)):
                        yield dict(
                            time=seconds(after["read_at"]),
                            host=host,
                            uuid=uuid,
                            machine=machine.get("name"),
                            kind=kind,
                            setting=key,
                            before=old,
                            after=new,
                        )
