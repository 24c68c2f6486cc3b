# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Plans: values from values."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.memory_backend import WEB01

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.model.features import FEATURES
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import GuestMemory
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import (
    CheckBalloon,
    Restart,
    SetBalloon,
    SetValues,
    needs_guest_memory,
    plan,
)

ALL = dict.fromkeys(FEATURES)
LIVE = ("live_default",)
OFF = replace(WEB01, state="poweroff", balloon_current=None, additions_run_level=None)
PAUSED = replace(WEB01, state="paused", frontend="GUI/Qt")
EASY = GuestMemory(free=900, cached=0, given=0, total=1024)

# The machine, what is desired, what the backend is capable of: the steps, and what is pending.
STEPS = [
    (OFF, {"balloon": 64}, (), [SetValues({"balloon_default": 64})], {}),
    (OFF, {"balloon": 0, "large_pages": False}, (), [], {}),
    (
        OFF,
        {"balloon": 64, "large_pages": True},
        (),
        "large_pages_conflict",
        {},
    ),
    (OFF, {"balloon_current": 64}, (), "state_blocks_change", {}),
    (OFF, {"balloon_current": 64, "on_blocked": "defer"}, (), [], {"balloon_current_mb": 64}),
    (WEB01, {"balloon": 64}, (), [SetBalloon(64)], {"balloon_default_mb": 64}),
    (WEB01, {"balloon": 64}, LIVE, [SetBalloon(64), SetValues({"balloon_default": 64}, live=True)], {}),
    (WEB01, {"balloon_default": 64}, (), "state_blocks_change", {}),
    (WEB01, {"balloon": 0}, (), [CheckBalloon()], {}),
    (WEB01, {"balloon": 0, "wait": False}, (), [], {}),
    (WEB01, {"large_pages": False}, (), [], {}),
    (WEB01, {"large_pages": True}, LIVE, "state_blocks_change", {}),
    (
        WEB01,
        {"large_pages": True, "on_blocked": "shutdown"},
        LIVE,
        [Restart({"large_pages": True}, paused=False, frontend=None)],
        {},
    ),
    (
        PAUSED,
        {"balloon_default": 64, "balloon_current": 32, "on_blocked": "shutdown"},
        (),
        [Restart({"balloon_default": 64}, paused=True, frontend="GUI/Qt"), SetBalloon(32)],
        {},
    ),
    (replace(WEB01, state="saved"), {"balloon": 64}, LIVE, "state_blocks_change", {}),
]


@pytest.mark.parametrize(("machine", "desired", "capabilities", "steps", "pending"), STEPS)
def test_steps(machine, desired, capabilities, steps, pending):
    desired = DesiredState("web01", **desired)
    if isinstance(steps, str):
        with pytest.raises(VBoxMemoryError) as raised:
            plan(machine, desired, ALL, capabilities, EASY)
        assert raised.value.code == steps
        return
    made = plan(machine, desired, ALL, capabilities, EASY)
    assert (list(made.steps), made.pending) == (steps, pending)
    assert made.in_sync is (not steps and not pending)


def test_the_commands_of_a_restart_are_those_that_a_user_would_type():
    desired = DesiredState("web01", balloon_default=16, balloon_current=8, on_blocked="shutdown")
    assert [command[0:1] + command[2:] for command in plan(PAUSED, desired, ALL, (), EASY).commands] == [
        ("controlvm", "resume"),
        ("controlvm", "acpipowerbutton"),
        ("modifyvm", "--guestmemoryballoon", "16"),
        ("startvm", "--type", "gui"),
        ("controlvm", "guestmemoryballoon", "8"),
    ]


