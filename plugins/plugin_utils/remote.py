# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the facts of hosts without Ansible's connections, which an inventory plugin has not got: by a command such as ssh.

A host needs a Python, and gets the code through its standard input; nothing is written there.
"""

from __future__ import annotations

import ast
import json
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from ansible.errors import AnsibleError

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean
from ansible_collections.vbox.memory.plugins.plugin_utils.naming import group_name
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import SENT_FACTS, problem_of_facts
from ansible_collections.vbox.memory.plugins.plugin_utils.values import kind_of, plain, shown

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

LARGEST = 64 * 1024 * 1024  # bytes of an answer; a machine takes some 600
LONGEST = 500  # characters of an error that a host gives

NO_OPTION_I = "Unknown option: -I"  # how Python 2 begins

# What the host's Python runs: `sources` holds the code of each module, or null for a package.
PROGRAM = """
import sys
if sys.version_info < (3, 8):
    sys.exit("Python 3.8 or newer is needed there, and this is %%d.%%d: name another with the key python" %% sys.version_info[:2])

import importlib.abc, importlib.util, json
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
        source = given["sources"].get(module.__name__ + ".__init__") or given["sources"][module.__name__]
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


class HostError(Exception):
    """A host that cannot be read: its message says why, in a line."""


def problems_of(hosts: Sequence[Any]) -> list[str]:
    """What is wrong with the entries of `hosts`: a list of sentences."""
    problems: list[str] = []
    seen: dict[str, str] = {}
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
        name = host.get("name")
        if not name:
            problems.append("%s: it has no name" % place)
        elif isinstance(name, str):
            if group_name(name) in seen:
                first = seen[group_name(name)]
                same = "stands twice" if first == name else "is as %r in the names of groups: choose another" % first
                problems.append("%s.name: %r %s" % (place, name, same))
            seen[group_name(name)] = name
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
    status, out, error_text = _run(command, PROGRAM % json.dumps(given), timeout)
    before, found, answer = out.partition(marker)
    if not found:
        said = (error_text or before).strip().splitlines() or ["no answer"]
        if said[0].startswith(NO_OPTION_I):
            said = ["Python 3.8 or newer is needed there, and this is 2: name another with the key python"]
        raise HostError("%s (exit status %d)" % (shown(said[-1], LONGEST), status))
    return facts_in(answer)


def _run(command: Sequence[str], given: str, timeout: int) -> tuple[int, str, str]:
    """Run a command: its exit status, and what it wrote to its standard output and error.

    :raises HostError: when it cannot run, takes too long or writes too much
    """
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        source.write(given.encode())
        source.seek(0)
        try:
            process = subprocess.Popen(command, stdin=source, stdout=out, stderr=error)
        except OSError as problem:
            raise HostError("%s: %s" % (command[0], problem.strerror)) from None
        try:
            _wait(process, (out, error), timeout)
        finally:
            process.kill()
            process.wait()
        return process.returncode, _text(out), _text(error)


def _wait(process: subprocess.Popen[bytes], outputs: Sequence[IO[bytes]], timeout: int) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            process.wait(max(0.0, min(0.2, deadline - time.monotonic())))
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        if sum(os.fstat(output.fileno()).st_size for output in outputs) > LARGEST:
            raise HostError("its answer is longer than %d MB: see what that Python prints" % (LARGEST // 2**20))
        if ended:
            return
        if time.monotonic() >= deadline:
            raise HostError(
                "it has not answered within %d s: see what holds it up, or allow more with timeout" % timeout
            )


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode("utf-8", "replace")


def facts_in(answer: str) -> Facts:
    """The facts in what a host has answered, in which every value is of the kind that it has to be.

    :raises HostError: when it is an error, or something else
    """
    try:
        result = json.loads(answer)
        result = json.loads(json.dumps(result, ensure_ascii=False).encode("utf-8", "replace"))  # no half characters
    except (ValueError, RecursionError):
        raise HostError("its answer was cut off, or is no JSON: see what that Python prints") from None
    if not isinstance(result, dict):
        raise HostError("its answer is %s and has to be a dictionary" % kind_of(result))
    if "facts" not in result:
        raise HostError(shown(result.get("msg") or "its answer holds neither facts nor an error", LONGEST))
    try:
        facts: Facts = plain(result["facts"])
    except AnsibleError as error:
        raise HostError("its answer cannot be used: %s" % error) from None
    problem = problem_of_facts(facts, SENT_FACTS)
    if problem:
        raise HostError("its answer cannot be used: %s" % problem)
    return facts


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


def sources(*names: str) -> dict[str, str | None]:
    """The code that a host needs: ``{module: its source, or None for a package}``. The code of a package, if it has any, is its module ``__init__``.

    :param names: the modules that are imported there, below ``module_utils``; those that read facts unless given
    """
    found: dict[str, str | None] = {}
    wanted = ["%s.%s" % (MODULE_UTILS, name) for name in names or ("facts", "backends.select")]
    while wanted:
        name = wanted.pop()
        folder = FOLDER.joinpath(*name[len(MODULE_UTILS) + 1 :].split("."))
        path = folder.with_suffix(".py")
        if (folder / "__init__.py").is_file():
            name, path = name + ".__init__", folder / "__init__.py"
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
