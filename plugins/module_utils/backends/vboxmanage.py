# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""VirtualBox by its command line."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend, Found, Machines
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import (
    GUEST_METRICS,
    PERIOD,
    are_told_apart,
    period_in,
    values_in,
    values_of_all,
)
from ansible_collections.vbox.memory.plugins.module_utils.backends.showvminfo import Listing, read_machine, rows_in
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import VBoxManage
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import change_commands, power_command
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine


class VBoxManageBackend(Backend):
    """See :class:`~.base.Backend`. VBoxManage prints all of a machine; the ID of its type is in its settings file.

    :param executable: the program; ``None`` for the usual places
    :raises VBoxMemoryError: ``vboxmanage_not_found``
    """

    name = "vboxmanage"

    def __init__(self, executable: str | None = None) -> None:
        self.vboxmanage = VBoxManage(executable)
        self._in_vain: Mapping[str, str] | None = (
            None  # names with which asking for all at once told nothing: another machine has one of them
        )

    @property
    def version(self) -> str | None:
        return self.vboxmanage.version

    def reaches_server(self) -> bool:
        """Whether VirtualBox's server answers, by one try."""
        (answer,) = self.vboxmanage.run_each([("getextradata", "global", "vbox.memory")])
        return not (isinstance(answer, VBoxMemoryError) and answer.code == "server_unavailable")

    @cached_property
    def _listing(self) -> Listing:
        return Listing(self.vboxmanage)

    def find(self, names: Sequence[str], details: bool = True) -> list[Found]:
        return self._listing.find(names, details)

    def read_all(self, details: bool = True) -> Machines:
        return self._listing.read_all(details)

    def read_live(self, known: Mapping[str, Machine] | None = None) -> list[Machine]:
        known = known or {}
        uuids = rows_in(self.vboxmanage.run("list", "runningvms"))
        read = self._listing.read_each([uuid for uuid in uuids if uuid not in known])
        machines = []
        for uuid in uuids:
            found = known.get(uuid) or read[uuid]
            if isinstance(found, VBoxMemoryError):
                raise found
            if found and found.live:
                machines.append(found)
        return machines

    def read(self, uuid: str) -> Machine:
        return read_machine(self.vboxmanage, uuid)

    def settings_file(self, uuid: str) -> str:
        if uuid not in self.vboxmanage.settings_files:
            read_machine(self.vboxmanage, uuid, details=False)
        return self.vboxmanage.settings_files[uuid]

    def change(self, uuid: str, values: Mapping[str, Any], live: bool = False) -> None:
        for command in change_commands(uuid, values):
            self.vboxmanage.run(*command)

    def power(self, uuid: str, action: str, frontend: str | None = None) -> None:
        self.vboxmanage.run(*power_command(uuid, action, frontend))

    def extra_data(self, prefix: str) -> dict[str, str]:
        rows = self.vboxmanage.run("getextradata", "global", "enumerate")
        # Values are printed raw, and can look like rows: each key that there may be is asked for by itself.
        keys = dict.fromkeys(re.findall(r"^Key: (%s\S*), Value: " % re.escape(prefix), rows, re.MULTILINE))
        found = {key: self.vboxmanage.run("getextradata", "global", key) for key in keys}
        return {key: text[len("Value: ") : -1] for key, text in found.items() if text.startswith("Value: ")}

    def set_extra_data(self, key: str, value: str | None) -> None:
        self.vboxmanage.run("setextradata", "global", key, *([] if value is None else [value]))

    def metrics_period(self, uuid: str) -> int:
        metric = GUEST_METRICS["free_kb"]
        return period_in(self.vboxmanage.run("metrics", "list", uuid, metric), metric)

    def query_metrics(self, target: str, metrics: Sequence[str]) -> dict[str, int | None]:
        return values_in(self.vboxmanage.run("metrics", "query", target, ",".join(metrics)), metrics)

    def query_each(
        self, wanted: Mapping[str, Sequence[str]], names: Mapping[str, str]
    ) -> dict[str, dict[str, int | None]]:
        values = None
        if are_told_apart(wanted, names) and names != self._in_vain:
            metrics = list(dict.fromkeys(metric for some in wanted.values() for metric in some))
            values = values_of_all(self.vboxmanage.run("metrics", "query", "*", ",".join(metrics)), wanted, names)
            self._in_vain = dict(names) if values is None else None
        return super().query_each(wanted, names) if values is None else values

    def setup_metrics(self, target: str, groups: Sequence[str]) -> None:
        self.vboxmanage.run("metrics", "setup", "--period", str(PERIOD), "--samples", "1", target, ",".join(groups))

    def close(self) -> None:
        """There is nothing to end."""
