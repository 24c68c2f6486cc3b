# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Read machines by VBoxManage: the list, one machine's settings and state, and which machine a user means."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Iterable, Mapping, Sequence
from xml.etree import ElementTree

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import (
    OF_THE_HOST,
    Found,
    Machines,
    inaccessible,
    one_of,
)
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import Output, VBoxManage
from ansible_collections.vbox.memory.plugins.module_utils.errors import TRANSIENT, VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE, UUID, Machine


class Listing:
    """The machines of this user, by one ``list vms``; each machine asked for is then read by its UUID.

    ``list vms`` prints names raw, so a name that holds a newline or a row of its own can add rows. That is why a row is
    never more than a hint here: whatever is found is compared with what :func:`read_machine` says.
    """

    def __init__(self, vboxmanage: VBoxManage) -> None:
        self.vboxmanage = vboxmanage
        self._text = vboxmanage.run("list", "vms")
        if not self._uuids and re.search(
            r"^(?!WARNING: )\S", self._text, re.MULTILINE
        ):  # not the Linux wrapper's warning
            raise VBoxMemoryError(
                "vboxmanage_unreadable",
                "VBoxManage's list of machines is not of the known form: see what 'VBoxManage list vms' prints",
            )

    def find(self, names: Sequence[str], details: bool) -> list[Found]:
        """For each name or UUID the machine with this UUID, or else with this name; or the error in its place: ``machine_not_found``,
        ``machine_ambiguous``, ``machine_inaccessible``, or what its reading ended in."""
        rows = [self._rows(name) for name in names]
        read = self.read_each(dict.fromkeys(uuid for uuids in rows for uuid in uuids), details)
        return [_the_one(name, [read[uuid] for uuid in uuids]) for name, uuids in zip(names, rows)]

    def read_all(self, details: bool) -> Machines:
        """See :meth:`.base.Backend.read_all`."""
        read = {uuid: found for uuid, found in self.read_each(self._uuids, details).items() if found}
        errors = {uuid: found for uuid, found in read.items() if isinstance(found, VBoxMemoryError)}
        for error in errors.values():
            if error.code in OF_THE_HOST:
                raise error
        return [found for found in read.values() if isinstance(found, Machine)], errors

    def read_each(self, uuids: Iterable[str], details: bool = False) -> dict[str, Found | None]:
        """``{UUID: its machine, or the error, or None if it is not there}``: it is part of a name then, or gone since."""
        uuids = list(uuids)
        outputs = self.vboxmanage.run_each([info_command(uuid) for uuid in uuids])
        return {uuid: self._machine(uuid, output, details) for uuid, output in zip(uuids, outputs)}

    def _machine(self, uuid: str, output: Output, details: bool) -> Found | None:
        """The machine of what was printed of it at the first try; a transient error is tried again, but for machines that the list marks."""
        marked = re.search(r'^"?<inaccessible>"? \{%s\}$' % uuid, self._text, re.MULTILINE | re.IGNORECASE)
        try:
            if not isinstance(output, VBoxMemoryError):
                return _machine_of(self.vboxmanage, output, uuid, details)
            if output.code in TRANSIENT and not marked:
                return read_machine(self.vboxmanage, uuid, details)
            raise output
        except VBoxMemoryError as error:
            if error.code == "machine_not_found":
                return None
            return inaccessible(uuid, *self._access_errors.get(uuid, ())) if marked else error

    def _rows(self, wanted: str) -> list[str]:
        """The UUIDs of the rows that can be meant."""
        uuids = re.findall(r'^"%s" \{(%s)\}$' % (re.escape(wanted), UUID), self._text, re.MULTILINE)
        if re.fullmatch(UUID, wanted) and wanted.lower() in self._uuids:
            uuids.append(wanted)
        return list(dict.fromkeys(uuid.lower() for uuid in uuids))  # once, for a name can be the machine's own UUID

    @cached_property
    def _uuids(self) -> dict[str, None]:
        rows = re.findall(r'(?:"|<inaccessible>) \{(%s)\}$' % UUID, self._text, re.MULTILINE)
        return dict.fromkeys(uuid.lower() for uuid in rows)

    @cached_property
    def _access_errors(self) -> dict[str, tuple[str, str]]:
        """Why machines are inaccessible, as far as it can be told: ``{UUID: (VirtualBox's text, its result code)}``.

        On 7.2 only the long list says it: stdout has the machine, stderr the reason. A text that stands for one in either
        makes more of the one than of the other, and then nothing is told. Source: measured on 7.2.22.
        """
        try:
            stdout, stderr = self.vboxmanage.run_for_both("list", "--long", "vms")
        except VBoxMemoryError:
            return {}
        uuids = re.findall(r"^Name: +<inaccessible!>\nUUID: +(%s)$" % UUID, stdout, re.MULTILINE)
        lines = re.sub(r"^VBoxManage\S*: error: ", "", stderr, flags=re.MULTILINE)
        reasons = re.findall(r"(.*?)^Details: code \w+ \((0x[0-9a-fA-F]{8})\)[^\n]*\n", lines, re.MULTILINE | re.DOTALL)
        return dict(zip(map(str.lower, uuids), reasons)) if len(uuids) == len(reasons) else {}


