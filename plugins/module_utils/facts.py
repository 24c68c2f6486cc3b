# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The facts of a VirtualBox host: what it has and can do, its machines, and what they use."""

from __future__ import annotations

import time
from typing import Any, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend, with_notes
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import (
    GUEST_METRICS,
    HOST,
    HOST_METRICS,
    PROCESS_METRICS,
    Samples,
)
from ansible_collections.vbox.memory.plugins.module_utils.balance_status import read_status
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.balance_note import (
    KEY,
    PREFIX,
    BalanceChange,
    read_changes,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.features import (
    features_as_facts,
    features_of,
    this_host,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE, Machine, as_facts, without_braces
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import SLACK, can_hold

Facts = Mapping[str, Any]


def gather(
    backend: Backend, names: Sequence[str] | None, with_metrics: bool, wait: float, details: bool = True
) -> dict[str, Any]:
    """All facts, as ``vbox_memory_facts`` documents them.

    :param names: the machines to read, by name or UUID; ``None`` for all
    :param with_metrics: whether to ask for metrics, which sets them up where they are not
    :param wait: seconds to wait for the first sample of metrics that had to be set up
    :param details: whether to read the groups and the type of the operating system, too
    :raises VBoxMemoryError: what reading raises; a machine that cannot be read is an error only when it is asked for
    """
    machines, errors = backend.read_all(details) if names is None else (find_all(backend, names, details), {})
    machines = with_notes(backend, machines)
    unreadable = [dict(uuid=uuid, name=None, code=error.code, msg=error.message) for uuid, error in errors.items()]
    samples = _samples(backend, machines, wait) if with_metrics else {}
    changes = _balance_changes(backend, machines)
    entries = [
        _machine_entry(machine, samples.get(machine.uuid, {}), changes.get(machine.uuid)) for machine in machines
    ]
    host: dict[str, Any] = {key: samples.get(HOST, {}).get(key) for key in HOST_METRICS}
    features = features_of(this_host(backend.version))
    host.update(vbox_version=backend.version, features=features_as_facts(features))
    return dict(
        host=host,
        machines=entries,
        unreadable=unreadable,
        totals=totals(host, entries),
        balance_service=read_status(),
    )


def find_all(backend: Backend, names: Sequence[str], details: bool) -> list[Machine]:
    """The machines with these names or UUIDs.

    :raises VBoxMemoryError: naming the first that cannot be had
    """
    found = backend.find([without_braces(name) for name in names], details)
    for name, error in zip(names, found):
        if isinstance(error, VBoxMemoryError):
            raise VBoxMemoryError(error.code, "machine %r: %s" % (name, error.message), **error.details)
    return [machine for machine in found if isinstance(machine, Machine)]


def _samples(backend: Backend, machines: Sequence[Machine], wait: float) -> Samples:
    """The newest figures of the host and of live machines. A guest has some of its own when its Guest Additions run (run level 2 on)."""
    objects: dict[str, Mapping[str, str]] = {HOST: HOST_METRICS}
    paused: dict[str, Mapping[str, str]] = {}
    for machine in [machine for machine in machines if machine.live]:
        guest = GUEST_METRICS if machine.additions_serve else {}
        objects[machine.uuid] = dict(PROCESS_METRICS, **({} if machine.state == "paused" else guest))
        if guest and machine.state == "paused":
            paused[machine.uuid] = guest
    samples = backend.sample(objects, wait, running=any(machine.state == "running" for machine in machines))
    # A paused guest says nothing new, so there is nothing to wait for.
    for uuid, sample in backend.sample(paused, 0).items():
        samples[uuid].update(sample)
    return samples


def _balance_changes(backend: Backend, machines: Sequence[Machine]) -> dict[str, BalanceChange]:
    """What balance asked of live machines last. Where none has a balloon nothing is read."""
    if not any(machine.balloon_current for machine in machines):
        return {}
    return read_changes(backend.extra_data(PREFIX).get(KEY), time.time())


def _machine_entry(
    machine: Machine, sample: Mapping[str, int | None], change: BalanceChange | None = None
) -> dict[str, Any]:
    guest = {key: sample[key] for key in GUEST_METRICS if sample.get(key) is not None}
    return dict(
        as_facts(machine),
        interrupted_restart=_interrupted(machine),
        last_balance=change.as_facts() if change and machine.live else None,
        balloon_followed=_followed(machine, guest),
        process_kb=sample.get("process_kb"),
        guest={key: guest.get(key) for key in GUEST_METRICS} if guest else None,
    )


def _interrupted(machine: Machine) -> int | None:
    """Since when a machine is off for a restart that was interrupted, in seconds since 1970."""
    return machine.note.since if machine.note and machine.to_be_started else None


def _followed(machine: Machine, guest: Mapping[str, int | None]) -> bool | None:
    """Whether the guest holds the balloon that it was asked for, by its own word or by what it can hold; ``None``: nothing tells."""
    requested, total, free = machine.balloon_current, guest.get("total_kb"), guest.get("free_kb")
    if requested is None or total is None or free is None:
        return None
    own = guest.get("balloon_kb")
    return own // 1024 >= requested - SLACK if own else can_hold(requested, total // 1024, free // 1024)


def totals(host: Facts, machines: Sequence[Facts]) -> dict[str, Any]:
    """Sums over the machines of a host. ``overcommit_ratio`` is the memory of the live machines by that of the host."""
    running_mb = sum(machine["memory_mb"] for machine in machines if machine["state"] in LIVE)
    total = host["memory_total_kb"]
    return dict(
        configured_mb=sum(machine["memory_mb"] for machine in machines),
        running_mb=running_mb,
        ballooned_kb=host["vmm_ballooned_kb"],
        shared_kb=host["vmm_shared_kb"],
        overcommit_ratio=round(running_mb * 1024 / total, 3) if total else None,
    )
