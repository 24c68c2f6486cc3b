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


@pytest.mark.parametrize(("seconds", "more", "code"), [(1, 470, "waits_for_donor"), (8, 50, "rising")])
def test_what_cannot_be_seen_yet_is_needed_now(seconds, more, code):
    """What a starving guest is likely to want, and what a use that rises will have come to."""
    world = World([Guest(4096, 2000, 1500), Guest(4096, 2000, 1500)], 0, {"period": 1, "ready": 0})
    world.budget = world.charge + 1000
    world.quiet(330, 1)
    world.guests[0].use += world.guests[0].free - 500
    world.quiet(330, 1)
    for _second in range(seconds):
        world.guests[0].use += more
        row = world.quiet(1, 1)[0]["machines"][0]
        if row["code"] == code:
            break
    figures = row["figures"]
    assert row["code"] == code, row
    assert figures["need_now_mb"] == figures["need_mb"] > figures["used_recent_mb"] + figures["hard_reserve_mb"]
