# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""How large a step may be that does a guest no harm, whatever it may still have to give."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.steps import harmless, least_take

NOW = 1000
HARD = 128 + 4096 * 2 // 100  # MB: the reserve of its memory
STEADY, FALLEN = [[700, 500, 480]], [[700, 500, 300]]  # the highest and the lowest use of a window


def step(give, room=1000, peaks=(), full=True, asked=1500, **known):
    """The largest harmless step of a guest that may lack so many MB of what it was asked to give."""
    record = Record({"uuid": "one", "memory_mb": 4096}, read({}), None)
    record.history.update(seen=NOW - 5, peaks=list(peaks), **known)
    record.asked, record.give, record.room, record.full, record.peak, record.use = asked, give, room, full, 500, 490
    return harmless(record, NOW)


@pytest.mark.parametrize(
    ("withheld", "how"),
    [
        (20, {"peaks": STEADY}),
        (200, {"peaks": FALLEN}),  # what it withholds looks like less use
        (400, {"peaks": STEADY, "leapt": 400}),
        (400, {"peaks": STEADY, "unshown": 300, "leapt": 100}),
        (400, {"peaks": STEADY, "full": False}),
    ],
)
def test_a_step_leaves_room_for_what_a_guest_may_not_have_given(withheld, how):
    assert step(400, **how) == step(0, room=1000 - withheld, peaks=how["peaks"]) < step(0, peaks=how["peaks"])


def test_no_more_is_withheld_than_may_be_open():
    assert step(100, peaks=FALLEN) == step(0, room=900, peaks=FALLEN)


@pytest.mark.parametrize("how", [{"leapt": 400}, {"unshown": 400}, {"leapt": 300, "again": 100, "strikes": 1}])
@pytest.mark.parametrize("asked", [0, 20])
def test_no_guest_owes_more_than_it_is_asked_for(how, asked):
    """It goes to the balloon that it is asked for, and no further: one that was asked for none, with 4.7 GB free, was not asked for hours."""
    assert (
        step(0, room=3000, asked=asked, **how)
        == step(0, room=3000, asked=asked, **{**how, "leapt": asked, "unshown": 0, "again": 0})
        > 0
    )


def left(mb, owes, rate, room=1000):
    """MB of Free when it has given so many MB at that speed, and what it owes at once, though its use has been rising by 20 MB/s."""
    return room + HARD - owes - 20 * 6 - mb - 20 * mb / rate


@pytest.mark.parametrize(
    ("how", "rate"),
    [({}, 4), ({"proved": NOW - 100, "rate": 50}, 16), ({"rate": 2}, 2)],
)
def test_a_step_leaves_a_guest_alive_that_is_as_slow_as_it_may_be(how, rate):
    """Stuck for hours, guests followed again with 1 MB/s, and died of what they had been asked for until then, as their programs needed more meanwhile."""
    mb = step(400, peaks=FALLEN, **how)
    assert mb > 8 and 45 <= left(mb, 200, rate) < 45 + 2 * (1 + 20 / rate), mb


@pytest.mark.parametrize(
    ("how", "rate"), [({"strikes": 1, "rate": 50}, 1), ({"phantom": 64}, 4), ({"by_others": True, "rate": 2}, 2)]
)
def test_who_can_be_doubted_gives_what_it_owes_as_slowly(how, rate):
    """Guests that another program had asked, or that had restarted, gave hundreds of MB late, at 1 to 9 MB/s, and died as their programs needed more."""
    mb = step(400, room=10000, peaks=STEADY, **how)
    assert mb > 8 and 45 <= left(mb, 400, rate, 10000) - 20 * 400 / rate < 45 + 2 * (1 + 20 / rate), mb


@pytest.mark.parametrize("rate", [1, 3, 4])
def test_who_is_slow_gives_what_is_left_of_its_requests_as_slowly(rate):
    """1 MB/s: it was asked each 40 s for 50 MB more, as the sum rose by others meanwhile, and had 90 still to give when its use rose.

    And one of 5 MB/s that was taken to give 4 had 221 MB to give.
    """
    slow = {"peaks": STEADY, "rate": rate}
    mb = step(90, room=2000, left=86, **slow)
    assert mb > 8 and 45 <= left(mb, 20, rate, 2000) - 20 * 86 // rate < 45 + 2 * 21, mb
    assert mb < step(90, room=2000, **slow)


def take(give, free, lacks=0, active=False, **known):
    """The smallest request to take that leaves such a guest alive."""
    record = Record(
        {"uuid": "one", "memory_mb": 4096, "sample": {"time": NOW - 5, "free_kb": free << 10}}, read({}), None
    )
    record.history.update(seen=NOW - 5, **known)
    record.asked, record.give, record.free, record.active = 1500, give, free, active
    return least_take(record, lacks, NOW)


def test_who_may_lack_what_it_was_asked_for_is_asked_to_take_at_least_as_much():
    """It gives that on its way to any balloon that is larger than its own: 33 MB to take were 115 to give, with 125 free, and it died of them."""
    assert take(154, 125) == 154 == take(154, 125, active=True, strikes=1)
    assert take(154, 125, lacks=60, active=True) == 60, "who follows just now lacks no more than all together do"
    assert take(154, 3000) == 0, "it survives that"


def test_what_it_may_take_by_a_request_to_give_counts_while_it_is_active():
    """For 120 s and more it was taken to be about it already: it took the rest of another program's request, and the host was over its budget."""
    record = Record({"uuid": "one", "memory_mb": 4096}, read({}), None)
    record.active, record.take = True, 200
    assert record.risk() == 200
