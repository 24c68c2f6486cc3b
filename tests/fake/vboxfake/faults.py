# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Faults that a test asks for in faults.json: a list of {"kind": …, and how}.

| key | meaning |
|---|---|
| kind | a row of KINDS |
| command | which calls: 'modifyvm', 'metrics query', 'controlvm guestmemoryballoon'; the kind's own unless given; '' is any |
| machine | only calls that name this machine, by its name or its UUID; for `vanish` the machine itself |
| skip | how many matching calls go well first (0) |
| count | how many are hit (1); null: all |

`hang` has `seconds`, and may have `until`, a file that ends it before. `vanish` and `start_under_us` need `machine`; `garbage` may have a `text` of its own.
"""

import copy
import functools
import os
import time

from . import errors, guest, lookup

GARBAGE = b'\x00\xff\xfe\x80Segm\xe9ntation \xc3(\n="=\n"""{}\n\x1b[2J\n'
WARNING = (
    "WARNING: The character device /dev/vboxdrv does not exist.\n"
    "\t Please install the virtualbox-dkms package and the appropriate\n"
    "\t headers, most likely linux-headers-fake.\n\n"
    "\t You will not be able to start VMs until this problem is fixed.\n"
)
TRANSLATED = (
    (
        "Could not find a registered machine named",
        "Es konnte keine registrierte Maschine gefunden werden mit dem Namen",
    ),
    (
        "Could not find a registered machine with UUID",
        "Es konnte keine registrierte Maschine gefunden werden mit der UUID",
    ),
    (
        "is already locked for a session (or being unlocked)",
        "ist bereits für eine Sitzung gesperrt (oder wird gerade freigegeben)",
    ),
    ("Invalid memory balloon size", "Ungültige Größe des Speicherballons"),
    ("must be in range", "muss liegen im Bereich"),
    ("Page fusion is only supported on 64-bit hosts", "Page Fusion wird nur auf 64-Bit-Hosts unterstützt"),
    ("Memory ballooning is only supported on 64-bit hosts", "Speicherballons werden nur auf 64-Bit-Hosts unterstützt"),
    ("The machine is not mutable or running (state is", "Die Maschine ist weder veränderbar noch läuft sie (Status:"),
    ("The machine is not mutable (state is", "Die Maschine ist nicht veränderbar (Status:"),
    ("The object functionality is limited", "Die Objektfunktionalität ist eingeschränkt"),
    ("The object is not ready", "Das Objekt ist nicht bereit"),
    ("is not currently running.", "läuft gerade nicht."),
    ("Machine '", "Maschine '"),
    ("The machine '", "Die Maschine '"),
    ("Details: code", "Details: Code"),
)


def take(call, faults):
    """The faults that hit this call. Each is used up by one, in place."""
    return [fault for fault in faults if _concerns(call, fault) and _use(fault)]


def hang(hits):
    """Hangs as long as they say; nobody's lock may be held meanwhile."""
    for fault in hits:
        if fault["kind"] == "hang":
            end = time.monotonic() + fault.get("seconds", 60)
            while time.monotonic() < end and not os.path.exists(fault.get("until", "")):
                time.sleep(0.02)


def run_with(hits, call, run):
    """Runs the call with the faults that hit it."""
    for fault in _of_phase(hits, "before"):
        _action(fault)(call, fault)
    for fault in _of_phase(hits, "instead")[:1]:
        run = functools.partial(_action(fault), fault=fault)
    for fault in _of_phase(hits, "around"):
        run = functools.partial(_action(fault), fault=fault, run=run)
    run(call)


def _of_phase(hits, phase):
    return [fault for fault in hits if KINDS[fault["kind"]][1] == phase]


def _action(fault):
    return KINDS[fault["kind"]][2]


def _use(fault):
    if fault.get("skip", 0):
        fault["skip"] -= 1
        return False
    count = fault.get("count", None if fault["kind"] in FOREVER else 1)
    fault["count"] = count - 1 if count else count
    return count != 0


def _concerns(call, fault):
    command = fault.get("command", KINDS[fault["kind"]][0])
    spelled = {" ".join(call.argv[:1]), " ".join(call.argv[:2]), " ".join(call.argv[:1] + call.argv[2:3])}
    if command and command not in spelled:
        return False
    if fault["kind"] == "server_failure" and call.argv[:1] == ["--version"]:
        return False
    return "machine" not in fault or fault["kind"] == "vanish" or bool(_names(call, fault["machine"]) & set(call.argv))


def _names(call, word):
    machine = _machine(call, word)
    return {machine["name"], machine["uuid"]} if machine else {word}


def _machine(call, word):
    for machine in call.state["machines"]:
        if word in (machine["name"], machine["uuid"]):
            return machine
    return None


# -- before the call: the world changes -------------------------------------------------------------------------------------


def _vanish(call, fault):
    machine = _machine(call, fault["machine"])
    if machine:
        call.state["machines"].remove(machine)


def _start_under_us(call, fault):
    machine = _machine(call, fault["machine"])
    if machine and machine["state"] in lookup.MUTABLE + lookup.SAVED:
        guest.start(call.state, machine)


def _warn(call, fault):
    call.out(WARNING)


def _nothing(call, fault):
    """`hang` has done its part by now."""


# -- instead of the call ------------------------------------------------------------------------------------------------------


def _locked(call, fault):
    word = (call.argv + ["", ""])[1]
    call.fail(lookup.locked(call.state, _machine(call, word) or {"name": word}))


def _not_ready(call, fault):
    context = "LockMachine(a->session, LockType_Write)"
    text = "The object is not ready"
    call.fail(
        errors.failed(call.state, text, "E_ACCESSDENIED", "SessionMachine", "IMachine", "modifyvm LockMachine", context)
    )


def _server_failure(call, fault):
    text = (
        "Failed to create the VirtualBox object!\n"
        "Code NS_ERROR_FAILURE (0x80004005) - Operation failed (extended info not available)\n"
        "Most likely, the VirtualBox COM server is not running or failed to start."
    )
    call.fail(errors.Failed(errors.message(text)))


def _garbage(call, fault):
    call.stdout += fault["text"].encode() if "text" in fault else GARBAGE


def _empty(call, fault):
    """Says nothing, and that all is well."""


# -- around the call ----------------------------------------------------------------------------------------------------------


def _translated(call, fault, run):
    run(call)
    text = call.stderr.decode("utf-8", "surrogateescape")
    for english, other in TRANSLATED:
        text = text.replace(english, other)
    call.stderr = text.encode("utf-8", "surrogateescape")


def _lost_write(call, fault, run):
    before = copy.deepcopy(call.state["machines"])
    run(call)
    call.state["machines"] = before


def _crash_after_write(call, fault, run):
    run(call)
    if not call.status:
        call.stdout = b""
        _server_failure(call, fault)


# kind: (the command it concerns unless told, when, what it does)
KINDS = {
    "hang": ("", "before", _nothing),
    "vanish": ("", "before", _vanish),
    "start_under_us": ("modifyvm", "before", _start_under_us),
    "wrapper_warning": ("", "before", _warn),
    "locked": ("modifyvm", "instead", _locked),
    "not_ready": ("modifyvm", "instead", _not_ready),
    "server_failure": ("", "instead", _server_failure),
    "garbage": ("", "instead", _garbage),
    "empty": ("", "instead", _empty),
    "translated": ("", "around", _translated),
    "lost_write": ("modifyvm", "around", _lost_write),
    "crash_after_write": ("modifyvm", "around", _crash_after_write),
}
FOREVER = ("translated", "wrapper_warning")  # without a count, these last
