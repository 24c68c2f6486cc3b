# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance as a pure plan: which machines have to be restarted, in which batches, when to stop, and what is left then.

A machine is addressed by the ``name`` of its entry, as :func:`~.policy.resolve` gives it: its UUID. Results are entries of the key
``machines`` of what the module ``vbox_memory`` returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE
from ansible_collections.vbox.memory.plugins.plugin_utils.results import Result, changes, given_up
from ansible_collections.vbox.memory.plugins.plugin_utils.values import quoted

NEEDS_NO_RESTART = "balloon_current_mb"
BLOCKED = "state_blocks_change"

# A machine that was shut down and failed so is not known to be back: nothing else is shut down then.
NOT_RECOVERED = (
    "guest_not_back",
    "start_failed",
    "shutdown_timeout",
    "interrupted",  # it runs, and whoever sent the signal wants no more of it
    "server_unavailable",
    "settings_not_saved",
    "vboxmanage_failed",
    "vboxmanage_timeout",
    "vboxmanage_unreadable",
)


@dataclass(frozen=True)
class Plan:
    """What is to be done for a host: entries that change without a restart, and batches of those that need one."""

    now: Sequence[Result]
    batches: Sequence[Sequence[Result]]


def plan(entries: Sequence[Result], compared: Mapping[str, Result], size: int) -> Plan:
    """Divide the machines.

    :param entries: what machines are to have
    :param compared: for each, by its name, the result in check mode with ``on_blocked: shutdown``
    :param size: the machines of a batch, 1 or more
    """
    restarts = [entry for entry in entries if needs_restart(compared[entry["name"]])]
    now = [entry for entry in entries if entry not in restarts]
    return Plan(now, [restarts[start : start + size] for start in range(0, len(restarts), size)])


def needs_restart(compared: Result) -> bool:
    """Whether a machine is live and has a change to make that is more than its current balloon."""
    return compared["state"] in LIVE and any(setting != NEEDS_NO_RESTART for setting in changes(compared))


def by_name(entries: Sequence[Result], machines: Sequence[Result]) -> dict[str, Result]:
    """Results by the names of their entries, which stand in the same order."""
    return {entry["name"]: machine for entry, machine in zip(entries, machines)}


def restarted(batch: Sequence[Result], call: Result, compared: Mapping[str, Result]) -> dict[str, Result]:
    """The results of a batch. Where the call failed as a whole, none of its machines is known to be back."""
    if "machines" in call:
        return by_name(batch, call["machines"])
    return {entry["name"]: given_up(left(compared[entry["name"]]), call) for entry in batch}


def not_recovered(call: Result, results: Mapping[str, Result]) -> list[str]:
    """The names of the machines of a batch that did not come back. No further batch is begun if there are any."""
    return [
        machine["name"]
        for machine in results.values()
        if "machines" not in call or machine.get("code") in NOT_RECOVERED
    ]


def results(
    entries: Sequence[Result],
    compared: Mapping[str, Result],
    changed: Mapping[str, Result],
    restarts: Mapping[str, Result],
) -> list[Result]:
    """What became of all machines, in the order of their entries."""
    found = []
    for entry in entries:
        name = entry["name"]
        if name in changed:
            found.append(refused(changed[name], compared[name]))
        else:
            found.append(restarts[name] if name in restarts else left(compared[name]))
    return found


def left(compared: Result) -> Result:
    """The result of a machine that was not begun: what would have changed is pending."""
    pending = dict(compared["pending"], **changes(compared))
    return dict(compared, changed=False, after=compared["before"], pending=pending, commands=[])


def refused(changed: Result, compared: Result) -> Result:
    """The result of a machine with something pending, and why it was not restarted for it: the guard, say, has refused."""
    reason = {key: compared[key] for key in ("code", "msg") if key in compared}
    if not changed["pending"] or changed.get("failed") or reason.get("code") in (None, BLOCKED):
        return changed
    return dict(changed, failed=True, **reason)


def not_begun(hosts: Mapping[str, Any]) -> str | None:
    """Why a host is not begun: machines of other hosts of the play did not come back. ``None`` if all did.

    :param hosts: what became of each host so far, by its name, whatever that is
    """
    names = [
        "%s on %s" % (quoted(name, 200), host)
        for host, result in hosts.items()
        if isinstance(result, Mapping)
        for name in result.get("not_recovered") or []
    ]
    return "Not begun, because of %s" % ", ".join(names) if names else None
