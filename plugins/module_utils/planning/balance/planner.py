# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Move memory between the running machines of a host: who is to have how much, and the next steps there. Pure: no clock, no I/O.

    plan(host, machines, policy, reservations, history, now) -> plan

Plain data in and out (what JSON can hold), so that a filter, a module, a service, a simulator and a test drive the same function. Sizes are
integers in MB (2**20 bytes) but for VirtualBox's own figures, which are in kB as it gives them and say so in their names. Times are seconds
on any one clock (integers or floats). What a machine *holds* is its memory less what its balloon holds; floors, ceilings and targets are
sizes of that, not of the balloon. Nothing of what is handed in is changed. It may be called as often as one likes, once in ``period``
seconds or once in a while; each call should see the newest figures. Only the plan's ``steps`` are to be carried out.

``host``, of one user::

    {"time": 1000.0,               # when the figures below were taken (may lie some seconds back)
     "total_mb": 32768,            # the host's memory, for the default of the reserve; may be absent
     "available_mb": 9000,         # what other programs and machines may still take: MemAvailable
     "vmm_used_kb": 20971520,      # RAM/VMM/Used: held by this user's machines
     "vmm_free_kb": 0,             # RAM/VMM/Free: given by balloons and kept by VirtualBox for this user's machines
     "ballooned_kb": 2097152,      # RAM/VMM/Ballooned: in all balloons of this user, and phantoms of restarted guests
     "other_controller": null,     # text: who else changes balloons here, as far as the caller has seen it
     "users": 1}                   # how many users have running machines; may be absent

``machines``, a list of those that run or are paused (all of them: what is not listed is not charged)::

    {"uuid": "…", "name": "db01",
     "memory_mb": 4096,            # the setting
     "state": "running",           # VirtualBox's VMState
     "large_pages": false,         # true, false or null (unknown)
     "additions": 2,               # GuestAdditionsRunLevel: 2 and more serve; null where unknown
     "request_mb": 512,            # the balloon that is asked for now, as VirtualBox shows it
     "request_time": 400.0,        # when that was asked, from the extradata; null or absent: not known
     "started": 0.0,               # when the machine was started or restored (its process began); null or absent: long ago
     "restored": false,            # it came back from a saved state since `started`; may be absent
     "sample": {"time": 995.0,     # when the guest's figures were taken
                "total_kb": 4030000, "free_kb": 800000, "cache_kb": 300000,  # Guest/RAM/Usage/…; Free counts the cache in
                "balloon_kb": 0}}  # …/Balloon: 0 for ever with the Linux kernel's driver; null where a figure is missing
                                   # the sample itself is null where VirtualBox has no figures

``policy``, every key may be absent (the defaults are in POLICY and MACHINE below); sizes are MB or a string such as "25%" of the
machine's memory (of ``total_mb`` for the host's)::

    {"reserve": 1024, "share": 100, "ready": null, "window": 300, "period": 1,
     "defaults": {"floor": null, "ceiling": "100%", "weight": 100, "priority": 0,
                  "hard_reserve": null, "comfort_reserve": null, "balance": true},
     "machines": {UUID: {… the same keys …}}}

``reservations``, memory that is kept for machines about to start, until they run or the time is over::

    [{"name": "new01", "memory_mb": 2048, "until": 1600.0}]

``history`` is ``plan(…)["history"]`` of the call before, or null at first. It is the caller's to keep (in memory: it may be lost at any
moment, and what is lost is only time). A plan that is not carried out must be called again with the history that it was made from.
A step that failed needs no telling: ``request_mb`` of the next call shows what stands. It holds for each machine what was asked and when,
its uses over the window, and what the sum of all balloons proves: ``may_give_mb`` and ``may_take_mb``, see given.

The plan::

    {"time": 1000.0,
     "host": {"codes": ["infeasible", …], "sentence": "…", "figures": {"budget_mb", "charge_mb", "pool_mb", "ready_mb", …}},
     "machines": [{"uuid", "name", "managed": true, "code": "starving", "sentence": "…", "figures": {…}, "target_mb": 3584,
                   "holds_mb": 3072, "request_mb": 1024}, …],           # in the order of the machines that were handed in
     "steps": [{"uuid": "…", "request_mb": 512, "was_mb": 1024, "code": "starving", "sentence": "…", "figures": {…},
                "gives_to": [], "takes_from": [{"uuid": "pool", "mb": 512}]}, …],   # to be asked in this order, none waited for
     "history": {…}}

