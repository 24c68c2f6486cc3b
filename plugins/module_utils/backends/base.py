# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What each backend promises. Nothing else of a backend is used, and tests/integration/test_contract.py holds all of them to it."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Collection, Dict, List, Mapping, Sequence, Tuple, Union

from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import (
    HOST,
    SET_UP_AGAIN,
    Samples,
    groups_of,
    without_early_zeros,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import STOPPED, Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.restart_note import PREFIX, note_key, read_note

Found = Union[Machine, VBoxMemoryError]
# Those that can be read, and by UUID what is wrong with the others.
Machines = Tuple[List[Machine], Dict[str, VBoxMemoryError]]
OF_THE_HOST = ("vboxmanage_not_found", "vboxmanage_timeout", "backend_unavailable", "server_unavailable")
LIVE_DEFAULT = "live_default"
MOST_OF_A_REASON = 1000  # characters
POLL_INTERVAL = 0.25  # seconds between queries while the first sample is awaited


class Backend(ABC):
    """A way to the VirtualBox of one user on one host.

    Every method raises :class:`~..errors.VBoxMemoryError`, with the same code and reason by each backend. What is
    transient (a lock of another program, a server that starts) has been tried again by then.
    """

    name: str  # as the option `backend` calls it
    # Why it was taken in place of the bindings, where those were to be taken if possible.
    fallback_reason: str | None = None

    @property
    @abstractmethod
    def version(self) -> str | None:
        """The version of VirtualBox, such as ``7.2.22``.

        :raises VBoxMemoryError: ``vboxmanage_unreadable``, where it says none: it is no VBoxManage then
        """

    @property
    def capabilities(self) -> Collection[str]:
        """What it can beyond the others: :data:`LIVE_DEFAULT` is to change the default balloon of a live machine."""
        return ()

    @abstractmethod
    def find(self, names: Sequence[str], details: bool = True) -> list[Found]:
        """For each name or UUID its machine, or the error in its place, such as ``machine_not_found``, ``machine_ambiguous``, ``machine_inaccessible``.

        :param details: whether the groups and the type of the operating system are wanted, too
        :raises VBoxMemoryError: when nothing can be read at all
        """

    @abstractmethod
    def read(self, uuid: str) -> Machine:
        """The machine with this UUID, as it is now, with details."""

    @abstractmethod
    def read_all(self, details: bool = True) -> Machines:
        """All machines, and what is wrong with those that cannot be read: ``{UUID: error}``. One of them stops no other.

        :raises VBoxMemoryError: what is wrong with the host, :data:`OF_THE_HOST`
        """

    @abstractmethod
    def read_live(self, known: Mapping[str, Machine] | None = None) -> list[Machine]:
        """The machines that run or are paused.

        :param known: by UUID those that were read a short while ago: of these it is enough that they are still there, where more costs time
        """

    @abstractmethod
    def settings_file(self, uuid: str) -> str:
        """The path of the settings file of a machine that was found or read."""

    @abstractmethod
    def change(self, uuid: str, values: Mapping[str, Any], live: bool = False) -> None:
        """Change settings: all of them or none.

        :param values: ``{name of a setting: value}``; ``balloon_current`` is a request to a live machine's guest, and
            stands alone; the others are of a stopped machine
        :param live: change settings of a machine that runs, of which :attr:`capabilities` says what is possible
        """

    @abstractmethod
    def power(self, uuid: str, action: str, frontend: str | None = None) -> None:
        """Change a machine's state: ``start``, ``resume``, ``acpipowerbutton``, ``poweroff``.

        :param frontend: for ``start``, as :attr:`.Machine.frontend` of a live machine says it
        """

    @abstractmethod
    def extra_data(self, prefix: str) -> dict[str, str]:
        """What VirtualBox's global extra data has under keys that start so. It is one read, however many there are."""

    @abstractmethod
    def set_extra_data(self, key: str, value: str | None) -> None:
        """Keep a value in VirtualBox's global extra data; ``None`` takes it away."""

    @abstractmethod
    def query_metrics(self, target: str, metrics: Sequence[str]) -> dict[str, int | None]:
        """The newest values of metrics: ``{metric: kB, or None if it has none}``.

        :param target: the UUID of a machine, or :data:`~.metrics.HOST`
        """

    def query_each(
        self, wanted: Mapping[str, Sequence[str]], names: Mapping[str, str]
    ) -> dict[str, dict[str, int | None]]:
        """The newest values of metrics of many, asked for together: ``{target: {metric: kB, or None if it has none}}``. A machine that is gone has none.

        :param wanted: ``{HOST or the UUID of a machine: metrics}``
        :param names: the machines' names by UUID, as they were just read
        """
        values = {}
        for target, metrics in wanted.items():
            try:
                values[target] = self.query_metrics(target, metrics)
            except VBoxMemoryError as error:
                if error.code in OF_THE_HOST:
                    raise
                values[target] = dict.fromkeys(metrics)
        return values

    @abstractmethod
    def setup_metrics(self, target: str, groups: Sequence[str]) -> None:
        """Have VirtualBox sample groups of metrics every :data:`~.metrics.PERIOD` seconds."""

    @abstractmethod
    def metrics_period(self, uuid: str) -> int:
        """The seconds between a machine's own figures of its memory; 0 if they are not set up."""

    def sample(self, wanted: Mapping[str, Mapping[str, str]], wait: float, running: bool = False) -> Samples:
        """The newest sample of metrics, set up where they are not: ``{target: {key: kB or None}}``.

        A set-up lives in VirtualBox's server: it is gone with the server, and at each start of a machine. One that
        another program made is used as it is.

        :param wanted: ``{HOST: HOST_METRICS, UUID of a live machine: GUEST_METRICS, …}``
        :param wait: seconds to wait for the first sample of metrics that had to be set up. What has none then is
            ``None``: VirtualBox does not say, as for a guest without Guest Additions.
        :param running: whether machines run, so that the hypervisor's figures cannot be 0 yet: see :func:`~.metrics.without_early_zeros`
        """
        samples = {target: self._query(target, metrics) for target, metrics in wanted.items()}
        self._set_up_missing(samples, wanted)
        set_up = time.monotonic()
        until = set_up + wait
        while True:
            if running and HOST in samples:
                samples[HOST] = without_early_zeros(samples[HOST])
            silent = [target for target, sample in samples.items() if None in sample.values()]
            if not silent or time.monotonic() >= until:
                return samples
            time.sleep(POLL_INTERVAL)
            samples.update((target, self._query(target, wanted[target])) for target in silent)
            if time.monotonic() - set_up >= SET_UP_AGAIN:  # the server may have ended, and the set-up with it
                self._set_up_missing(samples, wanted)
                set_up = time.monotonic()

    def _set_up_missing(self, samples: Samples, wanted: Mapping[str, Mapping[str, str]]) -> None:
        for target, sample in samples.items():
            missing = [metric for key, metric in wanted[target].items() if sample[key] is None]
            if missing:
                self.setup_metrics(target, groups_of(missing))

    def _query(self, target: str, metrics: Mapping[str, str]) -> dict[str, int | None]:
        values = self.query_metrics(target, list(metrics.values()))
        return {key: values.get(metric) for key, metric in metrics.items()}

    @abstractmethod
    def close(self) -> None:
        """End what is running for this backend."""

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()


def with_notes(backend: Backend, machines: Sequence[Machine]) -> list[Machine]:
    """The machines, those that are off with the note that an interrupted restart left. Where none is off nothing is read."""
    if not any(machine.state in STOPPED for machine in machines):
        return list(machines)
    notes, now = backend.extra_data(PREFIX), time.time()
    return [
        replace(machine, note=read_note(notes[note_key(machine.uuid)], now))
        if machine.state in STOPPED and note_key(machine.uuid) in notes
        else machine
        for machine in machines
    ]


def one_of(machines: Sequence[Machine]) -> Found:
    """The machine, where it is the only one; the error that says so, where there is none or more than one."""
    if len(machines) == 1:
        return machines[0]
    return ambiguous(machines) if machines else not_found()


def not_found() -> VBoxMemoryError:
    """The error for a name or UUID that no machine has."""
    return VBoxMemoryError(
        "machine_not_found",
        "there is no machine with this name or UUID. VirtualBox shows each user only their own"
        " machines: run as the user who owns it (become_user), or see the names with 'VBoxManage list vms'",
    )


def ambiguous(machines: Sequence[Machine]) -> VBoxMemoryError:
    """The error for a name that these machines share."""
    return VBoxMemoryError(
        "machine_ambiguous",
        "several machines have this name: use one of their UUIDs, %s"
        % ", ".join(sorted(machine.uuid for machine in machines)),
    )


# What to do about a machine that VirtualBox cannot read, by what its reason holds. These names are never translated.
# Source: measured on 7.2.22; VBOX_E_IPRT_ERROR is what it says of a key that it was not given.
REMEDIES = (
    ("VERR_FILE_NOT_FOUND", "bring its .vbox file back, or unregister the machine"),
    (": -102 (", "bring its .vbox file back, or unregister the machine"),  # the same before 7.0
    ("VERR_ACCESS_DENIED", "let the user that VirtualBox runs as read its .vbox file"),
    ("0x80bb0005", "it is encrypted: give VirtualBox its password with 'VBoxManage encryptvm %s addpassword'"),
)
OTHER_REMEDY = (
    "see its .vbox file: one of a newer VirtualBox needs that one, and for one that is damaged there are the settings of before in the"
    " file beside it that ends in -prev"
)


def inaccessible(uuid: str, text: str = "", number: str | None = None) -> VBoxMemoryError:
    """The error for a machine whose settings VirtualBox cannot read.

    :param text: the text of its ``IMachine::accessError``, where it is known; ``number`` is the result code
    """
    lines = [line for line in text.splitlines() if not re.match(r"\S+\.cpp\[\d+\]", line)]  # where in its source
    reason = " ".join(lines).strip().rstrip(".")[:MOST_OF_A_REASON]
    remedy = next((remedy for sign, remedy in REMEDIES if sign in "%s %s" % (text, number)), OTHER_REMEDY)
    return VBoxMemoryError(
        "machine_inaccessible",
        "VirtualBox cannot read the settings of machine %s (%s): %s"
        % (uuid, reason or "it does not say why", remedy.replace("%s", uuid)),
    )
