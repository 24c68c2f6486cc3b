# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""VirtualBox by the bindings that it ships, ``vboxapi``, in processes of the host's own Python."""

from __future__ import annotations

import contextlib
import re
from functools import partial
from typing import Any, Collection, Iterator, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import (
    LIVE_DEFAULT,
    OF_THE_HOST,
    Backend,
    Found,
    Machines,
    inaccessible,
    one_of,
)
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import GUEST_METRICS, HOST, PERIOD
from ansible_collections.vbox.memory.plugins.module_utils.backends.process import (
    is_whole,
    native_path,
    retry_transient,
)
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_pool import (
    WorkerPool,
    is_error,
    pythons,
    two_are_faster,
    unavailable,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import change_commands, command_line
from ansible_collections.vbox.memory.plugins.module_utils.model.features import parse_version
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE, UUID, Machine

PART = 10  # machines that one request is about: what one worker does alone in the end, while the other has nothing left
AT_ONCE = 20  # requests: other modules of this user get their turn after so many

# What a worker says of a machine: the fields, and the types of their values.
FIELDS: dict[str, tuple[type, ...]] = {
    "uuid": (str,),
    "name": (str,),
    "state": (str,),
    "memory": (int,),
    "balloon_default": (int,),
    "page_fusion": (bool, type(None)),
    "large_pages": (bool, type(None)),
}
DETAILS: dict[str, tuple[type, ...]] = {"os_type": (str,), "os_description": (str,), "groups": (list,)}
LIVE_FIELDS: dict[str, tuple[type, ...]] = {
    "balloon_current": (int,),
    "additions_run_level": (int,),
    "frontend": (str, type(None)),
}


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
        self._pool = WorkerPool([native_path(python)] if python else pythons(), machines)
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
            entries = self._call("find", names=unclear, details=details)
            found.update(zip(unclear, self._lists(entries, len(unclear))))
        return [self._found(found[name], name, details) for name in names]

    def _find_in_parts(self, names: Sequence[str], details: bool) -> dict[str, list[Any]]:
        """``{name or UUID: entries}``, by both workers; nothing if the list of machines has changed so that they cannot go on."""
        self._pool.expect(len(names))
        parts = min(AT_ONCE, len(names) // PART)  # no more, for each looks through all that is wanted
        self._searches += 1
        requests = [
            dict(names=list(names), details=details, search=self._searches, part=part, parts=parts)
            for part in range(parts)
        ]
        try:
            results = [self._lists(result, len(names)) for result in self._pool.share("find", requests)]
        except VBoxMemoryError as error:
            if error.transient:
                return {}
            raise
        return {name: [entry for part in parts for entry in part] for name, parts in zip(names, zip(*results))}

    def read_all(self, details: bool = True) -> Machines:
        machines, unreadable = [], {}
        for uuid, entry in self._entries(self._uuids(), details):
            try:
                machines.append(self._machine(entry, uuid, details))
            except VBoxMemoryError as error:
                if error.code in OF_THE_HOST:
                    raise
                if error.code != "machine_not_found":  # gone since
                    unreadable[uuid] = error
        return machines, unreadable

    def read_live(self, known: Mapping[str, Machine] | None = None) -> list[Machine]:
        machines = []
        for uuid, entry in self._entries(self._uuids(states=LIVE), details=False):
            with _ignoring("machine_not_found"):
                machines.append(self._machine(entry, uuid, details=False))
        return [machine for machine in machines if machine.live]

    def read(self, uuid: str) -> Machine:
        return retry_transient(lambda: self._machine(self._read([uuid], True)[0], uuid, again=False))

    def settings_file(self, uuid: str) -> str:
        path = self._call("settings_file", uuid=uuid)
        return str(self._expected(path, isinstance(path, str)))

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
        period = self._call("metrics_period", uuid=uuid, metric=GUEST_METRICS["free_kb"])
        return int(self._expected(period, _is_number(period)))

    def query_metrics(self, target: str, metrics: Sequence[str]) -> dict[str, int | None]:
        return self._values(self._call("query_metrics", uuid=_uuid(target), metrics=list(metrics)), metrics)

    def query_each(
        self, wanted: Mapping[str, Sequence[str]], names: Mapping[str, str]
    ) -> dict[str, dict[str, int | None]]:
        objects = [[_uuid(target), list(metrics)] for target, metrics in wanted.items()]
        results = self._list(self._call("query_each", objects=objects), len(objects))
        return {target: self._values(found, wanted[target]) for target, found in zip(wanted, results)}

    def _values(self, values: Any, metrics: Sequence[str]) -> dict[str, int | None]:
        known = isinstance(values, dict) and values.keys() <= set(metrics)
        self._expected(values, known and all(value is None or is_whole(value) for value in values.values()))
        return {metric: values[metric] if _is_number(values.get(metric)) else None for metric in metrics}

    def setup_metrics(self, target: str, groups: Sequence[str]) -> None:
        self._call("setup_metrics", uuid=_uuid(target), groups=list(groups), period=PERIOD)

    def _call(self, method: str, **params: Any) -> Any:
        """The result of a request; transient errors are tried again."""
        return retry_transient(lambda: self._pool.call(method, params))

    def _uuids(self, **params: Any) -> list[str]:
        uuids = self._call("list", **params)
        known = isinstance(uuids, list) and all(isinstance(uuid, str) and re.fullmatch(UUID, uuid) for uuid in uuids)
        return list(self._expected(uuids, known))

    def _entries(self, uuids: Sequence[str], details: bool) -> Iterator[tuple[str, Any]]:
        """What the workers say of each machine, in order, with its UUID."""
        self._pool.expect(len(uuids))
        requests = [{"uuids": some, "details": details} for some in _portions(uuids, PART)]
        for some in _portions(requests, AT_ONCE):
            for request, entries in zip(some, retry_transient(partial(self._pool.share, "read", some))):
                yield from zip(request["uuids"], self._list(entries, len(request["uuids"])))

    def _read(self, uuids: Sequence[str], details: bool) -> list[Any]:
        return self._list(self._pool.call("read", {"uuids": uuids, "details": details}), len(uuids))

    def _found(self, entries: Sequence[Any], name: str, details: bool) -> Found:
        """The one machine that is meant by a name or UUID, or what is wrong."""
        machines = []
        for entry in entries:
            try:
                machine = self._machine(entry, None, details)
            except VBoxMemoryError as error:
                if error.code == "backend_unavailable":
                    raise
                if error.code != "machine_not_found":  # gone since
                    return error
            else:
                self._expected(entry, machine.name == name or machine.uuid == name.lower())
                machines.append(machine)
        return one_of(machines)

    def _machine(self, entry: Any, uuid: str | None, details: bool = True, again: bool = True) -> Machine:
        """The machine of an entry. With ``again``, one that could not be read for a transient reason is read again.

        :param uuid: the machine's own, where it is known before
        """
        kinds = entry.keys() - {"uuid"} if isinstance(entry, dict) else set()
        if kinds == {"machine"}:
            fields = entry["machine"]
            known = is_machine(fields, details) and fields["uuid"] == (uuid or fields["uuid"]).lower()
            return Machine(**self._expected(fields, known))
        if kinds == {"inaccessible", "reason", "code"}:
            found = entry["inaccessible"]
            known = (
                isinstance(found, str) and re.fullmatch(UUID, found) is not None and found == (uuid or found).lower()
            )
            told = isinstance(entry["reason"], str) and isinstance(entry["code"], (str, type(None)))
            self._expected(entry, known and told)
            raise inaccessible(found, entry["reason"], entry["code"])
        self._expected(
            entry, kinds == {"error"} and is_error(entry["error"]) and isinstance(entry.get("uuid", ""), str)
        )
        error = self._pool.error_from(entry["error"])
        if again and error.transient and "uuid" in entry:
            return self.read(entry["uuid"])
        raise error

    def _lists(self, result: Any, length: int) -> list[list[Any]]:
        self._expected(result, all(isinstance(one, list) for one in self._list(result, length)))
        return list(result)

    def _list(self, result: Any, length: int) -> list[Any]:
        return list(self._expected(result, isinstance(result, list) and len(result) == length))

    def _expected(self, result: Any, known: bool) -> Any:
        """A result that is of the known form.

        :raises VBoxMemoryError: ``backend_unavailable`` where it is not: whatever answers then is not our worker, or not with these bindings
        """
        if not known:
            self.close()
            raise unavailable("they gave what is not of the known form: %.80r" % (result,))
        return result


def is_machine(fields: Any, details: bool) -> bool:
    """Whether these are all fields of a machine, with or without details, and no others, with values of their types."""
    if not isinstance(fields, dict):
        return False
    wanted = dict(FIELDS, **(DETAILS if details else {}), **(LIVE_FIELDS if fields.get("state") in LIVE else {}))
    return (
        fields.keys() == wanted.keys()
        and all(type(value) in wanted[key] for key, value in fields.items())
        and all(_is_number(value) for value in fields.values() if is_whole(value))
        and all(isinstance(group, str) for group in fields.get("groups", ()))
        and fields.get("groups") != []
        and re.fullmatch(UUID, fields["uuid"]) is not None
    )


def _is_number(value: Any) -> bool:
    """Whether this is a number as VirtualBox has them: of 32 bits, or a metric's."""
    return is_whole(value) and 0 <= value < 2**32


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
