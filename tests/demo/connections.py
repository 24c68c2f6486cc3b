# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Prints an inventory that says how to reach the demo's hosts. It is beside inventory/, for it differs from run to run.

usage: connections.py sandbox INFO HOST…     INFO is what `sandbox info` prints
       connections.py fake FOLDER HOST…      makes a fake host for each in FOLDER/HOST
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.hosts import FakeTestHost, write_program  # noqa: E402
from support.testbeds import ssh_variables  # noqa: E402


def main(kind, place, *hosts):
    entries = {"sandbox": sandbox, "fake": fake}[kind](place, hosts)
    print(json.dumps({"all": {"hosts": entries}}, indent=1))


def sandbox(info, hosts):
    """Each host is a user of the sandbox."""
    info = json.loads(info)
    return {host: ssh_variables(info, user) for host, user in zip(hosts, info["users"], strict=False)}


def fake(folder, hosts):
    """Each host is a folder with a VBoxManage of its own."""
    return {
        host: {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "vbox_memory_vboxmanage": fake_program(Path(folder, host)),
        }
        for host in hosts
    }


def fake_program(folder):
    (folder / "state").mkdir(parents=True)
    return write_program(FakeTestHost(folder / "state", release="7.1").fake, folder / "VBoxManage")


main(*sys.argv[1:])
