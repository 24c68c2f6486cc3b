# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the guard lets a guest give, as properties."""

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


@given(requested=MB, further=ROOM, room=ROOM)
def test_a_step_goes_up_and_is_harmless_by_itself(requested, further, room):
    following = next_step(requested, requested + further, room)
    assert requested < following <= requested + min(further, room, LARGEST_STEP)


@given(requested=MB, further=ROOM, room=ROOM, more=ROOM)
def test_more_room_never_makes_a_step_smaller(requested, further, room, more):
    assert next_step(requested, requested + further, room + more) >= next_step(requested, requested + further, room)


@given(given_=MB, room=st.integers(-1_000_000, 1_000_000))
def test_backing_off_gives_back_what_is_missing_and_takes_nothing(given_, room):
    balloon = back_off(given_, room)
    assert 0 <= balloon <= given_
    assert given_ - balloon == min(given_, max(0, -room))


@given(free=MB, share=st.integers(0, 100), reserve=MB, data=st.data())
def test_the_reserve_and_the_share_of_the_cache_stay_with_the_guest(free, share, reserve, data):
    cached = data.draw(st.integers(0, free))
    room = Guard(reserve, share).room(GuestMemory(free=free, cached=cached, given=0, total=free))
    assert free - max(0, room) >= min(free, reserve + cached * share // 100)


@pytest.mark.parametrize(
    ("memory", "reserve"), [(4, 128), (768, 128), (1280, 128), (1290, 129), (4096, 409), (65536, 6553)]
)
def test_the_default_reserve_is_a_tenth_and_128_at_least(memory, reserve):
    assert default_reserve(memory) == reserve


@pytest.mark.parametrize(
    ("target", "requested", "sizes"),
    [(500, 100, [500]), (100, 100, [100]), (100, 500, [101, 100]), (0, 150, [1, 0]), (0, 1, [2, 0]), (0, 2, [1, 0])],
)
def test_a_smaller_balloon_is_requested_by_way_of_a_neighbour(target, requested, sizes):
    assert requests_for(target, requested) == sizes
