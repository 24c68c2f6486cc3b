# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What must hold, as a table: ratios of one run."""

from __future__ import annotations

from dataclasses import dataclass

AT = 200  # machines
MODULE_KB = 100 * 1024
UP_TO = 1000  # machines: among fewer, what one more costs drowns in what a play takes more or less
FLEET = 1.25  # how much longer the playbook `apply` may take than the module alone
# What Ansible sent of a module before plans were values (commit 9c52dc1), and how much more it may send.
SENT_BYTES, LARGER = {"vbox.memory.vbox_memory": 242421, "vbox.memory.vbox_memory_facts": 225557}, 1.05
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
        "no change, role: at most 1.15 × an empty call and a bare read",
        ("no_change", ("empty", "bare")),
        ("no_change", ("role",)),
        1 / 1.15,
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


def check(rows, fleet=None, payloads=None):
    """Each requirement that these rows can tell about, and the fleet and the payloads: ``{"what", "required", "measured", "holds"}``."""
    return [*_ratios(rows), *_memory(rows), *_linear(rows), *_fleet(fleet or {}), *_payloads(payloads or {})]


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


def _fleet(fleet):
    """The playbook by the module that it calls."""
    if "ways" in fleet:
        apply, module = (fleet["ways"][way]["seconds"] for way in ("apply", "api"))
        yield _told(
            f"fleet of {fleet['hosts']} × {fleet['machines']}: apply by the module alone",
            f"≤ {FLEET}",
            f"{apply / module:.2f} ({apply:.1f} s by {module:.1f} s)",
            apply <= FLEET * module,
        )


def _payloads(payloads):
    for name, before in SENT_BYTES.items():
        if name in payloads:
            sent = payloads[name]["sent_bytes"]
            yield _told(
                f"sent of {name}",
                f"≤ {LARGER} × {before} bytes",
                f"{sent} bytes, {sent / before:.3f} ×",
                sent <= LARGER * before,
            )


def _seconds(rows, job, ways):
    found = {row.way: row.seconds for row in rows if row.job == job and row.machines == AT and row.way in ways}
    return sum(found.values()) if len(found) == len(ways) else None


def _told(what, required, measured, holds):
    return dict(what=what, required=required, measured=measured, holds=holds)
