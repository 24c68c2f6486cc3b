# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures for Prometheus' textfile collector, in the text format: base units, HELP and TYPE of each metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.report.history import seconds
from ansible_collections.vbox.memory.plugins.plugin_utils.report.quantities import HOST, MACHINE, Quantity

PREFIX = "vbox_memory_"
COUNTS = {
    "hosts_count": ("hosts", "The hosts of the fleet"),
    "hosts_unread_count": ("hosts_unread", "The hosts not read"),
}

Row = tuple[Mapping[str, Any], Any]  # labels and value


def as_prometheus(figures: Mapping[str, Any]) -> str:
    """The text of a ``.prom`` file. What is not known has no line."""
    return "".join(
        line + "\n" for name, about, rows in _metrics(figures) for line in _lines(PREFIX + name, about, rows)
    )


def _metrics(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, Iterable[Row]]]:
    fleet, hosts = figures["fleet"], figures["hosts"]
    yield "report_timestamp_seconds", "When the facts were read", [({}, seconds(figures["read_at"]))]
    for key, (name, about) in COUNTS.items():
        yield "fleet_" + name, about, [({}, fleet[key])]
    for quantity in HOST:
        yield "fleet_" + quantity.metric, quantity.help + ", of all hosts", _values(quantity, [({}, fleet)])
    yield "host_read", "Whether the host could be read", [(_host(host), int(host["read"])) for host in hosts]
    versions = [(dict(_host(host), version=host["vbox_version"]), 1) for host in hosts if host["vbox_version"]]
    yield "host_info", "The host's version of VirtualBox", versions
    for quantity in HOST:
        yield "host_" + quantity.metric, quantity.help, _values(quantity, [(_host(host), host) for host in hosts])
    machines = [(_machine(host, machine), machine) for host in hosts for machine in host["machines"]]
    infos = [(dict(labels, state=one["state"] or "", os_type=one["os_type"] or ""), 1) for labels, one in machines]
    yield "machine_info", "The machine's state and type", infos
    for quantity in MACHINE:
        yield "machine_" + quantity.metric, quantity.help, _values(quantity, machines)
    found = Counter((one["host"], one["code"], one["level"]) for one in figures["findings"])
    rows = [(dict(host=host, code=code, level=level), number) for (host, code, level), number in found.items()]
    yield "findings", "What stands out, by its code", rows


def _host(host: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(host=host["name"])


def _machine(host: Mapping[str, Any], machine: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(host=host["name"], machine=machine["name"], uuid=machine["uuid"])


def _values(quantity: Quantity, rows: Iterable[Row]) -> list[Row]:
    known = [(labels, row[quantity.key]) for labels, row in rows if row[quantity.key] is not None]
    return [(labels, quantity.in_base_units(value)) for labels, value in known]


def _lines(name: str, about: str, rows: Iterable[Row]) -> list[str]:
    lines = ["%s%s %s" % (name, _labels(labels), _number(value)) for labels, value in rows]
    return ["# HELP %s %s." % (name, about), "# TYPE %s gauge" % name, *lines] if lines else []


def _labels(labels: Mapping[str, Any]) -> str:
    pairs = ['%s="%s"' % (key, _escaped(str(value))) for key, value in labels.items()]
    return "{%s}" % ",".join(pairs) if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: Any) -> str:
    return str(int(value)) if isinstance(value, (bool, int)) else repr(value)
