# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host and machine of a report is, computed once: every format shows these numbers and computes none.

Sizes are kB and MB (2**20 bytes), as the names say. What is not known is ``None``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import MANNER
from ansible_collections.vbox.memory.plugins.module_utils.facts import totals
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import balloon_limit
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import LIVE
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.budget import RESERVE_LEAST, RESERVE_PERCENT
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import Guard, GuestMemory, default_reserve
from ansible_collections.vbox.memory.plugins.plugin_utils.report.findings import findings
from ansible_collections.vbox.memory.plugins.plugin_utils.report.savings import savings

Figures = dict[str, Any]

GUARD_CACHE = 50  # per cent of a guest's cache that the guard keeps, unless told otherwise
SUMS = (
    "memory_total_kb",
    "memory_used_kb",
    "memory_free_kb",
    "reserve_kb",
    "vmm_used_kb",
    "vmm_free_kb",
    "other_kb",
    "cache_kb",
    "ballooned_kb",
    "shared_kb",
    "configured_mb",
    "running_mb",
    "room_mb",
    "machines_count",
    "live_count",
    "unreadable_count",
    "pending_count",
)
COPIED = (
    "name",
    "uuid",
    "state",
    "os_type",
    "os_description",
    "groups",
    "memory_mb",
    "balloon_default_mb",
    "balloon_followed",
    "page_fusion",
    "large_pages",
    "guest_additions_run_level",
    "process_kb",
    "interrupted_restart",
)


def figures(hosts: Mapping[str, Mapping[str, Any]], read_at: str) -> Figures:
    """All numbers of a report.

    :param hosts: by the name of the host: ``facts`` (``None`` where it could not be read, with ``msg``), and what there is of ``policy``
        (the result of the action ``vbox_memory_policy``) and ``plan`` (of the filter ``balance``), in plain types
    :param read_at: when the facts were read, as ISO 8601 in UTC
    :returns: ``read_at``, ``fleet`` (sums), ``hosts`` with their ``machines``, ``findings`` and ``savings``
    """
    told = [host_figures(name, entry) for name, entry in hosts.items()]
    read = [host for host in told if host["read"]]
    fleet: Figures = {key: _sum(host[key] for host in read) for key in SUMS}
    fleet.update(hosts_count=len(told), hosts_unread_count=len(told) - len(read))
    # Of hosts whose memory is known, or the ratio would be too high.
    measured = [host for host in read if host["memory_total_kb"]]
    fleet["overcommit_ratio"] = _ratio(
        _sum(host["running_mb"] for host in measured), _sum(host["memory_total_kb"] for host in measured)
    )
    fleet["bar"] = _sum_of_bars([host["bar"] for host in told if host["bar"]])
    found = findings(told)
    _note(found, told)
    return dict(read_at=read_at, fleet=fleet, hosts=told, findings=found, savings=savings(told))


def _note(found: Sequence[Figures], hosts: Sequence[Figures]) -> None:
    """Keep with each machine the codes of what stands out about it."""
    codes: dict[tuple[str, Any], list[str]] = {}
    for one in found:
        codes.setdefault((one["host"], one["uuid"]), []).append(one["code"])
    for host in hosts:
        for machine in host["machines"]:
            machine["found"] = codes.get((host["name"], machine["uuid"]), [])


