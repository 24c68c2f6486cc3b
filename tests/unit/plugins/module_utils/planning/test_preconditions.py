# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""VirtualBox's limit for a balloon. (What the preconditions do is in tests/cases.)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.errors import CODES
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import balloon_limit
from ansible_collections.vbox.memory.plugins.module_utils.planning.preconditions import PRECONDITIONS

# Measured on 7.2.22: the first is taken, the next is refused
MEASURED = [(768, 690), (128, 114), (1000, 899), (4, 2)]
WORKED = [
    (0, 0),
    (1, 0),
    (2, 0),
    (3, 1),
    (9, 7),
    (10, 8),
    (11, 8),
    (12, 9),
    (2048, 1842),
    (4096, 3685),
    (2**32, 3865470565),
]


@pytest.mark.parametrize(("memory", "limit"), MEASURED + WORKED)
def test_balloon_limit(memory, limit):
    assert balloon_limit(memory) == limit


@given(st.integers(0, 2**40))
def test_the_limit_never_falls_with_more_memory_and_grows_by_9_mb_in_10(memory):
    assert 0 <= balloon_limit(memory) <= balloon_limit(memory + 1)
    assert balloon_limit(memory + 12) == balloon_limit(memory + 2) + 9


def test_every_precondition_has_a_known_code():
    assert {code for code, _broken in PRECONDITIONS} <= set(CODES)
