# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""VirtualBox by the bindings that it ships, ``vboxapi``, in a child process of the host's own Python."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cached_property, partial

from ansible_collections.vbox.memory.plugins.module_utils import api_child
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.machines import LIVE, Machine, inaccessible, one_of
from ansible_collections.vbox.memory.plugins.module_utils.metrics import GUEST_METRICS, HOST, PERIOD, Metrics
from ansible_collections.vbox.memory.plugins.module_utils.settings import SETTINGS
from ansible_collections.vbox.memory.plugins.module_utils.support import parse_version
from ansible_collections.vbox.memory.plugins.module_utils.vboxmanage import (
    PASSING,
    TIME_LIMIT,
    command_line,
    end_of,
    environment,
    failure,
    one_at_a_time,
    patiently,
)

PART = (
    10  # machines that one request is about: what one process does alone in the end, while the other has nothing left
)
AT_ONCE = 20  # requests: other modules of this user get their turn after so many
# Machines from which on a second process helps: it takes 0.1 s to start. Reading 200 took 0.46 s by one process, 0.25 by two
# and 0.25 by three (measured, two processors). Threads of one process crash the bindings (measured).
MANY = 50
PROCESSES = min(2, os.cpu_count() or 1)
LARGEST_ANSWER = 16 * 1024 * 1024  # bytes; a stopped machine takes some 270 (measured)
GREETING = -1  # a task that is no number of a request
LARGEST_BALLOON = 2**32 - 1  # the bindings cut larger numbers off, silently (measured)
SETTING_OF = {setting.command: setting.name for setting in SETTINGS.values()}