# The machine, what is desired, what the guest says: the balloon, and whether something limits it; or the error's words.
GUARDED = [
    (WEB01, {"balloon_current": 700}, EASY, 700, False),
    (WEB01, {"balloon_current": 900}, EASY, "balloon of 900 MB would harm the guest: it has 900 MB free", None),
    (WEB01, {"balloon_current": 900, "partial": True}, EASY, 772, True),
    (WEB01, {"balloon_current": 900, "partial": True}, replace(EASY, free=140), 0, True),
    (WEB01, {"balloon_current": 900, "guard": False}, replace(EASY, free=0), 900, False),
    (WEB01, {"balloon_current": 900, "guard_reserve": 0}, EASY, 900, False),
    (WEB01, {"balloon_current": 600}, replace(EASY, cached=400), "its balloon can be 572 MB", None),
    (WEB01, {"balloon_current": 600, "guard_cache": 0}, replace(EASY, cached=400), 600, False),
    (PAUSED, {"balloon_current": 400}, EASY, "its balloon can be 386 MB", None),
    (PAUSED, {"balloon_current": 386}, EASY, 386, False),
    (WEB01, {"balloon_current": 100}, replace(EASY, free=None), "no figures of its memory", None),
    (WEB01, {"balloon_current": 100}, None, "no figures of its memory", None),
    (replace(WEB01, additions_run_level=1), {"balloon_current": 100}, EASY, "no Guest Additions", None),
    (replace(WEB01, balloon_current=300), {"balloon_current": 100}, None, 100, False),
    # It was restarted: its balloon is empty, though 300 MB are requested.
    (replace(WEB01, balloon_current=300), {"balloon_current": 800}, EASY, "its balloon can be 772 MB", None),
    (
        replace(WEB01, balloon_current=300),
        {"balloon_current": 800},
        GuestMemory(free=700, cached=0, given=300, total=1024),
        800,
        False,
    ),
]


@pytest.mark.parametrize(("machine", "desired", "guest", "target", "limited"), GUARDED)
def test_the_guard(machine, desired, guest, target, limited):
    desired = DesiredState("web01", **desired)
    if isinstance(target, str):
        with pytest.raises(VBoxMemoryError, match=target) as raised:
            plan(machine, desired, ALL, (), guest)
        assert raised.value.code == "unsafe_balloon"
    else:
        made = plan(machine, desired, ALL, (), guest)
        assert (made.after.balloon_current, made.limited_by is not None) == (target, limited)


STATES = st.sampled_from(["poweroff", "running", "paused", "saved", "aborted", "gurumeditation"])
MACHINES = st.builds(
    lambda state, default, current, pages, level: replace(
        WEB01,
        state=state,
        balloon_default=default,
        balloon_current=current if state in ("running", "paused") else None,
        large_pages=pages,
        additions_run_level=level,
    ),
    STATES,
    st.integers(0, 900),
    st.integers(0, 900),
    st.booleans(),
    st.sampled_from([None, 1, 2]),
)
SIZES = st.none() | st.integers(0, 1000)
DESIRED = st.builds(
    DesiredState,
    name=st.just("web01"),
    balloon_default=SIZES,
    balloon_current=SIZES,
    large_pages=st.none() | st.booleans(),
    partial=st.booleans(),
    guard=st.booleans(),
    wait=st.booleans(),
    on_blocked=st.sampled_from(["fail", "defer", "shutdown"]),
)
GUESTS = st.none() | st.builds(
    GuestMemory, free=st.none() | st.integers(0, 1024), cached=st.integers(0, 200), given=SIZES, total=st.just(1024)
).map(lambda guest: replace(guest, given=guest.given or 0))


@given(machine=MACHINES, desired=DESIRED, guest=GUESTS, capabilities=st.sampled_from([(), LIVE]))
def test_a_plan_or_one_error_and_nothing_but_what_was_desired(machine, desired, guest, capabilities):
    before = replace(machine)
    try:
        needs = needs_guest_memory(machine, desired, ALL, capabilities)
        made = plan(machine, desired, ALL, capabilities, guest if needs else None)
    except VBoxMemoryError as error:
        assert error.message and machine == before
        return
    assert machine == before, "a plan changes nothing"
    changed = {one.name for one in fields(machine) if getattr(made.after, one.name) != getattr(machine, one.name)}
    assert changed <= set(made.requested)
    for name in changed - {"balloon_default", "balloon_current"}:
        assert getattr(made.after, name) == made.requested[name]
    if made.in_sync:
        assert made.commands == []
    if not made.waits_for_guest and not any(isinstance(step, SetValues) for step in made.steps):
        assert made.after == machine
    with pytest.raises(FrozenInstanceError):
        made.steps = ()


@given(machine=MACHINES, desired=DESIRED, capabilities=st.sampled_from([(), LIVE]))
def test_planned_twice_the_second_plan_changes_nothing(machine, desired, capabilities):
    try:
        first = plan(machine, desired, ALL, capabilities, EASY)
        second = plan(first.after, desired, ALL, capabilities, EASY)
    except VBoxMemoryError:
        return
    if not first.limited_by:
        assert second.after == first.after and not any(isinstance(step, (SetValues, Restart)) for step in second.steps)
