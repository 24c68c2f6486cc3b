# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Weighted max-min shares of whole MB, exactly."""

from __future__ import annotations

from math import gcd
from typing import List, Sequence


def fill(amount: int, caps: Sequence[int], weights: Sequence[int]) -> List[int]:
    """Share an amount: each gets the same multiple of its weight, but no more than its cap.

    Rounded down, so that up to n MB are left, and order and the scale of the weights change nothing. O(n log n).

    :param amount: MB; what is 0 or less gives nobody anything
    :param caps: MB, 0 and more
    :param weights: whole numbers, 1 and more
    """
    left = sum(caps)
    if left <= amount:
        return list(caps)
    if amount <= 0:
        return [0] * len(caps)
    if min(weights) == max(weights):
        level = _level(amount, sorted(caps))
        return [cap if cap < level else level for cap in caps]
    scale = _common(weights)
    weights = [weight // scale for weight in weights]

    # cap / weight ascending, exactly: two such fractions that differ, do so by more than 1 / most²
    most = max(weights) ** 2
    order = sorted(range(len(caps)), key=[cap * most // weight for cap, weight in zip(caps, weights)].__getitem__)
    heavy = sum(weights)
    for index in order:
        if caps[index] * heavy > amount * weights[index]:
            break
        amount -= caps[index]
        heavy -= weights[index]
    return [min(cap, amount * weight // heavy) for cap, weight in zip(caps, weights)]


def _level(amount: int, caps: List[int]) -> int:
    """With equal weights: the height that all reach who are not full."""
    count = len(caps)
    for cap in caps:
        if cap * count > amount:
            break
        amount -= cap
        count -= 1
    return amount // count


def _common(weights: Sequence[int]) -> int:
    common = 0
    for weight in weights:
        common = gcd(common, weight)
        if common == 1:
            break
    return common
