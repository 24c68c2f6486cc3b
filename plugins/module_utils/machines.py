# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Read machines: the list, one machine's settings and state, and which machine a user means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from xml.etree import ElementTree

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.vboxmanage import PASSING

UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

STOPPED = ("poweroff", "aborted", "teleported")  # settings can change
LIVE = ("running", "paused")  # the balloon can be asked for


@dataclass
class Machine:
    """One machine as VirtualBox shows it. ``None`` means that VirtualBox does not say, or that it was not asked for details."""

    uuid: str
    name: str
    state: str
    memory: int | None = None  # MB
    balloon_default: int | None = None  # MB; the setting
    balloon_current: int | None = None  # MB; the request, of a live machine only
    page_fusion: bool | None = None
    large_pages: bool | None = None
    additions_run_level: int | None = None
    frontend: str | None = None  # of a live machine: headless, gui, …
    settings_file: str = ""  # where os_type is to be had from, if it is not known
    # Details.
    groups: list = field(default_factory=list)
    os_type: str | None = None  # the ID of the type of its operating system: 'Debian_64'
    os_description: str | None = None  # of that type: 'Debian (64-bit)'

    @property
    def live(self):
        """Whether a balloon can be asked for now."""
        return self.state in LIVE

    @property
    def additions_serve(self):
        """Whether the guest's Guest Additions follow requests and report figures: from run level 2 on."""
        return (self.additions_run_level or 0) >= 2


class Listing:
    """The machines of this user, by one ``list vms``; each machine asked for is then read by its UUID.

    ``list vms`` prints names raw, so a name that holds a newline or a row of its own can add rows. That is why a row is
    never more than a hint here: whatever is found is compared with what :func:`read_machine` says.
    """

    def __init__(self, vboxmanage):
        self.vboxmanage = vboxmanage
        self._text = vboxmanage.run("list", "vms")
        if not self._uuids and re.search(
            r"^(?!WARNING: )\S", self._text, re.MULTILINE
        ):  # not the Linux wrapper's warning
            raise VBoxMemoryError(
                "vboxmanage_unreadable",
                "VBoxManage's list of machines is not of the known form: see what 'VBoxManage list vms' prints",
            )

    def find_many(self, wanted):
        """For each name or UUID the machine with this UUID, or else with this name; or the error in its place: ``machine_not_found``,
        ``machine_ambiguous``, ``machine_inaccessible``, or what its reading ended in."""
        rows = [self._rows(one) for one in wanted]
        read = self.read_each(dict.fromkeys(uuid for uuids in rows for uuid in uuids))
        return [_the_one(one, [read[uuid] for uuid in uuids]) for one, uuids in zip(wanted, rows)]

    def read_all(self):
        """Every machine, and the UUIDs of those that VirtualBox cannot read."""
        machines, unreadable = [], []
        for uuid, found in self.read_each(self._uuids).items():
            if isinstance(found, Machine):
                machines.append(found)
            elif found and found.code == "machine_inaccessible":
                unreadable.append(uuid)
            elif found:
                raise found
        return machines, unreadable

    def read_each(self, uuids):
        """``{UUID: its machine, or the error, or None if it is not there}``: it is part of a name then, or gone since."""
        uuids = list(uuids)
        return dict(
            zip(uuids, map(self._machine, uuids, self.vboxmanage.run_each([info_command(uuid) for uuid in uuids])))
        )

    def _machine(self, uuid, said):
        """The machine of what was said of it at the first try; a passing error is tried again, but for machines that the list marks."""
        marked = re.search(r'^"?<inaccessible>"? \{%s\}$' % uuid, self._text, re.MULTILINE | re.IGNORECASE)
        try:
            if not isinstance(said, VBoxMemoryError):
                return machine_from(parse_info(said), uuid)
            if said.code in PASSING and not marked:
                return read_machine(self.vboxmanage, uuid)
            raise said
        except VBoxMemoryError as error:
            if error.code == "machine_not_found":
                return None
            return inaccessible(uuid) if marked else error

    def _rows(self, wanted):
        """The UUIDs of the rows that can be meant."""
        uuids = re.findall(r'^"%s" \{(%s)\}$' % (re.escape(wanted), UUID), self._text, re.MULTILINE)
        if re.fullmatch(UUID, wanted) and wanted.lower() in self._uuids:
            uuids.append(wanted)
        return list(dict.fromkeys(uuid.lower() for uuid in uuids))  # once, for a name can be the machine's own UUID

    @cached_property
    def _uuids(self):
        rows = re.findall(r'(?:"|<inaccessible>) \{(%s)\}$' % UUID, self._text, re.MULTILINE)
        return dict.fromkeys(uuid.lower() for uuid in rows)


def _the_one(wanted, found):
    """Of what was read of the rows for a name or UUID, the machine that is meant, or the error."""
    machines = [machine for machine in found if isinstance(machine, Machine)]
    errors = [error for error in found if isinstance(error, VBoxMemoryError)]
    meant = [machine for machine in machines if machine.uuid == wanted.lower()]
    if not meant and errors:
        return errors[0]
    return one_of(meant or [machine for machine in machines if machine.name == wanted])


