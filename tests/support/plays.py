# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Real ansible-playbook runs, against the fake beside it and against users of the sandbox over SSH."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

from support.hosts import SandboxTestHost
from support.testbeds import TESTS, ssh_variables

# Of a host that is away: ssh's words, or Ansible's where ssh has ended sooner than it was written to
AWAY = re.compile(r"Connection refused|Make sure this host can be\s+reached over ssh")
ROLES = TESTS / "integration" / "targets"


def fake_host(fake):
    """The variables of a host of the inventory that has the fake's VBoxManage."""
    environment = dict(fake.environment, PATH=os.path.dirname(fake.program) + os.pathsep + os.environ["PATH"])
    return {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "host_environment": environment,
    }


def sandbox_host(sandbox, user):
    """The variables of a host of the inventory that is a user of the sandbox; it has no machines then."""
    SandboxTestHost(sandbox, user).forget_machines()
    return ssh_variables(json.loads(sandbox("info").stdout), user)


def play(folder, hosts, tasks=(), must_succeed=True, settings=None, **keywords):
    """Run one play on all hosts: tasks, and any further keywords of a play; gives back the finished process.

    Each host's `host_environment` is the environment of its tasks.
    """
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    whole = dict(
        {
            "hosts": "all",
            "gather_facts": False,
            "environment": "{{ host_environment | default({}) }}",
            "tasks": list(tasks),
        },
        **keywords,
    )
    (folder / "play.json").write_text(json.dumps([whole]))
    (folder / "ansible.cfg").touch()  # not the user's own settings
    settings = dict({"ANSIBLE_ROLES_PATH": str(ROLES)}, **(settings or {}))
    return ansible(
        folder, "playbook", "-i", "inventory.json", "play.json", must_succeed=must_succeed, settings=settings
    )


def ansible(folder, program, *arguments, must_succeed=True, settings=None):
    """Run a program of Ansible's (`playbook`, `inventory`) in a folder; gives back the finished process."""
    environment = dict(
        os.environ,
        ANSIBLE_HOME=str(folder / "a"),  # short: ssh's sockets lie in it
        ANSIBLE_PIPELINING="true",
        ANSIBLE_NOCOLOR="true",
        ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
        **(settings or {}),
    )
    environment.pop("VBOXMANAGE", None)
    done = subprocess.run(
        [sys.executable, "-m", "ansible", program, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or not must_succeed, done.stdout + done.stderr
    return done


def keep(value, name):
    """A task that writes a template's value to the controller's file `name`-HOST.json: see :func:`kept`."""
    return {
        "name": "Keep a value",
        "ansible.builtin.copy": {
            "content": "{{ %s | to_json }}" % value,
            "dest": "{{ playbook_dir }}/%s-{{ inventory_hostname }}.json" % name,
        },
        "delegate_to": "localhost",
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "become": False,
    }


def kept(folder, name):
    """What :func:`keep` wrote, by host."""
    return {path.stem.partition("-")[2]: json.loads(path.read_text()) for path in sorted(folder.glob(name + "-*.json"))}


def recap(output):
    """The counters of the recap, by host."""
    rows = re.findall(r"^(\S+)\s+: (ok=.*)$", output, re.MULTILINE)
    return {host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", counters)} for host, counters in rows}
