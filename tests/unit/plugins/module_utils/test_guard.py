# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the guard lets a guest give, as properties."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.guard import (
    LARGEST_STEP,
    Guard,
    Look,
    default_reserve,
    next_step,
    retreat,
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
def test_a_retreat_gives_back_what_is_missing_and_takes_nothing(given_, room):
    balloon = retreat(given_, room)
    assert 0 <= balloon <= given_
    assert given_ - balloon == min(given_, max(0, -room))


@given(free=MB, share=st.integers(0, 100), reserve=MB, data=st.data())
def test_the_reserve_and_the_share_of_the_cache_stay_with_the_guest(free, share, reserve, data):
    cached = data.draw(st.integers(0, free))
    room = Guard(reserve, share).room(Look(free=free, cached=cached, given=0, total=free))
    assert free - max(0, room) >= min(free, reserve + cached * share // 100)


@given(memory=st.integers(4, 4_000_000))
def test_the_default_reserve_is_a_tenth_and_128_at_least(memory):
    assert default_reserve(memory) == max(128, memory // 10)
