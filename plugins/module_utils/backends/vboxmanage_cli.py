# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Run VBoxManage: find it, one at a time, with bounded retries and typed errors."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from functools import cached_property
from typing import IO, Callable, Iterator, Sequence, Union

from ansible_collections.vbox.memory.plugins.module_utils.backends.process import (
    TIME_LIMIT,
    content,
    environment,
    native_path,
    retry_transient,
    scratch_file,
    wait_for_exit,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError, error_from_result_code
from ansible_collections.vbox.memory.plugins.module_utils.locks import client_lock
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import command_line
from ansible_collections.vbox.memory.plugins.module_utils.model.features import parse_version

# Where VirtualBox's packages have their programs, and other folders to look in where the path leads nowhere.
INSTALL_FOLDERS = (
    "/usr/lib/virtualbox",
    "/usr/lib64/virtualbox",
    "/opt/VirtualBox",
    "/Applications/VirtualBox.app/Contents/MacOS",
)
OTHER_FOLDERS = ("/usr/local/bin", "/opt/local/bin")
# What VBoxManage on the path is a link to on Linux, in Debian's and Oracle's packages: a script that starts eight programs before the real one. It takes
# 78 ms for --version, and the program itself 20 (measured). It removes the user's socket folder, too, when it sees no server.
WRAPPERS = ("/usr/share/virtualbox/VBox.sh", "/usr/bin/VBox") + tuple(folder + "/VBox.sh" for folder in INSTALL_FOLDERS)

# Reads at the same time. 100 showvminfo took 6.5 to 8.1 s one after the other, 4.5 to 4.8 two at a time, and 12.2 four at a time (measured, two processors).
SIDE_BY_SIDE = min(2, os.cpu_count() or 1)
MANY = 10  # reads from which on it is worth it
PORTION = 20  # reads after which other modules of this user get their turn

Output = Union[str, VBoxMemoryError]


class VBoxManage:
    """The VBoxManage of one user on one host.

    :param executable: path or name of the program; ``None`` looks on the path and in :data:`INSTALL_FOLDERS`
    :raises VBoxMemoryError: ``vboxmanage_not_found``
    """

    def __init__(self, executable: str | None = None) -> None:
        self.executable = find_executable(executable)
        self.os_types: dict[str, str] = {}  # IDs by description, once they were asked for
        self.settings_files: dict[str, str] = {}  # by UUID, of the machines that were read

    @cached_property
    def version(self) -> str:
        """The version of VirtualBox: what answers to nothing is no VBoxManage.

        :raises VBoxMemoryError: ``vboxmanage_unreadable``, and what :meth:`run` raises
        """
        printed = self.run("--version")
        version = parse_version(printed)
        if version is None:
            raise VBoxMemoryError(
                "vboxmanage_unreadable",
                "%s --version does not print VirtualBox's version but %.80r: name the right program with the option"
                " vboxmanage" % (self.executable, printed),
            )
        return version

    def run(self, *arguments: str) -> str:
        """Run VBoxManage with these arguments and give back its standard output as text. Transient errors are tried again.

        :raises VBoxMemoryError: typed by VirtualBox's own result code, with the command and what it printed
        """
        return retry_transient(lambda: self._run_once(arguments))

    def run_for_both(self, *arguments: str) -> tuple[str, str]:
        """The same for a command that tells of errors and ends well: its standard output, and its standard error."""

        def attempt() -> tuple[str, str]:
            stderr: list[str] = []
            with self._could_be_run(arguments), client_lock:
                return self._run_unlocked(arguments, stderr), stderr[0]

        return retry_transient(attempt)

    def run_each(self, calls: Sequence[tuple[str, ...]]) -> list[Output]:
        """Run VBoxManage with each of these arguments, side by side where there are many: for reads only, as changes then fail (measured).

        :param calls: a list of tuples of arguments
        :returns: for each what it printed, or its :class:`VBoxMemoryError`, at the first try
        """
        if len(calls) < MANY or SIDE_BY_SIDE == 1:
            return [_or_error(self._run_once, arguments) for arguments in calls]
        from concurrent.futures import ThreadPoolExecutor  # 10 ms that most runs can do without

        results: list[Output] = []
        with contextlib.suppress(RuntimeError), ThreadPoolExecutor(SIDE_BY_SIDE) as pool:  # no thread can be had
            for start in range(0, len(calls), PORTION):
                with self._could_be_run(calls[start]), client_lock:  # of us: this thread holds it for the others
                    results += pool.map(
                        lambda arguments: _or_error(self._run_unlocked, arguments), calls[start : start + PORTION]
                    )
        return results + [_or_error(self._run_once, arguments) for arguments in calls[len(results) :]]

    def _run_once(self, arguments: Sequence[str]) -> str:
        with self._could_be_run(arguments), client_lock:
            return self._run_unlocked(arguments)

    def _run_unlocked(self, arguments: Sequence[str], stderr: list[str] | None = None) -> str:
        with self._could_be_run(arguments), scratch_file() as out, scratch_file() as err:
            status = self._finish(self._start(arguments, out, err), arguments)
            printed, errors = content(out), content(err)
        if status:
            raise _failure(arguments, status, printed, errors)
        if stderr is not None:
            stderr.append(errors)
        return printed

    @contextlib.contextmanager
    def _could_be_run(self, arguments: Sequence[str]) -> Iterator[None]:
        """What the system refuses (the program, a file, a process, arguments that the locale cannot spell) as our error."""
        try:
            yield
        except (OSError, ValueError) as error:
            raise VBoxMemoryError(
                "vboxmanage_failed",
                "%s could not be run: %s. See whether it is a program that runs here, and whether this user has files, processes"
                " and room for temporary files left" % (self.executable, error),
                command=command_line(arguments),
            ) from None

    def _start(self, arguments: Sequence[str], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own and files for pipes: what ends us (a lost connection, a kill) must not end
        # a VBoxManage that holds a machine's lock, or the server marks the machine aborted. run_command uses pipes.
        return subprocess.Popen(  # pylint: disable=ansible-bad-function
            (self.executable,) + tuple(arguments),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            env=environment(),
            close_fds=True,
        )

    def _finish(self, process: subprocess.Popen[bytes], arguments: Sequence[str]) -> int:
        """The exit status."""
        try:
            return wait_for_exit(process, TIME_LIMIT)
        except subprocess.TimeoutExpired:
            raise VBoxMemoryError(
                "vboxmanage_timeout",
                "VBoxManage has not answered within %d s and was left running (process %d): ending it could abort a"
                " machine. See what holds VirtualBox up, then run this again." % (TIME_LIMIT, process.pid),
                command=command_line(arguments),
            ) from None


def _or_error(call: Callable[[Sequence[str]], str], arguments: Sequence[str]) -> Output:
    try:
        return call(arguments)
    except VBoxMemoryError as error:
        return error


def _failure(arguments: Sequence[str], status: int, stdout: str, stderr: str) -> VBoxMemoryError:
    """The error for a failed command."""
    found = re.search(r"\b(\w+) \((0x[0-9a-fA-F]{8})\)", stderr)
    name, number = found.groups() if found else (None, None)
    reason = _reason(stderr) or _reason(stdout) or "exit status %d" % status
    return error_from_result_code(
        "VirtualBox says: %s" % reason,
        number,
        name,
        answered=", interface I" in stderr,
        starts=not re.search(r"\(0x80004005\), component VirtualBoxWrap, interface IVirtualBox$", stderr, re.MULTILINE),
        command=command_line(arguments),
        rc=status,
        stdout=stdout[-2000:],
        stderr=stderr[-2000:],
    )


def find_executable(wanted: str | None = None) -> str:
    """The path of VBoxManage.

    :param wanted: a path, or a name to look for on the path; ``None`` for the usual places, and for the program behind the packages' wrapper
    :raises VBoxMemoryError: ``vboxmanage_not_found``
    """
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    folders = [folder for folder in (*path, *INSTALL_FOLDERS, *OTHER_FOLDERS) if folder]
    if wanted and os.sep in wanted:
        candidates = [native_path(os.path.expanduser(wanted))]
    else:
        candidates = [os.path.join(folder, native_path(wanted or "VBoxManage")) for folder in folders]
    for executable in filter(_can_run, candidates):
        return executable if wanted else _behind_wrapper(executable)
    raise VBoxMemoryError(
        "vboxmanage_not_found",
        "VBoxManage was not found: looked for %s. Install VirtualBox on this host, or name the program with the option"
        " vboxmanage."
        % (wanted if wanted else "VBoxManage on the path and in %s" % ", ".join(INSTALL_FOLDERS + OTHER_FOLDERS)),
    )


def is_of_a_package(executable: str) -> bool:
    """Whether a VBoxManage is the one of VirtualBox's packages, or their wrapper, and so sees the machines that their bindings see.

    Any other can lead elsewhere, such as a script that runs ``sudo -u vbox VBoxManage "$@"``.
    """
    program = os.path.realpath(executable)
    return program in WRAPPERS or (os.path.dirname(program) in INSTALL_FOLDERS and not _is_script(program))


def _behind_wrapper(executable: str) -> str:
    """The program that the packages' wrapper runs, where this is the wrapper; else the same."""
    if os.path.realpath(executable) not in WRAPPERS:
        return executable
    programs = [os.path.join(folder, "VBoxManage") for folder in INSTALL_FOLDERS]
    return next(filter(_can_run, programs), executable)


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(2) == b"#!"
    except OSError:  # not for us to read
        return False


def _can_run(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _reason(text: str) -> str:
    """All of what VBoxManage says is wrong, without its 'VBoxManage: error: '. What follows is VBoxManage's own affair: the details (the result
    code and its interfaces) and the place in its source."""
    lines = re.findall(r"^VBoxManage\S*: error: (.+)$", text, re.MULTILINE)
    details = [number for number, line in enumerate(lines) if re.search(r", interface I|\bat line \d+ of file ", line)]
    return " ".join(line.strip() for line in lines[: min(details, default=len(lines))])
