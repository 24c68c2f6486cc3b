# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What machines are called in an inventory, where other sources have names, too.

Whoever owns a machine chooses its name, and whoever owns a host what it answers. So a name here ends in the host's name, which the inventory
file gives, and in ``.vbox``, which no group and no other host has; and it depends on nothing but the machine and those of the same host.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.inventory.group import to_safe_group_name

from ansible_collections.vbox.memory.plugins.module_utils.model.machine import UUID

ENDING = "vbox"
LONGEST = 80  # characters of a machine's name
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)  # what C's inet_aton takes for an address


def machine_names(host: str, machines: Sequence[Mapping[str, Any]], kind: str) -> dict[str, str]:
    """The names of a host's machines, by UUID: ``NAME.HOST.vbox``, all different.

    A name that cannot stand as it is, or that another machine of the host has, is followed by the UUID. So is one that ends in a UUID.

    :param machines: entries of the facts, with UUIDs that are different
    :param kind: ``name`` or ``uuid``
    """
    times = Counter(machine["name"] for machine in machines)
    names = {}
    for machine in machines:
        name, uuid = machine["name"], machine["uuid"]
        label = uuid if kind == "uuid" else _label(name)
        if kind != "uuid" and (label != name or times[name] > 1 or re.search("-%s$" % UUID, name)):
            label = "%s-%s" % (label, uuid)
        names[uuid] = "%s.%s.%s" % (label, host_part(host), ENDING)
    return names


def _label(name: str) -> str:
    """A name without dots, and without anything that Ansible's patterns, ranges, ports or a command line would take for something else."""
    return re.sub(r"^-", "_", re.sub(r"[^\w-]", "_", name[:LONGEST])) or "_"


def host_part(host: str) -> str:
    """How the name of a host stands in those of its machines."""
    return re.sub(r"[^\w.-]", "_", host)


def group_name(name: str) -> str:
    """The name of a group: what cannot stand there is an underscore."""
    return str(to_safe_group_name(name, force=True, silent=True))


def host_name(name: str) -> str | None:
    """A machine's name in small letters if it is a host name without dots, by RFC 1123; ``None`` if not, or if it stands for an address."""
    label = name.lower()
    good = re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label) and not NUMBER.fullmatch(label)
    return label if good and label != "localhost" else None
