# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which backend to take: VirtualBox's command line, or the bindings that it ships."""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Collection, Iterator, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend, Found, Machines
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi import VBoxApiBackend
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage import VBoxManageBackend
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxmanage_cli import is_of_a_package
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine


def select_backend(
    wanted: str = "auto", executable: str | None = None, python: str | None = None, machines: int = 0
) -> Backend:
    """The backend that a task asks for; close it at the end, or use it with ``with``.

    ``auto`` takes the bindings where they work and are of VBoxManage's version, and the command line otherwise:
    ``fallback_reason`` of the backend then says why.

    :param wanted: ``auto``, ``vboxmanage`` or ``api``
    :param executable: VBoxManage, where it was named. ``auto`` keeps to it, and to one on the path that is not of VirtualBox's packages:
        it can lead to other machines than the bindings see
    :param python: the Python that has the bindings; ``None`` for the usual ones
    :param machines: how many are going to be read, as far as is known: for the bindings to get ready
    :raises VBoxMemoryError: ``vboxmanage_not_found``; ``backend_unavailable`` when the bindings were asked for; ``server_unavailable``
    """
    vboxmanage = VBoxManageBackend(executable)
    if wanted == "api":
        return VBoxApiBackend(vboxmanage, python, machines)
    if wanted == "vboxmanage":
        return vboxmanage
    program = vboxmanage.vboxmanage.executable
    if executable or not is_of_a_package(program):
        how = (
            "was named (%s)" % executable
            if executable
            else "on the path (%s) is not of VirtualBox's packages" % program
        )
        vboxmanage.fallback_reason = "VBoxManage %s, and the bindings may see other machines than it does" % how
        return vboxmanage
    try:
        return FallbackBackend(VBoxApiBackend(vboxmanage, python, machines), vboxmanage)
    except VBoxMemoryError as error:
        # The bindings have tried it patiently: a server that VBoxManage's first try does not find either is not there.
        if error.code == "server_unavailable" and not vboxmanage.reaches_server():
            raise
        vboxmanage.fallback_reason = error.message
        return vboxmanage


class FallbackBackend(Backend):
    """One backend for as long as it works, and another from then on. What the first left half done the other does again:
    each call says what is to be."""

    def __init__(self, first: Backend, other: Backend) -> None:
        self._current, self._other = first, other

    @property
    def name(self) -> str:  # type: ignore[override]
        """Which backend it is now."""
        return self._current.name

    @property
    def version(self) -> str | None:
        return self._current.version

    @property
    def capabilities(self) -> Collection[str]:
        return self._current.capabilities

    def find(self, names: Sequence[str], details: bool = True) -> list[Found]:
        return self._do(lambda backend: backend.find(names, details))

    def read(self, uuid: str) -> Machine:
        return self._do(lambda backend: backend.read(uuid))

    def read_all(self, details: bool = True) -> Machines:
        return self._do(lambda backend: backend.read_all(details))

    def read_live(self, known: Mapping[str, Machine] | None = None) -> list[Machine]:
        return self._do(lambda backend: backend.read_live(known))

    def settings_file(self, uuid: str) -> str:
        return self._do(lambda backend: backend.settings_file(uuid))

    def change(self, uuid: str, values: Mapping[str, Any], live: bool = False) -> None:
        if live:  # which the other is perhaps not capable of: the caller plans anew
            with self._leaving_what_does_not_work():
                return self._current.change(uuid, values, live)
        return self._do(lambda backend: backend.change(uuid, values))

    def power(self, uuid: str, action: str, frontend: str | None = None) -> None:
        return self._do(lambda backend: backend.power(uuid, action, frontend))

    def extra_data(self, prefix: str) -> dict[str, str]:
        return self._do(lambda backend: backend.extra_data(prefix))

    def set_extra_data(self, key: str, value: str | None) -> None:
        return self._do(lambda backend: backend.set_extra_data(key, value))

    def query_metrics(self, target: str, metrics: Sequence[str]) -> dict[str, int | None]:
        return self._do(lambda backend: backend.query_metrics(target, metrics))

    def query_each(
        self, wanted: Mapping[str, Sequence[str]], names: Mapping[str, str]
    ) -> dict[str, dict[str, int | None]]:
        return self._do(lambda backend: backend.query_each(wanted, names))

    def setup_metrics(self, target: str, groups: Sequence[str]) -> None:
        return self._do(lambda backend: backend.setup_metrics(target, groups))

    def metrics_period(self, uuid: str) -> int:
        return self._do(lambda backend: backend.metrics_period(uuid))

    def close(self) -> None:
        self._current.close()

    def _do(self, call: Callable[[Backend], Any]) -> Any:
        tried = self._current
        try:
            with self._leaving_what_does_not_work():
                return call(tried)
        except VBoxMemoryError:
            if self._current is tried:
                raise
        return call(self._current)

    @contextlib.contextmanager
    def _leaving_what_does_not_work(self) -> Iterator[None]:
        try:
            yield
        except VBoxMemoryError as error:
            if error.code == "backend_unavailable":
                self.fallback_reason = error.message
                self._current = self._other
            raise
