# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""list, createvm, registervm, unregistervm, showvminfo, guestproperty."""

import time

from . import clock, errors, getopt, guest, lookup, ostypes, releases, showinfo, usage
from .getopt import FLAG, STRING, UUID

# -- list ---------------------------------------------------------------------------------------------------------------


def list_(call):
    """list [-l|--long] [-s|--sorted] vms|runningvms|hostinfo|ostypes. Of several, the last counts."""
    table = {"-l": ("long", FLAG), "--long": ("long", FLAG), "-s": ("sorted", FLAG), "--sorted": ("sorted", FLAG)}
    what, given = None, {}
    for option, value in getopt_or_fail(call, "list", table):
        if option:
            given[option] = value
        elif value in LISTS:
            what = value
        else:
            raise usage.refused(call.state, "list", 'Unknown subcommand "%s".' % value)
    if not what:
        raise usage.refused(call.state, "list", 'Missing subcommand for "list" command.')
    LISTS[what](call, bool(given.get("long")), bool(given.get("sorted")))


def _list_vms(call, long, by_name, only=None):
    machines = [machine for machine in call.state["machines"] if only is None or machine["state"] in only]
    if by_name:
        machines = sorted(machines, key=lambda machine: machine["name"])
    for machine in machines:
        if not machine["accessible"]:
            _list_inaccessible(call, machine, long)
        elif long:
            call.out(showinfo.human(call.state, machine, machine["balloon"], live=False))
        else:
            call.out('"%s" {%s}\n' % (machine["name"], machine["uuid"]))


def _list_inaccessible(call, machine, long):
    if not long:
        call.out('"<inaccessible>" {%s}\n' % machine["uuid"])
        return
    path = lookup.settings_file(machine)
    call.out("Name:            <inaccessible!>\nUUID:            %s\nConfig file:     %s\n" % (machine["uuid"], path))
    call.out("Encryption:     disabled\nAccess error details:\n\n")
    text = machine.get("access_error") or _no_such_file(call.state, path)
    text = errors.file_error(call.state, text, "Machine registeredInit")
    details = "Details: code NS_ERROR_FAILURE (0x80004005), component MachineWrap, interface IMachine"
    call.err(errors.message(text + "\n" + details))


def _no_such_file(state, path):
    return "Runtime error opening '%s' for reading%s" % (path, releases.wording(state, "file not found"))


def _list_runningvms(call, long, by_name):
    _list_vms(call, long, by_name, only=lookup.ONLINE + lookup.IN_TRANSIT)


def _list_hostinfo(call, long, by_name):
    host = call.state["host"]
    row = releases.host_of(call.state)
    call.out("Host Information:\n\nHost time: %sZ\n" % clock.stamp(time.time()))
    for label in ("online count", "count", "online core count", "core count"):
        call.out("Processor %s: %d\n" % (label, host["processors"]))
    for label in releases.host_features(call.state):
        call.out("Processor supports %s: %s\n" % (label, "yes" if label in ("PAE", "long mode") else "no"))
    for number in range(host["processors"]):
        call.out("Processor#%d speed: 2596 MHz\nProcessor#%d description: AMD EPYC\n" % (number, number))
    call.out("Memory size: %d MByte\n" % host["memory_mb"])
    call.out("Memory available: %d MByte\n" % guest.host_available_mb(call.state))
    call.out("Operating system: %s\nOperating system version: %s\n" % (row["os"], row["os_version"]))


def _list_ostypes(call, long, by_name):
    new = releases.at_least(call.state, "7.1")
    rows = ostypes.rows(call.state)
    if new:
        call.out("Supported guest OS types:\n\n")
    for row in sorted(rows) if by_name and new else rows:
        render = _ostype_long if long else _ostype_short
        call.out(render(*row) if new else _ostype_old(releases.wording(call.state, "true"), *row))


def _ostype_old(true, identifier, description, family, subtype, words):
    row = (identifier, description, family, ostypes.FAMILIES[family], true if "64" in words.split() else "false")
    return "ID:          %s\nDescription: %s\nFamily ID:   %s\nFamily Desc: %s\n64 bit:      %s\n\n" % row


def _ostype_short(identifier, description, family, subtype, words):
    words = words.split()
    branch = "%s / %s" % (family, subtype) if subtype else family
    architecture = ("ARMv8" if "arm" in words else "x86") + (" (64-bit)" if "64" in words else "")
    row = (identifier, description, branch, ostypes.FAMILIES[family], architecture)
    return "ID / Description: %s -- %s\nFamily:           %s (%s)\nArchitecture:     %s\n\n" % row


