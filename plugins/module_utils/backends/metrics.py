# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Read VirtualBox's metrics: memory of the host, of the hypervisor and of guests, all in kB."""

from __future__ import annotations

import re
from typing import Dict, Iterable, Mapping, Optional, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

HOST = "host"
HOST_METRICS = {
    "memory_total_kb": "RAM/Usage/Total",
    "memory_used_kb": "RAM/Usage/Used",
    "memory_free_kb": "RAM/Usage/Free",
    "vmm_used_kb": "RAM/VMM/Used",
    "vmm_free_kb": "RAM/VMM/Free",
    "vmm_ballooned_kb": "RAM/VMM/Ballooned",
    "vmm_shared_kb": "RAM/VMM/Shared",
}
GUEST_METRICS = {
    "total_kb": "Guest/RAM/Usage/Total",
    "free_kb": "Guest/RAM/Usage/Free",
    "balloon_kb": "Guest/RAM/Usage/Balloon",
    "shared_kb": "Guest/RAM/Usage/Shared",
    "cache_kb": "Guest/RAM/Usage/Cache",
    "pagefile_kb": "Guest/Pagefile/Usage/Total",
}
PROCESS_METRICS = {"process_kb": "RAM/Usage/Used"}

PERIOD = 1  # seconds between samples, as we set them up
# Seconds after which metrics that stay silent are set up once more: 3 to 6 s were the rule on a slow host.
SET_UP_AGAIN = 15


Samples = Dict[str, Dict[str, Optional[int]]]  # {target: {key: kB, or None: VirtualBox does not say}}


def groups_of(metrics: Iterable[str]) -> list[str]:
    """The groups of metrics, which a set-up takes: with the names of single metrics it sets up nothing, silently (measured)."""
    return list(dict.fromkeys(metric.rpartition("/")[0] for metric in metrics))


def without_early_zeros(figures: Mapping[str, int | None]) -> dict[str, int | None]:
    """Figures of a host on which machines run, with ``None`` for the hypervisor's own as long as it has counted nothing.

    For some seconds after a set-up VirtualBox says 0 of each ``RAM/VMM`` while machines run (measured on the live host, 7.2.22). Where none runs, 0 is right.

    :param figures: by the keys of :data:`HOST_METRICS`
    """
    early = figures.get("vmm_used_kb") == 0
    return {key: None if early and key.startswith("vmm_") else value for key, value in figures.items()}


def values_in(text: str, metrics: Sequence[str]) -> dict[str, int | None]:
    """The newest values in what ``metrics query`` printed for one object: ``{metric: kB, or None if it has none}``.

    A row is the object's name, the metric and its values, in columns that are padded, not delimited. The name is the same in
    all rows and can hold anything, even rows: it is that beginning of the first row with which the text falls into one
    row for each metric. Values of several samples are separated by commas, the newest last.

    :raises VBoxMemoryError: ``vboxmanage_unreadable`` when it is not whole or not of the known form
    """
    row = re.compile(r"(%s) +((?:-?[0-9]{1,10} kB(?:, )?)*)\n" % "|".join(map(re.escape, metrics)))
    rows = _rows(text, "query")
    if not rows:
        return dict.fromkeys(metrics)
    for number, first in enumerate(row.finditer(rows)):
        values = _rows_of(rows[: first.start()], rows, row)
        # Not where a name holds rows, and there are too few rows.
        if values and (number == 0 or len(values) == len(metrics)):
            return {metric: values.get(metric) for metric in metrics}
    raise _unreadable("query")


def are_told_apart(wanted: Iterable[str], names: Mapping[str, str]) -> bool:
    """Whether the rows of these targets can be told apart by the machines' names."""
    shown = ["%-15s" % names.get(target, target) for target in wanted]
    return len(set(shown)) == len(shown) and not any(
        re.search(r"[\r\n]|^host *\Z", names[target]) for target in wanted if target in names
    )


def values_of_all(
    text: str, wanted: Mapping[str, Sequence[str]], names: Mapping[str, str]
) -> dict[str, dict[str, int | None]] | None:
    """The newest values of many objects in what ``metrics query '*'`` printed; ``None`` where their names leave it open whose a row is.

    A row ends in a metric and its values, and what is before them is the name alone, so only the end of a line in a name could forge a row.

    :param wanted: ``{target: metrics}``
    :param names: the machines' names by UUID
    :raises VBoxMemoryError: ``vboxmanage_unreadable``
    """
    if not are_told_apart(wanted, names):
        return None
    owners = {"%-15s" % names.get(target, target): target for target in wanted}
    known = sorted({metric for metrics in wanted.values() for metric in metrics}, key=len, reverse=True)
    row = re.compile(r"(.*?) (%s) +((?:-?[0-9]{1,10} kB(?:, )?)*)" % "|".join(map(re.escape, known)), re.DOTALL)
    values: dict[str, dict[str, int | None]] = {target: dict.fromkeys(metrics) for target, metrics in wanted.items()}
    seen = set()
    for line in _rows(text, "query").split("\n"):
        found = row.fullmatch(line)
        target = owners.get(found.group(1)) if found else None
        if found is None or target is None or found.group(2) not in values[target]:
            continue
        if (target, found.group(2)) in seen:
            return None
        seen.add((target, found.group(2)))
        values[target][found.group(2)] = _newest(found.group(3))
    return values


def period_in(text: str, metric: str) -> int:
    """The period of a metric in what ``metrics list`` printed for one object, in seconds; 0 if it is not set up.

    :raises VBoxMemoryError: ``vboxmanage_unreadable`` when it is not whole or not of the known form
    """
    rows = _rows(text, "list")
    # The name before it can hold anything, what is after it is VirtualBox's own: so the last one is the row's.
    found = re.findall(r"(?<=\s)%s +kB +[0-9]+ +[0-9]+ +([0-9]{1,9}) +[0-9]+ (?=[^\n]*\n)" % re.escape(metric), rows)
    if rows and not found:
        raise _unreadable("list")
    return int(found[-1]) if found else 0


def _rows(text: str, subcommand: str) -> str:
    """What stands under the heading."""
    parts = re.split(r"^-+ -+ -[- ]*\n", text, maxsplit=1, flags=re.MULTILINE)
    if len(parts) < 2 or not (parts[1] == "" or parts[1].endswith("\n")):
        raise _unreadable(subcommand)
    return parts[1]


def _rows_of(name: str, text: str, row: re.Pattern[str]) -> dict[str, int | None] | None:
    """The values of a text that is nothing but rows of this name, one for each metric; else ``None``."""
    values: dict[str, int | None] = {}
    position = 0
    while position < len(text):
        found = row.match(text, position + len(name)) if text.startswith(name, position) else None
        if not found or found.group(1) in values:
            return None
        values[found.group(1)] = _newest(found.group(2))
        position = found.end()
    return values


def _newest(text: str) -> int | None:
    numbers = re.findall(r"-?[0-9]+", text)
    # A figure of more than 2 TB is negative: VirtualBox has 31 bits for it.
    return int(numbers[-1]) if numbers and int(numbers[-1]) >= 0 else None


def _unreadable(subcommand: str) -> VBoxMemoryError:
    return VBoxMemoryError(
        "vboxmanage_unreadable",
        "What VBoxManage printed of metrics is not of the known form, or not whole: see what 'VBoxManage metrics %s'"
        " prints" % subcommand,
    )
