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


def left(mb, late=0, at_once=0, room=1000, rate=4):
    """MB of Free when it has given so many MB, and what it gives late, at that speed, though its use has been rising by 20 MB/s; and others at once."""
    return room + HARD - at_once - 20 * 6 - (late + mb) - 20 * (late + mb) / rate


@pytest.mark.parametrize(
    ("late", "at_once", "how"),
    [
        (0, 0, {"peaks": STEADY, "leapt": 0, "give": 0}),
        (0, 20, {"peaks": STEADY}),
        (0, 100, {"peaks": FALLEN, "give": 100}),
        (0, 400, {"peaks": STEADY, "leapt": 400}),
        (60, 100, {"peaks": STEADY, "unshown": 60, "leapt": 100}),
        (80, 0, {"peaks": STEADY, "full": False, "give": 80}),
        (80, 0, {"peaks": STEADY, "phantom": 64, "give": 80}),
    ],
)
def test_a_step_leaves_a_guest_alive_that_gives_late_and_slowly(late, at_once, how):
    mb = step(**{"give": 400, **how})
    assert 45 <= left(mb, late, at_once) < 45 + 2 * (1 + 20 / 4), mb


@pytest.mark.parametrize("how", [{"strikes": 1}, {"rate": 1}])
def test_who_did_not_follow_or_was_slow_gives_all_that_it_lacks_by_1_mb_a_second(how):
    """One was asked for a little more each time that the sum rose by what others gave, until it lacked 2 GB that it gave at 2 MB/s."""
    mb = step(15, peaks=STEADY, **how)
    assert mb > 8 and 45 <= left(mb, late=15, rate=1) < 45 + 2 * (1 + 20), mb
    assert step(400, peaks=STEADY, **how) <= 0


def test_no_more_is_withheld_than_may_be_open():
    assert step(50, peaks=FALLEN) == step(200, peaks=[[700, 500, 450]])
