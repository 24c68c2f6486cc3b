# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Real ansible-playbook runs, against the fake beside it and against users of the sandbox over SSH."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROLES = Path(__file__).parent / "targets"
VBOX = "/usr/lib/virtualbox/VBoxManage"


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
    forget_machines(sandbox, user)
    info = json.loads(sandbox("info").stdout)
    return {
        "ansible_host": info["host"],
        "ansible_port": info["port"],
        "ansible_user": user,
        "ansible_ssh_private_key_file": info["key"],
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={info['known_hosts']} -o ControlMaster=auto -o ControlPersist=60s",
        "ansible_python_interpreter": info["python"],
    }


def forget_machines(sandbox, user):
    listing = sandbox("exec", "--user", user, VBOX, "list", "vms").stdout
    for uuid in re.findall(r"\{([0-9a-f-]{36})\}$", listing, re.MULTILINE):
        sandbox("exec", "--user", user, VBOX, "unregistervm", uuid)
    sandbox("exec", "--user", user, "rm", "-rf", "VirtualBox VMs")


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
    environment = dict(
        os.environ,
        ANSIBLE_HOME=str(folder / "a"),
        ANSIBLE_PIPELINING="true",
        ANSIBLE_ROLES_PATH=str(ROLES),
        ANSIBLE_NOCOLOR="true",
        ANSIBLE_CALLBACK_RESULT_FORMAT="yaml",
        **(settings or {}),
    )
    environment.pop("VBOXMANAGE", None)
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.json", "play.json"]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
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
