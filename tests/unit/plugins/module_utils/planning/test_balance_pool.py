# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the pool is for: those who starve get all of it at once, and it is filled up again for the next."""

from __future__ import annotations

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World


@pytest.mark.parametrize("count", [1, 2])
def test_who_starves_gets_all_that_the_pool_has_for_each(count):
    """A quarter of it, and more with each later look, took a step of 6 GB a fifth longer."""
    guests = [Guest(16384, 4259, 12000) for _each in range(count)] + [Guest(2048, 300, 1000)]
    world = World(guests, 0, {"period": 1, "window": 60, "ready": 0})
    world.budget = world.charge + 4000
    asked = [row["request_mb"] for row in world.plan()["steps"] if row["uuid"] != f"vm{count}"]
    assert [12000 - size for size in asked] == [4000 // count] * count, asked


@pytest.mark.parametrize("lacks, gives", [(200, True), (50, False)])
def test_what_is_kept_ready_is_filled_up_again_but_for_a_trifle(lacks, gives):
    """A quarter of it could be lacking for hours: the next in need missed 2 GB of 8."""
    world = World([Guest(8192, 1500, 2000)], 0, {"period": 1, "window": 60, "ready": 1000})
    world.policy["defaults"] = {"ceiling": 6192}
    world.budget = world.charge + 1000 - lacks
    pool = world.quiet(200, 1)[-1]["host"]["figures"]["pool_mb"]
    assert pool > 900 and (pool > 1000 - lacks) == gives, pool
