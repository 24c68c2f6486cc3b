# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What `ansible-doc` says of our modules, with the fragments merged, and the arguments that each really takes."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from support.testbeds import TESTS

PLUGINS = TESTS.parent / "plugins"
# What runs on the managed host: the modules of tasks that run on the controller are there for their documentation only.
NAMES = sorted(
    path.stem for path in PLUGINS.glob("modules/vbox_*.py") if "def main" in path.read_text(encoding="utf-8")
)
CHANGE_SETTINGS = [name for name in NAMES if name not in ("vbox_memory_facts", "vbox_memory_balance")]


def documentation():
    """`{name of a module: {"doc": …, "return": …, …}}`"""
    program = Path(sys.executable).with_name("ansible-doc")
    names = ["vbox.memory." + name for name in NAMES]
    said = subprocess.run([str(program), "--json", *names], check=True, capture_output=True, text=True).stdout
    return {name.rpartition(".")[2]: entry for name, entry in json.loads(said).items()}


class _Taken(BaseException):
    """Ends a module at the moment it hands its arguments to AnsibleModule."""


def argument_spec(name, monkeypatch):
    """The argument spec that a module hands to AnsibleModule: its `main` runs up to there."""

    def take(_module, argument_spec, **_options):
        raise _Taken(argument_spec)

    monkeypatch.setattr(AnsibleModule, "__init__", take)
    try:
        importlib.import_module("ansible_collections.vbox.memory.plugins.modules." + name).main()
    except _Taken as taken:
        return taken.args[0]
    raise AssertionError(f"{name} has made no AnsibleModule")
