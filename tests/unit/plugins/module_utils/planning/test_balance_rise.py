# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A use that rises is met before the guest is short, however seldom somebody looks."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

RATE = 5  # MB/s: what a program took of the live host's guests by VBoxManage


@pytest.mark.parametrize("period", [1, 2, 3, 5, 8])
def test_a_rise_is_seen_however_long_rounds_take(period):
    """The window of 10 s held two looks where a round took 4 s, so the rise was less than noise can be."""
    growing = Guest(768, 100, 200)
    world = World([growing, Guest(768, 60, 200)], 2 * 568 + 200, {"period": period, "window": 60, "ready": 200})
    world.quiet(120 // period + 2, period)
    assert [guest.shown for guest in world.guests] == [200, 200]
    row = None
    while row is None or growing.shown == 200:
        growing.use += RATE * period
        row = world.round(period)["machines"][0]
    assert row["code"] == "rising" and row["figures"]["free_mb"] >= 120, row
