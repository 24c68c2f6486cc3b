# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which way to VirtualBox to take: its command line, or the bindings that it ships."""

from __future__ import annotations

import contextlib

from ansible_collections.vbox.memory.plugins.module_utils.api_backend import ApiBackend
from ansible_collections.vbox.memory.plugins.module_utils.backend import CommandBackend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

BACKENDS = ("auto", "vboxmanage", "api")


def choose_backend(wanted="auto", executable=None, python=None, machines=0):
    """The backend that a task asks for; close it at the end, or use it with ``with``.

    ``auto`` takes the bindings where they work and are of VBoxManage's version, and the command line otherwise: ``fallback`` of
    the backend then says why.

    :param wanted: one of :data:`BACKENDS`
    :param executable: VBoxManage, where it was named. ``auto`` then keeps to it: it can be a wrapper that leads to other machines
        than the bindings see
    :param python: the Python that has the bindings; ``None`` for the usual ones
    :param machines: how many are going to be read, as far as is known: for the bindings to get ready
    :raises VBoxMemoryError: ``vboxmanage_not_found``, or ``backend_unavailable`` when the bindings were asked for
    """
    command = CommandBackend(executable)
    if wanted == "auto" and executable:
        command.fallback = (
            "VBoxManage was named (%s), and the bindings may see other machines than it does" % executable
        )
    elif wanted == "auto":
        return AutoBackend(command, python, machines)
    return ApiBackend(command, python, machines) if wanted == "api" else command


class AutoBackend:
    """The bindings for as long as they work, and VBoxManage from then on.

    :param command: a :class:`~.backend.CommandBackend`
    """

    def __init__(self, command, python=None, machines=0):
        self._command = self._current = command
        self.fallback = None
        try:
            self._current = ApiBackend(command, python, machines)
        except VBoxMemoryError as error:
            self.fallback = error.message

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        """End what is running."""
        self._current.close()

    @property
    def name(self):
        """Which backend it is now."""
        return self._current.name

    @property
    def version(self):
        """The version of VirtualBox."""
        return self._current.version

    def find_many(self, wanted, details=True):
        """See :meth:`.ApiBackend.find_many`."""
        return self._do("find_many", wanted, details)

    def read_all(self):
        """See :meth:`.ApiBackend.read_all`."""
        return self._do("read_all")

    def read_live(self):
        """See :meth:`.ApiBackend.read_live`."""
        return self._do("read_live")

    def read(self, uuid):
        """See :meth:`.ApiBackend.read`."""
        return self._do("read", uuid)

    def run(self, *command):
        """See :meth:`.ApiBackend.run`. What the bindings left half done, VBoxManage does again: each command says what is to be."""
        return self._do("run", *command)

    def period(self, uuid):
        """See :meth:`.CommandBackend.period`."""
        return self._do("period", uuid)

    def sample(self, objects, wait):
        """See :meth:`.ApiBackend.sample`."""
        return self._do("sample", objects, wait)

    @property
    def set_default_while_live(self):
        """See :meth:`.ApiBackend.set_default_while_live`; ``None`` where VBoxManage is used, which cannot."""
        return self._current.set_default_while_live and self._set_default_while_live

    def _set_default_while_live(self, uuid, size):
        with self._leaving_what_does_not_work():
            return self._current.set_default_while_live(uuid, size)

    def _do(self, method, *arguments):
        left = self._current
        try:
            with self._leaving_what_does_not_work():
                return getattr(self._current, method)(*arguments)
        except VBoxMemoryError:
            if self._current is left:
                raise
        return getattr(self._current, method)(*arguments)

    @contextlib.contextmanager
    def _leaving_what_does_not_work(self):
        try:
            yield
        except VBoxMemoryError as error:
            if error.code == "backend_unavailable":
                self.fallback = error.message
                self._current = self._command
            raise
