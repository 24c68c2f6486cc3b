# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines have all that they are to have, by the facts: then the host need not be asked again."""

from __future__ import annotations

from ansible_collections.vbox.memory.plugins.module_utils.arguments import Wanted
from ansible_collections.vbox.memory.plugins.module_utils.facts import machine_from_entry
from ansible_collections.vbox.memory.plugins.module_utils.support import Host
from ansible_collections.vbox.memory.plugins.module_utils.work import Work


def divide(wanted, entries):
    """The machines that are settled, and those that the module has to look at.

    A live machine is never settled: whether its guest follows is more than the facts say for sure. Nor is one about which the module would
    warn or complain.

    :param wanted: what machines are to have, as :func:`~.policy.resolve` gives it
    :param entries: the machines of the facts
    :returns: the results that the module would give for those that are settled, and what the others are to have
    """
    by_uuid, settled, still_open = {entry["uuid"]: entry for entry in entries}, [], []
    for one in wanted:
        result = _result_if_settled(one, by_uuid[one["name"]])
        (still_open if result is None else settled).append(one if result is None else result)
    return settled, still_open


def _result_if_settled(wanted, entry):
    try:
        machine = machine_from_entry(entry)
    except KeyError:  # facts that somebody wrote, and that say less
        return None
    work = Work(Wanted(**wanted), backend=None, host=Host(None), balloons=None)
    asked = work.wanted.values_for(machine)
    if machine.live or any(getattr(machine, name) != value for name, value in asked.items()):
        return None
    work.find(machine)
    work.attempt(work.plan)
    return None if work.error or work.warnings else work.result()
