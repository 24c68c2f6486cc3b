# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""How large a step may be that does a guest no harm, whatever it may still have to give."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.steps import harmless

NOW = 1000
STEADY, FALLEN = [[700, 500, 480]], [[700, 500, 300]]  # the highest and the lowest use of a window


def step(give, room=1000, peaks=(), full=True, **known):
    """The largest harmless step of a guest that may lack so many MB of what it was asked to give."""
    record = Record({"uuid": "one", "memory_mb": 4096}, read({}), None)
    record.history.update(seen=NOW - 5, peaks=list(peaks), **known)
    record.give, record.room, record.full, record.peak, record.use = give, room, full, 500, 490
    return harmless(record, NOW)


@pytest.mark.parametrize(
    ("withheld", "how"),
    [
        (20, {"peaks": STEADY}),
        (200, {"peaks": FALLEN}),  # what it withholds looks like less use
        (400, {"peaks": STEADY, "leapt": 400}),
        (400, {"peaks": STEADY, "unshown": 300, "leapt": 100}),
        (400, {"peaks": STEADY, "full": False}),
        (400, {"peaks": STEADY, "strikes": 1}),
        (400, {"peaks": STEADY, "phantom": 64}),
    ],
)
def test_a_step_leaves_room_for_what_a_guest_may_not_have_given(withheld, how):
    assert step(400, **how) == step(0, room=1000 - withheld, peaks=how["peaks"]) < step(0, peaks=how["peaks"])


def test_no_more_is_withheld_than_may_be_open():
    assert step(100, peaks=FALLEN) == step(0, room=900, peaks=FALLEN)
