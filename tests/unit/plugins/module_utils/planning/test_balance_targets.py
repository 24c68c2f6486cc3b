# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Where a host has not all that its machines used at most in the window: what they use now comes first."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

USED, USES, NEEDS = 5000, 1500, 5200  # MB: a minute ago, and now; and what the other one has come to need


@pytest.mark.parametrize("more", [0, 3000])
def test_nobody_starves_beside_what_another_used_a_while_ago(more):
    """Machines starved for two minutes beside one that had 6.8 GB free, and had used them four minutes ago (recorded, seed 2704)."""
    world = World([Guest(8192, USED, 2000), Guest(6144, 3000, 2400)], 0, {"period": 1, "ready": 0})
    giver, taker = world.guests
    world.budget = world.charge
    world.quiet(330, 1)
    giver.use, taker.use = USES, NEEDS
    world.budget += more
    for _second in range(150):
        plan = world.quiet(1, 1)[0]
    assert taker.free >= 128, plan["machines"][1]
    row = plan["machines"][0]
    at_least = row["figures"]["need_mb"] if more else row["figures"]["need_now_mb"]
    assert row["figures"]["need_now_mb"] < USED < row["figures"]["need_mb"]
    assert row["target_mb"] >= at_least, row
