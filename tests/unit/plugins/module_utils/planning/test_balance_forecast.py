# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What-if's seconds are told of any figures, and nothing that was handed in changes."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from unit.plugins.module_utils.planning.balance_world import Guest, World

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance


def asked(figures=None, memory=300, **host):
    """The answer for a host with two guests that can give, and one with such figures; and that all was left as it was."""
    world = World([Guest(768, 80, 228), Guest(768, 80, 228), Guest(512, 80, 0)], 1700, {"window": 30, "ready": 0})
    world.quiet(20)
    machines = world.machines()
    if figures is not None:
        machines[2]["sample"] = figures and dict(machines[2]["sample"], **figures)
    given = [dict(world.host(), **host), machines, world.full_policy(), [], world.history, world.now, memory]
    before = copy.deepcopy(given)
    answer = balance.would_start(*given)
    assert given == before
    return answer


@pytest.mark.parametrize(
    "figures", [{}, {"free_kb": None}, {"free_kb": None, "total_kb": None, "cache_kb": None}, {"cache_kb": -1}]
)
def test_a_guest_without_figures_is_no_traceback(figures):
    answer = asked(figures)
    assert answer["verdict"] == "after_steps" and 5 <= answer["seconds"] <= 120, answer


def test_what_takes_longer_is_told_longer():
    seconds = [asked(memory=memory)["seconds"] for memory in (150, 300, 450)]
    assert seconds == sorted(set(seconds)), seconds


def test_a_host_without_a_sum_is_no_traceback():
    assert asked(ballooned_kb=None)["verdict"] in ("after_steps", "never")


# What balance knew of the live host's two guests when it was asked for 400 MB, and the seconds until they were there (7.2.22, `make bench-balance-live`).
LIVE = json.loads((Path(__file__).parent / "forecast_live.json").read_text())


@pytest.mark.parametrize("seen", LIVE, ids=[str(seen["took_s"]) for seen in LIVE])
@pytest.mark.parametrize("period", [0.5, 1, 2, 2.5])
def test_what_the_live_host_took_is_told_within_a_quarter(seen, period):
    """It told 38, 55 and 55 s while it had a guest's Free fall no earlier than the sum shows it: half of what is given then seemed to be used."""
    policy = {"reserve": 0, "window": 20, "period": period}
    host, machines, history, now = (seen[key] for key in ("host", "machines", "history", "at"))
    pool = balance.plan(host, machines, policy, [], history, now)["host"]["figures"]["pool_mb"]
    policy["reserve"] = pool - seen["pool_mb"]
    told = balance.would_start(host, machines, policy, [], history, now, 400)["seconds"]
    assert abs(told - seen["took_s"]) <= seen["took_s"] / 4, told
