# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One call of the fake: arguments in, output and exit status out."""

import os
import sys

from . import control, errors, extradata, faults, guest, machines, metrics, modify, releases, snapshots, usage
from .store import Store

COMMANDS = {
    "list": machines.list_,
    "createvm": machines.create,
    "registervm": machines.register,
    "unregistervm": machines.unregister,
    "modifyvm": modify.modify,
    "showvminfo": machines.show,
    "guestproperty": machines.guest_property,
    "startvm": control.start,
    "controlvm": control.control,
    "getextradata": extradata.get,
    "setextradata": extradata.set_,
    "discardstate": control.discard,
    "metrics": metrics.metrics,
    "snapshot": snapshots.snapshot,
}
QUIET = ("-q", "--nologo", "-nologo")
VERSION = ("--version", "-V", "-v", "-version", "-Version")


class Call:
    """The state that a command works on, its arguments, and what it prints."""

    def __init__(self, state, argv):
        self.state = state
        self.argv = argv
        self.args = argv[1:]
        self.stdout = b""
        self.stderr = b""
        self.status = 0

    def out(self, text):
        self.stdout += text.encode("utf-8", "surrogateescape")

    def err(self, text):
        self.stderr += text.encode("utf-8", "surrogateescape")

    def fail(self, failure):
        self.err(failure.stderr)
        self.status = failure.status


def main(argv):
    """Runs one call and ends the process."""
    folder = os.environ.get("VBOX_FAKE_HOME")
    if not folder:
        sys.exit("the fake VBoxManage needs the environment variable VBOX_FAKE_HOME")
    store = Store(folder)
    call = answer(store, argv)
    store.close()
    _print(call)
    os._exit(call.status)


def answer(store, argv):
    """Runs one call on a store that is held, and gives it back with what it prints."""
    store.log_call(argv)
    call = Call(store.load_state(), argv)
    hits = _faults_of(call, store)
    if hits:
        store.unlock()
        faults.hang(hits)
        store.lock()
        call.state = store.load_state()
    guest.settle(call.state)
    faults.run_with(hits, call, run)
    store.save_state(call.state)
    return call


def _faults_of(call, store):
    waiting = store.load_faults()
    hits = faults.take(call, waiting)
    if waiting:
        store.save_faults(waiting)
    return hits


def _print(call):
    for stream, text in ((sys.stdout, call.stdout), (sys.stderr, call.stderr)):
        stream.buffer.write(text)
        stream.flush()


def run(call):
    """The command itself, on a loaded state."""
    argv = [word for word in call.argv if word not in QUIET] if call.argv[:1] and call.argv[0] in QUIET else call.argv
    try:
        if argv[:1] and argv[0] in VERSION:
            call.out("%sr%s\n" % (releases.version_string(call.state), releases.revision(call.state)))
        elif not argv:
            call.out(releases.logo(call.state) + usage.usage_only(call.state, ""))
        elif argv[0] not in COMMANDS:
            raise usage.refused(call.state, "", "Invalid command '%s'" % argv[0])
        elif len(argv) == 1:
            call.out(usage.usage_only(call.state, argv[0]))
            call.status = 1
        else:
            call.args = argv[1:]
            COMMANDS[argv[0]](call)
    except errors.Failed as failure:
        call.fail(failure)