def one_of(machines):
    """The machine, where it is the only one; the error that says so, where there is none or more than one."""
    if len(machines) == 1:
        return machines[0]
    return ambiguous(machines) if machines else not_found()


def not_found():
    """The error for a name or UUID that no machine has."""
    return VBoxMemoryError(
        "machine_not_found",
        "there is no machine with this name or UUID. VirtualBox shows each user only their own"
        " machines: run as the user who owns it (become_user), or see the names with 'VBoxManage list vms'",
    )


def ambiguous(machines):
    """The error for a name that these machines share."""
    return VBoxMemoryError(
        "machine_ambiguous",
        "several machines have this name: use one of their UUIDs, %s"
        % ", ".join(sorted(machine.uuid for machine in machines)),
    )


def inaccessible(uuid):
    """The error for a machine whose settings file VirtualBox cannot read."""
    return VBoxMemoryError(
        "machine_inaccessible",
        "VirtualBox cannot read the settings of machine %s: bring its .vbox file back,"
        " or unregister the machine" % uuid,
    )


def info_command(uuid):
    """The command that prints all of a machine."""
    return ("showvminfo", uuid, "--machinereadable")


def read_machine(vboxmanage, uuid):
    """The machine with this UUID.

    :raises VBoxMemoryError: ``machine_not_found``, ``vboxmanage_unreadable`` and what :meth:`VBoxManage.run` raises
    """
    return machine_from(parse_info(vboxmanage.run(*info_command(uuid))), uuid)


def machine_from(info, uuid):
    """A :class:`Machine` from what :func:`parse_info` gives.

    :raises VBoxMemoryError: ``vboxmanage_unreadable`` when a key that every machine has is missing or malformed
    """
    try:
        live = info["VMState"] in LIVE
        balloon = int(info["GuestMemoryBalloon"])
        return Machine(
            uuid=info["UUID"].lower(),
            name=info["name"],
            state=info["VMState"],
            os_description=info["ostype"],
            settings_file=info.get("CfgFile", ""),
            groups=info.get("groups", "/").split(","),
            memory=int(info["memory"]),
            balloon_default=read_settings_file(info.get("CfgFile", ""))["balloon_default"] if live else balloon,
            balloon_current=balloon if live else None,
            page_fusion=_on_off(info.get("pagefusion")),
            large_pages=_on_off(info.get("largepages")),
            additions_run_level=int(info["GuestAdditionsRunLevel"]) if "GuestAdditionsRunLevel" in info else None,
            frontend=info.get("SessionName") or None if live else None,
        )
    except (KeyError, ValueError) as error:
        raise VBoxMemoryError(
            "vboxmanage_unreadable",
            "VBoxManage's showvminfo for machine %s is not of the known form (%s: %s): see what"
            " 'VBoxManage showvminfo %s --machinereadable' prints" % (uuid, type(error).__name__, error, uuid),
        ) from None


def parse_info(text):
    r"""The rows of ``showvminfo --machinereadable`` as a dictionary of strings.

    A quoted value ends at a quote that no backslash precedes and that ends the line; it can hold raw newlines
    (names and descriptions do), so lines inside it are nobody's rows. Of a key that stands twice the first counts,
    as what a guest reports about itself stands last. Source: measured on 7.2.22.
    """
    row = re.compile(
        r'^("(?:[^"\\\n]|\\.)*"|[^"=\n]+)=(?:"((?:[^"\\]|\\.)*)"(?=\r?$)|([^\n]*))', re.MULTILINE | re.DOTALL
    )
    rows, position = {}, 0
    while True:
        found = row.search(text, position)
        if not found:
            return rows
        key, quoted, plain = found.groups()
        value = plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        rows.setdefault(key.strip('"'), value)
        position = found.end()


def read_settings_file(path):
    """What only a machine's settings file says: ``{"os_type": ID, "balloon_default": MB}``, with ``None`` if it cannot be read.

    ``showvminfo`` gives the description of the type in place of its ID, and of a live machine the current request in place of
    the default balloon. The file holds ``<Machine OSType="Debian_64">`` and ``<Guest memoryBalloonSize="N"/>``, where no such
    attribute means 0. Source: measured on 7.2.22.
    """
    try:
        machine = ElementTree.parse(path).getroot().find("{*}Machine")
        guest = machine.find("{*}Hardware/{*}Guest")
        return {
            "os_type": machine.get("OSType"),
            "balloon_default": int(guest.get("memoryBalloonSize", "0")) if guest is not None else 0,
        }
    except (
        OSError,
        ElementTree.ParseError,
        AttributeError,
        ValueError,
        LookupError,
    ):  # away, encrypted, or not of the known form
        return {"os_type": None, "balloon_default": None}


def _on_off(value):
    return None if value is None else value == "on"
