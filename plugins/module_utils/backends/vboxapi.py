# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""VirtualBox by the bindings that it ships, ``vboxapi``, in processes of the host's own Python."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import Any, Collection, Iterator, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import (
    LIVE_DEFAULT,
    Backend,
    Found,
    inaccessible,
    one_of,
)
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import GUEST_METRICS, HOST, PERIOD
from ansible_collections.vbox.memory.plugins.module_utils.backends.process import retry_transient
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_pool import (
    WorkerPool,
    pythons,
    two_are_faster,
    unavailable,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import TRANSIENT, VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import change_commands, command_line
from ansible_collections.vbox.memory.plugins.module_utils.model.features import parse_version
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE, Machine

PART = 10  # machines that one request is about: what one worker does alone in the end, while the other has nothing left
AT_ONCE = 20  # requests: other modules of this user get their turn after so many


class VBoxApiBackend(Backend):
    """See :class:`~.base.Backend`.

    What the bindings are not used for goes to VBoxManage. Metrics come from ``IPerformanceCollector``, as VBoxManage's do.
    ``IGuest::internalGetStatistics`` is marked internal, gives 0 until an interval is set up (measured), and knows neither the
    host's memory nor a process's.

    :param vboxmanage: the backend for the same VirtualBox by its command line
    :param python: the Python that has the bindings; ``None`` tries :func:`~.vboxapi_pool.pythons`
    :param machines: how many are going to be read, as far as is known
    :raises VBoxMemoryError: ``backend_unavailable``; the methods raise it too, when a worker ends before its time
    """

    name = "api"

    def __init__(self, vboxmanage: Backend, python: str | None = None, machines: int = 0) -> None:
        self._vboxmanage = vboxmanage
        self._searches = 0
        self._pool = WorkerPool([python] if python else pythons(), machines)
        try:
            wanted = vboxmanage.version  # while the bindings start
            self._version = parse_version(self._pool.version)
        except VBoxMemoryError:
            self.close()
            raise
        if self._version != wanted:
            self.close()
            raise unavailable(
                "they are of VirtualBox %s, and VBoxManage is of %s: name the VBoxManage of the same installation with"
                " the option vboxmanage" % (self._version, wanted)
            )

    @property
    def version(self) -> str | None:
        return self._version

    @property
    def capabilities(self) -> Collection[str]:
        return (LIVE_DEFAULT,)

    def close(self) -> None:
        """End the workers. The next request would start another."""
        self._pool.close()

    def find(self, names: Sequence[str], details: bool = True) -> list[Found]:
        found = self._find_in_parts(names, details) if two_are_faster(len(names)) else {}
        # None or several: it is not there, or a machine went meanwhile and two workers have seen another list each. One alone sees what is right.
        unclear = [name for name in names if len(found.get(name, ())) != 1]
        if unclear:
            found.update(zip(unclear, self._call("find", names=unclear, details=details)))
        return [self._found(found[name]) for name in names]

    def _find_in_parts(self, names: Sequence[str], details: bool) -> dict[str, list[dict[str, Any]]]:
        """``{name or UUID: entries}``, by both workers; nothing if the list of machines has changed so that they cannot go on."""
        self._pool.expect(len(names))
        parts = min(AT_ONCE, len(names) // PART)  # no more, for each looks through all that is wanted
        self._searches += 1
        requests = [
            dict(names=list(names), details=details, search=self._searches, part=part, parts=parts)
            for part in range(parts)
        ]
        with _ignoring(*TRANSIENT):
            results = self._pool.share("find", requests)
            return {name: [entry for part in parts for entry in part] for name, parts in zip(names, zip(*results))}
        return {}

    def read_all(self, details: bool = True) -> tuple[list[Machine], list[str]]:
        machines, unreadable = [], []
        for entry in self._entries(self._call("list"), details):
            if "inaccessible" in entry:
                unreadable.append(entry["inaccessible"])
            else:
                with _ignoring("machine_not_found"):  # gone since
                    machines.append(self._machine(entry))
        return machines, unreadable

    def read_live(self) -> list[Machine]:
        machines = []
        for entry in self._entries(self._call("list", states=LIVE), details=False):
            with _ignoring("machine_not_found"):
                machines.append(self._machine(entry))
        return [machine for machine in machines if machine.live]

    def read(self, uuid: str) -> Machine:
        return retry_transient(lambda: self._machine(self._pool.call("read", {"uuids": [uuid]})[0], again=False))

    def change(self, uuid: str, values: Mapping[str, Any], live: bool = False) -> None:
        if live:
            method, params = "live_default", dict(uuid=uuid, size=values["balloon_default"])
        elif "balloon_current" in values:
            method, params = "balloon", dict(uuid=uuid, size=values["balloon_current"])
        else:
            method, params = "modify", dict(uuid=uuid, values=dict(values))
        command = "; ".join(map(command_line, change_commands(uuid, values)))  # for the error
        retry_transient(lambda: self._pool.call(method, params, command=command))

    def power(self, uuid: str, action: str, frontend: str | None = None) -> None:
        self._vboxmanage.power(uuid, action, frontend)

    def extra_data(self, prefix: str) -> dict[str, str]:
        values: dict[str, str] = self._call("extra_data", prefix=prefix)
        return values

    def set_extra_data(self, key: str, value: str | None) -> None:
        self._call("set_extra_data", key=key, value=value)

    def metrics_period(self, uuid: str) -> int:
        period: int = self._call("metrics_period", uuid=uuid, metric=GUEST_METRICS["free_kb"])
        return period

    def query_metrics(self, target: str, metrics: Sequence[str]) -> dict[str, int | None]:
        values: dict[str, int | None] = self._call("query_metrics", uuid=_uuid(target), metrics=list(metrics))
        return values

    def setup_metrics(self, target: str, groups: Sequence[str]) -> None:
        self._call("setup_metrics", uuid=_uuid(target), groups=list(groups), period=PERIOD)

    def _call(self, method: str, **params: Any) -> Any:
        """The result of a request; transient errors are tried again."""
        return retry_transient(lambda: self._pool.call(method, params))

    def _entries(self, uuids: Sequence[str], details: bool) -> Iterator[dict[str, Any]]:
        """What the workers say of each machine, in order."""
        self._pool.expect(len(uuids))
        requests = [{"uuids": some, "details": details} for some in _portions(uuids, PART)]
        for some in _portions(requests, AT_ONCE):
            for entries in retry_transient(partial(self._pool.share, "read", some)):
                yield from entries

    def _found(self, entries: Sequence[dict[str, Any]]) -> Found:
        """The one machine that is meant by a name or UUID, or what is wrong."""
        machines = []
        for entry in entries:
            try:
                machines.append(self._machine(entry))
            except VBoxMemoryError as error:
                if error.code != "machine_not_found":  # gone since
                    return error
        return one_of(machines)

    def _machine(self, entry: Mapping[str, Any], again: bool = True) -> Machine:
        """The machine of an entry. With ``again``, one that could not be read for a transient reason is read again."""
        if "machine" in entry:
            return Machine(**entry["machine"])
        if "inaccessible" in entry:
            raise inaccessible(entry["inaccessible"])
        error = self._pool.error_from(entry["error"])
        if again and error.code in TRANSIENT and "uuid" in entry:
            return self.read(entry["uuid"])
        raise error


def _uuid(target: str) -> str | None:
    """The UUID that a worker takes for an object of metrics; ``None`` is the host."""
    return None if target == HOST else target


def _portions(values: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]


@contextlib.contextmanager
def _ignoring(*codes: str) -> Iterator[None]:
    try:
        yield
    except VBoxMemoryError as error:
        if error.code not in codes:
            raise