def host_figures(name: str, entry: Mapping[str, Any]) -> Figures:
    """The numbers of one host, its bar, and its machines."""
    facts = entry.get("facts")
    policy, plan = entry.get("policy") or {}, entry.get("plan")
    host: Figures = dict.fromkeys(SUMS)
    host.update(name=name, read=facts is not None, msg=entry.get("msg"), overcommit_ratio=None, bar=None)
    host.update(vbox_version=None, features={}, machines=[], unreadable=[], failures=_failures(policy))
    host["balance"] = dict(codes=plan["host"]["codes"], sentence=plan["host"]["sentence"]) if plan else None
    if facts is None:
        return host
    measured = facts.get("host") or {}
    said = Said(policy, plan)
    machines = [_machine(machine, said, measured.get("features")) for machine in facts["machines"]]
    host.update(vbox_version=measured.get("vbox_version"), features=measured.get("features") or {}, machines=machines)
    host["unreadable"] = [dict(one) for one in facts.get("unreadable") or []]
    for key in ("memory_total_kb", "memory_used_kb", "memory_free_kb", "vmm_used_kb", "vmm_free_kb"):
        host[key] = measured.get(key)
    host.update(_totals(measured, machines))
    host["reserve_kb"] = _reserve_kb(host["memory_total_kb"], entry.get("reserve_mb"))
    host["cache_kb"] = _sum(machine["cache_kb"] for machine in machines)
    host["room_mb"] = _sum(machine["room_mb"] for machine in machines)
    host["pending_count"] = _sum(machine["pending_count"] for machine in machines)
    host["machines_count"] = len(machines)
    host["live_count"] = sum(machine["live"] for machine in machines)
    host["unreadable_count"] = len(host["unreadable"])
    held = [host["vmm_used_kb"], host["vmm_free_kb"], host["memory_used_kb"]]
    host["other_kb"] = None if None in held else max(0, held[2] - held[0] - held[1])
    host["bar"] = _bar(host)
    return host


def _totals(measured: Mapping[str, Any], machines: Sequence[Figures]) -> Figures:
    """The sums as the facts have them, of facts that were written by hand, too."""
    host = dict(dict.fromkeys(("memory_total_kb", "vmm_ballooned_kb", "vmm_shared_kb")), **measured)
    return totals(host, [dict(machine, memory_mb=machine["memory_mb"] or 0) for machine in machines])


