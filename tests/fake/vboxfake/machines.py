# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Machines: find, list, make, remove, change."""

import os
import time

from . import clock, errors, getopt, guest, ostypes, releases, showinfo, usage
from .getopt import FLAG, NUMBER, ONOFF, STRING, UUID

ONLINE = ("running", "paused", "gurumeditation", "teleporting", "livesnapshotting")
MUTABLE = ("poweroff", "aborted", "teleported")
SAVED = ("saved", "aborted-saved")


# -- finding ------------------------------------------------------------------------------------------------------------


def find(state, word, place, context):
    """The machine of this name, UUID or settings file. What looks like a UUID is one."""
    uuid = getopt.normal_uuid(word)
    if uuid:
        found = [machine for machine in state["machines"] if machine["uuid"] == uuid]
        missing = "Could not find a registered machine with UUID {%s}" % uuid
    else:
        readable = [machine for machine in state["machines"] if machine["accessible"]]
        found = [machine for machine in readable if word in (machine["name"], settings_file(machine))]
        missing = "Could not find a registered machine named '%s'" % word
    if not found:
        raise errors.failed(state, missing, "VBOX_E_OBJECT_NOT_FOUND", "VirtualBoxWrap", "IVirtualBox", place, context)
    return found[0]


def settings_file(machine):
    name = safe_name(machine["name"])
    return "%s/%s.vbox" % (machine["folder"], name)


def safe_name(name):
    """The name as a file's name, which keeps letters, digits, and a few signs."""
    kept = "".join(char if char in " ()-._" or char.isascii() and char.isalnum() or "\xa0" <= char <= "\ud7af" else "_" for char in name)
    if kept[:1] in (".", "-"):
        kept = "_" + kept[1:]
    if kept[-1:] == ".":
        kept = kept[:-1] + "_"
    return kept


def require_access(state, machine, place=None, context=None):
    """Fails as every command does on a machine whose file is gone."""
    if not machine["accessible"]:
        raise errors.failed(state, "The object functionality is limited", "E_ACCESSDENIED", "MachineWrap", "IMachine", place, context)


# -- list ---------------------------------------------------------------------------------------------------------------


def list_(call):
    """list [-l|--long] [-s|--sorted] vms|runningvms|hostinfo|ostypes"""
    words = [word for word in call.args if not word.startswith("-")]
    flags = [word for word in call.args if word.startswith("-")]
    for flag in flags:
        if flag not in ("-l", "--long", "-s", "--sorted"):
            raise usage.refused(call.state, "list", "Unknown option: %s" % flag)
    if len(words) != 1:
        raise usage.refused(call.state, "list", "Missing subcommand for \"list\" command." if not words else "Too many parameters")
    if words[0] not in LISTS:
        raise usage.refused(call.state, "list", "Unknown subcommand: %s" % words[0])
    LISTS[words[0]](call, "-l" in flags or "--long" in flags, "-s" in flags or "--sorted" in flags)


def _list_vms(call, long, by_name, only=None):
    machines = [machine for machine in call.state["machines"] if only is None or machine["state"] in only]
    if by_name:
        machines = sorted(machines, key=lambda machine: machine["name"])
    for machine in machines:
        if not long:
            name = machine["name"] if machine["accessible"] else "<inaccessible>"
            call.out('"%s" {%s}\n' % (name, machine["uuid"]))
        else:
            call.out(showinfo.human(call.state, machine, machine["balloon"], live=False))


def _list_runningvms(call, long, by_name):
    _list_vms(call, long, by_name, only=ONLINE + ("teleportingpausedvm", "starting", "stopping", "saving", "restoring"))


def _list_hostinfo(call, long, by_name):
    host = call.state["host"]
    row = releases.host_of(call.state)
    now = clock.stamp(time.time()) + ("Z" if releases.at_least(call.state, "6.1") else "")
    features = ["PAE", "long mode"]
    call.out("Host Information:\n\nHost time: %s\n" % now)
    for label in ("online count", "count", "online core count", "core count"):
        call.out("Processor %s: %d\n" % (label, host["processors"]))
    for label in _host_features(call.state):
        call.out("Processor supports %s: %s\n" % (label, "yes" if label in features else "no"))
    for number in range(host["processors"]):
        call.out("Processor#%d speed: 2596 MHz\nProcessor#%d description: AMD EPYC\n" % (number, number))
    call.out("Memory size: %d MByte\n" % host["memory_mb"])
    call.out("Memory available: %d MByte\n" % guest.host_available_mb(call.state))
    call.out("Operating system: %s\nOperating system version: %s\n" % (row["os"], row["os_version"]))


