# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The one way to VirtualBox that the rest of the collection knows: find, read, run a command, sample."""

from __future__ import annotations

import re
from functools import cached_property

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.machines import UUID, Listing, read_machine
from ansible_collections.vbox.memory.plugins.module_utils.metrics import (
    GUEST_METRICS,
    PERIOD,
    Metrics,
    period_in,
    values_in,
)
from ansible_collections.vbox.memory.plugins.module_utils.support import parse_version
from ansible_collections.vbox.memory.plugins.module_utils.vboxmanage import VBoxManage


class CommandBackend:
    """VirtualBox by its command line.

    :param executable: the program; ``None`` for the usual places
    :raises VBoxMemoryError: ``vboxmanage_not_found``; the methods raise what VBoxManage's failures are
    """

    name = "vboxmanage"
    fallback = None  # why it was taken in place of the bindings, where those were to be taken if possible
    set_default_while_live = None  # VBoxManage has no command for it

    def __init__(self, executable=None):
        self.vboxmanage = VBoxManage(executable)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        """There is nothing to close."""

    @cached_property
    def version(self):
        """The version of VirtualBox, such as ``7.2.22``; ``None`` if it is not of that form."""
        return parse_version(self.vboxmanage.run("--version"))

    @cached_property
    def _listing(self):
        return Listing(self.vboxmanage)

    def find_many(self, wanted, details=True):
        """For each name or UUID its :class:`~.machines.Machine`, or the error in its place.

        :param details: VBoxManage prints them anyway
        :raises VBoxMemoryError: when nothing can be read at all
        """
        return self._listing.find_many(wanted)

    def read_all(self):
        """All machines, and the UUIDs of those that cannot be read."""
        return self._listing.read_all()

    def read_live(self):
        """The machines that run or are paused."""
        uuids = re.findall(r'" \{(%s)\}$' % UUID, self.vboxmanage.run("list", "runningvms"), re.MULTILINE)
        found = [one for one in self._listing.read_each(dict.fromkeys(uuids)).values() if one]
        for error in [one for one in found if isinstance(one, VBoxMemoryError)]:
            raise error
        return [machine for machine in found if machine.live]

    def read(self, uuid):
        """The machine with this UUID, as it is now."""
        return read_machine(self.vboxmanage, uuid)

    def run(self, *command):
        """Run a command of VBoxManage that changes something."""
        self.vboxmanage.run(*command)

    def period(self, uuid):
        """The seconds between a machine's own figures of its memory; 0 if they are not set up."""
        metric = GUEST_METRICS["free_kb"]
        return period_in(self.vboxmanage.run("metrics", "list", uuid, metric), metric)

    def sample(self, objects, wait):
        """The newest values of metrics: see :class:`~.metrics.Metrics`."""
        return Metrics(self, objects).read(wait)

    def query_metrics(self, name, metrics):
        """The newest values of metrics of the host or of a machine by its UUID: ``{metric: kB, or None if it has none}``."""
        return values_in(self.vboxmanage.run("metrics", "query", name, ",".join(metrics)), metrics)

    def set_up_metrics(self, name, groups):
        """Have VirtualBox sample groups of metrics."""
        self.vboxmanage.run("metrics", "setup", "--period", str(PERIOD), "--samples", "1", name, ",".join(groups))
