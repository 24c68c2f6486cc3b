# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the facts of hosts without Ansible's connections, which an inventory plugin has not got: by a command such as ssh.

A host needs a Python, and gets the code through its standard input; nothing is written there.
"""

from __future__ import annotations

import ast
import json
import secrets
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean
from ansible_collections.vbox.memory.plugins.plugin_utils.values import kind_of

Entry = Mapping[str, Any]  # of the option `hosts`
Facts = dict[str, Any]

MODULE_UTILS = "ansible_collections.vbox.memory.plugins.module_utils"
FOLDER = Path(__file__).resolve().parents[1] / "module_utils"

# What an entry of `hosts` may hold, and of what kind it is.
KEYS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "ssh": (str, list),
    "become_user": (str,),
    "python": (str,),
    "vboxmanage": (str,),
}

# What the host's Python runs: `sources` holds the code of each module, or null for a package.
PROGRAM = """
import importlib.abc, importlib.util, json, sys
given = json.loads(%r)

class Sent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name in given["sources"]:
            return importlib.util.spec_from_loader(name, self, is_package=given["sources"][name] is None)

    def create_module(self, spec):
        return None

    def get_source(self, name):
        return given["sources"][name]

    def exec_module(self, module):
        source = given["sources"][module.__name__]
        if source is not None:
            exec(compile(source, module.__name__, "exec"), module.__dict__)

sys.dont_write_bytecode = True
sys.meta_path.insert(0, Sent())
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.facts import gather

try:
    with select_backend(executable=given["vboxmanage"]) as backend:
        result = dict(facts=gather(backend, None, given["metrics"], 5.0))
except VBoxMemoryError as error:
    result = error.as_result()
print(given["marker"] + json.dumps(result))
"""


Host = Mapping[str, Any]  # an entry of `hosts`


class HostError(Exception):
    """A host that cannot be read: its message says why, in a line."""


def problems_of(hosts: Sequence[Any]) -> list[str]:
    """What is wrong with the entries of `hosts`: a list of sentences."""
    problems: list[str] = []
    seen: set[Any] = set()
    for number, host in enumerate(hosts):
        place = "hosts[%d]" % number
        if not isinstance(host, dict):
            problems.append("%s: it is %s and has to be a dictionary" % (place, kind_of(host)))
            continue
        for key, value in host.items():
            if key not in KEYS:
                problems.append("%s.%s: there is no such key; %s" % (place, key, did_you_mean(key, KEYS)))
            elif not isinstance(value, KEYS[key]) or not value:
                problems.append(
                    "%s.%s: %r does not do: give %s"
                    % (place, key, value, " or ".join(kind_of(kind()) for kind in KEYS[key]))
                )
        if not host.get("name"):
            problems.append("%s: it has no name" % place)
        elif host["name"] in seen:
            problems.append("%s.name: %r stands twice" % (place, host["name"]))
        seen.add(host.get("name"))
    return problems


def read_hosts(
    hosts: Sequence[Entry], ssh_arguments: Sequence[str], metrics: bool, timeout: int, forks: int
) -> list[Facts | HostError]:
    """The facts of hosts, so many at a time.

    :param hosts: entries that :func:`problems_of` finds nothing wrong with
    :returns: for each, in order, its facts or the :class:`HostError`
    """

    def read(host: Entry) -> Facts | HostError:
        try:
            return read_host(host, ssh_arguments, metrics, timeout)
        except HostError as error:
            return error

    with ThreadPoolExecutor(max(1, forks)) as pool:
        return list(pool.map(read, hosts))


def read_host(host: Entry, ssh_arguments: Sequence[str], metrics: bool, timeout: int) -> Facts:
    """The facts of one host, as ``vbox_memory_facts`` returns them.

    :raises HostError: when it is down, has no Python or no VirtualBox, or takes too long
    """
    marker = secrets.token_hex(16)  # a login script can print anything before it
    given = dict(sources=sources(), vboxmanage=host.get("vboxmanage"), metrics=metrics, marker=marker)
    command = command_for(host, ssh_arguments)
    try:
        done = subprocess.run(
            command, input=(PROGRAM % json.dumps(given)).encode(), capture_output=True, timeout=timeout, check=False
        )
    except OSError as error:
        raise HostError("%s: %s" % (command[0], error.strerror)) from None
    except subprocess.TimeoutExpired:
        raise HostError("it has not answered within %d s" % timeout) from None
    before, found, answer = done.stdout.decode("utf-8", "replace").partition(marker)
    if not found:
        said = (done.stderr.decode("utf-8", "replace") or before).strip().splitlines()
        raise HostError("%s (exit status %d)" % (said[-1] if said else "no answer", done.returncode))
    try:
        result = json.loads(answer)
    except ValueError:
        raise HostError("its answer was cut off") from None
    if "facts" not in result:
        raise HostError(result["msg"])
    return result["facts"]


def command_for(host: Entry, ssh_arguments: Sequence[str]) -> list[str]:
    """The command that runs the Python of a host, as a list."""
    sudo = ["sudo", "-n", "-H", "-u", host["become_user"], "--"] if host.get("become_user") else []
    if not host.get("ssh"):
        return [*sudo, host.get("python") or sys.executable, "-I", "-"]
    where = host["ssh"] if isinstance(host["ssh"], list) else [host["ssh"]]
    # ssh joins words with blanks, for a shell.
    return [
        "ssh",
        *ssh_arguments,
        *map(str, where),
        " ".join(map(shlex.quote, [*sudo, host.get("python") or "python3", "-I", "-"])),
    ]


def sources() -> dict[str, str | None]:
    """The code that a host needs: ``{module: its source, or None for a package}``."""
    found: dict[str, str | None] = {}
    wanted = ["%s.%s" % (MODULE_UTILS, name) for name in ("facts", "backends.select")]
    while wanted:
        name = wanted.pop()
        path = FOLDER.joinpath(*name[len(MODULE_UTILS) + 1 :].split(".")).with_suffix(".py")
        if name in found or not path.is_file():  # what is imported from a module is no module
            continue
        found[name] = source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(MODULE_UTILS):
                wanted += [str(node.module)] + ["%s.%s" % (node.module, alias.name) for alias in node.names]
    for name in list(found):
        parts = name.split(".")
        found.update((".".join(parts[:count]), None) for count in range(1, len(parts)))
    return found
