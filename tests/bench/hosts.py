# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The hosts of the bench: users of a sandbox of its own, each with as many machines as wanted."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from dataclasses import dataclass

from support.testbeds import SANDBOX, VBOX, sandbox_environment, sandbox_named, ssh_variables

INSIDE = "/checkout/tests/bench/inside/"
NAME = "bench"  # of the sandbox
AS_WRITTEN = "VBoxManage"  # by people, who get the packages' wrapper by it
FLEET_USERS = 50  # what the sandbox has anyway; the hosts of certain sizes come after them


@dataclass(frozen=True)
class State:
    """What all machines are to have. Between two such states all settings that this build can change differ."""

    balloon: int  # MB
    large_pages: bool

    @property
    def words(self):
        """As VBoxManage takes them."""
        return [str(self.balloon), "on" if self.large_pages else "off"]


STATES = (State(512, False), State(0, True))  # a balloon and large pages exclude each other


class Sandbox:
    """A sandbox that is up while it is used with ``with``."""

    def __init__(self, users):
        self._users = users
        self._run = sandbox_named(NAME)

    def __enter__(self):
        self.call("down")
        self.call("up", "--users", str(self._users))
        self.info = json.loads(self.call("info"))
        self._template = self._make_template()
        return self

    def __exit__(self, *_error):
        self.call("down")

    def call(self, *arguments, given=""):
        """Run `sandbox` with these arguments; gives back what it printed."""
        return self._run(*arguments, given=given).stdout

    def start(self, user, *argv):
        """Start a program of a user's, with pipes for its input and output."""
        return subprocess.Popen(
            [str(SANDBOX), "exec", "--user", user, *argv],
            env=dict(os.environ, **sandbox_environment(NAME)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def make_host(self, user, machines):
        """A user with so many machines, all in the first of :data:`STATES`."""
        self.call(
            "exec",
            "--user",
            user,
            "python3",
            INSIDE + "make_machines.py",
            str(machines),
            given=json.dumps(self._template),
        )
        return Host(self, user, machines)

    def _make_template(self):
        vbox, state = ("exec", VBOX), STATES[0]
        self.call(*vbox, "createvm", "--name", "template", "--ostype", "Debian_64", "--register")
        self.call(
            *vbox,
            "modifyvm",
            "template",
            "--memory",
            "1024",
            "--guestmemoryballoon",
            state.words[0],
            "--largepages",
            state.words[1],
        )
        read = {"machine": "VirtualBox VMs/template/template.vbox", "registry": ".config/VirtualBox/VirtualBox.xml"}
        return {key: self.call("exec", "cat", path) for key, path in read.items()}


class Host:
    """A user of the sandbox, who is a VirtualBox host."""

    def __init__(self, sandbox, user, machines):
        self.sandbox, self.user, self.machines = sandbox, user, machines
        self.state = STATES[0]

    def run(self, *argv):
        """Run a program there; gives back what it printed."""
        return self.sandbox.call("exec", "--user", self.user, *argv)

    @property
    def names(self):
        """The names of its machines."""
        return ["machine%04d" % number for number in range(self.machines)]

    @property
    def variables(self):
        """What Ansible has to know of it."""
        return ssh_variables(self.sandbox.info, self.user)

    @contextlib.contextmanager
    def warm(self):
        """Have the server up, with all settings files read."""
        keeper = self.sandbox.start(self.user, "python3", INSIDE + "keep_server.py")
        if keeper.stdout.readline().strip() != str(self.machines):
            raise SystemExit(f"{self.user} has not got {self.machines} machines")
        try:
            yield
        finally:
            keeper.communicate("")

    def cool(self):
        """Wait until the server has ended, which it does some 5 s after its last client."""
        for _try in range(300):
            if not self.run("sh", "-c", "pgrep -U $(id -u) VBoxSVC || true"):
                return
            time.sleep(0.1)
        raise SystemExit(f"the server of {self.user} does not end")

    def read(self):
        """All machines, by the bindings."""
        return [json.loads(line) for line in self.run("python3", INSIDE + "bare_read.py").splitlines()]

    def must_be(self, state):
        """End the bench if the machines are not in this state: what was measured did not do its work."""
        found = {(row[4], row[6]) for row in self.read()}
        if found != {(state.balloon, state.large_pages)}:
            raise SystemExit(f"{self.user}: the machines have {found}, and not {state}")
        self.state = state

    @contextlib.contextmanager
    def watched(self):
        """Yields a dictionary that holds, at the end, the peak memory of each kind of process in kB."""
        watcher, peaks = self.sandbox.start("root", "python3", INSIDE + "peak.py", self.user), {}
        watcher.stdout.readline()
        try:
            yield peaks
        finally:
            peaks.update(json.loads(watcher.communicate("\n")[0] or "{}"))
