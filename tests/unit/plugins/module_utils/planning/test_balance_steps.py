# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""How large a step may be that does a guest no harm, whatever it may still have to give."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.steps import harmless

NOW = 1000
HARD = 128 + 4096 * 2 // 100  # MB: the reserve of its memory
STEADY, FALLEN = [[700, 500, 480]], [[700, 500, 300]]  # the highest and the lowest use of a window


def step(give, room=1000, peaks=(), full=True, **known):
    """The largest harmless step of a guest that may lack so many MB of what it was asked to give."""
    record = Record({"uuid": "one", "memory_mb": 4096}, read({}), None)
    record.history.update(seen=NOW - 5, peaks=list(peaks), **known)
    record.give, record.room, record.full, record.peak, record.use = give, room, full, 500, 490
    return harmless(record, NOW)


def left(mb, at_once=0, room=1000, rate=4):
    """MB of Free when it has given so many MB at that speed, and what it owes at once, though its use has been rising by 20 MB/s."""
    return room + HARD - at_once - 20 * 6 - mb - 20 * mb / rate


@pytest.mark.parametrize(
    ("at_once", "how"),
    [
        (0, {"peaks": STEADY, "leapt": 0, "give": 0}),
        (20, {"peaks": STEADY}),
        (100, {"peaks": FALLEN, "give": 100}),
        (400, {"peaks": STEADY, "leapt": 400}),
        (160, {"peaks": STEADY, "unshown": 60, "leapt": 100}),
        (80, {"peaks": STEADY, "full": False, "give": 80}),
        (80, {"peaks": STEADY, "phantom": 64, "give": 80}),
    ],
)
def test_a_step_leaves_a_guest_alive_that_owes_and_gives_slowly(at_once, how):
    mb = step(**{"give": 400, **how})
    assert 45 <= left(mb, at_once) < 45 + 2 * (1 + 20 / 4), mb


def test_who_did_not_follow_gives_1_mb_a_second():
    """Stuck for hours, a guest followed again with that, and died of what it had been asked for until then, as its programs needed more meanwhile."""
    mb = step(400, peaks=STEADY, strikes=1)
    assert mb > 8 and 45 <= left(mb, at_once=400, rate=1) < 45 + 2 * (1 + 20), mb


def test_no_more_is_withheld_than_may_be_open():
    assert step(50, peaks=FALLEN) == step(200, peaks=[[700, 500, 450]])
