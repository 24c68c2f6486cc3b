# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A fourth backend: machines in memory. It shows that the contract is all that the rest of the collection needs of one."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import LIVE_DEFAULT, Backend, not_found, one_of
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE, STOPPED, Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import SETTINGS

WEB01 = Machine(
    uuid="11111111-2222-4333-8444-555555555555",
    name="web01",
    state="running",
    os_description="Debian (64-bit)",
    memory=1024,
    balloon_default=0,
    balloon_current=0,
    page_fusion=False,
    large_pages=False,
    additions_run_level=2,
)
STOPPED_BY = {"poweroff": "poweroff", "acpipowerbutton": "poweroff"}


class MemoryBackend(Backend):
    """Machines in memory; what is done to them is in `log`, in order.

    :param machines: of type :class:`Machine`
    :param free: MB that each guest says it has free
    :param before_change: called with the backend before settings change, to make trouble
    :param sticks: whether a change is kept
    """

    name = "memory"

    def __init__(self, *machines, capabilities=(LIVE_DEFAULT,), free=900, before_change=None, sticks=True):
        self.machines = {machine.uuid: machine for machine in machines}
        self._capabilities = capabilities
        self.free, self.before_change, self.sticks = free, before_change, sticks
        self.log, self.details, self.extra = [], None, {}

    @property
    def version(self):
        return "7.0.20"

    @property
    def capabilities(self):
        return self._capabilities

    def find(self, names, details=True):
        self.details = details
        machines, _unreadable = self.read_all(details)
        return [one_of([one for one in machines if name in (one.uuid, one.name)]) for name in names]

    def read(self, uuid):
        if uuid not in self.machines:
            raise not_found()
        return self.machines[uuid]

    def read_all(self, details=True):
        without = {} if details else dict(groups=[], os_type=None, os_description=None)
        return [replace(machine, **without) for machine in self.machines.values()], {}

    def read_live(self, known=None):
        return [(known or {}).get(uuid, machine) for uuid, machine in self.machines.items() if machine.live]

    def settings_file(self, uuid):
        return ""  # they are in memory

    def change(self, uuid, values, live=False):
        self.log.append(("live" if live else "change", dict(values)))
        if self.before_change:
            self.before_change(self)
        machine = self.read(uuid)
        if not live and any(machine.state not in SETTINGS[name].states for name in values):
            code = "vboxmanage_failed" if "balloon_current" in values else "machine_locked"
            raise VBoxMemoryError(code, "not while the machine is %s" % machine.state)
        if self.sticks:
            self.machines[uuid] = replace(machine, **values)

    def power(self, uuid, action, frontend=None):
        self.log.append((action, frontend))
        machine = self.read(uuid)
        if action in STOPPED_BY:
            self.machines[uuid] = replace(machine, state=STOPPED_BY[action], balloon_current=None)
        elif action == "resume":
            self.machines[uuid] = replace(machine, state="running")
        elif machine.state in STOPPED:
            self.machines[uuid] = replace(machine, state="running", balloon_current=machine.balloon_default)

    def extra_data(self, prefix):
        return {key: value for key, value in self.extra.items() if key.startswith(prefix)}

    def set_extra_data(self, key, value):
        self.extra[key] = value
        if value is None:
            del self.extra[key]

    def query_metrics(self, target, metrics):
        live = [machine for machine in self.machines.values() if machine.state in LIVE]
        figures = {"RAM/VMM/Ballooned": sum(machine.balloon_current for machine in live) * 1024}
        if target in self.machines:
            machine = self.machines[target]
            figures.update(
                {
                    "Guest/RAM/Usage/Total": machine.memory * 1024,
                    "Guest/RAM/Usage/Free": self.free * 1024,
                    "Guest/RAM/Usage/Balloon": (machine.balloon_current or 0) * 1024,
                }
            )
        return {metric: figures.get(metric, 0) for metric in metrics}

    def setup_metrics(self, target, groups):
        self.log.append(("setup_metrics", target, groups))

    def metrics_period(self, uuid):
        return 1 if self.read(uuid).live else 0

    def close(self):
        self.log.append(("close",))