class ApiBackend:
    """VirtualBox by its bindings, with the interface of :class:`~.backend.CommandBackend`.

    What the bindings are not used for goes to VBoxManage. Metrics come from ``IPerformanceCollector``, as VBoxManage's do.
    ``IGuest::internalGetStatistics`` is marked internal, gives 0 until an interval is set up (measured), and knows neither the
    host's memory nor a process's.

    :param command: a :class:`~.backend.CommandBackend` of the same VirtualBox
    :param python: the Python that has the bindings; ``None`` tries :func:`pythons`
    :param machines: how many are going to be read, as far as is known
    :raises VBoxMemoryError: ``backend_unavailable``; the methods raise it too, when the child ends before its time
    """

    name = "api"
    fallback = None

    def __init__(self, command, python=None, machines=0):
        self.command = command
        self._searches = 0
        self._bindings = Bindings([python] if python else pythons(), machines)
        try:
            wanted = command.version  # while the bindings start
            self.version = parse_version(self._bindings.version)
        except VBoxMemoryError:
            self.close()
            raise
        if self.version != wanted:
            self.close()
            raise unavailable(
                "they are of VirtualBox %s, and VBoxManage is of %s: name the VBoxManage of the same installation with the option vboxmanage"
                % (self.version, wanted)
            )

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        """End the child process. The next request would start another."""
        self._bindings.close()

    def find_many(self, wanted, details=True):
        """For each name or UUID its :class:`~.machines.Machine`, or the error in its place.

        :param details: whether the groups and the type of the operating system are wanted, too
        :raises VBoxMemoryError: when nothing can be read at all
        """
        found = self._find_in_parts(wanted, details) if _two_are_faster(len(wanted)) else {}
        # None or several: it is not there, or a machine went meanwhile and two processes have seen another list each. One alone sees what is right.
        unclear = [one for one in wanted if len(found.get(one, ())) != 1]
        if unclear:
            found.update(zip(unclear, self._ask("find", wanted=unclear, details=details)))
        return [self._found(found[one]) for one in wanted]

    def _find_in_parts(self, wanted, details):
        """``{name or UUID: entries}``, by both processes; nothing if the list of machines has changed so that they cannot go on."""
        self._bindings.expect(len(wanted))
        parts = min(AT_ONCE, len(wanted) // PART)  # no more, for each looks through all that is wanted
        self._searches += 1
        requests = [
            dict(wanted=wanted, details=details, search=self._searches, part=part, parts=parts) for part in range(parts)
        ]
        with _ignoring(*PASSING):
            answers = self._bindings.share("find", requests)
            return {one: [entry for entries in some for entry in entries] for one, some in zip(wanted, zip(*answers))}
        return {}

    def read_all(self):
        """All machines, and the UUIDs of those that cannot be read."""
        machines, unreadable = [], []
        for entry in self._entries(self._ask("list")):
            if "inaccessible" in entry:
                unreadable.append(entry["inaccessible"])
            else:
                with _ignoring("machine_not_found"):  # gone since
                    machines.append(self._machine(entry))
        return machines, unreadable

    def read_live(self):
        """The machines that run or are paused."""
        machines = []
        for entry in self._entries(self._ask("list", states=LIVE)):
            with _ignoring("machine_not_found"):
                machines.append(self._machine(entry))
        return [machine for machine in machines if machine.live]

    def read(self, uuid):
        """The machine with this UUID, as it is now."""
        return patiently(lambda: self._machine(self._bindings.ask("read", {"machines": [uuid]})[0], again=False))

    def run(self, *command):
        """Do what a command of VBoxManage does: those that change settings by the bindings, others by VBoxManage."""
        request = request_for(command)
        if request is None:
            return self.command.run(*command)
        return self._ask(request.pop("do"), command, **request)

    def set_default_while_live(self, uuid, size):
        """Make so many MB the default balloon of a machine that runs, which VBoxManage cannot. The current one stays as it is."""
        self._ask("default_while_live", uuid=uuid, size=size)

    def period(self, uuid):
        """See :meth:`.CommandBackend.period`."""
        return self._ask("period", uuid=uuid, metric=GUEST_METRICS["free_kb"])

    def sample(self, objects, wait):
        """The newest values of metrics: see :class:`~.metrics.Metrics`."""
        return Metrics(self, objects).read(wait)

    def query_metrics(self, name, metrics):
        """See :meth:`.CommandBackend.query_metrics`."""
        return self._ask("query_metrics", uuid=_uuid(name), metrics=metrics)

    def set_up_metrics(self, name, groups):
        """See :meth:`.CommandBackend.set_up_metrics`."""
        self._ask("set_up_metrics", uuid=_uuid(name), groups=groups, period=PERIOD)

    def _ask(self, what, command=None, **arguments):
        """The answer to a request; passing errors are tried again.

        :param command: the equivalent command of VBoxManage, for the error
        """
        details = {"command": command_line(command)} if command else {}
        return patiently(lambda: self._bindings.ask(what, arguments, **details))

    def _entries(self, uuids):
        """What the child says of each machine, in order."""
        self._bindings.expect(len(uuids))
        requests = [{"machines": some} for some in _portions(uuids, PART)]
        for some in _portions(requests, AT_ONCE):
            for entries in patiently(partial(self._bindings.share, "read", some)):
                yield from entries

    def _found(self, entries):
        """The one machine that is meant by a name or UUID, or what is wrong."""
        machines = []
        for entry in entries:
            try:
                machines.append(self._machine(entry))
            except VBoxMemoryError as error:
                if error.code != "machine_not_found":  # gone since
                    return error
        return one_of(machines)

    def _machine(self, entry, again=True):
        """The machine of an entry. With ``again``, one that could not be read for a passing reason is read again."""
        if "machine" in entry:
            return Machine(**entry["machine"])
        if "inaccessible" in entry:
            raise inaccessible(entry["inaccessible"])
        error = self._bindings.failure(entry["problem"])
        if again and error.code in PASSING and "uuid" in entry:
            return self.read(entry["uuid"])
        raise error


def _uuid(name):
    """The UUID that the child takes for an object of metrics; ``None`` is the host."""
    return None if name == HOST else name


def request_for(command):
    """The request that does the same as a command of :func:`~.settings.commands`; ``None`` for any other command."""
    verb, uuid, arguments = command[0], command[1], command[2:]
    names = [SETTING_OF.get((verb, option)) for option in arguments[::2]]
    values = [_value(text) for text in arguments[1::2]]
    if not values or len(names) != len(values) or None in names or None in values:
        return None
    if verb == "controlvm":
        return dict(do="balloon", uuid=uuid, size=values[0]) if len(values) == 1 else None
    return dict(do="modify", uuid=uuid, values=list(zip(names, values)))


def _value(text):
    """The value that an argument stands for; ``None`` if it is none that :meth:`.Setting.argument` writes."""
    if text in ("on", "off"):
        return text == "on"
    return int(text) if re.fullmatch("0|[1-9][0-9]*", text) and int(text) <= LARGEST_BALLOON else None


class Bindings:
    """The bindings, by a child process: started with the first Python that has them, and anew when the server went away. Ask for the version first.

    Where there is much to read, a second one helps. Whatever goes wrong with it, the first one does its work.

    :param candidates: the Pythons to try
    :param machines: how many are going to be read, as far as is known: the second process starts together with the first if need be
    """

    def __init__(self, candidates, machines=0):
        self._child = self._helper = None
        self._candidates = candidates
        self._two = _two_are_faster(machines)
        with one_at_a_time, contextlib.suppress(Unusable):  # which shows when it is to be used
            for python in candidates[:1]:
                self._launch(python)

    @cached_property
    def version(self):
        """The version of VirtualBox that they are of; by then they are connected."""
        return patiently(self._start)

    def ask(self, what, arguments, **details):
        """The answer to one request. See :meth:`share`."""
        return self.share(what, [arguments], **details)[0]

    def share(self, what, requests, **details):
        """The answers to requests of a kind, in order. Each process takes the next request when it is free, the first process the first.

        :param requests: a list of dictionaries of arguments
        :raises VBoxMemoryError: typed by VirtualBox's result code, with these details; ``backend_unavailable``
        """
        with one_at_a_time:
            if self._child is None:
                self._start()
            left, answers = list(range(len(requests)))[::-1], {}
            while not all(number in answers for number in range(len(requests))):
                for child in self._children():
                    if left and child.task is None:
                        task = left.pop()
                        child.begin(task, what, requests[task])
                for child in first_to_answer(self._children()):
                    task, message = child.task, self._message(child)
                    if "answer" in message:
                        answers[task] = message["answer"]
                    elif child is self._child:
                        raise self._failed(message["problem"], **details)
                    else:
                        self._dismiss()
                        left += [task] if task != GREETING else []
            return [answers[number] for number in range(len(requests))]

    def expect(self, machines):
        """Have a second process start and connect meanwhile, if so many machines are to be read."""
        if self._child and self._helper is None and _two_are_faster(machines):
            with contextlib.suppress(Unusable):
                self._helper = Child(self._candidates[0])
                self._helper.begin(GREETING, "hello")

    def failure(self, found, **details):
        """The error for what the child calls a problem."""
        error = _failure(found, **details)
        if error.code == "server_unavailable":
            self.close()  # a client does not find its way to a new server
        return error

    def close(self):
        """End the child processes."""
        for child in self._children():
            child.hang_up()  # both, before one is waited for
        self._dismiss()
        if self._child:
            self._child.close()
            self._child = None

    def _children(self):
        return [child for child in (self._child, self._helper) if child]

    def _message(self, child):
        """The message of a child at work; of a second process without one, nothing."""
        try:
            return child.finish()
        except (Unusable, VBoxMemoryError) as error:
            if child is self._helper:
                return {}
            self.close()
            raise unavailable(error) if isinstance(error, Unusable) else error from None

    def _failed(self, found, **details):
        if self._helper and self._helper.task is not None:
            self._dismiss()  # its answer would be taken for another one's
        return self.failure(found, **details)

    def _dismiss(self):
        if self._helper:
            self._helper.close()
            self._helper = None

    def _launch(self, python):
        """Have processes start and import the bindings. They connect one after the other."""
        self._child = Child(python)
        self._helper = Child(python) if self._two else None

    def _start(self):
        """Have a child connected, of the first Python that has the bindings; gives back their version of VirtualBox."""
        reasons = []
        with one_at_a_time:
            for python in self._candidates:
                try:
                    return self._connect(python)
                except Unusable as error:
                    reasons.append(str(error))
        raise unavailable("; ".join(reasons) or "no Python was found: name one that has vboxapi")

    def _connect(self, python):
        try:
            if self._child is None:
                self._launch(python)
            self._child.begin(GREETING, "hello")
            hello = self._child.finish()
            if "answer" not in hello:
                error = _failure(hello["problem"], answered=False)
                raise (
                    error
                    if error.code == "server_unavailable"
                    else Unusable("%s: %s" % (python, hello["problem"]["says"]))
                )
        except (Unusable, VBoxMemoryError):
            self.close()
            raise
        self._candidates = [python]
        if self._helper:
            self._helper.begin(GREETING, "hello")
        return hello["answer"]["version"]


class Unusable(Exception):
    """Why a process is of no use; the words name its Python."""


class Child:
    """A process that runs :mod:`~.api_child`. It is never killed: it may hold a machine's lock, and ends by itself.

    ``task`` is what it was begun for, until its answer is taken; ``until`` is when that must have come, by the monotonic clock.

    :raises Unusable: also from the methods
    """

    def __init__(self, python):
        self.task = self.until = None
        self._python = python
        self._pending = b""
        self._errors = tempfile.TemporaryFile()
        lock = [] if one_at_a_time.descriptor is None else [one_at_a_time.descriptor]
        program = api_child.__spec__.loader.get_source(api_child.__name__)  # AnsiballZ has it in a zip
        try:
            # A session of its own: what ends us (a lost connection, a kill) must not end a process that holds a lock.
            self._process = subprocess.Popen(
                [python, "-c", program] + [str(descriptor) for descriptor in lock],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
                env=environment(),
                cwd="/",
                pass_fds=lock,
            )
        except OSError as error:
            raise Unusable("%s: %s" % (python, error.strerror)) from None

    def fileno(self):
        """For ``select``."""
        return self._process.stdout.fileno()

    def begin(self, task, what, arguments=None):
        """Send a request. That the process has ended shows in place of its answer."""
        self.task, self.until = task, time.monotonic() + TIME_LIMIT
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps({"do": what, "with": arguments or {}}).encode() + b"\n")
            self._process.stdin.flush()

    def finish(self):
        """The answer to the request, as the message that it is.

        :raises VBoxMemoryError: ``vboxmanage_timeout``
        """
        self.task = None
        line = self._line()
        try:
            message = json.loads(line.decode("utf-8"))
            if "answer" in message or isinstance(message["problem"]["says"], str):
                return message
        except (ValueError, TypeError, KeyError):
            pass
        raise self._gone("%s printed what is no answer: %.80r" % (self._python, line))

    def hang_up(self):
        """Let the child end."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def close(self):
        """Let the child end, and wait for it a little."""
        self.hang_up()
        self._process.stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            end_of(self._process, 2)
        self._errors.close()

    def _line(self):
        while b"\n" not in self._pending:
            if not select.select([self], [], [], max(0, self.until - time.monotonic()))[0]:
                raise self._silent()
            some = os.read(self.fileno(), 65536)
            if not some:
                raise self._ended()
            self._pending += some
            if len(self._pending) > LARGEST_ANSWER:
                raise self._gone("%s printed what is no answer" % self._python)
        line, _newline, self._pending = self._pending.partition(b"\n")
        return line

    def _ended(self):
        """The error for a child that has ended before its time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            end_of(self._process, 2)
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return self._gone(
            "%s ended unexpectedly (status %s%s)"
            % (self._python, self._process.returncode, ": " + lines[-1] if lines else "")
        )

    def _gone(self, reason):
        self.close()
        return Unusable(reason)

    def _silent(self):
        self.close()
        return VBoxMemoryError(
            "vboxmanage_timeout",
            "VirtualBox has not answered its bindings within %d s, and their process %d was left running: ending it could"
            " abort a machine. See what holds VirtualBox up, then run this again" % (TIME_LIMIT, self._process.pid),
        )