def _reserve_kb(total_kb: int | None, reserve_mb: int | None) -> int | None:
    """What the host is to keep free: what the policy says, or what balance takes without one."""
    if reserve_mb is not None:
        return reserve_mb * 1024
    return None if total_kb is None else max(RESERVE_LEAST, total_kb // 1024 * RESERVE_PERCENT // 100) * 1024


def _bar(host: Figures) -> list[Figures] | None:
    """The parts of the host's memory, in order, which add up to all of it; ``None`` if they are not known."""
    if None in (host["memory_total_kb"], host["memory_free_kb"], host["other_kb"]):
        return None
    cache = min(host["cache_kb"] or 0, host["vmm_used_kb"])
    machines = host["vmm_used_kb"] - cache
    users = sorted((one for one in host["machines"] if one["used_kb"]), key=lambda one: -one["used_kb"])
    used = sum(one["used_kb"] for one in users)
    parts = [dict(name=one["name"], uuid=one["uuid"], kb=one["used_kb"]) for one in users if used <= machines]
    reserve = min(host["reserve_kb"], host["memory_free_kb"])
    return [
        dict(key="machines", kb=machines, parts=parts),
        dict(key="cache", kb=cache, parts=[]),
        dict(key="given", kb=host["vmm_free_kb"], parts=[]),
        dict(key="other", kb=host["other_kb"], parts=[]),
        dict(key="reserve", kb=reserve, parts=[]),
        dict(key="free", kb=host["memory_free_kb"] - reserve, parts=[]),
    ]


class Said:
    """What the policy and balance say of the machines of a host, by UUID."""

    def __init__(self, policy: Mapping[str, Any], plan: Mapping[str, Any] | None):
        self.settings = {one.get("uuid"): one.get("settings") or {} for one in policy.get("explained") or []}
        # No policy, and one with a mistake, say nothing of any machine.
        self.compared = bool(policy) and policy.get("policies") != [] and not (_failures(policy) and not self.settings)
        self.plans = {one["uuid"]: one for one in (plan or {}).get("machines") or []}
        self.rows: dict[Any, list[Mapping[str, Any]]] = {}
        for row in policy.get("differences") or []:
            self.rows.setdefault(row.get("uuid"), []).append(row)


def _sum_of_bars(bars: Sequence[Sequence[Figures]]) -> list[Figures] | None:
    """The bars of all hosts as one."""
    if not bars:
        return None
    return [dict(key=parts[0]["key"], kb=sum(part["kb"] for part in parts), parts=[]) for parts in zip(*bars)]


def _machine(facts: Mapping[str, Any], said: Said, features: Mapping[str, Any] | None) -> Figures:
    guest = facts.get("guest") or {}
    machine: Figures = {key: facts.get(key) for key in COPIED}
    machine["groups"] = machine["groups"] or []
    machine["live"] = machine["state"] in LIVE
    machine["balloon_asked_mb"] = facts.get("balloon_current_mb")
    machine["balloon_given_mb"] = _given_mb(machine, guest)
    machine.update({key: guest.get(key) for key in ("free_kb", "cache_kb", "shared_kb", "total_kb")})
    machine["used_kb"] = _used_kb(machine, guest)
    machine["room_mb"] = _room_mb(machine, guest, features)
    machine.update(_wanted(machine["uuid"], said))
    machine.update(_balance(said.plans.get(machine["uuid"]), facts.get("last_balance")))
    return machine


def _given_mb(machine: Figures, guest: Mapping[str, Any]) -> int | None:
    """What the guest gave: by its own count, or what it was asked for where its figures show that it can hold that."""
    if guest.get("balloon_kb"):
        return int(guest["balloon_kb"]) // 1024
    return machine["balloon_asked_mb"] if machine["balloon_asked_mb"] == 0 or machine["balloon_followed"] else None


def _used_kb(machine: Figures, guest: Mapping[str, Any]) -> int | None:
    """A balloon counts as used in a guest, and its total stays (measured with Linux)."""
    total, free, given = guest.get("total_kb"), guest.get("free_kb"), machine["balloon_given_mb"]
    return None if total is None or free is None or given is None else max(0, total - free - given * 1024)


def _room_mb(machine: Figures, guest: Mapping[str, Any], features: Mapping[str, Any] | None) -> int | None:
    """What the balloon could take on top, as the guard would let it; 0 where a balloon does no good, ``None`` where nothing tells."""
    if not machine["live"] or machine["memory_mb"] is None or guest.get("free_kb") is None:
        return None
    if machine["large_pages"] or not ((features or {}).get("balloon") or {}).get("supported", True):
        return 0
    memory, asked = machine["memory_mb"], machine["balloon_asked_mb"] or 0
    guard = Guard(default_reserve(memory), GUARD_CACHE)
    free, cached = guest["free_kb"] // 1024, (guest.get("cache_kb") or 0) // 1024
    room = guard.room(GuestMemory(free=free, cached=cached, given=asked, total=None))
    return max(0, min(room, balloon_limit(memory) - asked))


def _wanted(uuid: str, said: Said) -> Figures:
    """What the policy wants of a machine, and what of it is still to be done."""
    rows = said.rows.get(uuid, [])
    pending = [row for row in rows if row["outcome"] in ("pending", "would change")]
    return dict(
        wants=[
            dict(setting=option, value=given.get("value"), source=given.get("source"))
            for option, given in said.settings.get(uuid, {}).items()
            if option not in MANNER
        ],
        pending=[{key: row.get(key) for key in ("setting", "before", "after", "outcome", "source")} for row in pending],
        pending_count=len(pending) if said.compared else None,
        failures=[str(row.get("msg")) for row in rows if row["outcome"] == "failed"],
    )


def _balance(entry: Mapping[str, Any] | None, last: Mapping[str, Any] | None) -> Figures:
    """What balance says of a machine now, and what it asked of it last."""
    if entry is None and last is None:
        return dict(target_mb=None, balance_code=None, balance_sentence=None)
    said = [entry["sentence"]] if entry else []
    if last:
        words = "it was asked for a balloon of %d MB (before: %d MB) at %s (%s)"
        said.append(words % (last["balloon_mb"], last["was_mb"], _moment(last["since"]), last["code"]))
    code = entry["code"] if entry else (last or {})["code"]
    return dict(target_mb=(entry or {}).get("target_mb"), balance_code=code, balance_sentence="; ".join(said))


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):  # no time that there is
        return "an unknown time"


def _failures(policy: Mapping[str, Any]) -> list[str]:
    """What went wrong with the policy of a host as a whole, or with a machine that has no row of its own."""
    rows = policy.get("differences") or []
    return [str(row.get("msg")) for row in rows if row["outcome"] == "failed" and not row.get("uuid")]


def _sum(values: Any) -> int | None:
    """The sum of what is known; ``None`` where nothing is."""
    values = [value for value in values if value is not None]
    return sum(values) if values else None


def _ratio(running_mb: int | None, total_kb: int | None) -> float | None:
    return round(running_mb * 1024 / total_kb, 3) if running_mb is not None and total_kb else None
