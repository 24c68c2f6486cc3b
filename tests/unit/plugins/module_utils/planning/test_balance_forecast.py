# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What-if's seconds are told of any figures, and nothing that was handed in changes."""

from __future__ import annotations

import copy

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