def _the_one(wanted: str, found: Sequence[Found | None]) -> Found:
    """Of what was read of the rows for a name or UUID, the machine that is meant, or the error."""
    machines = [machine for machine in found if isinstance(machine, Machine)]
    errors = [error for error in found if isinstance(error, VBoxMemoryError)]
    meant = [machine for machine in machines if machine.uuid == wanted.lower()]
    if not meant and errors:
        return errors[0]
    return one_of(meant or [machine for machine in machines if machine.name == wanted])


def info_command(uuid: str) -> tuple[str, ...]:
    """The command that prints all of a machine."""
    return ("showvminfo", uuid, "--machinereadable")


def read_machine(vboxmanage: VBoxManage, uuid: str, details: bool = True) -> Machine:
    """The machine with this UUID.

    :raises VBoxMemoryError: ``machine_not_found``, ``vboxmanage_unreadable`` and what :meth:`VBoxManage.run` raises
    """
    return _machine_of(vboxmanage, vboxmanage.run(*info_command(uuid)), uuid, details)


def _machine_of(vboxmanage: VBoxManage, output: str, uuid: str, details: bool) -> Machine:
    info = parse_info(output)
    machine = machine_from(info, uuid, details)
    vboxmanage.settings_files[machine.uuid] = info.get("CfgFile", "")
    os_type = machine.os_type
    if os_type and (os_type == machine.os_description or not os_type[0].isupper()):
        # The file cannot be read, or somebody has written the ID into it in letters of another size, which VirtualBox takes.
        machine.os_type = _os_types(vboxmanage).get(info["ostype"], os_type)
    return machine


def _os_types(vboxmanage: VBoxManage) -> dict[str, str]:
    """The IDs of the types that VirtualBox knows, by their descriptions, of which each is another one (measured). It takes 0.1 s, once."""
    if not vboxmanage.os_types:
        rows = r"^ID(?: / Description)?: +(\S+)(?: -- |\nDescription: +)(.+)$"  # since 7.1 in one line
        listed = vboxmanage.run("list", "ostypes")
        vboxmanage.os_types = {description: name for name, description in re.findall(rows, listed, re.MULTILINE)}
    return vboxmanage.os_types


def machine_from(info: Mapping[str, str], uuid: str, details: bool = True) -> Machine:
    """A :class:`Machine` from what :func:`parse_info` gives.

    :raises VBoxMemoryError: ``vboxmanage_unreadable`` when a key that every machine has is missing or malformed
    """
    try:
        live = info["VMState"] in LIVE
        balloon = int(info["GuestMemoryBalloon"])
        settings = read_settings_file(info.get("CfgFile", "")) if live or details else {}
        return Machine(
            uuid=info["UUID"].lower(),
            name=info["name"],
            state=info["VMState"],
            memory=int(info["memory"]),
            balloon_default=settings["balloon_default"] if live else balloon,
            balloon_current=balloon if live else None,
            page_fusion=_on_off(info.get("pagefusion")),
            large_pages=_on_off(info.get("largepages")),
            additions_run_level=int(info["GuestAdditionsRunLevel"]) if "GuestAdditionsRunLevel" in info else None,
            frontend=info.get("SessionName") or None if live else None,
            groups=info.get("groups", "/").split(",") if details else [],
            os_type=(settings["os_type"] or info["ostype"]) if details else None,
            os_description=info["ostype"] if details else None,
        )
    except (KeyError, ValueError) as error:
        raise VBoxMemoryError(
            "vboxmanage_unreadable",
            "VBoxManage's showvminfo for machine %s is not of the known form (%s: %s): see what"
            " 'VBoxManage showvminfo %s --machinereadable' prints" % (uuid, type(error).__name__, error, uuid),
        ) from None


def parse_info(text: str) -> dict[str, str]:
    r"""The rows of ``showvminfo --machinereadable`` as a dictionary of strings.

    A quoted value ends at a quote that no backslash precedes and that ends the line; it can hold raw newlines
    (names and descriptions do), so lines inside it are nobody's rows. Of a key that stands twice the first counts,
    as what a guest reports about itself stands last. Source: measured on 7.2.22.
    """
    row = re.compile(
        r'^("(?:[^"\\\n]|\\.)*"|[^"=\n]+)=(?:"((?:[^"\\]|\\.)*)"(?=\r?$)|([^\n]*))', re.MULTILINE | re.DOTALL
    )
    rows: dict[str, str] = {}
    position = 0
    while True:
        found = row.search(text, position)
        if not found:
            return rows
        key, quoted, plain = found.groups()
        value = plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        rows.setdefault(key.strip('"'), value)
        position = found.end()


def read_settings_file(path: str) -> dict[str, Any]:
    """What only a machine's settings file says: ``{"os_type": ID, "balloon_default": MB}``, with ``None`` if it cannot be read.

    ``showvminfo`` gives the description of the type in place of its ID, and of a live machine the current request in place of
    the default balloon. The file holds ``<Machine OSType="Debian_64">`` and ``<Guest memoryBalloonSize="N"/>``, where no such
    attribute means 0. Source: measured on 7.2.22.
    """
    try:
        machine: Any = ElementTree.parse(path).getroot().find("{*}Machine")
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


def _on_off(value: str | None) -> bool | None:
    return None if value is None else value == "on"
