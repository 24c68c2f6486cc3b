# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the machines of a user may hold together, what they are charged, and what of it is left. MB."""

from __future__ import annotations

from math import inf
from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import Stock
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import HostPolicy
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import REMEMBERED, Record

READY_PERCENT, READY_LEAST = 2, 256
READY_MOST_PERCENT = 25  # what machines needed at a time lately is kept ready up to that
RESERVE_PERCENT, RESERVE_LEAST = 5, 1024


class Budget(NamedTuple):
    """MB."""

    budget: int
    reserved: int  # for machines about to start; taken off the budget already
    charge: int  # what all machines may hold, as the sum proves
    held_back: int  # what newer figures will show; and what guests may have taken back untold
    shown_soon: int  # given by donors who have not been seen to keep their reserve since
    under_way: int  # what donors are still to give, and are not late with
    ready: int  # kept for the next in need
    pool: int  # what may be given out now: negative when over the budget
    to_share: int  # what all managed machines are to hold together
    pressure: int  # what the host itself lacks to its reserve

    def over(self) -> int:
        """MB over the budget beyond what is coming; below 0 where there are none."""
        return self.charge - self.budget - self.under_way


def reckon(
    host: Dict[str, Any],
    records: List[Record],
    stock: Stock,
    policy: HostPolicy,
    reservations: Optional[List[Dict[str, Any]]],
    now: float,
) -> Budget:
    """The budget, and what is left of it."""
    held = (host.get("vmm_used_kb") or 0) + (host.get("vmm_free_kb") or 0) >> 10
    available = host.get("available_mb") or 0
    reserve = policy.reserve
    if reserve is None:
        reserve = max(RESERVE_LEAST, (host.get("total_mb") or 0) * RESERVE_PERCENT // 100)
    reserved = sum(each["memory_mb"] for each in reservations or [] if each.get("until") is None or each["until"] > now)
    budget = held + max(0, available - reserve) * policy.share // 100 - reserved
    ready = policy.ready
    if ready is None:
        since, want = stock.account["want"]
        lately = min(want, budget * READY_MOST_PERCENT // 100) if now - since < REMEMBERED else 0
        ready = max(READY_LEAST, budget * READY_PERCENT // 100, lately)
    shown_soon = under_way = 0
    for record in records:
        if record.fixed is None:
            shown_soon += _unseen(record)
            under_way += _coming(record, stock, policy.period)
        elif record.gives:
            record.history["unshown"] += _forget(record, inf)
    held_back = shown_soon + _suspected(records)
    under_way = min(under_way, stock.may_give)
    managed = sum(record.hold for record in records if record.fixed is None)
    to_share = budget - ready - (stock.charge - managed - under_way)
    return Budget(
        budget,
        reserved,
        stock.charge,
        held_back,
        shown_soon,
        under_way,
        ready,
        budget - stock.charge - held_back,
        to_share,
        max(0, reserve - available),
    )


def hold_back(money: Budget, records: List[Record]) -> Budget:
    """The budget once the newest figures have been looked at: nobody gets in the same plan what they show to be in doubt."""
    held_back = money.shown_soon + _suspected(records)
    return money._replace(held_back=held_back, pool=money.pool + money.held_back - held_back)


def _suspected(records: List[Record]) -> int:
    """MB that guests may have taken back untold; what they hold beyond what they are asked for is charged already."""
    # what a guest with a request under way is found to have lost in this plan, its account has from the next one on
    return sum([record.held_back() for record in records])


def _coming(record: Record, stock: Stock, period: float) -> int:
    """MB that it is to give, but for what the sum should show by now: nobody waits for a stuck donor whom others can serve."""
    coming, end = 0, 0.0
    for when, mb, done in record.gives:
        if done is None:
            end = max(end, when) + mb / stock.account["give_rate"]
            coming += mb if end + period >= stock.time else 0
    return coming


def _unseen(record: Record) -> int:
    """MB that are given, and belong to the donor until newer figures show that it kept its reserve. Forgets what has been seen."""
    if not record.gives:
        return 0
    time = record.sample["time"] if record.sample else 0
    record.newly_seen = _forget(record, time)
    return sum(mb for _when, mb, done in record.gives if done is not None)


def _forget(record: Record, time: float) -> int:
    """Drop what was given by that time: so many MB."""
    forgotten = sum([mb for _when, mb, done in record.gives if done is not None and done <= time])
    if forgotten:
        record.gives = [each for each in record.gives if each[2] is None or each[2] > time]
    return forgotten
