# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Runs of ansible-playbook."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

PLAYS = Path(__file__).parent / "plays"
# What makes plays faster, for whoever's tasks they have. Without it, Ansible's own defaults.
TUNED = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=600s"}


class Playing:
    """Plays in a folder, which holds their inventory."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._environment = dict(os.environ, ANSIBLE_HOME=str(self._folder / "ansible"), ANSIBLE_NOCOLOR="true")

    def inventory(self, hosts, **variables):
        """The hosts of the next plays: a list of :class:`~hosts.Host`."""
        content = {host.user: host.variables for host in hosts}
        (self._folder / "inventory.json").write_text(json.dumps({"all": {"hosts": content, "vars": variables}}))

    def __call__(self, play, *, forks=5, tuned=True, **variables):
        """Run a play of :data:`PLAYS`, or a playbook of the collection; gives back how many tasks changed something.

        :param tuned: whether with :data:`TUNED`
        """
        (self._folder / "variables.json").write_text(json.dumps(variables))
        path = str(PLAYS / play) if play.endswith(".yml") else play
        command = ["ansible-playbook", "-i", "inventory.json", "--forks", str(forks), "-e", "@variables.json", path]
        environment = dict(self._environment, **(TUNED if tuned else {}))
        with open(self._folder / "output", "w") as output:
            status = subprocess.run(
                command,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            ).returncode
        text = (self._folder / "output").read_text()
        if status:
            raise SystemExit(f"{play}: exit {status}\n{text[-3000:]}")
        return sum(map(int, re.findall(r" changed=(\d+) ", text)))
