# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What must hold, as a table: ratios of one run."""

from __future__ import annotations

from dataclasses import dataclass

AT = 200  # machines
MODULE_KB = 100 * 1024
UP_TO = 1000  # machines: among fewer, what one more costs drowns in what a play takes more or less
LINEAR = 1.5  # how much more a further machine may cost among many than among few


@dataclass(frozen=True)
class Ratio:
    """``slow`` takes at least ``least`` times as long as ``fast``; both are pairs of a job and a sum of ways."""

    label: str
    slow: tuple
    fast: tuple
    least: float


RATIOS = (
    Ratio(
        "no change, api: 50 × faster than a loop, with pipelining",
        ("no_change", ("loop",)),
        ("no_change", ("api",)),
        50,
    ),
    Ratio(
        "no change, api: 50 × faster than a loop, with Ansible's default settings",
        ("no_change", ("untuned_loop",)),
        ("no_change", ("untuned_api",)),
        50,
    ),
    Ratio("no change, api: 10 × faster than a shell script", ("no_change", ("shell",)), ("no_change", ("api",)), 10),
    Ratio(
        "no change, api: at most 1.5 × an empty call and a bare read",
        ("no_change", ("empty", "bare")),
        ("no_change", ("api",)),
        1 / 1.5,
    ),
    Ratio(
        "no change, role: 50 × faster than a loop, with pipelining",
        ("no_change", ("loop",)),
        ("no_change", ("role",)),
        50,
    ),
    Ratio("no change, role: 10 × faster than a shell script", ("no_change", ("shell",)), ("no_change", ("role",)), 10),
    Ratio(
        "no change, role: at most 1.5 × two empty calls and a bare read",
        ("no_change", ("empty2", "bare")),
        ("no_change", ("role",)),
        1 / 1.5,
    ),
    Ratio("change, api: 5 × faster than a shell script", ("change", ("shell",)), ("change", ("api",)), 5),
    Ratio("change, api: 30 × faster than a loop, with pipelining", ("change", ("loop",)), ("change", ("api",)), 30),
    Ratio(
        "change, api: 30 × faster than a loop, with Ansible's default settings",
        ("change", ("untuned_loop",)),
        ("change", ("untuned_api",)),
        30,
    ),
    Ratio(
        "no change, vboxmanage: not slower than one showvminfo each",
        ("no_change", ("showvminfo",)),
        ("no_change", ("vboxmanage",)),
        1,
    ),
    Ratio(
        "no change, vboxmanage: not slower than one showvminfo each, as one task",
        ("no_change", ("showvminfo_task",)),
        ("no_change", ("vboxmanage",)),
        1,
    ),
)


def check(rows):
    """Each requirement that these rows can tell about: ``{"what", "required", "measured", "holds"}``."""
    return [one for one in [*_ratios(rows), *_memory(rows), *_linear(rows)] if one]


def _ratios(rows):
    for ratio in RATIOS:
        slow, fast = (_seconds(rows, *side) for side in (ratio.slow, ratio.fast))
        if slow and fast:
            yield _told(
                f"{AT} machines, {ratio.label}",
                f"slower by fast ≥ {ratio.least:.2f}",
                f"{slow / fast:.2f} ({slow:.2f} s by {fast:.2f} s)",
                slow / fast >= ratio.least,
            )


def _memory(rows):
    """The module alone, and with the process that has the bindings."""
    for kind in ("module", "module and bindings"):
        peaks = [(row.peak_kb[kind], row) for row in rows if kind in row.peak_kb]
        if peaks:
            peak, row = max(peaks, key=lambda pair: pair[0])
            yield _told(
                f"memory of {kind}, {row.machines} machines ({row.job}, {row.way})",
                "< 100 MB",
                f"{peak / 1024:.1f} MB",
                peak < MODULE_KB,
            )


def _linear(rows):
    """What a further machine costs between the two largest sizes, by what it costs between the smaller ones."""
    for job in ("facts", "no_change", "change"):
        known = sorted((row.machines, row.seconds) for row in rows if (row.job, row.way) == (job, "api"))
        if len(known) >= 3 and known[-1][0] >= UP_TO:
            (few, least), *_between, (many, more), (most, longest) = known
            before, after = (more - least) / (many - few), (longest - more) / (most - many)
            yield _told(
                f"linear up to {most} machines ({job}, api)",
                f"a further machine ≤ {LINEAR} × as dear",
                f"{after * 1000:.2f} ms, {before * 1000:.2f} ms before",
                after <= LINEAR * before,
            )


def _seconds(rows, job, ways):
    found = {row.way: row.seconds for row in rows if row.job == job and row.machines == AT and row.way in ways}
    return sum(found.values()) if len(found) == len(ways) else None


def _told(what, required, measured, holds):
    return dict(what=what, required=required, measured=measured, holds=holds)
