# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Run VBoxManage: find it, one at a time, with bounded retries and typed errors."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shlex
import subprocess
import sys
import tempfile
import time

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.locks import open_lock

INSTALL_FOLDERS = (
    "/usr/lib/virtualbox",
    "/opt/VirtualBox",
    "/usr/local/bin",
    "/Applications/VirtualBox.app/Contents/MacOS",
    "/opt/local/bin",
)
# What VBoxManage on the path is a link to on Linux, in Debian's and Oracle's packages: a script that starts eight programs before the real one. It takes
# 78 ms for --version, and the program itself 20 (measured). It removes the user's socket folder, too, when it sees no server.
WRAPPERS = ("VBox.sh", "VBox")

# What VirtualBox's result codes mean for us: (VirtualBox's name, our code). The words around them can be translated.
# Source: measured on 7.2.22, and VirtualBox.xidl for the numbers.
RESULT_CODES = {
    "0x80bb0001": ("VBOX_E_OBJECT_NOT_FOUND", "machine_not_found"),
    "0x80bb0002": ("VBOX_E_INVALID_VM_STATE", "state_blocks_change"),
    "0x80bb0007": ("VBOX_E_INVALID_OBJECT_STATE", "machine_locked"),
    "0x80004001": ("NS_ERROR_NOT_IMPLEMENTED", "not_supported_by_host"),
    "0x80004005": ("NS_ERROR_FAILURE", "server_unavailable"),  # when the server has not answered: see failure
    "0x800706be": ("NS_ERROR_CALL_FAILED", "server_unavailable"),  # VBoxSVC went away during the call
    "0x80004004": (
        "NS_ERROR_ABORT",
        "server_unavailable",
    ),  # VBoxSVC went away before the call (measured with the bindings)
    "0x80070005": ("E_ACCESSDENIED", "machine_locked"),  # 'The object is not ready', a race that passes
    "0x80070057": ("NS_ERROR_INVALID_ARG", "change_refused"),
}
PASSING = ("machine_locked", "server_unavailable")  # what can be gone at the next try
HINTS = {
    "machine_locked": "Another program holds the machine, after %d tries: close its settings window or wait for what it does, then run again",
    "server_unavailable": "VirtualBox's server did not answer, after %d tries: see ~/.config/VirtualBox/VBoxSVC.log of this user, then run again",
}
PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds between the tries of a command that met a passing error
TIME_LIMIT = 120  # seconds for one VBoxManage; it is left alone after that, never killed
# Reads at the same time. 100 showvminfo took 6.5 to 8.1 s one after the other, 4.5 to 4.8 by twos, and 12.2 by fours (measured, two processors).
SIDE_BY_SIDE = min(2, os.cpu_count() or 1)
MANY = 10  # reads from which on it is worth it
PORTION = 20  # reads after which other modules of this user get their turn