def _ostype_long(identifier, description, family, subtype, words):
    words = words.split()
    rows = [
        ("ID:", identifier),
        ("Description:", description),
        ("Family ID:", family),
        ("Family Desc:", ostypes.FAMILIES[family]),
    ]
    rows += [("OS Subtype:", subtype)] if subtype else []
    rows += [("Architecture:", "ARMv8" if "arm" in words else "x86"), ("64 bit:", "true" if "64" in words else "false")]
    return "".join("%-17s %s\n" % row for row in rows) + "\n"


LISTS = {"vms": _list_vms, "runningvms": _list_runningvms, "hostinfo": _list_hostinfo, "ostypes": _list_ostypes}

# -- createvm, registervm, unregistervm ---------------------------------------------------------------------------------

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
CREATE_NEWER = {"7.0": ("--os-type",), "7.1": ("--platform-architecture",)}


def create(call):
    """createvm --name N [--ostype T] [--platform-architecture A] [--register] [--uuid U] [--groups G] [--basefolder F]"""
    table = releases.options(call.state, CREATE_OPTIONS, CREATE_NEWER)
    given = dict(getopt_or_fail(call, "createvm", table, positional=False))
    if not given.get("name"):
        raise usage.refused(call.state, "createvm", "Parameter --name is required")
    machine = lookup.new_machine(call.state, given["name"])
    machine["arch"] = _architecture(call.state, given)
    _apply_ostype(call.state, machine, given.get("ostype"))
    _place(call.state, machine, given)
    _refuse_architecture(call.state, machine)
    machine["uuid"] = given.get("uuid", machine["uuid"])
    registered = bool(given.get("register"))
    _refuse_duplicates(call.state, machine, registered)
    (call.state["machines"] if registered else call.state["unregistered"]).append(machine)
    call.out(
        "Virtual machine '%s' is created%s.\nUUID: %s\nSettings file: '%s'\n"
        % (machine["name"], " and registered" if registered else "", machine["uuid"], lookup.settings_file(machine))
    )


def _architecture(state, given):
    if "arch" in given:
        if given["arch"].lower() not in ("x86", "arm"):
            raise errors.Failed(errors.message("Invalid --platform-architecture argument '%s'" % given["arch"]), 2)
        return "ARM" if given["arch"].lower() == "arm" else "x86"
    if "ostype" in given:
        row = ostypes.row_of(state, given["ostype"])
        if row:
            return "ARM" if ostypes.is_arm(row) else "x86"
        if releases.at_least(state, "7.1"):  # earlier ones take what they do not know
            raise errors.Failed(errors.message("Unknown or invalid guest OS type given."))
    return releases.host_of(state)["architecture"]


def _refuse_architecture(state, machine):
    host = releases.host_of(state)["architecture"]
    if machine["arch"] != host and not releases.at_least(state, "7.2"):
        text = "'Creating VMs for platform architecture %s not supported on %s" % (machine["arch"], host)
        code, context = "VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED", releases.wording(state, "CreateMachine")
        raise errors.failed(state, text, code, "VirtualBoxWrap", "IVirtualBox", "createvm CreateMachine", context)


def _apply_ostype(state, machine, ostype):
    row = ostypes.row_of(state, ostype) if ostype else None
    if row:
        machine["ostype"], machine["hardware"] = row[0], ostypes.hardware(state, row)
    elif ostype:
        machine["ostype"] = ostype
    elif machine["arch"] == "ARM":
        machine["hardware"] = "arm bios ioapic utc nonic"


def _place(state, machine, given):
    machine["groups"] = given.get("groups", "/").split(",")
    for group in machine["groups"]:
        if not group.startswith("/"):
            context = "ComposeMachineFilename(bstrName.raw(), bstrPrimaryGroup.raw(), createFlags.raw(), bstrBaseFolder.raw(), bstrSettingsFile.asOutParam())"
            raise invalid_group(state, group, "createvm Compose", context)
    base = given.get("basefolder", state["host"]["home"] + "/VirtualBox VMs")
    machine["folder"] = base + machine["groups"][0].rstrip("/") + "/" + machine["file"]


def invalid_group(state, group, place, context):
    return errors.failed(
        state,
        "Invalid machine group '%s'" % group,
        "NS_ERROR_INVALID_ARG",
        "VirtualBoxWrap",
        "IVirtualBox",
        place,
        context,
    )


def _refuse_duplicates(state, machine, registered):
    path = lookup.settings_file(machine)
    for other in state["machines"] + state["unregistered"]:
        if other["accessible"] and lookup.settings_file(other) == path:
            context = releases.wording(state, "CreateMachine")
            text = "Machine settings file '%s' already exists" % path
            raise errors.failed(
                state, text, "VBOX_E_FILE_ERROR", "MachineWrap", "IMachine", "createvm CreateMachine", context
            )
    for other in state["machines"]:
        if registered and other["uuid"] == machine["uuid"]:
            text = "Registered machine with UUID {%s} ('%s') already exists" % (
                other["uuid"],
                lookup.settings_file(other),
            )
            context = "RegisterMachine(machine)"
            raise errors.failed(
                state,
                text,
                "NS_ERROR_INVALID_ARG",
                "VirtualBoxWrap",
                "IVirtualBox",
                "createvm RegisterMachine",
                context,
            )


