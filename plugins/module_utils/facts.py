# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The facts of a VirtualBox host: what it has and can do, its machines, and what they use."""

from __future__ import annotations

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.guard import SLACK, can_hold
from ansible_collections.vbox.memory.plugins.module_utils.machines import LIVE, Machine, read_settings_file
from ansible_collections.vbox.memory.plugins.module_utils.metrics import (
    GUEST_METRICS,
    HOST,
    HOST_METRICS,
    PROCESS_METRICS,
)
from ansible_collections.vbox.memory.plugins.module_utils.support import Host


def gather(backend, names, with_metrics, wait):
    """All facts, as ``vbox_memory_facts`` documents them.

    :param names: the machines to read, by name or UUID; ``None`` for all
    :param with_metrics: whether to ask for metrics, which sets them up where they are not
    :param wait: seconds to wait for the first sample of metrics that had to be set up
    :raises VBoxMemoryError: what reading raises; an inaccessible machine is an error only when it is asked for
    """
    host = Host(backend)
    machines, inaccessible = backend.read_all() if names is None else (find_all(backend, names), [])
    samples = _samples(backend, machines, wait) if with_metrics else {}
    entries = [_machine_entry(machine, samples.get(machine.uuid, {})) for machine in machines]
    host_entry = {key: samples.get(HOST, {}).get(key) for key in HOST_METRICS}
    host_entry.update(vbox_version=host.version, features=host.features())
    return dict(host=host_entry, machines=entries, inaccessible=inaccessible, totals=totals(host_entry, entries))


def find_all(backend, names):
    """The machines with these names or UUIDs.

    :raises VBoxMemoryError: naming the first that cannot be had
    """
    found = backend.find_many(names)
    for name, error in zip(names, found):
        if isinstance(error, VBoxMemoryError):
            raise VBoxMemoryError(error.code, "machine %r: %s" % (name, error.message), **error.details)
    return found


def _samples(backend, machines, wait):
    """The newest figures of the host and of live machines. A guest has some of its own when its Guest Additions run (run level 2 on)."""
    objects, paused = {HOST: HOST_METRICS}, {}
    for machine in [machine for machine in machines if machine.live]:
        guest = GUEST_METRICS if machine.additions_serve else {}
        objects[machine.uuid] = dict(PROCESS_METRICS, **({} if machine.state == "paused" else guest))
        if guest and machine.state == "paused":
            paused[machine.uuid] = guest
    samples = backend.sample(objects, wait)
    for uuid, sample in backend.sample(
        paused, 0
    ).items():  # a paused guest says nothing new, so there is nothing to wait for
        samples[uuid].update(sample)
    return samples


def _machine_entry(machine, sample):
    guest = {key: sample[key] for key in GUEST_METRICS if sample.get(key) is not None}
    return dict(
        name=machine.name,
        uuid=machine.uuid,
        state=machine.state,
        groups=machine.groups,
        os_type=machine.os_type or read_settings_file(machine.settings_file)["os_type"] or machine.os_description,
        os_description=machine.os_description,
        memory_mb=machine.memory,
        balloon_default_mb=machine.balloon_default,
        balloon_current_mb=machine.balloon_current,
        balloon_followed=_followed(machine, guest),
        page_fusion=machine.page_fusion,
        large_pages=machine.large_pages,
        guest_additions_run_level=machine.additions_run_level,
        process_kb=sample.get("process_kb"),
        guest={key: guest.get(key) for key in GUEST_METRICS} if guest else None,
    )


def machine_from_entry(entry):
    """The :class:`~.machines.Machine` that an entry of the facts was made of."""
    return Machine(
        uuid=entry["uuid"],
        name=entry["name"],
        state=entry["state"],
        groups=entry["groups"],
        os_type=entry["os_type"],
        os_description=entry["os_description"],
        memory=entry["memory_mb"],
        balloon_default=entry["balloon_default_mb"],
        balloon_current=entry["balloon_current_mb"],
        page_fusion=entry["page_fusion"],
        large_pages=entry["large_pages"],
        additions_run_level=entry["guest_additions_run_level"],
    )


def _followed(machine, guest):
    """Whether the guest holds the balloon that it was asked for, by its own word or by what it can hold; ``None``: nobody can tell."""
    asked = machine.balloon_current
    if asked is None or not {"total_kb", "free_kb"} <= set(guest):
        return None
    if guest.get("balloon_kb"):
        return guest["balloon_kb"] // 1024 >= asked - SLACK
    return can_hold(asked, guest["total_kb"] // 1024, guest["free_kb"] // 1024)


def totals(host, machines):
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
