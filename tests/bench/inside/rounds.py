# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Rounds of balance by the bindings over this user's machines, with nothing to do: seconds of the processor, as JSON.

No machine can run in the sandbox. So all are read, and their metrics asked for, as of running ones, and what only a running one has is put in: its state,
its guest's figures, and what the host holds for it. What a running one costs beside that is a session, to read its current balloon; one that locks a
stopped machine stands in for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

from vboxapi import VirtualBoxManager

from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import HOST
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_worker import Session
from ansible_collections.vbox.memory.plugins.module_utils.execution.rounds import Balance

ROUNDS = 30
SESSIONS = 5  # of each machine: the kernel counts in steps of 10 ms
MEMORY = 128  # MB of each, so that the host has enough for all
GUEST = {
    "Guest/RAM/Usage/Total": 110_000,
    "Guest/RAM/Usage/Free": 60_000,
    "Guest/RAM/Usage/Cache": 20_000,
    "Guest/RAM/Usage/Balloon": 0,
}


class AsIfRunning:
    """The bindings' backend, of whose machines it says that they run. It refuses to change anything."""

    def __init__(self, backend):
        self._backend = backend
        self._rounds = 0

    def __getattr__(self, name):
        return getattr(self._backend, name)

    def read_live(self, known=None):
        machines, unreadable = self._backend.read_all(details=False)
        assert not unreadable, unreadable
        live = dict(state="running", additions_run_level=2, balloon_current=0, memory=MEMORY, large_pages=False)
        return [replace(machine, **live) for machine in machines]

    def query_each(self, wanted, names):
        values = self._backend.query_each(wanted, names)
        self._rounds += 1
        machines = {
            target: {metric: GUEST[metric] + self._rounds % 5 for metric in found}
            for target, found in values.items()
            if target != HOST
        }
        held = {"RAM/VMM/Used": len(machines) * MEMORY * 1024}
        return dict(machines, **{HOST: dict(values[HOST], **held)})

    def metrics_period(self, _uuid):
        return 1

    def change(self, uuid, values, live=False):
        raise AssertionError("a guest is asked for something")


def main():
    server = int(subprocess.run(["pgrep", "-U", str(os.getuid()), "VBoxSVC"], check=True, capture_output=True).stdout)
    with select_backend("api") as backend:
        as_if = AsIfRunning(backend)
        balance = Balance(as_if, {"window": 10})
        first = balance.round(ask=True)
        processes = {"ours": os.getpid(), "bindings": backend._pool._first._process.pid, "server": server}
        before = {name: used(pid) for name, pid in processes.items()}
        for _round in range(ROUNDS):
            one = balance.round(ask=True)
        whole = {name: (used(pid) - before[name]) / ROUNDS for name, pid in processes.items()}
        assert not one.taken and not one.plan["steps"] and len(one.plan["machines"]) == len(first.plan["machines"])
    print(json.dumps({"machines": len(one.plan["machines"]), "round": whole, "sessions": sessions(server)}))


def sessions(server):
    """The same for a session of each machine."""
    manager = VirtualBoxManager(None, None)
    machines = list(manager.getArray(manager.getVirtualBox(), "machines"))
    before = used(os.getpid()) + used(server)
    for machine in machines * SESSIONS:
        with Session(manager, machine, manager.constants.LockType_Write) as session:
            assert session.machine.memoryBalloonSize >= 0
    return (used(os.getpid()) + used(server) - before) / SESSIONS


def used(pid):
    """Seconds of the processor that a process has used, all its threads together."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        fields = stream.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