class VBoxManage:
    """The VBoxManage of one user on one host.

    :param executable: path or name of the program; ``None`` looks on the path and in :data:`INSTALL_FOLDERS`
    :raises VBoxMemoryError: ``vboxmanage_not_found``
    """

    def __init__(self, executable=None):
        self.executable = find_executable(executable)

    def run(self, *arguments):
        """Run VBoxManage with these arguments and give back its standard output as text. Passing errors are tried again.

        :raises VBoxMemoryError: typed by VirtualBox's own result code, with the command and what it printed
        """
        return patiently(lambda: self._run_once(arguments))

    def run_each(self, calls):
        """Run VBoxManage with each of these arguments, side by side where there are many: for reads only, as changes then fail (measured).

        :param calls: a list of tuples of arguments
        :returns: for each what it printed, or its :class:`VBoxMemoryError`, at the first try
        """
        if len(calls) < MANY or SIDE_BY_SIDE == 1:
            return [_or_error(self._run_once, arguments) for arguments in calls]
        from concurrent.futures import ThreadPoolExecutor  # 10 ms that most runs can do without

        results = []
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for start in range(0, len(calls), PORTION):
                with one_at_a_time:  # of us: this thread holds it for the others
                    results += pool.map(
                        lambda arguments: _or_error(self._run_unlocked, arguments), calls[start : start + PORTION]
                    )
        return results

    def _run_once(self, arguments):
        with one_at_a_time:
            return self._run_unlocked(arguments)

    def _run_unlocked(self, arguments):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            # A session of its own and files for pipes: what ends us (a lost connection, a kill) must not end
            # a VBoxManage that holds a machine's lock, or the server marks the machine aborted.
            process = subprocess.Popen(
                (self.executable,) + tuple(arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                env=environment(),
                close_fds=True,
            )
            try:
                status = end_of(process, TIME_LIMIT)
            except subprocess.TimeoutExpired:
                raise VBoxMemoryError(
                    "vboxmanage_timeout",
                    "VBoxManage has not answered within %d s and was left running (process %d): ending it could abort a"
                    " machine. See what holds VirtualBox up, then run this again." % (TIME_LIMIT, process.pid),
                    command=command_line(arguments),
                ) from None
            if status:
                raise _failure(arguments, status, _content(out), _content(err))
            return _content(out)


def patiently(attempt):
    """Give back what ``attempt()`` does; an error whose code is among :data:`PASSING` (a lock held by another program, a server
    that is starting) is tried again, after each of :data:`PAUSES` in turn."""
    for pause in PAUSES:
        try:
            return attempt()
        except VBoxMemoryError as error:
            if error.code not in PASSING:
                raise
        time.sleep(pause)
    return attempt()


def _or_error(call, arguments):
    try:
        return call(arguments)
    except VBoxMemoryError as error:
        return error


def failure(says, number=None, name=None, answered=True, **details):
    """The error for what VirtualBox said.

    :param says: VirtualBox's own words, and who said them
    :param number: its result code, such as ``0x80bb0007``; ``name`` is VirtualBox's name for it, where it came along
    :param answered: whether a server was there: a mere failure then is one of what it was asked for
    :param details: further keys of the result
    """
    known, code = RESULT_CODES.get((number or "").lower(), (number, "vboxmanage_failed"))
    if number == "0x80004005" and answered:
        code = "vboxmanage_failed"
    hint = HINTS[code] % (len(PAUSES) + 1) + ". " if code in HINTS else ""
    return VBoxMemoryError(
        code, hint + says, vbox_code="%s (%s)" % (name or known, number) if number else None, **details
    )


def end_of(process, limit):
    """The exit status of a process, as soon as there is one: ``process.wait(limit)`` would sleep up to 50 ms longer (measured).

    :param limit: seconds
    :raises subprocess.TimeoutExpired:
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # macOS, Python 3.8, or a kernel before 5.3
        return process.wait(limit)
    try:
        select.select([descriptor], [], [], limit)
    finally:
        os.close(descriptor)
    return process.wait(0)


def _failure(arguments, status, stdout, stderr):
    """The error for a failed command."""
    found = re.search(r"\b(\w+) \((0x[0-9a-fA-F]{8})\)", stderr)
    name, number = found.groups() if found else (None, None)
    says = _first_error(stderr) or _first_error(stdout) or "exit status %d" % status
    return failure(
        "VBoxManage says: %s" % says,
        number,
        name,
        answered=", interface I" in stderr,
        command=command_line(arguments),
        rc=status,
        stdout=stdout[-2000:],
        stderr=stderr[-2000:],
    )


def find_executable(wanted=None):
    """The path of VBoxManage.

    :param wanted: a path, or a name to look for on the path; ``None`` for the usual places, and for the program behind the packages' wrapper
    :raises VBoxMemoryError: ``vboxmanage_not_found``
    """
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if wanted and os.sep in wanted:
        candidates = [os.path.expanduser(wanted)]
    else:
        candidates = [os.path.join(folder, wanted or "VBoxManage") for folder in [*path, *INSTALL_FOLDERS] if folder]
    found = list(filter(_can_run, candidates))
    direct = [one for one in found if wanted or os.path.basename(os.path.realpath(one)) not in WRAPPERS]
    for executable in direct or found:
        return executable
    raise VBoxMemoryError(
        "vboxmanage_not_found",
        "VBoxManage was not found: looked for %s. Install VirtualBox on this host, or name the program with the option"
        " vboxmanage." % (wanted if wanted else "VBoxManage on the path and in %s" % ", ".join(INSTALL_FOLDERS)),
    )


def _can_run(path):
    return os.path.isfile(path) and os.access(path, os.X_OK)


def command_line(arguments):
    """A VBoxManage command as a user would type it in a shell."""
    return " ".join(map(shlex.quote, ("VBoxManage",) + tuple(arguments)))


def environment():
    """The environment for VBoxManage: UTF-8, or it would replace letters in names."""
    locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    return dict(os.environ, LC_ALL=locale, LANG=locale)


class UserLock:
    """A lock of this user, for ``with``: clients started side by side are slower, and some fail (measured).

    Within a process it can be taken again while it is held. It lasts as long as a process has :attr:`descriptor` open
    and the lock is not given back, so a child that got it keeps the lock of a request when its parent is killed.
    """

    def __init__(self):
        self.descriptor = None
        self._depth = 0

    def __enter__(self):
        if not self._depth:
            if self.descriptor is None:
                self.descriptor = open_lock()
            if self.descriptor is not None:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        self._depth += 1

    def __exit__(self, *_error):
        self._depth -= 1
        if not self._depth and self.descriptor is not None:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)


one_at_a_time = UserLock()


def _content(stream):
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")


def _first_error(text):
    """VBoxManage's own error line, without its 'VBoxManage: error: '."""
    found = re.search(r"^VBoxManage\S*: error: (.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else None