def register(call):
    """registervm FILE"""
    if len(call.args) > 1:
        raise usage.refused(call.state, "registervm", "Invalid parameter '%s'" % call.args[1])
    path = call.args[0]
    context = releases.wording(call.state, "OpenMachine")
    for machine in call.state["unregistered"]:
        if lookup.settings_file(machine) == path:
            call.state["unregistered"].remove(machine)
            call.state["machines"].append(machine)
            return
    text = errors.file_error(call.state, _no_such_file(call.state, path), "Machine init")
    if path in [lookup.settings_file(machine) for machine in call.state["machines"]]:
        text = "Trying to open a VM config '%s' which has the same UUID as an existing virtual machine" % path
    raise errors.failed(
        call.state, text, "NS_ERROR_FAILURE", "MachineWrap", "IMachine", "registervm OpenMachine", context
    )


def unregister(call):
    """unregistervm X [--delete]"""
    table = {"--delete": ("delete", FLAG), "-delete": ("delete", FLAG), "--delete-all": ("delete", FLAG)}
    word, given = one_word(call, "unregistervm", table, "VM name required", old_style=True)
    machine = lookup.find(call.state, word, "unregistervm", "FindMachine(Bstr(VMName).raw(), machine.asOutParam())")
    if machine["state"] in lookup.ONLINE + lookup.IN_TRANSIT:
        text = "Cannot unregister the machine '%s' while it is locked" % machine["name"]
        raise errors.failed(call.state, text, "VBOX_E_INVALID_OBJECT_STATE", "MachineWrap", "IMachine")
    call.state["machines"].remove(machine)
    if given.get("delete"):
        call.err("0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n")
    elif machine["accessible"]:
        call.state["unregistered"].append(machine)


# -- showvminfo, guestproperty --------------------------------------------------------------------------------------------

SHOW_OPTIONS = {
    "--machinereadable": ("readable", FLAG),
    "-machinereadable": ("readable", FLAG),
    "--details": ("details", FLAG),
    "-details": ("details", FLAG),
}


def show(call):
    """showvminfo X [--machinereadable]"""
    word, given = one_word(call, "showvminfo", SHOW_OPTIONS, "VM name or UUID required")
    machine = lookup.find(call.state, word, "showvminfo", "FindMachine(Bstr(VMNameOrUuid).raw(), machine.asOutParam())")
    if not machine["accessible"] and releases.at_least(call.state, "7.2"):
        raise lookup.limited(call.state, "showvminfo LockMachine", "LockMachine(a->session, LockType_Shared)")
    if not machine["accessible"]:
        _show_inaccessible(call, machine, bool(given.get("readable")))
        return
    balloon = machine["current"] if machine["current"] is not None else machine["balloon"]
    render = showinfo.readable if given.get("readable") else showinfo.human
    call.out(render(call.state, machine, balloon))


def _show_inaccessible(call, machine, readable):
    if readable:
        call.out('name="<inaccessible>"\nUUID="%s"\n' % machine["uuid"])
    else:
        _list_inaccessible(call, machine, long=True)


def guest_property(call):
    """guestproperty get X NAME, of a machine without properties"""
    if call.args[0] != "get":
        raise usage.refused(call.state, "guestproperty", "Unknown subcommand: %s" % call.args[0])
    call.args = call.args[1:]
    lookup.find_first(call, "guestproperty")
    call.out("No value set!\n")


# -- arguments ----------------------------------------------------------------------------------------------------------


def getopt_or_fail(call, command, table, positional=True):
    """`getopt.parse` of the call's arguments, its refusals turned into the program's."""
    try:
        yield from getopt.parse(call.args, table, positional)
    except getopt.BadOption as bad:
        raise usage.bad_option(call.state, command, bad)


def one_word(call, command, table, missing, old_style=False):
    """(the one word that is no option, {option: value}). Commands of the old style word their refusals differently."""
    words, given = [], {}
    try:
        for option, value in getopt.parse(call.args, table, positional=True):
            if option:
                given[option] = value
            else:
                words.append(value)
    except getopt.BadOption as bad:
        if not old_style:
            raise usage.bad_option(call.state, command, bad)
        after = releases.wording(call.state, "after an unknown option")
        raise usage.refused(call.state, command, str(bad)[:1].lower() + str(bad)[1:] + after)
    if len(words) > 1:
        raise usage.refused(call.state, command, "Invalid parameter '%s'" % words[1])
    if not words:
        raise usage.refused(call.state, command, missing)
    return words[0], given
