# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the guard lets a guest give: worked values, and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import (
    LARGEST_STEP,
    Guard,
    GuestMemory,
    back_off,
    default_reserve,
    next_step,
    requests_for,
)

MB = st.integers(0, 1_000_000)
ROOM = st.integers(1, 1_000_000)


@pytest.mark.parametrize(
    ("requested", "target", "room", "following"),
    [
        (100, 600, 400, 200),
        (100, 600, 100, 125),
        (100, 600, 20, 116),
        (100, 600, 5, 105),
        (100, 104, 400, 104),
        (0, 4096, 512, 128),
        (0, 4096, 4000, 128),
    ],
)
def test_a_step(requested, target, room, following):
    assert next_step(requested, target, room) == following


@given(requested=MB, further=ROOM, room=ROOM)
def test_a_step_goes_up_and_is_harmless_by_itself(requested, further, room):
    following = next_step(requested, requested + further, room)
    assert requested < following <= requested + min(further, room, LARGEST_STEP)


@given(requested=MB, further=ROOM, room=ROOM, more=ROOM)
def test_more_room_never_makes_a_step_smaller(requested, further, room, more):
    assert next_step(requested, requested + further, room + more) >= next_step(requested, requested + further, room)


@pytest.mark.parametrize(
    ("given_", "room", "balloon"),
    [(100, 20, 100), (100, 0, 100), (100, -30, 70), (100, -100, 0), (100, -500, 0), (0, -5, 0), (0, 5, 0)],
)
def test_backing_off_gives_back_what_is_missing_and_takes_nothing(given_, room, balloon):
    assert back_off(given_, room) == balloon


@pytest.mark.parametrize(
    ("free", "cached", "share", "reserve", "room"),
    [
        (600, 0, 50, 128, 472),
        (600, 200, 0, 128, 472),
        (600, 200, 50, 128, 372),
        (600, 200, 100, 128, 272),
        (600, 3, 50, 128, 471),
        (600, 600, 100, 0, 0),
        (128, 0, 50, 128, 0),
        (100, 40, 50, 128, -48),
    ],
)
def test_the_reserve_and_the_share_of_the_cache_stay_with_the_guest(free, cached, share, reserve, room):
    assert Guard(reserve, share).room(GuestMemory(free=free, cached=cached, given=0, total=free)) == room


@pytest.mark.parametrize(
    ("memory", "reserve"),
    [(4, 128), (768, 128), (1280, 128), (1289, 128), (1290, 129), (4096, 409), (16384, 1638), (4_000_000, 400_000)],
)
def test_the_default_reserve_is_a_tenth_and_128_at_least(memory, reserve):
    assert default_reserve(memory) == reserve


@pytest.mark.parametrize(
    ("target", "requested", "sizes"),
    [(500, 100, [500]), (100, 100, [100]), (100, 500, [101, 100]), (0, 150, [1, 0]), (0, 1, [2, 0]), (0, 2, [1, 0])],
)
def test_a_smaller_balloon_is_requested_by_way_of_a_neighbour(target, requested, sizes):
    assert requests_for(target, requested) == sizes
