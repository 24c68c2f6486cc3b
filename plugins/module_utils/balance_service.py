# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Balance as a service of a host: the program of the zipapp that the role ``balance`` puts there. It needs no Ansible.

    usage: python3 vbox_memory_balance-….pyz [--check] CONFIGURATION

Standard output is the journal: a line for each request, and for what changed. It ends with status 2 where the configuration is wrong, and with 3 where another
controller changes balloons already. Any signal may end it at any moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.balance_status import write_status
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError, printable
from ansible_collections.vbox.memory.plugins.module_utils.execution.rounds import Balance, Round, alone
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read as read_policy

WRONG, NOT_ALONE = 2, 3  # exit statuses
BACKENDS = ("auto", "vboxmanage", "api")
KEYS = ("policy", "backend", "vboxmanage", "api_python")
PAUSE = 30  # seconds after which a host that could not be observed is looked at again
STATUS_EACH = 10  # seconds, if nothing changed
CHECKED_TOTAL = 1024  # MB of a host, for which sizes in per cent are checked


def main(arguments: Sequence[str] | None = None, version: str = "") -> int:
    """The program; gives back its exit status, where it ends by itself."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    only_checks = "--check" in words
    paths = [word for word in words if word != "--check"]
    if len(paths) != 1:
        complain("usage: [--check] CONFIGURATION")
        return WRONG
    try:
        settings = read_settings(paths[0])
    except ValueError as error:
        complain(str(error))
        return WRONG
    if only_checks:
        return 0
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # it ends at once, and leaves no traceback in the journal
    try:
        with alone():
            serve(settings, version)
    except VBoxMemoryError as error:
        complain(error.message)
        return NOT_ALONE
    return 0


def read_settings(path: str) -> dict[str, Any]:
    """The settings in a configuration, a JSON file with the keys :data:`KEYS`.

    :raises ValueError: one line for each problem: the file, where in it, the value, what is right
    """
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
    except OSError as error:
        raise ValueError("%s: it cannot be read: %s" % (path, error.strerror)) from None
    except (ValueError, RecursionError) as error:
        raise ValueError("%s: it is no JSON: %s" % (path, error)) from None
    if not isinstance(found, dict):
        raise ValueError("%s: it is no dictionary" % path)
    problems = ["%r is no key: take one of %s" % (key, ", ".join(KEYS)) for key in found if key not in KEYS]
    settings = {key: found.get(key) for key in KEYS}
    settings["backend"] = settings["backend"] or "auto"
    if settings["backend"] not in BACKENDS:
        problems.append("backend: %r is not one of %s" % (settings["backend"], ", ".join(BACKENDS)))
    problems += [
        "%s: %r is not a path" % (key, settings[key])
        for key in ("vboxmanage", "api_python")
        if settings[key] is not None and not isinstance(settings[key], str)
    ]
    settings["policy"] = {} if settings["policy"] is None else settings["policy"]
    if not isinstance(settings["policy"], dict):
        problems.append("policy: %r is not a dictionary" % (settings["policy"],))
    else:
        try:
            read_policy(settings["policy"], CHECKED_TOTAL)
        except ValueError as error:
            problems += str(error).splitlines()
        except (AttributeError, TypeError):
            problems.append("policy: defaults and machines are dictionaries of settings")
    if problems:
        raise ValueError("\n".join("%s: %s" % (path, printable(problem)) for problem in problems))
    return settings


def serve(settings: Mapping[str, Any], version: str) -> None:
    """Balance for ever. What goes wrong is said, and tried again."""
    journal = Journal(version, say)
    while True:
        try:
            with select_backend(settings["backend"], settings["vboxmanage"], settings["api_python"]) as backend:
                balance_for_ever(backend, settings["policy"], journal)
        except VBoxMemoryError as error:
            journal.failed(error)
        time.sleep(PAUSE)


def balance_for_ever(backend: Backend, policy: Mapping[str, Any], journal: Journal) -> None:
    """Round after round.

    :raises VBoxMemoryError: when the host cannot be observed any more
    """
    for one in Balance(backend, policy, (), journal.log).rounds():
        journal.add(one)


def say(line: str) -> None:
    """A line for the journal. That nobody reads it stops nothing."""
    with contextlib.suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def complain(text: str) -> None:
    """The reason why it ends."""
    sys.stderr.write(text + "\n")


class Journal:
    """Says what changed, and keeps the status.

    :param tell: takes a line
    """

    def __init__(self, version: str, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._left_alone: dict[str, str] = {}  # codes by UUID
        self._host: str | None = None
        self._reserved = 0  # MB
        self._written = 0.0
        self._shown: Any = None
        self._status: dict[str, Any] = dict(
            version=version,
            pid=os.getpid(),
            since=int(time.time()),
            rounds=0,
            last_round=None,
            problem=None,
            host=None,
            machines=[],
        )
        write_status(self._status)

    def log(self, machine: str, message: str) -> None:
        """What is asked of a machine, or of none in particular."""
        self._tell(("machine %r: " % machine if machine else "") + printable(message))

    def add(self, one: Round) -> None:
        """Take a round into account."""
        host, rows = one.plan["host"], one.plan["machines"]
        words = "; ".join(host["codes"]) and host["sentence"]
        if words != (self._host or ""):
            self._tell("the host: %s" % (printable(words) or "all is well again"))
        self._host = words
        reserved = host["figures"]["reserved_mb"]
        if reserved != self._reserved:
            self._tell("%d MB are kept for machines that are about to start" % reserved)
        self._reserved = reserved
        left_alone = {row["uuid"]: row["code"] for row in rows if not row["managed"]}
        for row in rows:
            before, now = self._left_alone.get(row["uuid"]), left_alone.get(row["uuid"])
            if now != before:
                self.log(row["name"], row["sentence"] if now else "takes part again")
        self._left_alone = left_alone
        machines = [
            dict(
                {key: row[key] for key in ("uuid", "name", "code", "sentence", "holds_mb", "target_mb")},
                balloon_mb=row["request_mb"],
            )
            for row in rows
        ]
        self._status.update(
            rounds=self._status["rounds"] + 1,
            last_round=int(time.time()),
            problem=None,
            host=dict(codes=host["codes"], sentence=host["sentence"]),
            machines=machines,
        )
        shown = (host["codes"], [(row["uuid"], row["code"]) for row in rows], len(one.taken))
        if shown != self._shown or time.monotonic() - self._written >= STATUS_EACH:
            self._write()
        self._shown = shown

    def failed(self, error: VBoxMemoryError) -> None:
        """Say what went wrong."""
        self._tell("%s. It is tried again in %d s" % (printable(error.message), PAUSE))
        self._status["problem"] = error.message
        self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        write_status(self._status)
