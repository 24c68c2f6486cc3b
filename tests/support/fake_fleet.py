# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Fake hosts with running guests whose time goes ten times as fast, and runs of Ansible on them."""

from __future__ import annotations

import json
import re
import sys

from fake.vboxfake.fakehost import FakeHost
from support.hosts import write_program
from support.plays import ansible
from support.servers import new_server

# No guest here takes so long, on whatever machine.
POLICY = {"defaults": {"large_pages": False, "balloon": 64, "timeout": 60, "shutdown_timeout": 60}}
QUICK = {"rate": 500, "boot_seconds": 2, "shutdown_seconds": 2}


class Fakes:
    """Fake hosts, and an inventory that reaches them."""

    def __init__(self, folder):
        self.folder, self.inventory, self.hosts = folder, {}, {}

    def host(self, name, clock_rate=10, **variables):
        folder = self.folder / name
        folder.mkdir()
        host = self.hosts[name] = FakeHost(folder, clock_rate=clock_rate)
        self.inventory[name] = dict(
            {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "ansible_async_dir": str(self.folder / "async"),
                "vbox_memory_vboxmanage": write_program(host, folder / "VBoxManage"),
                "vbox_memory_policy": POLICY,
            },
            **variables,
        )
        with host.state() as state:
            state["host"].update(home=str(folder), writes_settings_files=True)
        return host

    def guest(self, host, name, balloon=0, **figures):
        """A running guest of a host, which does all quickly."""
        fake = self.hosts[host]
        fake.add_guest(name, **dict(QUICK, **figures))
        if balloon:
            fake.change(name, balloon=balloon)
            fake.ok("controlvm", name, "guestmemoryballoon", str(balloon))
            fake.advance(10)

    def play(self, *arguments, playbook="vbox.memory.maintain", **environment):
        """Run a playbook; gives back its exit status and what it printed."""
        (self.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": self.inventory}}))
        settings = dict(
            environment, TMPDIR=str(self.folder), VBOX_IPC_SOCKETID=new_server()
        )  # which has locks of its own
        done = ansible(
            self.folder, "playbook", "-i", "inventory.json", playbook, *arguments, must_succeed=False, settings=settings
        )
        return done.returncode, done.stdout + done.stderr

    def tasks(self, *tasks, arguments=(), settings=None, **keywords):
        """Run one play with these tasks on all hosts, with further keywords of a play; gives back the same."""
        whole = dict({"hosts": "all", "gather_facts": False, "tasks": list(tasks)}, **keywords)
        (self.folder / "play.json").write_text(json.dumps([whole]))
        return self.play(*arguments, playbook="play.json", **(settings or {}))


def commands(host, *names):
    """What was done to machines, in order: (command, name of the machine)."""
    with host.state() as state:
        known = {machine["uuid"]: machine["name"] for machine in state["machines"]}
    words = [
        (argv[2] if argv[0] == "controlvm" else argv[0], known.get(argv[1])) for argv in host.calls() if len(argv) > 1
    ]
    return [word for word in words if word[0] in (names or ("acpipowerbutton", "modifyvm", "startvm"))]


def report(output):
    """The rows of the report's table, as lists of cells."""
    table = re.search(r"^Host  .*\n-+  .*\n((?:\S.*\n)*)", output, re.MULTILINE)
    rows = [re.split(r"  +", line.strip()) for line in table.group(1).splitlines()] if table else []
    return [row for row in rows if len(row) > 6]
