# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Room for machines about to start, as VirtualBox's extra data keeps it: what is written is read, and what somebody else wrote is data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.model.reservation import (
    LONGEST,
    MARGIN,
    MOST,
    Reservation,
    key_of,
    not_started_yet,
    read_reservations,
    write_reservations,
)

NOW = 1_700_000_000
ONE = Reservation(2048, NOW, NOW + 600)
KEY = key_of("db02")

RESERVATIONS = st.dictionaries(
    st.text(max_size=9).map(key_of),
    st.builds(
        lambda mb, ago, left: Reservation(mb, NOW - ago, NOW + left), st.integers(1, 10**6), *[st.integers(1, 900)] * 2
    ),
    max_size=5,
)


@given(RESERVATIONS)
def test_what_is_written_is_read(reservations):
    assert read_reservations(write_reservations(reservations), NOW) == reservations


def test_without_any_the_value_is_taken_away():
    assert write_reservations({}) is None and read_reservations(None, NOW) == {}


def test_of_too_many_the_newest_are_kept():
    many = {key_of(str(number)): Reservation(1, NOW - number, NOW + 60) for number in range(MOST + 5)}
    assert read_reservations(write_reservations(many), NOW) == dict(list(many.items())[:MOST])


@pytest.mark.parametrize(
    "value",
    [
        "x",
        f"{KEY} 2048 {NOW}",
        f"{KEY} -1 {NOW} {NOW + 9}",
        f"{KEY} ٢٠٤٨ {NOW} {NOW + 9}",
        f"../{KEY} 2048 {NOW} {NOW + 9}",
        f"{KEY} 2048 {NOW} {NOW}",  # it has ended
        f"{KEY} 2048 {NOW + 9999} {NOW + 10000}",  # of the future
        f"{KEY} 2048 {NOW} {NOW + LONGEST + 1}",  # for too long
        f"{KEY} 99999999999 {NOW} {NOW + 9}",
    ],
)
def test_what_is_not_one_is_left_out_and_the_others_stay(value):
    good = write_reservations({KEY: ONE})
    assert read_reservations(f"{value},{good},{value}", NOW) == {KEY: ONE}


def test_a_key_is_of_any_text():
    assert key_of("\ud800 , \n") != key_of("") and len(key_of("é" * 1000)) == 16


@pytest.mark.parametrize(
    "started, left",
    [
        ([], 2048),
        ([(NOW - 1, 4096)], 2048),  # it ran before
        ([(NOW + 1, 512)], 1536),
        ([(NOW + 1, 512), (NOW + 2, 1000)], 536),
        ([(NOW + 1, 2048)], None),
        ([(NOW + 1, 8192)], None),
    ],
)
def test_what_a_machine_that_started_has_is_taken_off(started, left):
    assert [each["memory_mb"] for each in not_started_yet({KEY: ONE}, started)] == ([left + MARGIN] if left else [])


def test_a_machine_is_taken_off_once():
    two = {KEY: ONE, key_of("db03"): Reservation(1024, NOW + 5, NOW + 600)}
    assert [each["memory_mb"] for each in not_started_yet(two, [(NOW + 9, 2048)])] == [1024 + MARGIN]
    assert not_started_yet(two, [(NOW + 9, 2048), (NOW + 9, 1024)]) == []
