# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Read machines by VBoxManage: the list, one machine's settings and state, and which machine a user means."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Iterable, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import (
    OF_THE_HOST,
    Found,
    Machines,
    inaccessible,
    one_of,
)
from ansible_collections.vbox.memory.plugins.module_utils.backends.settings_file import read_settings_file
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
        self._uuids = rows_in(self._text)
        if not self._uuids:
            str(vboxmanage.version)  # which what is no VBoxManage does not print

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
        machines = [found for found in read.values() if isinstance(found, Machine)]
        left = _without_warnings(self._text)
        for machine in machines:
            if "\n" in machine.name:
                left = left.replace('"%s" {%s}\n' % (machine.name, machine.uuid), "", 1)
        if not errors and not re.fullmatch(r'(?:(?:".*"|<inaccessible>) \{%s\}\n)*' % UUID, left):
            raise _unreadable_list()
        return machines, errors

    def read_each(self, uuids: Iterable[str], details: bool = False) -> dict[str, Found | None]:
        """``{UUID: its machine, or the error, or None if it is not there}``: it is part of a name then, or gone since."""
        uuids = list(uuids)
        outputs = self.vboxmanage.run_each([info_command(uuid) for uuid in uuids])
        return {uuid: self._machine(uuid, output, details) for uuid, output in zip(uuids, outputs)}

    def _machine(self, uuid: str, output: Output, details: bool) -> Found | None:
        """The machine of what was printed of it at the first try; a transient error is tried again, but for machines that the list marks."""
        listing, marked = self, self._marks(uuid)
        try:
            if not isinstance(output, VBoxMemoryError):
                return _machine_of(self.vboxmanage, output, uuid, details)
            if output.code in TRANSIENT and not marked:
                return read_machine(self.vboxmanage, uuid, details)
            raise output
        except VBoxMemoryError as error:
            if error.code == "machine_not_found":
                return None
            if error.code == "machine_locked" and not marked:  # another server may have answered than that of the list
                listing = Listing(self.vboxmanage)
                marked = listing._marks(uuid)
            return inaccessible(uuid, *listing._access_errors.get(uuid, ())) if marked else error

    def _marks(self, uuid: str) -> bool:
        """Whether the list marks a machine as inaccessible."""
        row = r'^"?<inaccessible>"? \{%s\}$' % uuid
        return re.search(row, self._text, re.MULTILINE | re.IGNORECASE) is not None

    def _rows(self, wanted: str) -> list[str]:
        """The UUIDs of the rows that can be meant."""
        uuids = re.findall(r'^"%s" \{(%s)\}$' % (re.escape(wanted), UUID), self._text, re.MULTILINE)
        if re.fullmatch(UUID, wanted) and wanted.lower() in self._uuids:
            uuids.append(wanted)
        return list(dict.fromkeys(uuid.lower() for uuid in uuids))  # once, for a name can be the machine's own UUID

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


def rows_in(text: str) -> list[str]:
    """The UUIDs of what can be rows of a ``list``.

    :raises VBoxMemoryError: ``vboxmanage_unreadable`` when the text does not begin and end as rows do
    """
    body = _without_warnings(text)
    rows = re.findall(r'(?:"|<inaccessible>) \{(%s)\}$' % UUID, body, re.MULTILINE)
    if body and not (rows and body.startswith(('"', "<inaccessible>")) and re.search(r" \{%s\}\n\Z" % UUID, body)):
        raise _unreadable_list()
    return list(dict.fromkeys(uuid.lower() for uuid in rows))


def _without_warnings(text: str) -> str:
    """The text without what the packages' wrapper on Linux prints before it where the driver is absent."""
    return re.sub(r"\A(?:WARNING: .*\n(?:[ \t].*\n|\n)*)*", "", text)


def _unreadable_list() -> VBoxMemoryError:
    return VBoxMemoryError(
        "vboxmanage_unreadable",
        "VBoxManage's list of machines is not of the known form, or not whole: see what 'VBoxManage list vms' prints",
    )


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
    machine, info = machine_from(output, uuid, details), _head(output)
    vboxmanage.settings_files[machine.uuid] = info["CfgFile"]
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


