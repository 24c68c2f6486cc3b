# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the backends share about processes: their environment, their end, and trying again."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from typing import IO, Any, Callable, Iterable, TypeVar

from ansible_collections.vbox.memory.plugins.module_utils.errors import RETRY_DELAYS, VBoxMemoryError

TIME_LIMIT = 120  # seconds for one request to VirtualBox; its process is left alone after that, never killed

T = TypeVar("T")


def retry_transient(attempt: Callable[[], T]) -> T:
    """Give back what ``attempt()`` does; a transient error (a lock held by another program, a
    server that is starting) is tried again, after each of :data:`RETRY_DELAYS` in turn."""
    for delay in RETRY_DELAYS:
        try:
            return attempt()
        except VBoxMemoryError as error:
            if not error.transient:
                raise
        time.sleep(delay)
    return attempt()


def wait_for_exit(process: subprocess.Popen[Any], limit: float) -> int:
    """The exit status of a process, as soon as there is one: ``process.wait(limit)`` would sleep up to 50 ms longer (measured).

    :param limit: seconds
    :raises subprocess.TimeoutExpired:
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # macOS, Python 3.8, or a kernel before 5.3
        return process.wait(limit)
    try:
        readable([descriptor], limit)
    finally:
        os.close(descriptor)
    return process.wait(0)


def readable(descriptors: Iterable[int], limit: float) -> set[int]:
    """Those of the descriptors that have something to read, or have ended, as soon as one has, or within so many seconds.
    Unlike ``select`` it takes those from 1024 on."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _event in poll.poll(max(0, limit) * 1000)}


def send(descriptor: int, data: bytes, limit: float) -> None:
    """Write to a pipe that does not block, within so many seconds, as far as its reader takes it.

    :raises OSError: where nobody reads
    """
    until = time.monotonic() + limit
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    while data and poll.poll(max(0, until - time.monotonic()) * 1000):
        data = data[os.write(descriptor, data) :]


def scratch_file() -> IO[bytes]:
    """A file for what a process prints, which outlives us for it as no pipe does. In memory where there is such a thing: a full or
    missing temporary folder would cut the output off, and VBoxManage does not notice (measured).

    :raises OSError: where there is room for none
    """
    with contextlib.suppress(AttributeError, OSError):  # macOS, a kernel before 3.17, or not allowed
        return os.fdopen(os.memfd_create("vbox-memory"), "w+b")
    return tempfile.TemporaryFile()


def content(stream: IO[bytes]) -> str:
    """The text in a :func:`scratch_file`; ends of lines as on Windows become plain ones.

    :raises OSError: where there is no room left, so that something can be missing
    """
    size = stream.seek(0, os.SEEK_END)
    stream.write(b"\0" * 65536)
    stream.flush()
    stream.seek(0)
    text = stream.read(size).decode("utf-8", "replace")
    return text.replace("\r\n", "\n") if text.endswith("\r\n") else text


def last_line(stream: IO[bytes]) -> str:
    """The last line in a :func:`scratch_file`, or the end of it where it is long."""
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - 4096))
    lines = stream.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1][-300:] if lines else ""


def environment() -> dict[str, str]:
    """The environment for VirtualBox's programs: UTF-8, or they would replace letters in names."""
    locale = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    return dict(os.environ, LC_ALL=locale, LANG=locale)


def native_path(path: str) -> str:
    """A path that UTF-8 says, as the locale of this process spells it: the same file in every locale."""
    return os.fsdecode(path.encode("utf-8", "surrogateescape"))


def is_whole(value: Any) -> bool:
    """Whether a value from outside is a whole number, which a boolean is not."""
    return isinstance(value, int) and not isinstance(value, bool)