def _host_features(state):
    labels = ["HW virtualization", "PAE", "long mode", "nested paging"]
    if releases.at_least(state, "6.1"):
        labels += ["unrestricted guest", "nested HW virtualization"]
    if releases.at_least(state, "7.0"):
        labels += ["virt. vmsave/vmload"]
    return labels


def _list_ostypes(call, long, by_name):
    for identifier, description, family in ostypes.OSTYPES:
        call.out("ID:          %s\nDescription: %s\nFamily ID:   %s\n\n" % (identifier, description, family))


LISTS = {"vms": _list_vms, "runningvms": _list_runningvms, "hostinfo": _list_hostinfo, "ostypes": _list_ostypes}


# -- createvm, registervm, unregistervm -----------------------------------------------------------------------------------


CREATE_OPTIONS = {
    "--name": ("name", STRING),
    "--groups": ("groups", STRING),
    "--basefolder": ("basefolder", STRING),
    "--ostype": ("ostype", STRING),
    "--os-type": ("ostype", STRING),
    "--uuid": ("uuid", UUID),
    "--register": ("register", FLAG),
    "--default": ("default", FLAG),
    "--platform-architecture": ("arch", STRING),
}
NEW_IN_7_0 = ("--os-type",)
NEW_IN_7_1 = ("--platform-architecture",)


def create(call):
    """createvm --name N [--ostype T] [--register] [--uuid U] [--groups G] [--basefolder F]"""
    table = options_of(call.state, CREATE_OPTIONS, {"7.0": NEW_IN_7_0, "7.1": NEW_IN_7_1})
    given = dict(_parsed(call, "createvm", table))
    if not given.get("name"):
        raise usage.refused(call.state, "createvm", "Parameter --name is required", table)
    machine = new_machine(call.state, given["name"])
    machine.update({key: given[key] for key in ("uuid",) if key in given})
    machine["arch"] = _architecture(call.state, given)
    machine["ostype"] = given.get("ostype", "Other")
    machine["groups"] = given.get("groups", "/").split(",")
    group = machine["groups"][0].rstrip("/")
    base = given.get("basefolder", call.state["host"]["home"] + "/VirtualBox VMs")
    machine["folder"] = "%s%s/%s" % (base, group, safe_name(given["name"]))
    _refuse_duplicates(call.state, machine)
    registered = bool(given.get("register"))
    (call.state["machines"] if registered else call.state.setdefault("unregistered", [])).append(machine)
    call.out(
        "Virtual machine '%s' is created%s.\nUUID: %s\nSettings file: '%s'\n"
        % (machine["name"], " and registered" if registered else "", machine["uuid"], settings_file(machine))
    )


def new_machine(state, name):
    """A machine as createvm makes it."""
    return {
        "name": name,
        "uuid": _random_uuid(),
        "description": "",
        "groups": ["/"],
        "ostype": "Other",
        "arch": "x86",
        "memory": 128,
        "balloon": 0,
        "page_fusion": False,
        "large_pages": releases.host_of(state)["large_pages"],
        "state": "poweroff",
        "since": int(time.time()),
        "accessible": True,
        "current": None,
        "frontend": None,
        "guest": {},
        "folder": "%s/VirtualBox VMs/%s" % (state["host"]["home"], safe_name(name)),
        "mac": "080027%s" % os.urandom(3).hex().upper(),
    }


def _architecture(state, given):
    if "arch" in given:
        if given["arch"].lower() not in ("x86", "arm"):
            raise errors.Failed(errors.message("Invalid --platform-architecture argument '%s'" % given["arch"]), 2)
        return "ARM" if given["arch"].lower() == "arm" else "x86"
    if "ostype" in given:
        if given["ostype"] not in [row[0] for row in ostypes.OSTYPES]:
            raise errors.Failed(errors.message("Unknown or invalid guest OS type given."))
        return "ARM" if given["ostype"].endswith("_arm64") else "x86"
    return releases.host_of(state)["architecture"]


def _refuse_duplicates(state, machine):
    for other in state["machines"]:
        if other["accessible"] and settings_file(other) == settings_file(machine):
            raise errors.failed(
                state,
                "Machine settings file '%s' already exists" % settings_file(machine),
                "VBOX_E_FILE_ERROR",
                "MachineWrap",
                "IMachine",
            )


