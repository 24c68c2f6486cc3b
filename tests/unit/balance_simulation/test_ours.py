# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Our planner on the simulated host, short; `make bench-balance` and `make bench-balance-long` are the whole of it."""

from __future__ import annotations

import pytest
from bench.balance import controllers, traces
from bench.balance.host import Host
from bench.balance.ours import Ours


def run(trace, seed, controller=None, **more):
    return Host(traces.make(trace, seed)).run(controller or controllers.make("ours"), **more).result


@pytest.mark.parametrize("trace", ["step", "ramp", "burst", "cache", "pressure"])
def test_nobody_dies_and_no_second_is_over_budget(trace):
    result = run(trace, 2)
    assert (result["dead"], result["over_s"], result["over_reserve_s"], result["refused"]) == (0, 0, 0, 0)
    assert result["starved_mb_min"] < run(trace, 2, controllers.make("nobody"))["starved_mb_min"] / 5 + 1


def test_at_constant_demand_nothing_is_asked():
    assert run("noise_0", 2)["requests"] == 0


def test_skipping_seconds_changes_nothing():
    assert run("step", 2, skip=True) == run("step", 2, skip=False)


class Blind(Ours):
    """Sees nothing but what VirtualBox says."""

    def act(self, now, host, view):
        return super().act(now, _Reserve(host.reserve), view._replace(balloons=None))


class _Reserve:
    def __init__(self, reserve):
        self.reserve = reserve


def test_ours_sees_what_virtualbox_says_and_nothing_else():
    assert run("burst", 2, Blind()) == run("burst", 2)
