# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines have all that they are to have, by the facts: then the host need not be asked again."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.model.features import FEATURES
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import machine_from_facts
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import plan
from ansible_collections.vbox.memory.plugins.module_utils.planning.result import planned_result

Entry = Mapping[str, Any]


def divide(desired: Sequence[Entry], entries: Sequence[Entry]) -> tuple[list[dict[str, Any]], list[Entry]]:
    """The machines that are in sync, and those that the module has to look at.

    A live machine of which a balloon is asked for is never in sync: whether its guest follows is more than the facts say for sure. Nor is
    one about which the module would warn or complain.

    :param desired: what machines are to have, as :func:`~.policy.resolve` gives it
    :param entries: the machines of the facts
    :returns: the results that the module would give for those that are in sync, and what the others are to have
    """
    by_uuid = {entry["uuid"]: entry for entry in entries}
    in_sync, to_apply = [], []
    for one in desired:
        result = _result_if_in_sync(one, by_uuid[one["name"]])
        if result is None:
            to_apply.append(one)
        else:
            in_sync.append(result)
    return in_sync, to_apply


def _result_if_in_sync(desired: Entry, entry: Entry) -> dict[str, Any] | None:
    try:
        # What is in sync changes nothing, and needs no feature of the host.
        machine, features = machine_from_facts(entry), dict.fromkeys(FEATURES)
        planned = plan(machine, DesiredState(**desired), features, capabilities=())
    except (KeyError, TypeError, VBoxMemoryError):  # facts that were written by hand can say less
        return None
    return planned_result(planned).as_result() if planned.in_sync and not planned.warnings else None
