# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What each managed machine is to hold: weighted max-min shares of the budget, tier on tier. MB."""

from __future__ import annotations

from operator import attrgetter
from typing import List

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.waterfill import fill

IDLE_TAX = 75  # per cent of its weight in the last tier that a machine loses where all it holds is idle


def share(records: List[Record], to_share: int, ready: int) -> int:
    """Set the targets; what is missing to all floors, and to what is fixed, is given back (0 where they are met).

    Tiers: floors; what is used now, and then what was used at most, each with the hard reserve (classes of priority one after the other); comfort, by
    margin; a band, so that small changes of use move nothing; half of the cache; the rest by weight, where idle memory weighs less. The floors and what
    is used are filled with what else stays ready, too.
    """
    everything = to_share + ready
    missing = max(0, sum(record.floor for record in records) - everything)
    if not records:
        return missing
    weights = [record.limits.weight for record in records]
    ceilings = [record.ceiling for record in records]
    # nobody waits for what a guest cannot be asked for, whom others can serve
    bottoms = [
        max(record.floor, min(record.hold, record.ceiling)) if record.stuck else record.floor for record in records
    ]
    targets = _fill_up(everything, [0] * len(records), bottoms, weights)
    left = everything - sum(targets)
    needs = [min(max(record.expected, record.floor), record.ceiling) for record in records]
    now = [min(record.need_now, need) for record, need in zip(records, needs)]
    for chosen in _classes(records):
        for sizes in (now, needs):
            of = [targets[index] for index in chosen]
            filled = _fill_up(left, of, [sizes[index] for index in chosen], [weights[index] for index in chosen])
            left -= sum(filled) - sum(of)
            for index, target in zip(chosen, filled):
                targets[index] = target
    left -= ready
    for tier in ("comfortable", "keep", "cached"):
        if left <= 0:
            break
        wanted = map(attrgetter(tier), records)
        tops = [min(max(want, target), ceiling) for want, target, ceiling in zip(wanted, targets, ceilings)]
        filled = _fill_up(left, targets, tops, weights)
        left -= sum(filled) - sum(targets)
        targets = filled
    if left > 0:
        taxed = [
            weight * (100 * record.memory - IDLE_TAX * max(0, record.memory - record.recent))
            for record, weight in zip(records, weights)
        ]
        targets = _fill_up(left, targets, [max(top, target) for top, target in zip(ceilings, targets)], taxed)
    for record, target in zip(records, targets):
        record.target = target if target > record.floor else record.floor
    return missing


def _fill_up(amount: int, bottoms: List[int], tops: List[int], weights: List[int]) -> List[int]:
    if amount <= 0:
        return list(bottoms)
    shares = fill(amount, [top - bottom if top > bottom else 0 for top, bottom in zip(tops, bottoms)], weights)
    return [bottom + part for bottom, part in zip(bottoms, shares)]


def _classes(records: List[Record]) -> List[List[int]]:
    """Indices by priority, the highest first."""
    classes: dict = {}
    for index, record in enumerate(records):
        classes.setdefault(record.limits.priority, []).append(index)
    return [classes[priority] for priority in sorted(classes, reverse=True)]
