# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The program that ``vboxapi_pool`` runs with a Python that has VirtualBox's bindings (``vboxapi``).

Its text goes to ``python -c``: nothing but the standard library and the bindings here, and importing it does nothing.
A request is a line of JSON on standard input, ``{"id": number, "method": name of a method of Requests, "params": its keywords}``; its response is a
line of JSON on standard output, with the same id and ``"result"`` or ``"error": {"message": ..., "code": VirtualBox's result code}``. At the end of the
input it ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from typing import Any, Iterator

UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
LONGEST_MESSAGE = 2000  # characters
NOT_FOUND = "0x80bb0001"
NO_ACCESS = "0x80070005"  # also of whatever is asked of a machine whose settings file cannot be read
# VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED: an ARM machine has no x86 settings (measured on 7.2.22).
OTHER_PLATFORM = "0x80bb0012"

# What `showvminfo --machinereadable` calls the states of the API. Source: machineStateToName in VBoxManageInfo.cpp. The numbers
# differ between releases, and not every release has all of them.
STATES = {
    "PoweredOff": "poweroff",
    "Saved": "saved",
    "Teleported": "teleported",
    "Aborted": "aborted",
    "AbortedSaved": "aborted-saved",
    "Running": "running",
    "Paused": "paused",
    "Stuck": "gurumeditation",
    "Teleporting": "teleporting",
    "LiveSnapshotting": "livesnapshotting",
    "Starting": "starting",
    "Stopping": "stopping",
    "Saving": "saving",
    "Restoring": "restoring",
    "TeleportingPausedVM": "teleportingpausedvm",
    "TeleportingIn": "teleportingin",
    "DeletingSnapshotOnline": "deletingsnapshotlive",
    "DeletingSnapshotPaused": "deletingsnapshotlivepaused",
    "OnlineSnapshotting": "onlinesnapshotting",
    "RestoringSnapshot": "restoringsnapshot",
    "DeletingSnapshot": "deletingsnapshot",
    "SettingUp": "settingup",
    "Snapshotting": "snapshotting",
    "FaultTolerantSyncing": "faulttolerantsyncing",
}
LIVE = ("running", "paused")


def main() -> None:
    """Answer requests until there are no more."""
    requests, responses = take_streams()
    handler = Requests()
    for line in requests:
        request = json.loads(line)
        try:
            response: dict[str, Any] = {"result": getattr(handler, request["method"])(**request["params"])}
        except Exception as error:  # the bindings' own, and theirs can be of any class
            response = {"error": as_error(error)}
        send(responses, dict(response, id=request["id"]))
    handler.end()


def take_streams() -> tuple[Any, Any]:
    """Keep the two streams to ourselves: the bindings print on standard output, and the server that they may start lives on
    with all that it inherits."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a lock may be held: only the end of the input ends us
    for descriptor in sys.argv[1:]:
        os.set_inheritable(int(descriptor), False)
    requests, responses = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return requests, responses


def send(responses: Any, message: dict[str, Any]) -> None:
    """Send a message; that no reader is left is no reason for more than ending gracefully."""
    try:
        responses.write(json.dumps(message) + "\n")
        responses.flush()
    except BrokenPipeError:
        os._exit(0)


def as_error(error: Exception) -> dict[str, str]:
    """An error as the parent takes it: with VirtualBox's result code, where it is one of VirtualBox's."""
    if hasattr(error, "errno") and hasattr(error, "msg"):
        words = " ".join((error.msg or "").split())
        return {"message": words[:LONGEST_MESSAGE] or str(error), "code": "0x%08x" % (error.errno & 0xFFFFFFFF)}
    words = str(error) if isinstance(error, NotRunning) else "%s: %s" % (type(error).__name__, error)
    return {"message": words[:LONGEST_MESSAGE]}


def access_error(machine: Any) -> dict[str, Any]:
    """Why a machine is inaccessible, as VirtualBox says it."""
    try:
        error = machine.accessError
        return {"reason": error.text or "", "code": "0x%08x" % (error.resultCode & 0xFFFFFFFF)}
    except Exception:  # it has become accessible, or is gone
        return {"reason": "", "code": None}


class Requests:
    """The requests: each method that is not private is one. The first must be ``hello``."""

    def __init__(self) -> None:
        self._manager: Any = None
        self._descriptions: dict[str, str] = {}
        self._machines: dict[str, Any] = {}
        self._names: dict[tuple[int, int], dict[str | None, Any]] = {}
        self._listed: Any = None
        self._search: int | None = None
        self._x86s: dict[str, tuple[Any, ...]] = {}  # to let go of an object costs a call, too
        with contextlib.suppress(Exception):  # which hello meets again
            import vboxapi  # noqa: F401 (30 ms, in which another process may connect: not two at the same time)

    def hello(self) -> dict[str, str]:
        """Connect, and give back the version of VirtualBox."""
        from vboxapi import VirtualBoxManager

        self._manager = VirtualBoxManager(None, None)
        self._vbox = self._manager.getVirtualBox()
        self._constants = self._manager.constants
        self._states = {getattr(self._constants, "MachineState_" + name, None): word for name, word in STATES.items()}
        return {"version": self._vbox.version}

    def end(self) -> None:
        """Take leave of the server, which lets go of all that was this process's: to do so for each object takes 50 ms for 200 (measured)."""
        if self._manager:
            self._manager.deinit()
        os._exit(0)

    def list(self, states: Any = None) -> Any:
        """The UUIDs of all machines, or of those in certain states."""
        return [self._id(machine) for machine in self._all() if states is None or self._state_of(machine) in states]

    def find(self, names: Any, details: bool = True, search: int | None = None, part: int = 0, parts: int = 1) -> Any:
        """For each name or UUID the entries, as of ``read``, of the machines that it means.

        :param search: the same for all parts of one search, which look at the same list
        :param part: which of so many parts of the machines to look at
        """
        if search is None or search != self._search:
            self._search, self._listed, self._names = search, None, {}
        return [[self._entry(uuid, name, details) for uuid, name in self._meant(one, part, parts)] for one in names]

    def read(self, uuids: Any, details: bool = True) -> Any:
        """For each UUID ``{"machine": its fields}``, ``{"inaccessible": UUID, "reason": …, "code": …}`` or ``{"error": …}``."""
        return [self._entry(uuid, details=details) for uuid in uuids]

    def settings_file(self, uuid: str) -> str:
        """The path of a machine's settings file."""
        path: str = self._machine(uuid).settingsFilePath
        return path

    def modify(self, uuid: str, values: dict[str, Any]) -> None:
        """Change settings of a stopped machine: all of them or none.

        :param values: ``{name of a setting: value}``
        """
        machine = self._machine(uuid)
        with Session(self._manager, machine, self._constants.LockType_Write) as session:
            try:
                for name, value in values.items():
                    getattr(self, "_set_" + name)(session.machine, value)
                session.machine.saveSettings()
            except Exception:
                session.machine.discardSettings()
                raise

    def balloon(self, uuid: str, size: int) -> None:
        """Ask a live machine's guest for a balloon of so many MB."""
        with self._live_session(self._machine(uuid)) as (_settings, guest):
            guest.memoryBalloonSize = size

    def live_default(self, uuid: str, size: int) -> None:
        """Save a default balloon of so many MB while the machine runs, and leave the current request as it is.

        The settings of a running machine's session hold the request; the guest hears of a new one only through ``console.guest``.
        So the default is put into them for the moment in which they are saved. Source: Machine::setMemoryBalloonSize and
        Guest::setMemoryBalloonSize in VirtualBox's source; that saving makes the default was measured on 7.2.22.
        """
        with self._live_session(self._machine(uuid)) as (settings, _guest):
            current = settings.memoryBalloonSize
            settings.memoryBalloonSize = size
            try:
                settings.saveSettings()
            finally:
                settings.memoryBalloonSize = current

    def extra_data(self, prefix: str) -> dict[str, str]:
        """``{key: value}`` of the global extra data under keys that start so."""
        keys = [key for key in self._vbox.getExtraDataKeys() if key.startswith(prefix)]
        return {key: self._vbox.getExtraData(key) for key in keys}

    def set_extra_data(self, key: str, value: str | None) -> None:
        """Keep a value in the global extra data; none takes it away."""
        self._vbox.setExtraData(key, value or "")

    def query_metrics(self, uuid: str | None, metrics: Any) -> dict[str, int | None]:
        """The newest values of metrics of a machine, or of the host without one: ``{metric: kB, or None if it has none}``."""
        names, objects = self._of_metrics(uuid, metrics)
        values, found, _objects, _units, _scales, _numbers, starts, counts = (
            self._vbox.performanceCollector.queryMetricsData(names, objects)
        )
        return {name: values[start + count - 1] if count else None for name, start, count in zip(found, starts, counts)}

    def query_each(self, objects: Any) -> Any:
        """The same for many: for each pair of a UUID (none is the host) and metrics its values; none of a machine that is gone."""
        values = []
        for uuid, metrics in objects:
            try:
                values.append(self.query_metrics(uuid, metrics))
            except Exception as error:
                if as_error(error).get("code") != NOT_FOUND:
                    raise
                values.append({})
        return values

    def setup_metrics(self, uuid: str | None, groups: Any, period: int) -> None:
        """Have VirtualBox sample groups of metrics every so many seconds."""
        self._vbox.performanceCollector.setupMetrics(*self._of_metrics(uuid, groups), period, 1)

    def metrics_period(self, uuid: str, metric: str) -> int:
        """The seconds between samples of a metric; 0 if it is not set up."""
        return max(
            [0]
            + [found.period for found in self._vbox.performanceCollector.getMetrics(*self._of_metrics(uuid, [metric]))]
        )

    def _of_metrics(self, uuid: str | None, names: Any) -> tuple[Any, Any]:
        # The bindings cut this array of names off after as many as there are objects (measured); VirtualBox itself splits at commas.
        return [",".join(names)], [self._vbox.host if uuid is None else self._machine(uuid)]

    def _all(self) -> Any:
        return self._manager.getArray(self._vbox, "machines")

    def _id(self, machine: Any) -> str:
        uuid = machine.id.lower()
        self._machines[uuid] = machine
        return uuid

    def _machine(self, uuid: str) -> Any:
        if uuid not in self._machines:
            self._machines[uuid] = self._vbox.findMachine(uuid)
        return self._machines[uuid]

    def _meant(self, wanted: str, part: int, parts: int) -> Any:
        """The machine with this UUID, or else those with this name: pairs of a UUID and the name, where that is known.

        VirtualBox itself gives only the first of those with a name. A UUID is of the part that its digits say, and so is a name of that form.
        """
        if re.fullmatch(UUID, wanted):
            if int(wanted[:8], 16) % parts != part:
                return []
            part, parts = 0, 1
            try:
                self._machine(wanted.lower())
                return [(wanted.lower(), None)]
            except Exception as error:
                if as_error(error).get("code") != NOT_FOUND:
                    raise
        return [(self._id(machine), wanted) for machine in self._by_name(part, parts).get(wanted, [])]

    def _by_name(self, part: int, parts: int) -> dict[str | None, Any]:
        if self._listed is None:
            self._listed = self._all()
        if (part, parts) not in self._names:
            names = self._names[part, parts] = {}
            for machine in self._listed[part::parts]:
                names.setdefault(self._name_of(machine), []).append(machine)
        return self._names[part, parts]

    def _name_of(self, machine: Any) -> str | None:
        try:
            return machine.name
        except Exception:
            # Asked whether it is accessible, VirtualBox tries to read the settings again.
            return machine.name if machine.accessible else None

    def _state_of(self, machine: Any) -> str | None:
        try:
            return self._states.get(machine.state, "unknown")
        except Exception:
            return self._states.get(machine.state, "unknown") if machine.accessible else None

    def _entry(self, uuid: str, name: str | None = None, details: bool = True) -> dict[str, Any]:
        try:
            machine = self._machine(uuid)
        except Exception as error:
            return {"error": as_error(error)}
        try:
            return {"machine": self._fields(machine, uuid, name, details)}
        except Exception as error:
            found = as_error(error)
            if found.get("code") == NO_ACCESS and not machine.accessible:
                return dict(inaccessible=uuid, **access_error(machine))
            return {"error": found, "uuid": uuid}

    def _fields(self, machine: Any, uuid: str, name: str | None, details: bool) -> dict[str, Any]:
        """The fields of :class:`~.machines.Machine`. Each costs a call of the server, of 0.2 ms."""
        fields = dict(
            uuid=uuid,
            name=machine.name if name is None else name,
            state=self._state_of(machine),
            memory=machine.memorySize,
            balloon_default=machine.memoryBalloonSize,
            page_fusion=bool(machine.pageFusionEnabled) if hasattr(machine, "pageFusionEnabled") else None,
            large_pages=self._large_pages(machine, uuid),
        )
        if details:
            os_type = machine.OSTypeId
            fields.update(
                os_type=os_type,
                os_description=self._description(os_type),
                groups=self._manager.getArray(machine, "groups"),
            )
        if fields["state"] in LIVE:
            fields.update(self._live_fields(machine))
        return fields

    def _live_fields(self, machine: Any) -> dict[str, Any]:
        """What only a session with a live machine says. Without one, ``memoryBalloonSize`` is the default."""
        try:
            with self._live_session(machine) as (settings, guest):
                return dict(
                    balloon_current=settings.memoryBalloonSize,
                    additions_run_level=guest.additionsRunLevel,
                    frontend=getattr(machine, "sessionName", None) or None,
                )
        except NotRunning:  # any more
            state = self._state_of(machine)
            if state in LIVE:
                raise
            return {"state": state}

    @contextlib.contextmanager
    def _live_session(self, machine: Any) -> Iterator[Any]:
        """The machine of a shared session with one that runs, and its guest. With one that does not, the lock would be had as well, and shut others out."""
        if self._state_of(machine) in LIVE:
            with Session(self._manager, machine, self._constants.LockType_Shared) as session:
                # Each is asked for once: a machine that ends, and a server that is killed, leave none from one call to the next.
                settings, console = session.machine, session.console
                guest = console and console.guest
                if settings is not None and guest is not None:
                    yield settings, guest
                    return
        # As VBoxManage says it of what is given by its UUID.
        raise NotRunning("Machine '%s' is not currently running." % machine.id)

    def _description(self, os_type: str) -> str:
        if os_type not in self._descriptions:
            try:
                self._descriptions[os_type] = self._vbox.getGuestOSType(os_type).description
            except Exception:  # a type that this release doesn't know
                self._descriptions[os_type] = os_type
        return self._descriptions[os_type]

    def _large_pages(self, machine: Any, uuid: str) -> bool | None:
        try:
            if uuid not in self._x86s:
                self._x86s[uuid] = self._x86(machine)
            return bool(self._x86s[uuid][-1].getHWVirtExProperty(self._constants.HWVirtExPropertyType_LargePages))
        except Exception as error:
            if as_error(error).get("code") == OTHER_PLATFORM:
                return None
            raise

    def _x86(self, machine: Any) -> tuple[Any, ...]:
        """What has the settings of the processor, as the last of the objects that lead there: the machine itself before VirtualBox 7.1."""
        platform = getattr(machine, "platform", None)
        return (machine,) if platform is None else (platform, platform.x86)

    def _set_balloon_default(self, settings: Any, value: int) -> None:
        settings.memoryBalloonSize = value

    def _set_page_fusion(self, settings: Any, value: bool) -> None:
        settings.pageFusionEnabled = value

    def _set_large_pages(self, settings: Any, value: bool) -> None:
        self._x86(settings)[-1].setHWVirtExProperty(self._constants.HWVirtExPropertyType_LargePages, value)


class NotRunning(Exception):
    """What was asked for needs a machine that runs, in VBoxManage's words."""


class Session:
    """A session with a machine's lock, for ``with``. It is given back whatever happens."""

    def __init__(self, manager: Any, machine: Any, lock_type: Any) -> None:
        self._session = manager.getSessionObject()
        self._lock = (machine, lock_type)

    def __enter__(self) -> Any:
        machine, lock_type = self._lock
        machine.lockMachine(self._session, lock_type)
        return self._session

    def __exit__(self, *_error: Any) -> None:
        self._session.unlockMachine()


if __name__ == "__main__":
    main()
