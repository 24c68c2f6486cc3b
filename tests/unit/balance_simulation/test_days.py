# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Host-days of `make bench-balance-long` on which an earlier law killed a guest or stood over the budget, and what for."""

from __future__ import annotations

import pytest
from bench.balance import controllers, traces
from bench.balance.host import Host

DAYS = {
    860323: "what leapt was taken off by more than it had been counted for",
    860100: "over its budget, the host asked a guest to give that took the rest of another program's request by that",
    860225: "a guest that had emptied its balloon filled it again by the request of the same second",
    860366: "a balloon that emptied while its guest's use rose was not noticed",
    860081: "a balloon that emptied while others were active was taken for what they took",
    862124: "a guest that was asked for nothing since was taken to hold its balloon still, and died of the next request",
    864298: "a slow guest was taken not to have emptied its balloon before it could have shown it",
    860184: "a guest that gave 1 MB/s was asked for more before that showed, and died of it",
    867049: "a guest that lacked 148 MB of what it had been asked to give was asked to take 33, gave the rest on its way, and died of it",
    867212: "a guest that gave 5 MB/s was asked for more, as the sum rose by others before it had given what it was asked for",
    869200: "an empty balloon was taken for that of a guest that hangs, as its figures stood still, and was not charged",
}


@pytest.mark.parametrize("day", DAYS, ids=[f"{day}: {why}" for day, why in DAYS.items()])
def test_nobody_dies_and_no_second_is_over_the_budget(day):
    result = Host(traces.make("long", day)).run(controllers.make("ours")).result
    assert (result["dead"], result["over_s"]) == (0, 0), DAYS[day]
