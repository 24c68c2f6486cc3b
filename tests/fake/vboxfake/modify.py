# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""modifyvm."""

from . import errors, getopt, lookup, machines, ostypes, releases, usage
from .getopt import NUMBER, ONOFF, STRING

OPTIONS = {
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
NEWER = {
    "7.0": ("--os-type", "--page-fusion", "--large-pages", "--guest-memory-balloon"),
    "7.1": ("--x86-large-pages",),
}


def modify(call):
    """modifyvm X --option=value…: all of it, in order, or nothing."""
    state = call.state
    if len(call.args) < 2:
        raise usage.refused(state, "modifyvm", "Not enough parameters")
    machine = lookup.find_first(call, "modifyvm")
    _lock(state, machine)
    changed = dict(machine)
    table = releases.options(state, OPTIONS, NEWER)
    try:
        for option, value in getopt.parse(call.args[1:], table):
            SETTERS[option](state, changed, value)
    except getopt.BadOption as bad:
        raise usage.bad_option(state, "modifyvm", bad, status=1)
    _move(state, machine, changed)
    machine.update(changed)


def _lock(state, machine):
    if not machine["accessible"]:
        failure = lookup.limited(state, "modifyvm LockMachine", "LockMachine(a->session, LockType_Write)")
        place = releases.wording(state, "modifyvm Platform place")
        first = lookup.limited(state, place, releases.wording(state, "modifyvm Platform"))
        raise errors.Failed(first.stderr + failure.stderr)
    if machine["state"] not in lookup.MUTABLE + lookup.SAVED:
        raise lookup.locked(state, machine)


def _move(state, machine, changed):
    """The folder follows the name and the first group, when the settings are saved."""
    if changed["name"] == machine["name"] and changed["groups"] == machine["groups"]:
        return
    top = machine["folder"].rpartition("/")[0]
    top = top[: len(top) - len(machine["groups"][0].rstrip("/"))] + changed["groups"][0].rstrip("/")
    if changed["name"] != machine["name"]:
        changed["file"] = changed["name"]
    changed["folder"] = top + "/" + changed["file"]
    if "/" in changed["file"]:
        files = ("%s/%s.vbox" % (changed["folder"], machine["file"]), lookup.settings_file(changed))
        text = "Could not rename the settings file '%s' to '%s' (VERR_FILE_NOT_FOUND)" % files
        _refuse(state, text, "NS_ERROR_FAILURE", "SaveSettings", "SaveSettings()")
    if any(other is not machine and other["folder"] == changed["folder"] for other in state["machines"]):
        text = "Could not rename the directory '%s' to '%s' to save the settings file (VERR_ALREADY_EXISTS)"
        _refuse(
            state, text % (machine["folder"], changed["folder"]), "NS_ERROR_FAILURE", "SaveSettings", "SaveSettings()"
        )


def _set_balloon(state, machine, size):
    place, context = "modifyvm balloon", "COMSETTER(MemoryBalloonSize)(ValueUnion.u32)"
    lookup.refuse_balloon(state, machine, size, "SessionMachine", "IMachine", place, context)
    _refuse_saved(state, machine, "balloon", context, "mutable or running")
    machine["balloon"] = size


def _set_page_fusion(state, machine, on):
    context = "COMSETTER(PageFusionEnabled)(ValueUnion.f)"
    if not releases.has_page_fusion(state):
        _refuse(
            state, "Page fusion is only supported on 64-bit hosts", "NS_ERROR_NOT_IMPLEMENTED", "page_fusion", context
        )
    _refuse_saved(state, machine, "page_fusion", context)
    machine["page_fusion"] = on


def _set_large_pages(state, machine, on):
    unknown = releases.wording(state, "option for x86")
    if machine["arch"] != "x86":
        raise getopt.BadOption(unknown)
    context = "SetHWVirtExProperty(HWVirtExPropertyType_LargePages, %s)" % (
        "pValueUnion->f" if unknown else "ValueUnion.f"
    )
    try:
        _refuse_saved(state, machine, "large_pages", context)
    except errors.Failed as failure:
        if unknown:
            failure.stderr += usage.bad_option_text(state, "modifyvm", unknown)
        raise
    machine["large_pages"] = on


def _set_memory(state, machine, size):
    context = "COMSETTER(MemorySize)(ValueUnion.u32)"
    if not 4 <= size <= 2097152:
        text = "Invalid RAM size: %d MB (must be in range [4, 2097152] MB)" % size
        _refuse(state, text, "NS_ERROR_INVALID_ARG", "memory", context)
    _refuse_saved(state, machine, "memory", context)
    machine["memory"] = size


def _set_name(state, machine, name):
    context = "COMSETTER(Name)(Bstr(ValueUnion.psz).raw())"
    if not name or getopt.normal_uuid(name):
        _refuse(state, "A machine cannot have a UUID as its name", "NS_ERROR_INVALID_ARG", "name", context)
    machine["name"] = name


def _set_ostype(state, machine, ostype):
    row = ostypes.row_of(state, ostype)
    machine["ostype"] = row[0] if row else ostype


def _set_groups(state, machine, groups):
    for group in groups.split(","):
        if not group.startswith("/"):
            raise machines.invalid_group(
                state, group, "modifyvm groups", "COMSETTER(Groups)(ComSafeArrayAsInParam(groups))"
            )
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


def _refuse(state, text, code, place, context):
    raise errors.failed(state, text, code, "SessionMachine", "IMachine", "modifyvm " + place, context)


def _refuse_saved(state, machine, place, context, wanted="mutable"):
    if machine["state"] in lookup.SAVED and releases.saved_machines_are_refused(state):
        text = "The machine is not %s (state is %s)" % (wanted, lookup.state_word(machine))
        _refuse(state, text, "VBOX_E_INVALID_VM_STATE", place, context)
