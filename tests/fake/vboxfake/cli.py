# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One call of the fake: arguments in, output and exit status out."""

import os
import sys

from . import errors, guest, machines, releases, usage
from .store import Store

COMMANDS = {
    "list": machines.list_,
    "createvm": machines.create,
    "registervm": machines.register,
    "unregistervm": machines.unregister,
    "modifyvm": machines.modify,
    "showvminfo": machines.show,
}
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
    store.log_call(argv)
    state = store.load_state()
    guest.settle(state)
    call = Call(state, argv)
    run(call)
    store.save_state(state)
    store.close()
    sys.stdout.buffer.write(call.stdout)
    sys.stdout.flush()
    sys.stderr.buffer.write(call.stderr)
    sys.stderr.flush()
    os._exit(call.status)


def run(call):
    """The command itself, on a loaded state."""
    try:
        if call.argv[:1] and call.argv[0] in VERSION:
            call.out("%sr%s\n" % (releases.version_string(call.state), releases.revision(call.state)))
        elif not call.argv:
            call.out(releases.logo(call.state) + "Usage:\n")
        elif call.argv[0] not in COMMANDS:
            raise usage.refused(call.state, "", "Invalid command '%s'" % call.argv[0])
        else:
            COMMANDS[call.argv[0]](call)
    except errors.Failed as failure:
        call.fail(failure)
