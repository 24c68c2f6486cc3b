# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""startvm, controlvm, discardstate."""

from . import errors, getopt, guest, lookup, machines, releases, usage
from .getopt import STRING

FRONTENDS = ("gui", "headless", "separate", "sdl")
PROGRESS = "0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n"


def start(call):
    """startvm X [--type gui|headless|separate]"""
    state = call.state
    table = {"--type": ("type", STRING), "-type": ("type", STRING)}
    word, given = machines.one_word(call, "startvm", table, "at least one VM name or uuid required", old_style=True)
    machine = lookup.find(state, word, "startvm", "FindMachine(Bstr(pszVM).raw(), machine.asOutParam())")
    frontend = given.get("type", "gui")
    if not machine["accessible"]:
        raise lookup.limited(state, "startvm LaunchVMProcess", LAUNCH)
    if frontend not in FRONTENDS:
        raise _launch_failed(state, "Invalid frontend name: '%s'" % frontend, "NS_ERROR_INVALID_ARG")
    if machine["state"] not in lookup.MUTABLE + lookup.SAVED:
        text = "The machine '%s' is already locked by a session (or being locked or unlocked)" % machine["name"]
        raise _launch_failed(state, text, "VBOX_E_INVALID_OBJECT_STATE")
    guest.start(state, machine, saved=machine["state"] in lookup.SAVED)
    machine["frontend"] = "GUI/Qt" if frontend == "gui" else frontend
    call.out('Waiting for VM "%s" to power on...\nVM "%s" has been successfully started.\n' % (word, word))


LAUNCH = "LaunchVMProcess(a->session, sessionType.raw(), ComSafeArrayAsInParam(aBstrEnv), progress.asOutParam())"


def _launch_failed(state, text, code):
    return errors.failed(state, text, code, "MachineWrap", "IMachine", "startvm LaunchVMProcess", LAUNCH)


def discard(call):
    """discardstate X. It says 'cannot', and exits 0."""
    if len(call.args) != 1:
        raise usage.refused(call.state, "discardstate", "Incorrect number of parameters")
    machine = lookup.find_first(call, "discardstate")
    if machine["state"] not in lookup.SAVED:
        text = releases.wording(call.state, "not saved") % lookup.state_word(machine)
        place, context = "discardstate DiscardSavedState", "DiscardSavedState(true )"
        raise errors.failed(
            call.state, text, "VBOX_E_INVALID_VM_STATE", "SessionMachine", "IMachine", place, context, status=0
        )
    machine.pop("saved_run", None)
    lookup.change_state(machine, "poweroff")


def control(call):
    """controlvm X SUBCOMMAND …"""
    if len(call.args) < 2:
        raise usage.refused(call.state, "controlvm", releases.wording(call.state, "not enough for controlvm"))
    machine = lookup.find_first(call, "controlvm")
    if not machine["accessible"]:
        raise lookup.limited(call.state, "controlvm LockMachine", "LockMachine(a->session, LockType_Shared)")
    if machine["state"] not in lookup.ONLINE:
        raise errors.Failed(errors.message(releases.wording(call.state, "not running") % call.args[0]))
    if call.args[1] not in SUBCOMMANDS:
        raise usage.refused(call.state, "controlvm", "Invalid parameter '%s'" % call.args[1], status=1)
    SUBCOMMANDS[call.args[1]](call, machine)


def _balloon(call, machine):
    if len(call.args) != 3:
        raise usage.refused(call.state, "controlvm", "Incorrect number of parameters.", status=1)
    size = getopt.controlvm_number(call.args[2])
    if size is None:
        raise usage.refused(
            call.state, "controlvm", "Error parsing guest memory balloon size '%s'." % call.args[2], status=1
        )
    context = "COMSETTER(MemoryBalloonSize)(uVal)"
    lookup.refuse_balloon(call.state, machine, size, "SessionMachine", "IMachine", "controlvm balloon", context)
    guest.request(machine, size)


def _pause(call, machine):
    if machine["state"] == "paused":
        raise _wrong_state(call, "Already paused", "Pause()")
    _require(call, machine, "running", "Pause()")
    lookup.change_state(machine, "paused")


def _resume(call, machine):
    if machine["state"] != "paused":
        text = "Cannot resume the machine as it is not paused (machine state: %s)" % lookup.state_word(machine)
        raise _wrong_state(call, text, "Resume()")
    lookup.change_state(machine, "running")


def _power_off(call, machine):
    call.err(PROGRESS)
    guest.stop(machine)


def _power_button(call, machine):
    _require(call, machine, "running", "PowerButton()")
    guest.press_power_button(machine)


def _reset(call, machine):
    _require(call, machine, "running", "Reset()")
    guest.reset(call.state, machine)


def _save_state(call, machine):
    if machine["state"] not in ("running", "paused"):
        raise errors.Failed(errors.message("Machine in invalid state %d -- %s." % (8, machine["state"])))
    call.err(PROGRESS)
    guest.save(machine)


SUBCOMMANDS = {
    "guestmemoryballoon": _balloon,
    "pause": _pause,
    "resume": _resume,
    "poweroff": _power_off,
    "acpipowerbutton": _power_button,
    "reset": _reset,
    "savestate": _save_state,
}


def _require(call, machine, wanted, context):
    if machine["state"] != wanted:
        raise _wrong_state(call, "Invalid machine state: %s" % lookup.state_word(machine), context)


def _wrong_state(call, text, context):
    return errors.failed(
        call.state, text, "VBOX_E_INVALID_VM_STATE", "ConsoleWrap", "IConsole", "controlvm pause", context
    )
