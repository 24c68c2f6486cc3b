# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The processes that run VirtualBox's bindings: started, asked, shared, and started anew when the server went away."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from functools import cached_property
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends import vboxapi_worker
from ansible_collections.vbox.memory.plugins.module_utils.backends.process import (
    TIME_LIMIT,
    environment,
    is_whole,
    last_line,
    readable,
    retry_transient,
    scratch_file,
    send,
    wait_for_exit,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError, error_from_result_code
from ansible_collections.vbox.memory.plugins.module_utils.locks import client_lock

# Machines from which on a second process helps: it takes 0.1 s to start. Reading 200 took 0.46 s by one process, 0.25 by two
# and 0.25 by three (measured, two processors). Threads of one process crash the bindings (measured).
MANY = 50
PROCESSES = min(2, os.cpu_count() or 1)
LARGEST_RESPONSE = 16 * 1024 * 1024  # bytes; a stopped machine takes some 270 (measured)
# A Python that is too old for the worker's text says why in words, which is more than a SyntaxError. It is written for Python 2, too.
CHECK_OF_PYTHON = """
import sys
if sys.version_info < (3, 7):
    sys.exit("Python 3.7 or newer is needed, and this is %%d.%%d" %% sys.version_info[:2])
exec(compile(%r, "vboxapi_worker", "exec"))
"""
HELLO = -1  # a task that is no number of a request


class WorkerPool:
    """The bindings, by a worker: started with the first Python that has them. Ask for the version first.

    Where there is much to read, a second worker helps. Whatever goes wrong with it, the first one does its work.

    :param candidates: the Pythons to try
    :param machines: how many are going to be read, as far as is known: the second worker starts together with the first if need be
    """

    def __init__(self, candidates: Sequence[str], machines: int = 0) -> None:
        self._first: Worker | None = None
        self._second: Worker | None = None
        self._candidates = list(candidates)
        self._starts_two = two_are_faster(machines)
        with contextlib.suppress(Unusable, VBoxMemoryError), _locked():  # which shows when it is to be used
            for python in self._candidates[:1]:
                self._launch(python)

    @cached_property
    def version(self) -> str:
        """The version of VirtualBox that they are of; by then they are connected."""
        return retry_transient(self._start)

    def call(self, method: str, params: Mapping[str, Any], **details: Any) -> Any:
        """The result of one request. See :meth:`share`."""
        return self.share(method, [params], **details)[0]

    def share(self, method: str, requests: Sequence[Mapping[str, Any]], **details: Any) -> list[Any]:
        """The results of requests of one method, in order. Each worker takes the next request when it is free, the first worker the first.

        :param requests: the params of each
        :raises VBoxMemoryError: typed by VirtualBox's result code, with these details; ``backend_unavailable``
        """
        with _locked():
            if self._first is None:
                self._start()
            left = list(range(len(requests)))[::-1]
            results: dict[int | None, Any] = {}
            while not all(number in results for number in range(len(requests))):
                for worker in self._workers():
                    if left and worker.task is None:
                        number = left.pop()
                        worker.begin(number, method, requests[number])
                for worker in first_to_respond(self._workers()):
                    task, message = worker.task, self._message(worker)
                    if "result" in message:
                        results[task] = message["result"]
                    elif worker is self._first:
                        raise self._failed(message["error"], **details)
                    else:
                        self._discard_second()
                        left += [task] if task is not None and task != HELLO else []
            return [results[number] for number in range(len(requests))]

    def expect(self, machines: int) -> None:
        """Have a second worker start and connect meanwhile, if so many machines are to be read."""
        if self._first and self._second is None and two_are_faster(machines):
            with contextlib.suppress(Unusable):
                self._second = Worker(self._candidates[0])
                self._second.begin(HELLO, "hello")

    def error_from(self, reported: Mapping[str, Any], **details: Any) -> VBoxMemoryError:
        """The error for what a worker reported."""
        error = _error_from(reported, **details)
        if error.code == "server_unavailable":
            self.close()  # a client does not find its way to a new server
        return error

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers():
            worker.close_stdin()  # of both, before one is waited for
        self._discard_second()
        if self._first:
            self._first.close()
            self._first = None

    def _workers(self) -> list[Worker]:
        return [worker for worker in (self._first, self._second) if worker]

    def _message(self, worker: Worker) -> dict[str, Any]:
        """The message of a worker at work; of a second one without one, nothing."""
        try:
            return worker.finish()
        except (Unusable, VBoxMemoryError) as error:
            if worker is self._second:
                return {}
            self.close()
            raise unavailable(error) if isinstance(error, Unusable) else error from None

    def _failed(self, reported: Mapping[str, Any], **details: Any) -> VBoxMemoryError:
        if self._second and self._second.task is not None:
            self._discard_second()  # its response would be taken for another one's
        return self.error_from(reported, **details)

    def _discard_second(self) -> None:
        if self._second:
            self._second.close()
            self._second = None

    def _launch(self, python: str) -> Worker:
        """Have workers start and import the bindings; gives back the first. They connect one after the other."""
        self._first = first = Worker(python)
        self._second = Worker(python) if self._starts_two else None
        return first

    def _start(self) -> str:
        """Have a worker connected, of the first Python that has the bindings; gives back their version of VirtualBox."""
        reasons = []
        with _locked():
            for python in self._candidates:
                try:
                    return self._connect(python)
                except Unusable as error:
                    reasons.append(str(error))
        raise unavailable("; ".join(reasons) or "no Python was found: name one that has vboxapi")

    def _connect(self, python: str) -> str:
        try:
            first = self._first or self._launch(python)
            first.begin(HELLO, "hello")
            hello = first.finish()
            if "result" not in hello:
                # Without words of the server's own, the bindings give the name of the code.
                words = not re.search(r"\(NS_\w+\)$", hello["error"]["message"])
                starts = not (words and hello["error"].get("code") == "0x80004005")
                error = _error_from(hello["error"], answered=False, starts=starts)
                if error.code == "server_unavailable":
                    raise error
                raise Unusable("%s: %s" % (python, hello["error"]["message"]))
            version = hello["result"].get("version") if isinstance(hello["result"], dict) else None
            if not isinstance(version, str):
                raise Unusable("%s gave no version but %.80r" % (python, hello["result"]))
        except (Unusable, VBoxMemoryError):
            self.close()
            raise
        self._candidates = [python]
        if self._second:
            self._second.begin(HELLO, "hello")
        return version


class Unusable(Exception):
    """Why a worker is of no use; the words name its Python."""


class Worker:
    """A process that runs :mod:`~.vboxapi_worker`. It is never killed: it may hold a machine's lock, and ends by itself.

    ``task`` is what it was begun for, until its response is taken; ``until`` is when that must have come, by the monotonic clock.

    :raises Unusable: also from the methods
    """

    def __init__(self, python: str) -> None:
        self.task: int | None = None
        self.until = 0.0
        self._python = python
        self._pending = b""
        self._number = 0  # of the last request
        lock = [] if client_lock.descriptor is None else [client_lock.descriptor]
        try:
            self._errors = scratch_file()
            program = _worker_program()
            # A session of its own: what ends us (a lost connection, a kill) must not end a process that holds a lock.
            # It goes on to answer requests, where run_command waits for a program's end.
            self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [python, "-c", program] + [str(descriptor) for descriptor in lock],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
                env=environment(),
                cwd="/",
                pass_fds=lock,
            )
            os.set_blocking(self._process.stdin.fileno(), False)  # type: ignore[union-attr]
        except OSError as error:
            raise Unusable("%s: %s" % (python, error.strerror)) from None
        except Exception as error:  # whatever it is, there is another backend
            raise Unusable("%s: %s: %s" % (python, type(error).__name__, error)) from None
        self._stdin: Any = self._process.stdin
        self._stdout: Any = self._process.stdout

    def fileno(self) -> int:
        """For :func:`~.process.readable`."""
        descriptor: int = self._stdout.fileno()
        return descriptor

    def begin(self, task: int, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send a request. That the process has ended, or reads no more, shows in place of its response."""
        self.task, self.until = task, time.monotonic() + TIME_LIMIT
        self._number += 1
        request = {"id": self._number, "method": method, "params": params or {}}
        with contextlib.suppress(OSError):
            send(self._stdin.fileno(), json.dumps(request).encode() + b"\n", TIME_LIMIT)

    def finish(self) -> dict[str, Any]:
        """The response to the request, as the message that it is.

        :raises VBoxMemoryError: ``vboxmanage_timeout``
        """
        self.task = None
        line = self._line()
        message = response_in(line, self._number)
        if message is None:
            raise self._gone("%s printed what is no response to request %d: %.80r" % (self._python, self._number, line))
        return message

    def close_stdin(self) -> None:
        """Let the process end."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def close(self) -> None:
        """Let the process end, and wait for it a little."""
        self.close_stdin()
        self._stdout.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            wait_for_exit(self._process, 2)
        self._errors.close()

    def _line(self) -> bytes:
        while b"\n" not in self._pending:
            if not readable([self.fileno()], self.until - time.monotonic()):
                raise self._silent()
            some = os.read(self.fileno(), 65536)
            if not some:
                raise self._ended()
            self._pending += some
            if len(self._pending) > LARGEST_RESPONSE:
                raise self._gone("%s printed what is no response" % self._python)
        line, _newline, self._pending = self._pending.partition(b"\n")
        return line

    def _ended(self) -> Unusable:
        """The error for a process that has ended before its time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            wait_for_exit(self._process, 2)
        line = last_line(self._errors)
        status = "status %s%s" % (self._process.returncode, ": " + line if line else "")
        return self._gone("%s ended unexpectedly (%s)" % (self._python, status))

    def _gone(self, reason: str) -> Unusable:
        self.close()
        return Unusable(reason)

    def _silent(self) -> VBoxMemoryError:
        self.close()
        return VBoxMemoryError(
            "vboxmanage_timeout",
            "VirtualBox has not answered its bindings within %d s, and their process %d was left running: ending it could"
            " abort a machine. See what holds VirtualBox up, then run this again" % (TIME_LIMIT, self._process.pid),
        )


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Hold the client's lock. What the system refuses meanwhile makes the bindings unusable."""
    try:
        with client_lock:
            yield
    except OSError as error:
        raise unavailable(error) from None


def _worker_program() -> str:
    """The text of the worker, with nothing in it that a locale cannot spell: no more than its comments have."""
    # AnsiballZ has its text in a zip, and Ansible on the controller gives bytes.
    loader: Any = vboxapi_worker.__spec__.loader
    text = loader.get_source(vboxapi_worker.__name__)
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    return CHECK_OF_PYTHON % str(text.encode("ascii", "backslashreplace").decode("ascii"))


def first_to_respond(workers: Sequence[Worker]) -> list[Worker]:
    """Those of the workers at work that have responded, as soon as one has; all of them if none responds in time."""
    at_work = [worker for worker in workers if worker.task is not None]
    limit = min(worker.until for worker in at_work) - time.monotonic()
    ready = readable([worker.fileno() for worker in at_work], limit)
    return [worker for worker in at_work if worker.fileno() in ready] or at_work


def response_in(line: bytes, number: int) -> dict[str, Any] | None:
    """The response to the request with this number, or ``None`` if the line is anything else."""
    try:
        message: Any = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not is_whole(message.get("id")) or message["id"] != number:
        return None
    if message.keys() == {"id", "result"} or (message.keys() == {"id", "error"} and is_error(message["error"])):
        return message
    return None


def is_error(reported: Any) -> bool:
    """Whether this is an error as a worker reports it."""
    return (
        isinstance(reported, dict)
        and isinstance(reported.get("message"), str)
        and re.fullmatch("0x[0-9a-f]{8}", str(reported.get("code", "0x00000000"))) is not None
        and reported.keys() <= {"message", "code"}
    )


def two_are_faster(machines: int) -> bool:
    """Whether a second worker helps to read so many machines."""
    return PROCESSES > 1 and machines >= MANY


def pythons() -> list[str]:
    """The Pythons that may have the bindings: packages install them for the system's own."""
    found = [sys.executable, "/usr/bin/python3", shutil.which("python3")]
    return list(dict.fromkeys(python for python in found if python and os.access(python, os.X_OK)))


def unavailable(reason: object) -> VBoxMemoryError:
    """The error for bindings that cannot be used, for this reason."""
    return VBoxMemoryError(
        "backend_unavailable",
        "VirtualBox's Python bindings (vboxapi) cannot be used: %s. Install them for the host's own Python (a package of"
        " VirtualBox, or its SDK), name the Python that has them, or use backend: vboxmanage" % reason,
    )


def _error_from(reported: Mapping[str, Any], **details: Any) -> VBoxMemoryError:
    return error_from_result_code("VirtualBox says: %s" % reported["message"], reported.get("code"), **details)