def machine_from(text: str, uuid: str, details: bool = True) -> Machine:
    """A :class:`Machine` from what ``showvminfo --machinereadable`` printed of the one with this UUID.

    :raises VBoxMemoryError: ``vboxmanage_unreadable`` when it is not whole, not of this machine, or not of the known form
    """
    try:
        info, guest = _head(text), _tail(text)
        if info["UUID"].lower() != uuid.lower():
            raise ValueError("it is about machine %.40s" % info["UUID"])
        live = info["VMState"] in LIVE
        if live and "encryption" not in info and len(re.findall(r"^%s=" % _BALLOON, text, re.MULTILINE)) > 1:
            raise _twice(_BALLOON)  # before 7.0 the guest's version is printed raw, too
        settings = _settings_on_disk(info["CfgFile"]) if live or details else {}
        arm = info.get("platformArchitecture", "x86").upper() == "ARM"
        return Machine(
            uuid=info["UUID"].lower(),
            name=info["name"],
            state=info["VMState"],
            memory=_number(info["memory"]),
            balloon_default=settings.get("balloon_default") if live else _number(guest["balloon"]),
            balloon_current=_number(guest["balloon"]) if live else None,
            page_fusion=_on_off(info["pagefusion"]),
            large_pages=None if arm else _on_off(info["largepages"]),
            additions_run_level=_number(guest["run_level"]) if guest["run_level"] else None,
            frontend=_session_name(text) if live else None,
            groups=info["groups"].split(",") if details else [],
            os_type=settings.get("os_type", info["ostype"]) if details else None,
            os_description=info["ostype"] if details else None,
        )
    except (KeyError, ValueError) as error:
        what = "there is no %s" % error if isinstance(error, KeyError) else str(error)
        raise VBoxMemoryError(
            "vboxmanage_unreadable",
            "VBoxManage's showvminfo for machine %s is not of the known form (%s): see what"
            " 'VBoxManage showvminfo %s --machinereadable' prints" % (uuid, what, uuid),
        ) from None


# The output of showvminfo has three parts. In the first, up to VMState, all text is escaped: a backslash before quotes and backslashes,
# newlines raw. In the second many fields are printed raw, and what somebody wrote there can look like any row. The third is the balloon
# and what the guest says of itself, escaped again, to the very end; before 7.0 the snapshots follow, raw.
# Source: showVMInfo in VBoxManageInfo.cpp of 7.2; all fields tried on 7.2.22 (docs/virtualbox-findings.md); recordings of 6.1 to 7.1.
_QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_ROW = re.compile(r'([^"=\n]+)=(%s|[^"\n]*)\n' % _QUOTED, re.DOTALL)
_BALLOON = "GuestMemoryBalloon"
_TAIL = re.compile(
    r"%s=(?P<balloon>[^\n]*)\n"
    r"(?:GuestOSType=%s\n)?(?:GuestAdditionsRunLevel=(?P<run_level>[^\n]*)\n)?(?:GuestAdditionsVersion=%s\n)?"
    r'(?:GuestAdditionsFacility_[^="\n]*=[0-9]+,-?[0-9]+\n)*'
    r'(?:SnapshotName=".*\nCurrentSnapshotNode="SnapshotName[-0-9]*"\n)?\Z' % (_BALLOON, _QUOTED, _QUOTED),
    re.DOTALL,
)


def _head(text: str) -> dict[str, str]:
    """The rows of the first part, up to the state.

    :raises ValueError: for a key that stands twice with different values, or where another answer follows
    """
    rows: dict[str, str] = {}
    starts = [found.start() for found in re.finditer(r'^name="', text, re.MULTILINE)]
    if len(starts) > 1:
        raise _twice("name")
    position = starts[0] if starts else len(text)  # after the Linux wrapper's warning, if any
    while position < len(text) and "VMState" not in rows:
        found = _ROW.match(text, position)
        if found:
            key, value = found.groups()
            if rows.setdefault(key, value) != value:
                raise _twice(key)
        position = found.end() if found else text.find("\n", position) + 1 or len(text)
    return {
        key: re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value.startswith('"') else value.strip()
        for key, value in rows.items()
    }


def _tail(text: str) -> dict[str, str]:
    """The balloon and the guest's run level, from the end.

    :raises ValueError: when the end is not there, or when more than one could be meant
    """
    starts = re.finditer(r"^%s=" % _BALLOON, text, re.MULTILINE)
    found = [tail for tail in (_TAIL.match(text, start.start()) for start in starts) if tail]
    if not found:
        raise ValueError("it does not end as a whole answer does, with %s" % _BALLOON)
    if len(found) > 1:
        raise _twice(_BALLOON)
    return found[0].groupdict()


def _session_name(text: str) -> str | None:
    """The front end of a live machine: a row in the second part, so only where it stands once it is VirtualBox's own.

    :raises ValueError: for one that stands there twice
    """
    names = re.findall(r'^SessionName="([^"\n]*)"$', text, re.MULTILINE)
    if len(names) > 1:
        raise _twice("SessionName")
    return names[0] or None if names else None


def _twice(key: str) -> ValueError:
    return ValueError("the key %.40s stands there more than once, and nothing tells which is VirtualBox's own" % key)


def _settings_on_disk(path: str) -> dict[str, Any]:
    """What only a machine's settings file says: ``showvminfo`` gives the description of the type in place of its ID, and of a live machine the
    current request in place of the default balloon. Nothing where the file cannot be read."""
    try:
        return read_settings_file(path)
    except (OSError, ValueError):
        return {}


def _number(text: str) -> int:
    """A number as VirtualBox prints it: plain decimal, of 32 bits.

    :raises ValueError: for all else that ``int()`` would take, too
    """
    if not re.fullmatch("[0-9]{1,10}", text):
        raise ValueError("%.40r is no number" % text)
    return int(text)


def _on_off(value: str) -> bool:
    if value not in ("on", "off"):
        raise ValueError("%.40r is neither on nor off" % value)
    return value == "on"
