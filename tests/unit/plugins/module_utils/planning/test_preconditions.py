# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""VirtualBox's limit for a balloon. (What the preconditions do is in tests/cases.)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.errors import CODES
from ansible_collections.vbox.memory.plugins.module_utils.planning.preconditions import PRECONDITIONS, balloon_limit

# Measured on 7.2.22: the first is taken, the next is refused
MEASURED = [(768, 690), (128, 114), (1000, 899), (4, 2)]


@pytest.mark.parametrize(("memory", "limit"), MEASURED + [(2, 0), (1, 0), (0, 0)])
def test_balloon_limit(memory, limit):
    assert balloon_limit(memory) == limit


@given(st.integers(0, 2**40))
def test_the_limit_is_the_largest_size_below_nine_tenths_rounded_down(memory):
    limit, bound = balloon_limit(memory), memory * 9 // 10
    assert 0 <= limit <= memory
    assert limit < bound or bound == 0
    assert limit + 1 >= bound


def test_every_precondition_has_a_known_code():
    assert {code for code, _broken in PRECONDITIONS} <= set(CODES)
