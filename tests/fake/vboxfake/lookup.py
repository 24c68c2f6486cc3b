# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Machines: how one is found, made up, locked and refused."""

import os
import time

from . import errors, getopt, releases

ONLINE = (
    "running",
    "paused",
    "gurumeditation",
    "teleporting",
    "livesnapshotting",
    "teleportingpausedvm",
    "onlinesnapshotting",
)
IN_TRANSIT = (
    "starting",
    "stopping",
    "saving",
    "restoring",
    "teleportingin",
    "deletingsnapshotlive",
    "deletingsnapshotlivepaused",
)
MUTABLE = ("poweroff", "aborted", "teleported")
SAVED = ("saved", "aborted-saved")

# How the API spells a state in its messages, where that is not the short name with a capital.
STATE_WORDS = {"poweroff": "PoweredOff", "aborted-saved": "Aborted-Saved", "gurumeditation": "GuruMeditation"}


def find(state, word, command, context):
    """The machine of this name, UUID or settings file. A word that looks like a UUID is one."""
    uuid = getopt.normal_uuid(word)
    if uuid:
        found = [machine for machine in state["machines"] if machine["uuid"] == uuid]
        missing = "Could not find a registered machine with UUID {%s}" % uuid
    else:
        readable = [machine for machine in state["machines"] if machine["accessible"]]
        found = [machine for machine in readable if word in (machine["name"], settings_file(machine))]
        missing = "Could not find a registered machine named '%s'" % word
    if not found:
        place = command + " FindMachine"
        raise errors.failed(state, missing, "VBOX_E_OBJECT_NOT_FOUND", "VirtualBoxWrap", "IVirtualBox", place, context)
    return found[0]


def find_first(call, command):
    """The machine that the first argument names, with the context that most commands report."""
    return find(call.state, call.args[0], command, "FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())")


def new_machine(state, name):
    """A machine as createvm makes it, before its options are looked at."""
    return {
        "name": name,
        "uuid": random_uuid(),
        "description": "",
        "groups": ["/"],
        "ostype": "Other",
        "arch": "x86",
        "hardware": "pae long ioapic nonic",
        "memory": releases.default_memory(state),
        "balloon": 0,
        "page_fusion": False,
        "large_pages": releases.has_large_pages_on(state),
        "state": "poweroff",
        "since": round(time.time(), 3),
        "accessible": True,
        "snapshots": [],
        "current": None,
        "frontend": None,
        "guest": {},
        "folder": "%s/VirtualBox VMs/%s" % (state["host"]["home"], file_name(name)),
        "file": file_name(name),
        "mac": "080027%s" % os.urandom(3).hex().upper(),
    }


def random_uuid():
    digits = list(os.urandom(16).hex())
    digits[12], digits[16] = "4", "89ab"[int(digits[16], 16) % 4]
    text = "".join(digits)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def settings_file(machine):
    return "%s/%s.vbox" % (machine["folder"], machine["file"])


def file_name(name):
    """createvm's file name for a machine: letters, digits and a few signs stay."""
    kept = "".join(char if _stays(char) else "_" for char in name)
    if kept[:1] in (".", "-", " "):
        kept = "_" + kept[1:]
    if kept[-1:] in (".", " "):
        kept = kept[:-1] + "_"
    return kept


def _stays(char):
    return char in " ()-._" or (char.isascii() and char.isalnum()) or "\xa0" <= char <= "\ud7af"


def state_word(machine):
    """The machine's state as the API's messages spell it."""
    return STATE_WORDS.get(machine["state"], machine["state"].capitalize())


def change_state(machine, name):
    machine["state"] = name
    machine["since"] = round(time.time(), 3)


def limited(state, place=None, context=None):
    """The error of a machine whose file is gone."""
    return errors.failed(
        state, "The object functionality is limited", "E_ACCESSDENIED", "MachineWrap", "IMachine", place, context
    )


def locked(state, machine):
    """The error of a machine that somebody else holds."""
    return errors.failed(
        state,
        "The machine '%s' is already locked for a session (or being unlocked)" % machine["name"],
        "VBOX_E_INVALID_OBJECT_STATE",
        "MachineWrap",
        "IMachine",
        "modifyvm LockMachine",
        "LockMachine(a->session, LockType_Write)",
    )


def balloon_limit(machine):
    """A balloon must be below this; the program's message says 'up to this'."""
    return machine["memory"] * 9 // 10


def refuse_balloon(state, machine, size, component, interface, place, context):
    """Fails where the program refuses this balloon."""
    if not releases.host_of(state)["balloon"]:
        text = "Memory ballooning is only supported on 64-bit hosts"
        raise errors.failed(state, text, "NS_ERROR_NOT_IMPLEMENTED", component, interface, place, context)
    if size >= balloon_limit(machine):
        text = "Invalid memory balloon size: %d MB (must be in range [0, %d] MB)" % (size, balloon_limit(machine))
        raise errors.failed(state, text, "NS_ERROR_INVALID_ARG", component, interface, place, context)