def first_to_answer(children):
    """Those of the children at work that have something to say, as soon as one has; all of them if none says anything in time."""
    at_work = [child for child in children if child.task is not None]
    limit = min(child.until for child in at_work) - time.monotonic()
    return select.select(at_work, [], [], max(0, limit))[0] or at_work


def pythons():
    """The Pythons that may have the bindings: packages install them for the system's own."""
    found = [sys.executable, "/usr/bin/python3", shutil.which("python3")]
    return list(dict.fromkeys(python for python in found if python and os.access(python, os.X_OK)))


def unavailable(reason):
    """The error for bindings that cannot be used, for this reason."""
    return VBoxMemoryError(
        "backend_unavailable",
        "VirtualBox's Python bindings (vboxapi) cannot be used: %s. Install them for the host's own Python (a package of"
        " VirtualBox, or its SDK), name the Python that has them, or use backend: vboxmanage" % reason,
    )


def _failure(found, **details):
    return failure("VirtualBox says: %s" % found["says"], found.get("number"), **details)


def _two_are_faster(machines):
    return PROCESSES > 1 and machines >= MANY


def _portions(values, size):
    return [values[start : start + size] for start in range(0, len(values), size)]


@contextlib.contextmanager
def _ignoring(*codes):
    try:
        yield
    except VBoxMemoryError as error:
        if error.code not in codes:
            raise
