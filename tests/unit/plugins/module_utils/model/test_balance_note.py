# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What balance asked last, as it is kept in VirtualBox's extra data, where anybody of the user may write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.model.balance_note import (
    MOST,
    BalanceChange,
    read_changes,
    write_changes,
)

UUID = "0a1b2c3d-0000-4000-8000-000000000001"
NOW = 1764100000
SIZES = st.integers(0, 2**32 - 1)
CHANGES = st.dictionaries(
    st.uuids().map(str),
    st.builds(
        BalanceChange, SIZES, SIZES, st.integers(0, NOW), st.integers(0, NOW), st.sampled_from(["starving", "gives_to"])
    ),
    max_size=5,
)


@given(CHANGES)
def test_what_is_written_is_read(changes):
    assert read_changes(write_changes(changes), NOW) == changes


@given(st.text() | st.none())
def test_anything_else_says_nothing_and_breaks_nothing(value):
    assert read_changes(value, NOW) == {}


@pytest.mark.parametrize(
    "entry",
    [
        f"{UUID} 1 2 {NOW + 301} 0 starving",
        f"{UUID} 1 2 3 0 Starving",
        f"{UUID} 1 2 3 0",
        f"{UUID} -1 2 3 0 starving",
        f"{UUID} ١ 2 3 0 starving",
        f"{UUID} 1 2 3 0 starving\n",
        f"{UUID}  1 2 3 0 starving",
        f"{UUID[:-1]} 1 2 3 0 starving",
    ],
)
def test_an_entry_that_is_not_ours_is_left_out_and_others_are_not(entry):
    good = "0a1b2c3d-0000-4000-8000-000000000002 5 6 7 0 steady"
    assert list(read_changes(f"{entry},{good}", NOW)) == ["0a1b2c3d-0000-4000-8000-000000000002"]


def test_of_very_many_the_newest_are_kept():
    many = {
        "%08d-0000-4000-8000-000000000000" % number: BalanceChange(1, 2, number, 0, "x") for number in range(MOST + 5)
    }
    kept = read_changes(write_changes(many), NOW)
    assert len(kept) == MOST and min(change.since for change in kept.values()) == 5