A step is one request, ``controlvm UUID guestmemoryballoon request_mb``. Who gives (a donor) names in ``gives_to`` whom for and how much;
who takes names the pool. There is at most one step for a machine, and none for a machine whose earlier request is in flight, but for what
the law allows. All steps of a plan may be asked at once; that some of them fail or are lost harms nothing.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.budget import hold_back, reckon
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.classify import classify
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.demand import estimate
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.explain import (
    SENTENCES,
    code_of,
    figures_of,
    host_view,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.forecast import seconds_until_room
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import take_stock
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.steps import choose, size_up
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.targets import share
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.whatif import advise, places, start_of


def plan(
    host: Dict[str, Any],
    machines: List[Dict[str, Any]],
    policy: Optional[Dict[str, Any]],
    reservations: Optional[List[Dict[str, Any]]],
    history: Optional[Dict[str, Any]],
    now: float,
) -> Dict[str, Any]:
    """The plan of a host, as this page says.

    :raises ValueError: where the policy is wrong: one line for each problem
    """
    settings = read(policy, host.get("total_mb"))
    known = history["machines"] if history else {}
    records = [Record(machine, settings, known.get(machine["uuid"])) for machine in machines]
    stock = take_stock(host, records, history, now)
    classify(records, stock, settings, now)
    money = reckon(host, records, stock, settings, reservations, now)
    estimate(records, stock, settings, money.pool, now)
    money = hold_back(money, records)
    managed = [record for record in records if record.fixed is None]
    for record in records:
        record.before = record.hold
        if record.fixed is None:
            size_up(record, stock, money.over() > 0, now)
    missing = share(managed, money.to_share, money.ready)
    chosen = choose(records, money, stock, settings, now, not host.get("other_controller"))
    entries = {}
    rows = []
    for record in records:
        code = code_of(record, money, chosen, settings, now)
        figures = figures_of(record, settings, now)
        entry = {
            "uuid": record.uuid,
            "name": record.name,
            "managed": record.fixed is None,
            "code": code,
            "sentence": SENTENCES[code] % figures,
            "figures": figures,
            "target_mb": record.target if record.fixed is None else record.hold,
            "holds_mb": record.before,
            "request_mb": record.shown,
            "gives_to": record.gives_to,
            "takes_from": record.takes_from,
        }
        rows.append(entry)
        entries[record.uuid] = entry
    steps = []
    for record in chosen.asked:
        entry = entries[record.uuid]
        step = {key: entry[key] for key in ("uuid", "code", "sentence", "figures", "gives_to", "takes_from")}
        step["request_mb"], step["was_mb"] = record.asked, record.shown
        steps.append(step)
    return {
        "time": now,
        "host": host_view(host, money, stock, chosen, missing),
        "machines": rows,
        "steps": steps,
        "history": {"sum": stock.account, "machines": {record.uuid: record.memorize() for record in records}},
    }


def would_start(
    host: Dict[str, Any],
    machines: List[Dict[str, Any]],
    policy: Optional[Dict[str, Any]],
    reservations: Optional[List[Dict[str, Any]]],
    history: Optional[Dict[str, Any]],
    now: float,
    memory_mb: int,
) -> Dict[str, Any]:
    """What a start of a machine of so many MB would cost: see whatif.start_of. Nothing is kept."""
    reserved = list(reservations or []) + [{"name": "what-if", "memory_mb": memory_mb, "until": None}]
    now_plan = plan(host, machines, policy, reservations, history, now)

    def forecast() -> Optional[int]:
        if history is None:  # nobody has watched: no guest would be asked for as long as a window
            return None
        return seconds_until_room(
            lambda host, machines, history, now: plan(host, machines, policy, reserved, history, now),
            host,
            machines,
            history,
            now,
            read(policy, host.get("total_mb")).period,
        )

    return start_of(memory_mb, now_plan, plan(host, machines, policy, reserved, history, now), forecast)


__all__ = ["advise", "places", "plan", "would_start"]
