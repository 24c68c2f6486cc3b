# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What of its balloon a guest's own figures do not show. MB.

They prove nothing (see given), but for its own good a guest is believed: what it may not hold of its balloon it gives with the next request, all at once.
What it was asked for and does not show is *unshown*, as far as the sum leaves that open; what it may have had back while nobody could believe it
was *taken*; by what *leapt* more was free at once: a program has ended, or the guest took that back by itself.
Who follows a request shows all of that, one way or the other: then nothing is suspected any more.
"""

from __future__ import annotations

from math import inf
from typing import Any, Dict, List

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import (
    ALIKE,
    LEAST_USE,
    count_again,
    is_followed,
    open_mb,
    settle_again,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import RISE, Record

LEAP = 64  # MB between two figures
GAP = 60  # s without figures
BOOTED = 120  # MB: more than a guest uses when it has booted (36 to 45 MB of 768, measured), its cache counted in


def look(record: Record, account: Dict[str, Any], most: int) -> None:
    """Compare a managed machine's newest figures with those of before, which are the last of its ``recent`` uses still.

    :param most: MB that it may not have given of what it was asked for, by the sum and by what others may have given for it
    """
    known, given, recent = record.history, record.newly_seen, record.history["recent"]
    unshown, taken, leapt = min(known["unshown"], most), known["taken"], known["leapt"]
    held = min(known["held"], leapt)
    if known["unbelieved"]:
        known["unbelieved"], known["rate"] = False, 1  # until it shows how fast it is now
        # it may have taken its balloon back meanwhile, but for one that uses what it did
        if not recent or abs(record.use_most - recent[-1][1]) > record.band:
            taken = record.asked
    if recent:
        late = _shown_late(record, account)
        unshown, taken = max(0, unshown - late), max(0, taken - late)
        unseen = record.sample["time"] - known["seen"] > GAP or _stood_still(record)
        fall = surely = record.free - known["free"]
        if not unseen:  # what is under way may explain some of that, or none
            surely = min(fall, recent[-1][1] - record.use_most)
            fall = min(fall, surely + record.most_given - record.least_given)
        used = LEAP // 2 + (0 if unseen else _used_meanwhile(recent, record.sample["time"]))
        if surely >= max(ALIKE, min(LEAP, record.least() // 2)) and _may_be_its_balloon(record, fall, used, unseen):
            # what a starved guest takes back it uses at once, in part; and one that was not seen may have come to use more
            fall += used
            hidden = fall if known["want"] or unseen else 0
            # a balloon empties once, and all of it: of two leaps one at least is a program
            leapt = min(max(leapt, fall + hidden), max(0, record.most() - known["again"]))
            # each program that ends in a starved guest leaps: others do not wait for that
            if unseen or not known["want"]:
                held = max(held, fall + hidden)
            known["leapt_at"] = known["seen"]
    if not leapt and not known["again"] and max(unshown, taken) >= record.asked > ALIKE and _uses_little(record):
        leapt = held = record.most()
        known["leapt_at"] = known["seen"]
    if given:
        less = max(0, min(known["shrunk_use"] - record.use_most, given, most))  # beyond that its use has fallen
        if less > ALIKE + given // 8:
            unshown += less
            seconds = max(1, int(record.sample["time"] - known["last"][0]))
            known["rate"] = max(1, min(known["rate"], (given - less) // seconds))
        else:  # but for what the sum says that it still lacks
            left = max(0, record.give - open_mb(record.gives, inf))
            unshown, taken = min(unshown, left), min(taken, left)
    known["taken"], known["leapt"], known["held"], known["kb"] = taken, leapt, held, account["kb"] or 0
    if is_followed(record):
        count_again(record, account, record.use_most)
    settle_again(record, account)
    known["unshown"] = max(unshown, LEAST_USE - record.use_most - known["leapt"] - known["again"])


def _shown_late(record: Record, account: Dict[str, Any]) -> int:
    """What it gives late, it shows late, and so does the sum. More use alone is not that: of who is doubtful it is only where nobody else gives."""
    known = record.history
    rise = max(0, record.use - known["recent"][-1][1])
    if not is_doubtful(known):
        return rise if account["risen"] >= known["seen"] else 0
    if account["give_now"] > record.give:
        return 0
    return min(rise, max(0, (account["kb"] or 0) - known["kb"] >> 10))


def _stood_still(record: Record) -> bool:
    """Whether its figures had not moved for a while since it was asked for something: they may have been old."""
    known, last = record.history, record.history["last"]
    return last is not None and known["moved_before"] <= last[0] < record.sample["time"] - GAP


def lacks(record: Record, settled: bool) -> int:
    """MB that it may lack of what it was asked for, by the sum; all where it can be doubted.

    :param settled: whether nobody is waited for, and the sum agrees: then what is open on both sides alike has been given, and taken
    """
    if is_doubtful(record.history):
        return record.asked
    return record.history["rested"][0] if settled else record.give


def surprise(record: Record) -> int:
    """MB by which the sum may rise by it though nobody waits for that: an empty balloon that fills, or what was asked long ago, or by others."""
    known = record.history
    if record.fixed or known["by_others"] or known["unbelieved"]:
        return record.asked
    return known["phantom"] + known["taken"] + known["leapt"] + known["again"] + (0 if record.active else record.give)


def suspected(record: Record) -> int:
    """MB that its figures say it has not given, or has taken back, at most."""
    known = record.history
    return max(known["unshown"], known["taken"]) + known["leapt"] + known["again"]


def _uses_little(record: Record) -> bool:
    """Whether it would use no more than after a boot, if it held its balloon still."""
    return (record.raw[0] >> 10) - record.free - record.asked < BOOTED


def _used_meanwhile(recent: List[List[Any]], time: float) -> int:
    """MB that its programs have come to use since its last figures, where they went on like before."""
    if len(recent) < 2:
        return 0
    (before, use), (since, newest) = recent[-2:]
    passed = time - since
    return int(min(RISE * passed, max(0, newest - use) * passed / (since - before)))


def _may_be_its_balloon(record: Record, fall: int, used: int, unseen: bool) -> bool:
    """Whether as much more is free as its balloon may hold; less where it starved, by what its programs have come to need since: they use that at once."""
    known = record.history
    least = 0 if unseen else record.least() - used
    if known["want"]:
        least -= RISE * int(record.sample["time"] - known["low_since"])
    most = record.memory if unseen else record.most() + LEAP // 2
    return not record.swings_by(fall) and least <= fall <= most


def owed(record: Record) -> int:
    """What it may not have given though it was asked, or not hold any more, at most: a new request would have it go all that way, and no further.

    What it withholds looks like less use, and what it gives late like more. So of who has followed until now, and was watched for a whole window,
    no more is believed than its use has moved by in that time; it may harm itself by lies.
    """
    known = record.history
    withheld = max(0, record.give - record.giving)
    if is_doubtful(known) or not record.full:
        return min(record.asked, max(withheld, suspected(record)))
    moved = record.peak - min([record.use] + [low for _since, _high, low in known["peaks"]])
    return min(record.asked, max(suspected(record), min(withheld, moved)))


def is_doubtful(known: Dict[str, Any]) -> bool:
    """Whether it has not followed before, may have an empty balloon that is counted, or was asked by others and has not been seen to have followed."""
    return bool(known["strikes"] or known["phantom"] or known["by_others"])
