# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the guard lets a guest give: worked values, and properties."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import (
    LARGEST_STEP,
    Guard,
    GuestMemory,
    Observation,
    back_off,
    default_reserve,
    free_when_done,
    growth_rate,
    next_step,
    requests_for,
    room_ahead,
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
    ("given_", "requested", "ahead", "balloon"),
    [
        (100, 100, 20, 100),
        (100, 100, 0, 100),
        (100, 100, -30, 70),
        (100, 100, -100, 0),
        (100, 100, -500, 0),
        (0, 0, -5, 0),
        (0, 0, 5, 0),
        (80, 100, 20, 80),
        (80, 100, -10, 80),
        (80, 100, -30, 70),
        (150, 100, -30, 70),
    ],
)
def test_backing_off_gives_back_what_is_missing_and_takes_nothing(given_, requested, ahead, balloon):
    assert back_off(given_, requested, ahead) == balloon


LAG, NOISE = 3, 4


def observed(*rows):
    """Observations from rows of seconds, free, given, requested."""
    return [
        Observation(seconds, GuestMemory(free=free, cached=0, given=given_, total=725), requested)
        for seconds, free, given_, requested in rows
    ]


STEADY = [(0, 600, 100, 100), (1, 600, 100, 100), (2, 600, 100, 100), (3, 600, 100, 100), (4, 600, 100, 100)]
STEP = [*STEADY, (5, 600, 100, 150), (6, 600, 140, 150), (7, 560, 150, 150), (8, 550, 150, 150), (11, 550, 150, 150)]


@pytest.mark.parametrize(
    ("rows", "rate"),
    [
        ([], 0),
        (STEADY, 0),
        (STEP, 0),  # what our own step explains is no growth, whenever the figures show it
        ([*STEADY, (5, 597, 100, 100)], 0),  # noise
        ([*STEADY, (5, 580, 100, 100)], (20 - NOISE) / LAG),
        ([*STEADY, (5, 580, 100, 100), (6, 560, 100, 100)], (40 - NOISE) / LAG),
        ([*STEADY, (5, 640, 100, 100)], 0),  # something ended
        ([*STEP[:6], (6, 520, 140, 150)], (30 - NOISE) / LAG),  # beyond all that the step can take
        ([*STEP, (12, 530, 150, 150)], (20 - NOISE) / LAG),
        ([*STEADY, (5, 580, 100, 100), (30, 580, 100, 100)], 0),  # it grew long ago
        ([*STEADY, (5, 600, 100, 50), (6, 600, 50, 50), (9, 650, 50, 50)], 0),  # what was given back is none either
        ([*STEADY, (5, 600, 100, 50), (6, 600, 50, 50), (10, 600, 50, 50)], (50 - NOISE) / 6),  # and is missing now
    ],
)
def test_the_rate_is_what_our_own_requests_do_not_explain(rows, rate):
    assert growth_rate(observed(*rows), LAG, NOISE) == pytest.approx(rate)


@pytest.mark.parametrize("lag", [3, 3.5, 5, 8])
def test_the_rates_of_all_recorded_inflations_of_steady_guests(lag):
    """The guests of docs/benchmark/live.json were idle, or held their memory. Once of 40 times a figure was older than 5 s: 3 MB a second."""
    rows = json.loads((Path(__file__).parents[5] / "docs" / "benchmark" / "live.json").read_text())["rows"]
    rates = []
    for row in rows:
        looks = [
            (one["seconds"], one["guest_free_mb"], one["given_mb"], one["requested_mb"]) for one in row["progress"]
        ]
        rates.append(max(growth_rate(observed(*looks[:end]), lag, NOISE) for end in range(1, len(looks) + 1)))
    assert len(rates) == 40 and sorted(rates)[-2] == 0 and max(rates) < 3.1, rates


@pytest.mark.parametrize(
    ("rows", "free"),
    [
        (STEADY, 600),
        (STEP[:6], 600),  # the figure may show the step already
        ([*STEADY, (5, 600, 100, 50)], 650),
        ([*STEADY, (5, 600, 100, 50), (6, 600, 50, 50)], 650),  # it is of before that
        ([*STEADY, (5, 600, 100, 50), (6, 600, 50, 50), (10, 650, 50, 50)], 650),
    ],
)
def test_what_is_free_when_the_request_is_followed(rows, free):
    assert free_when_done(observed(*rows), LAG) == free


@given(room=st.integers(-1000, 10000), rate=st.floats(0, 500), seconds=st.floats(0, 100))
def test_the_room_ahead_is_never_more_than_what_is_left(room, rate, seconds):
    assert room_ahead(room, rate, seconds) <= room - rate * seconds
    assert room_ahead(room, 0, seconds) == room


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
