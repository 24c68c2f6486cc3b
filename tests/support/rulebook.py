# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Runs of the real ansible-rulebook, with the rulebook of the collection."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess

from support.servers import new_server
from support.testbeds import TESTS

TOOLS = TESTS / "tools"
CANNOT_HAVE_JAVA = 3


@contextlib.contextmanager
def running_rulebook(folder, inventory, variables, need_testbed):
    """The rulebook at work in a folder: a :class:`Rulebook`.

    :param inventory: the variables of hosts, by host
    :param need_testbed: the fixture: called where this machine cannot have the Java that it needs
    """
    java = subprocess.run([str(TOOLS / "java")], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if java.returncode == CANNOT_HAVE_JAVA:
        need_testbed(java.stderr.strip())
    assert java.returncode == 0, java.stderr
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": inventory}}))
    run = Rulebook(folder, variables)
    try:
        yield run
    finally:
        run.stop()


class Rulebook:
    """A run of ansible-rulebook in the background."""

    def __init__(self, folder, variables):
        self.log = folder / "log"
        (folder / "vars.json").write_text(json.dumps(variables))
        environment = dict(
            os.environ,
            ANSIBLE_HOME=str(folder / "a"),  # short: ssh's sockets lie in it
            ANSIBLE_PIPELINING="true",
            ANSIBLE_NOCOLOR="true",
            ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
            VBOX_IPC_SOCKETID=new_server(),
            TMPDIR=str(folder),
        )
        command = ["ansible-rulebook", "--rulebook", "vbox.memory.watch", "-i", "inventory.json", "--vars", "vars.json"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [str(TOOLS / "with"), "eda", *command, "--print-events"],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self):
        """All that it has printed; it must still be running."""
        text = self.log.read_text(errors="replace")
        assert self.process.poll() is None, text
        return text

    def runs(self):
        """The hosts that playbooks have run on, one for each run."""
        return re.findall(r"^(\S+)\s+: ok=", self.said(), re.MULTILINE)

    def repeats(self, host, kind):
        """The events of this kind that it has received again."""
        received = self.said().split("[received event]")[1:]
        signs = ("'repeated': True", "'host': %r" % host, "'type': %r" % kind)
        return [event for event in received if all(sign in event for sign in signs)]

    def stop(self):
        """End it, and what it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, number)
                self.process.wait(20)
