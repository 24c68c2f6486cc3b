# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Measure the ways side by side: each in turn, round after round, and the median of each."""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import asdict, dataclass, field

from ways import COLD, WAYS, other

ONCE_FROM = 30  # seconds: what takes longer is run once
SHORT = 5  # seconds: what takes less is run twice as often, for it varies most


@dataclass
class Row:
    """What one way took for one job; seconds of wall-clock time, and memory in kB."""

    job: str
    way: str
    machines: int
    seconds: float
    runs: list = field(default_factory=list)
    extrapolated: bool = False
    peak_kb: dict = field(default_factory=dict)

    as_dict = asdict


def measure(play, host, job, keys, repeats, too_long, rows):
    """Measure some ways of a job on a host.

    :param play: a :class:`~playing.Playing`
    :param too_long: seconds; what would take longer is extrapolated
    :param rows: what was measured so far, on fewer machines; it grows
    """
    ways, runs = [way for way in WAYS.values() if way.key in keys and job in way.jobs and host.machines <= way.most], {}
    for way in [way for way in ways if _expected(rows, job, way.key, host.machines) > too_long]:
        ways.remove(way)
        rows.append(Row(job, way.key, host.machines, _expected(rows, job, way.key, host.machines), extrapolated=True))
    for number in range(2 * repeats):
        for way in ways:
            if not number or number < _rounds(job, runs[way.key][0], repeats):
                runs.setdefault(way.key, []).append(_one(play, host, job, way))
    for key, seconds in runs.items():
        row = Row(job, key, host.machines, statistics.median(seconds), seconds)
        rows.append(row)
        say(f"{host.machines} machines, {job}, {row.way}: {row.seconds:.2f} s")


def _rounds(job, seconds, repeats):
    """How often to run what took so long the first time."""
    if seconds >= ONCE_FROM:
        return 1
    return (
        2 * repeats if seconds < SHORT and job not in COLD else repeats
    )  # before cold ones the server has to end, which takes longer than they do


def _one(play, host, job, way):
    wanted = other(host.state) if job == "change" else host.state
    if job in COLD:
        host.cool()
    started = time.monotonic()
    way.do(play, host, job, wanted)
    seconds = time.monotonic() - started
    if job == "change":
        host.must_be(wanted)
    return round(seconds, 3)


def _expected(rows, job, way, machines):
    """The seconds that so many machines will take: by the line through the two largest sizes so far, or by the only one."""
    known = sorted((row.machines, row.seconds) for row in rows if (row.job, row.way) == (job, way))
    if not known:
        return 0
    (few, less), (many, more) = ([(0, 0)] + known)[-2:]
    return round(more + (more - less) / (many - few) * (machines - many), 1)


def measure_memory(play, host, job, rows):
    """Once more, with the processes of our ways watched: the watching would slow what is timed."""
    for row in [
        row for row in rows if (row.machines, row.job) == (host.machines, job) and row.way in ("vboxmanage", "api")
    ]:
        with host.watched() as peaks:
            _one(play, host, job, WAYS[row.way])
        row.peak_kb = peaks


def say(text):
    """Tell what is going on."""
    print(text, file=sys.stderr, flush=True)