def _random_uuid():
    digits = list(os.urandom(16).hex())
    digits[12], digits[16] = "4", "89ab"[int(digits[16], 16) % 4]
    text = "".join(digits)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def register(call):
    """registervm FILE"""
    waiting = call.state.setdefault("unregistered", [])
    for machine in waiting:
        if call.args and settings_file(machine) == call.args[0]:
            waiting.remove(machine)
            call.state["machines"].append(machine)
            return
    raise errors.failed(call.state, "Could not find the machine's file", "VBOX_E_FILE_ERROR", "MachineWrap", "IMachine")


def unregister(call):
    """unregistervm X [--delete]"""
    table = {"--delete": ("delete", FLAG), "-delete": ("delete", FLAG), "--delete-all": ("delete", FLAG)}
    given = dict(_parsed(call, "unregistervm", table, positional=True))
    if None not in given:
        raise usage.refused(call.state, "unregistervm", "VM name required")
    machine = find(call.state, given[None], "unregistervm FindMachine", "FindMachine(Bstr(VMName).raw(), machine.asOutParam())")
    if machine["state"] in ONLINE:
        raise errors.failed(
            call.state,
            "Cannot unregister the machine '%s' while it is locked" % machine["name"],
            "VBOX_E_INVALID_OBJECT_STATE",
            "MachineWrap",
            "IMachine",
        )
    call.state["machines"].remove(machine)
    if given.get("delete"):
        call.err("0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n")
    else:
        call.state.setdefault("unregistered", []).append(machine)


def _parsed(call, command, table, positional=False):
    try:
        yield from getopt.parse(call.args, table, positional)
    except getopt.BadOption as bad:
        raise usage.bad_option(call.state, command, str(bad), table)


def options_of(state, table, newer):
    """The rows of the table that this release has; `newer` is {series: spellings that came with it}."""
    unknown = [spelling for series, spellings in newer.items() if not releases.at_least(state, series) for spelling in spellings]
    return {spelling: row for spelling, row in table.items() if spelling not in unknown}


# -- modifyvm -----------------------------------------------------------------------------------------------------------


MODIFY_OPTIONS = {
    "--name": ("name", STRING),
    "--groups": ("groups", STRING),
    "--description": ("description", STRING),
    "--ostype": ("ostype", STRING),
    "--os-type": ("ostype", STRING),
    "--memory": ("memory", NUMBER),
    "--pagefusion": ("page_fusion", ONOFF),
    "--page-fusion": ("page_fusion", ONOFF),
    "--largepages": ("large_pages", ONOFF),
    "--large-pages": ("large_pages", ONOFF),
    "--x86-large-pages": ("large_pages", ONOFF),
    "--guestmemoryballoon": ("balloon", NUMBER),
    "--guest-memory-balloon": ("balloon", NUMBER),
}
MODIFY_NEWER = {"7.0": ("--os-type", "--page-fusion", "--large-pages", "--guest-memory-balloon"), "7.1": ("--x86-large-pages",)}


def modify(call):
    """modifyvm X --option=value…: all of it or nothing."""
    state = call.state
    if len(call.args) < 2:
        raise usage.refused(state, "modifyvm", "Not enough parameters")
    machine = find(state, call.args[0], "modifyvm FindMachine", "FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())")
    lock(state, machine)
    changed = dict(machine)
    table = options_of(state, MODIFY_OPTIONS, MODIFY_NEWER)
    try:
        for option, value in getopt.parse(call.args[1:], table):
            SETTERS[option](state, changed, value)
    except getopt.BadOption as bad:
        raise usage.bad_option(state, "modifyvm", str(bad), table, status=1)
    machine.update(changed)


def lock(state, machine):
    """Takes the machine for writing, or fails as the program does."""
    place, context = "modifyvm LockMachine", "LockMachine(a->session, LockType_Write)"
    require_access(state, machine, place, context)
    if machine["state"] not in MUTABLE + SAVED:
        raise locked(state, machine)


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
    """A balloon must be below this. The program's message says 'up to this'."""
    return machine["memory"] * 9 // 10


def refuse_balloon(state, machine, size, place, context, component="SessionMachine", interface="IMachine"):
    """Fails when the program would refuse this balloon."""
    if not releases.host_of(state)["balloon"]:
        text = "Memory ballooning is only supported on 64-bit hosts"
        raise errors.failed(state, text, "NS_ERROR_NOT_IMPLEMENTED", component, interface, place, context)
    if size >= balloon_limit(machine):
        text = "Invalid memory balloon size: %d MB (must be in range [0, %d] MB)" % (size, balloon_limit(machine))
        raise errors.failed(state, text, "NS_ERROR_INVALID_ARG", component, interface, place, context)


