# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Read VirtualBox's metrics: memory of the host, of the hypervisor and of guests, all in kB."""

from __future__ import annotations

import re
import time

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
LOOK_EVERY = 0.25  # seconds between looks while the first sample is awaited


class Metrics:
    """Metrics of some objects, set up where they are not.

    A set-up lives in VirtualBox's server: it is gone with the server, and at each start of a machine. One that somebody
    else made is used as it is.

    :param backend: what has ``query_metrics`` and ``set_up_metrics``
    :param objects: ``{HOST: HOST_METRICS, uuid of a live machine: GUEST_METRICS, …}``
    """

    def __init__(self, backend, objects):
        self._backend = backend
        self._objects = objects

    def read(self, wait=5.0):
        """The newest sample of everything: ``{object: {name: kB or None}}``.

        :param wait: seconds to wait for the first sample of metrics that had to be set up. What has none then is ``None``:
            VirtualBox does not say, as for a guest without Guest Additions.
        """
        samples = {name: self._query(name) for name in self._objects}
        silent = [name for name, sample in samples.items() if None in sample.values()]
        for name in silent:
            self._set_up(name, [metric for key, metric in self._objects[name].items() if samples[name][key] is None])
        until = time.monotonic() + wait
        while silent and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
            samples.update((name, self._query(name)) for name in silent)
            silent = [name for name in silent if None in samples[name].values()]
        return samples

    def _query(self, name):
        metrics = self._objects[name]
        values = self._backend.query_metrics(name, list(metrics.values()))
        return {key: values.get(metric) for key, metric in metrics.items()}

    def _set_up(self, name, metrics):
        # A set-up takes the names of groups: with those of single metrics it sets up nothing, silently (measured).
        self._backend.set_up_metrics(name, list(dict.fromkeys(metric.rpartition("/")[0] for metric in metrics)))


def values_in(text, metrics):
    """The newest values in what ``metrics query`` printed for one object: ``{metric: kB, or None if it has none}``.

    A row is the object's name, the metric and its values, in columns that are padded, not delimited. The name is the same in
    all rows and can hold anything, even rows: it is that beginning of the first row with which the text falls into one
    row for each metric. Values of several samples are separated by commas, the newest last.
    """
    row = re.compile(r"(%s) +((?:\d+ kB(?:, )?)*)\n" % "|".join(map(re.escape, metrics)))
    rows = re.split(r"^-+ -+ -+\n", text, maxsplit=1, flags=re.MULTILINE)[-1]
    for first in row.finditer(rows):
        values = _rows_of(rows[: first.start()], rows, row)
        if values:
            return {metric: values.get(metric) for metric in metrics}
    return dict.fromkeys(metrics)


def _rows_of(name, text, row):
    """The values of a text that is nothing but rows of this name, one for each metric; else ``None``."""
    values, position = {}, 0
    while position < len(text):
        found = row.match(text, position + len(name)) if text.startswith(name, position) else None
        if not found or found.group(1) in values:
            return None
        numbers = re.findall(r"\d+", found.group(2))
        values[found.group(1)] = int(numbers[-1]) if numbers else None
        position = found.end()
    return values


def period_in(text, metric):
    """The period of a metric in what ``metrics list`` printed for one object, in seconds; 0 if it is not set up."""
    found = re.findall(r"\s%s +kB +\d+ +\d+ +(\d+) +\d+ " % re.escape(metric), text)
    return int(found[-1]) if found else 0
