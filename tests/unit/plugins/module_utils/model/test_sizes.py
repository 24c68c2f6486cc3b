# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Sizes as users write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.model.sizes import (
    LARGEST_MB,
    size_in_mb,
    size_or_percent,
    truth,
    whole_number,
)

RIGHT = [
    (0, 0),
    (512, 512),
    ("0", 0),
    ("512", 512),
    (" 512 ", 512),
    ("512M", 512),
    ("512MB", 512),
    ("2G", 2048),
    ("2 GB", 2048),
    ("1.5G", 1536),
    ("1T", 1024**2),
    ("2048K", 2),
    ("1048576B", 1),
    (LARGEST_MB, LARGEST_MB),
    (512.0, 512),  # 1024 / 2 in a template
    ("512.0", 512),
    (-0.0, 0),
    (float(LARGEST_MB), LARGEST_MB),
]
WRONG = [
    (-1, "is negative"),
    ("-5", "is negative"),
    ("-1G", "is negative"),
    (1.5, "whole number of megabytes"),
    (-1.0, "is negative"),
    (float("nan"), "is not a size"),
    (float("-inf"), "is not a size"),
    (1e300, "more than"),
    ("512MiB", r"is not a size: .* units B, K, M, G and T"),
    ("512mb", r"is not a size: .* units B, K, M, G and T"),
    ("5Gb", r"is not a size: .* units B, K, M, G and T"),
    ("1.5", "whole number of megabytes"),
    ("1K", "whole number of megabytes"),
    ("0512", "leading zero"),
    ("010", "leading zero"),
    ("0x10", "leading zero"),
    ("0o17", "leading zero"),
    ("00", "leading zero"),
    ("0b1", "leading zero"),
    ("", "is not a size"),
    ("  ", "is not a size"),
    (None, "is not a size"),
    (True, "is not a size"),
    (False, "is not a size"),
    ([512], "is not a size"),
    ({}, "is not a size"),
    ("lots", "is not a size"),
    ("5 12", "is not a size"),
    ("12Q", "is not a size"),
    ("1e3", "is not a size"),
    ("٥", "is not a size"),
    ("512\n5", "is not a size"),
    ("nan", "is not a size"),
    ("inf", "is not a size"),
    (2**32, "more than VirtualBox can hold"),
    (2**40, "more than VirtualBox can hold"),
    (str(2**40), "more than"),
    ("5000T", "more than"),
    ("9" * 400, "more than"),
]


@pytest.mark.parametrize(("written", "megabytes"), RIGHT, ids=[repr(row[0]) for row in RIGHT])
def test_a_size(written, megabytes):
    assert size_in_mb(written) == megabytes


@pytest.mark.parametrize(("written", "problem"), WRONG, ids=[repr(row[0])[:20] for row in WRONG])
def test_no_size(written, problem):
    with pytest.raises(ValueError, match=problem):
        size_in_mb(written)


@given(st.integers(0, LARGEST_MB))
def test_whole_megabytes_are_kept_exactly(megabytes):
    assert size_in_mb(megabytes) == size_in_mb(str(megabytes)) == size_in_mb("%dM" % megabytes) == megabytes


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.integers()))
def test_anything_is_a_size_or_a_problem_with_words(written):
    try:
        size = size_in_mb(written)
    except ValueError as problem:
        assert str(problem).split()[0] in ("is", "has")
    else:
        assert isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= LARGEST_MB


@pytest.mark.parametrize(
    ("value", "size"), [(512, (512, 0)), ("2G", (2048, 0)), ("25%", (0, 25)), (" 100 % ", (0, 100))]
)
def test_sizes_or_per_cent(value, size):
    assert size_or_percent(value) == size


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("101%", "from 0% to 100%"),
        ("-1%", "from 0% to 100%"),
        ("1.5%", "from 0% to 100%"),
        ("٣%", "from 0% to 100%"),
        ("%", "from 0% to 100%"),
        ("x", "is not a size.*per cent such as '25%' are a size, too"),
        (True, "is not a size"),
        (-1, "is negative"),
        (LARGEST_MB + 1, "is more than"),
    ],
)
def test_no_sizes_and_no_per_cent(value, words):
    with pytest.raises(ValueError, match=words):
        size_or_percent(value)


@pytest.mark.parametrize("value", [None, True, "x", 0, 11, "11", 1.5, float("inf"), float("nan"), [], {}], ids=repr)
def test_no_whole_number_from_1_to_10(value):
    with pytest.raises(ValueError, match="is not a whole number from 1 to 10"):
        whole_number(value, 1, 10)


@pytest.mark.parametrize("value", [None, "perhaps", [], {}, 2], ids=str)
def test_neither_true_nor_false(value):
    with pytest.raises(ValueError, match="is not a boolean"):
        truth(value)


def test_numbers_and_truth():
    assert [whole_number(value, 1, 10) for value in (1, "10", 5.0)] == [1, 10, 5]
    assert [truth(value) for value in (True, "yes", "off", 0)] == [True, True, False, False]