def _refuse_saved(state, machine, place, context, wanted="mutable"):
    if machine["state"] in SAVED and releases.saved_machines_are_refused(state):
        shown = {"saved": "Saved", "aborted-saved": "Aborted-Saved"}[machine["state"]]
        text = "The machine is not %s (state is %s)" % (wanted, shown)
        raise errors.failed(state, text, "VBOX_E_INVALID_VM_STATE", "SessionMachine", "IMachine", place, context)


def _set_balloon(state, machine, size):
    place, context = "modifyvm balloon", "COMSETTER(MemoryBalloonSize)(ValueUnion.u32)"
    refuse_balloon(state, machine, size, place, context)
    _refuse_saved(state, machine, place, context, "mutable or running")
    machine["balloon"] = size


def _set_page_fusion(state, machine, on):
    place, context = "modifyvm page_fusion", "COMSETTER(PageFusionEnabled)(ValueUnion.f)"
    if releases.at_least(state, "7.2") or not releases.host_of(state)["page_sharing"]:
        text = "Page fusion is only supported on 64-bit hosts"
        raise errors.failed(state, text, "NS_ERROR_NOT_IMPLEMENTED", "SessionMachine", "IMachine", place, context)
    _refuse_saved(state, machine, place, context)
    machine["page_fusion"] = on


def _set_large_pages(state, machine, on):
    context = "SetHWVirtExProperty(HWVirtExPropertyType_LargePages, %s)" % ("pValueUnion->f" if releases.at_least(state, "7.1") else "ValueUnion.f")
    try:
        _refuse_saved(state, machine, "modifyvm large_pages", context)
    except errors.Failed as failure:
        if releases.at_least(state, "7.1"):
            failure.stderr += usage.bad_option_text(state, "modifyvm", "Invalid option case 1174")
        raise
    if machine["arch"] != "x86":
        raise errors.Failed(errors.message("Invalid option case 1174"))
    machine["large_pages"] = on


def _set_memory(state, machine, size):
    place, context = "modifyvm memory", "COMSETTER(MemorySize)(ValueUnion.u32)"
    if not 4 <= size <= 2097152:
        text = "Invalid RAM size: %d MB (must be in range [4, 2097152] MB)" % size
        raise errors.failed(state, text, "NS_ERROR_INVALID_ARG", "SessionMachine", "IMachine", place, context)
    _refuse_saved(state, machine, place, context)
    machine["memory"] = size


def _set_name(state, machine, name):
    machine["folder"] = machine["folder"].rpartition("/")[0] + "/" + safe_name(name)
    machine["name"] = name


def _set_ostype(state, machine, ostype):
    if ostype not in [row[0] for row in ostypes.OSTYPES]:
        text = "Invalid guest OS type '%s'" % ostype
        context = "COMSETTER(OSTypeId)(Bstr(ValueUnion.psz).raw())"
        raise errors.failed(state, text, "VBOX_E_OBJECT_NOT_FOUND", "VirtualBoxWrap", "IVirtualBox", "modifyvm ostype", context)
    machine["ostype"] = ostype


def _set_groups(state, machine, groups):
    machine["groups"] = groups.split(",")


def _set_description(state, machine, text):
    machine["description"] = text


SETTERS = {
    "name": _set_name,
    "groups": _set_groups,
    "description": _set_description,
    "ostype": _set_ostype,
    "memory": _set_memory,
    "page_fusion": _set_page_fusion,
    "large_pages": _set_large_pages,
    "balloon": _set_balloon,
}


# -- showvminfo ---------------------------------------------------------------------------------------------------------


SHOW_OPTIONS = {spelling: (option, FLAG) for spelling, option in (
    ("--machinereadable", "readable"), ("-machinereadable", "readable"), ("--details", "details"), ("-details", "details"),
)}


def show(call):
    """showvminfo X [--machinereadable]"""
    given = dict(_parsed(call, "showvminfo", SHOW_OPTIONS, positional=True))
    if None not in given:
        raise usage.refused(call.state, "showvminfo", "VM name or UUID required")
    machine = find(call.state, given[None], "showvminfo FindMachine", "FindMachine(Bstr(VMNameOrUuid).raw(), machine.asOutParam())")
    require_access(call.state, machine)
    balloon = machine["current"] if machine["current"] is not None else machine["balloon"]
    render = showinfo.readable if given.get("readable") else showinfo.human
    call.out(render(call.state, machine, balloon))
