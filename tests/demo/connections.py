# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Prints an inventory that says how to reach the demo's hosts. It is beside inventory/, for it differs from run to run.

usage: connections.py sandbox INFO HOST…     INFO is what `sandbox info` prints
       connections.py fake FOLDER HOST…      makes a fake host for each in FOLDER/HOST
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def main(kind, place, *hosts):
    entries = {"sandbox": sandbox, "fake": fake}[kind](place, hosts)
    print(json.dumps({"all": {"hosts": entries}}, indent=1))


def sandbox(info, hosts):
    """Each host is a user of the sandbox."""
    info = json.loads(info)
    common = {
        "ansible_host": info["host"],
        "ansible_port": info["port"],
        "ansible_ssh_private_key_file": info["key"],
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={shlex.quote(info['known_hosts'])}",
        "ansible_python_interpreter": info["python"],
    }
    return {host: dict(common, ansible_user=user) for host, user in zip(hosts, info["users"], strict=False)}


def fake(folder, hosts):
    """Each host is a folder with a VBoxManage of its own."""
    return {
        host: {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "vbox_memory_vboxmanage": fake_host(Path(folder, host)),
        }
        for host in hosts
    }


def fake_host(folder):
    sys.path.insert(0, str(TESTS / "fake"))
    from vboxfake.fakehost import PROGRAM, FakeHost

    state = folder / "state"
    state.mkdir(parents=True)
    with FakeHost(state, release="7.1").state() as content:
        content["host"].update(home=str(folder / "home"), writes_settings_files=True)
    program = folder / "VBoxManage"
    program.write_text(
        f'#!/bin/sh\nVBOX_FAKE_HOME={shlex.quote(str(state))} exec {shlex.quote(PROGRAM)} "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    return str(program)


main(*sys.argv[1:])
