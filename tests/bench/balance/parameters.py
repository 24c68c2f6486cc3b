# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The figures that the simulation takes from the world, each with where it was measured."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class Parameter(NamedTuple):
    value: float
    unit: str
    source: str


LIVE = "docs/live-host-measurements.md"

PARAMETERS = {
    "lag": Parameter(
        5, "s", f"{LIVE}, 1: the guest's Free is 2 to 5 s behind RAM/VMM/Ballooned; the worst of it, for all figures"
    ),
    "down": Parameter(
        50, "MB/s", f"an ordinary host. {LIVE}, 5: 30 MB/s inside software emulation, no hardware virtualization"
    ),
    "up": Parameter(200, "MB/s", "an ordinary host: four times as fast as it gives, as on the live host"),
    "slow_down": Parameter(9, "MB/s", f"{LIVE}, 1: 0 to 256 MB in 28 s, in spurts of 5 to 30"),
    "slow_up": Parameter(40, "MB/s", f"{LIVE}, 1: 256 to 0 MB in less than 7 s"),
    "death": Parameter(
        45, "MB", f"{LIVE}, 3: 44 to 52 MB of Free were left when the OOM killer ran, while a balloon filled"
    ),
    "hidden_fixed": Parameter(
        48, "MB", f"with the next: {LIVE}, 'In short': MemTotal is 709 MB of 768, 59 MB less than the machine's memory"
    ),
    "hidden_part": Parameter(0.015, "of memory", "the kernel's own map of pages, 64 bytes for each 4096, rounded"),
    "boot_shortest": Parameter(38, "s", f"{LIVE}, Times: a guest boots in 38 s alone, 135 s with others beside it"),
    "boot_longest": Parameter(75, "s", f"{LIVE}, Times: guest reboot, 75 s"),
    "boot_uses": Parameter(120, "MB", f"{LIVE}, 3 and 6: MemTotal 709, Free 664 to 673 after a boot, with its cache"),
    "swing": Parameter(0.9, "of memory", "VirtualBox refuses a balloon of 90 % of the memory and more"),
    "follows_newer": Parameter(
        0, "", "virtualbox-findings, Running machines: a newer request waits until the one under way is finished"
    ),
    "rise": Parameter(
        20, "MB/s", "the specification's limit of what nobody may die from; how fast a booted guest grows"
    ),
    "cache_grows": Parameter(10, "MB/s", f"not measured: how fast a guest's cache grows; {LIVE} has no figure for it"),
    "hard_fixed": Parameter(128, "MB", f"{LIVE}, 3: the reserve that leaves 70 MB of MemAvailable"),
    "hard_part": Parameter(0.02, "of memory", "the specification's; not measured on a guest of 4 GB and more yet"),
}


def value(name: str) -> float:
    """A parameter's figure, in its unit."""
    return PARAMETERS[name].value


@cache
def hidden_mb(memory: int) -> int:
    """MB of a machine's memory that its guest never shows in MemTotal."""
    return int(value("hidden_fixed") + value("hidden_part") * memory)


@cache
def hard_reserve_mb(memory: int) -> int:
    """MB that stay free in a guest, whoever is in need."""
    return int(value("hard_fixed") + value("hard_part") * memory)


def as_markdown() -> str:
    """All of them as a table."""
    rows = [f"| {name} | {each.value:g} {each.unit} | {each.source} |" for name, each in PARAMETERS.items()]
    return "\n".join(["| parameter | | where it is from |", "|---|---|---|", *rows])
