# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The way of a balloon up, with a simulated guest: how far a steady one gets, and at which growth of its programs none is killed."""

from __future__ import annotations

import pytest
from support.memory_backend import WEB01
from support.simulated_guest import KILLED_BELOW, SimulatedGuest

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution import balloon
from ansible_collections.vbox.memory.plugins.module_utils.execution.balloon import BalloonController
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import BalloonRequests
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import SMALLEST_STEP

NEARLY_ALL = 683  # what is asked for, of 768
EARLY, MIDDLE, NEAR_THE_END = 50, 300, 500  # MB requested when the program starts
SEEDS = range(12)
AGE = (1.0, 2.0)  # of two figures in a row: what is shown is up to twice as old


@pytest.fixture
def inflate(monkeypatch, own_server):
    """A function that brings the balloon of a simulated guest towards nearly all of its memory."""

    monkeypatch.setenv("VBOX_IPC_SOCKETID", own_server())

    def run(target=NEARLY_ALL, partial=True, **guest):
        backend = SimulatedGuest(**guest)
        monkeypatch.setattr("time.sleep", backend.sleep)
        monkeypatch.setattr("time.monotonic", backend.monotonic)
        machine = backend.read(WEB01.uuid)
        desired = DesiredState("web01", balloon_current=target, partial=partial)
        controller = BalloonController(backend, BalloonRequests(backend), machine, desired)
        controller.change(target)
        controller.guest = backend
        return controller

    return run


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("call", [0.05, 1.5])
def test_a_steady_guest_gets_as_far_as_ever(inflate, seed, call):
    controller = inflate(seed=seed, call=call)
    assert 520 <= controller.reached <= 545 and "grew" not in controller.limited_by, controller.limited_by


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("starts", "rate"), [(at, rate) for at in (EARLY, MIDDLE) for rate in (10, 20, 40)] + [(NEAR_THE_END, 10)]
)
def test_a_program_that_grows_is_not_killed(inflate, seed, starts, rate):
    controller = inflate(seed=seed, starts=starts, grows=(250, rate))
    guest = controller.guest
    assert not guest.killed, (guest.lowest, controller.commands)
    assert guest.program == 250 and guest.left >= 124, controller.limited_by  # it is looked at until it grows no more
    assert controller.reached == guest.requested
    assert starts == EARLY or "its programs grew by" in controller.limited_by, controller.limited_by


@pytest.mark.parametrize("call", [0.05, 0.3, 1.5])
@pytest.mark.parametrize("starts", range(460, 546, 17))
def test_up_to_the_rate_of_the_page_nobody_is_killed_whenever_it_starts(inflate, starts, call):
    """docs/how-it-works.md has the formula, under The guard."""
    fastest = (128 - KILLED_BELOW - SMALLEST_STEP) / (2 * AGE[1] + 7 * call + 2)
    for seed in SEEDS:
        guest = inflate(seed=seed, starts=starts, grows=(250, fastest), call=call, age=AGE).guest
        assert not guest.killed, (seed, guest.lowest)


@pytest.mark.parametrize("seed", SEEDS)
def test_without_looking_ahead_that_program_would_be_killed(inflate, monkeypatch, seed):
    """The simulation can kill: with rates that are taken for 0, as they were before."""
    monkeypatch.setattr(balloon, "growth_rate", lambda *_arguments: 0.0)
    assert inflate(seed=seed, starts=NEAR_THE_END, grows=(250, 20)).guest.killed


def test_a_raise_that_gets_there_looks_once_more(inflate):
    """What a program takes during the last step shows after it."""
    controller = inflate(seed=1, starts=300, grows=(330, 20), target=310)
    assert controller.reached < 310 and "went back" in controller.limited_by and not controller.guest.killed


def test_no_partial_balloon_is_an_error_that_says_so(inflate):
    with pytest.raises(
        VBoxMemoryError, match="grew by .* MB a second meanwhile, so the raise went back from"
    ) as raised:
        inflate(seed=1, starts=MIDDLE, grows=(250, 20), partial=False)
    assert raised.value.code == "balloon_limited"
