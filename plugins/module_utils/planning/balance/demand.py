# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What each managed machine needs, by what its guest used. MB of what the machine holds: use is its memory less its balloon and its Free."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import ALIKE, Stock, is_followed
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import HostPolicy
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import (
    REMEMBERED,
    RISE,
    Record,
    forget_uses,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.suspects import lacks, look, surprise

LATEST = 3  # samples at least are recent,
RECENT = 15  # s: and all of that time, of MOST samples
MOST = 20
RISE_LEAST, RISE_PART = 96, 16  # MB; of a small machine's memory
RISE_AGAIN = 144  # MB; where it goes no higher than in the last hour
RISES_IN = 10  # s: what rises by more than noise in that time, rises;
RISES_LOOKS, RISES_LONGEST = 4, 30  # or in so many rounds where they take longer, up to so many s
BANDS = 10  # parts of the window
TOPS = 6  # parts of the hour
TOP_MOST = 1024  # MB beyond what it uses that a guest keeps for what it used in the last hour,
TOP_SHARE = 4  # and that part of its memory at most
NARROW = 8  # MB: a balloon known so well makes a use that is worth to remember
LEAST_BAND = 64
BAND_PERCENT = 2
WATCHED = ("not_following", "changed_by_others")  # fixed, and believed: it may take its balloon back meanwhile
LOOKS_AHEAD = 12  # s at most that a rise is taken to go on
AHEAD_MOST = 256  # MB
STARVING = 80  # MB of Free: where programs begin to be killed is 45 to 52 (measured), and the figure is 5 s old
BOOST_LEAST = 512  # MB that a starving guest is given beyond what it is seen to use, or all of its part of the pool; doubled while it starves on


def estimate(records: List[Record], stock: Stock, policy: HostPolicy, pool: int, now: float) -> None:
    """Set use, peak, band, and the sizes that the targets are made of, for each managed machine."""
    given = _part_given(records, stock)
    starving = 0
    watched = [record for record in records if record.fixed is None or record.fixed in WATCHED]
    for record in watched:
        _pair(record, given)
        if record.fixed is None:
            record.censored = record.free < max(STARVING, record.hard // 2)
            starving += record.censored
    each = max(BOOST_LEAST, pool // starving) if starving else 0
    settled = abs(stock.missing) <= stock.slack and not any(map(is_followed, records))
    surprises = sum([surprise(record) for record in records])
    for record in watched:
        look(record, stock.account, lacks(record, settled) + surprises - surprise(record))
        _remember(record, policy)
        if record.fixed is None:
            _needs(record, policy, each, now)


def _part_given(records: List[Record], stock: Stock) -> float:
    """The part that is given of what donors had under way at the time of the sum: they are taken to be equally fast."""
    open_mb = young = 0
    for record in records:
        for when, mb, done in record.gives:
            if done is None:
                if when < stock.time:
                    open_mb += mb
                else:
                    young += mb
    if not open_mb:
        return 0.0
    left = max(0, stock.missing)
    return min(1.0, max(0.0, 1 - left / open_mb))


def _pair(record: Record, given: float) -> None:
    """What the balloon held when the sample was taken: an interval, as far as requests were under way."""
    sample = record.sample
    time = sample["time"]
    least = most = record.asked
    likely = 0
    if record.gives:
        for when, mb, done in record.gives:
            if done is None or done > time:
                least -= mb
                if when >= time:
                    most -= mb
                else:
                    likely += int(mb * given) if done is None else 0
    if record.takes:
        for when, mb, done in record.takes:
            if done is None or done > time:
                most += mb
                if when >= time:
                    least += mb
        record.takes = [each for each in record.takes if each[2] is None or each[2] > time]
    own = sample.get("balloon_kb")
    if own:
        least = most = min(max(own >> 10, least), most)
    record.least_given = least if least > 0 else 0
    record.most_given = most if most > record.least_given else record.least_given
    record.free = record.raw[1] >> 10
    record.cache = (record.raw[2] or 0) >> 10
    record.use_most = record.memory - record.least_given - likely - record.free
    record.use = record.use_most if most - least <= NARROW else record.memory - record.most_given - record.free


def _remember(record: Record, policy: HostPolicy) -> None:
    """Take the sample into the window, once."""
    known, sample, use = record.history, record.sample, record.use
    time = sample["time"]
    seen = known["seen"]
    if seen == time:
        return
    if seen is None or time - seen > max(60, 6 * policy.period) or time < seen:
        forget_uses(known)
    if not record.censored:
        known["low_since"] = time
    known["seen"] = time
    if known["since"] is None:
        known["since"] = time
    recent = known["recent"]
    looked_back = min(RISES_LONGEST, RISES_LOOKS * policy.period)
    if len(recent) >= LATEST and recent[0][0] < time - max(RECENT, looked_back) or len(recent) == MOST:
        recent = recent[1:]
    known["recent"], known["free"] = recent + [[time, use]], record.free
    tops = known["tops"]
    if tops and time - tops[-1][0] < REMEMBERED / TOPS:
        if use > tops[-1][1]:
            known["tops"] = tops[:-1] + [[tops[-1][0], use]]
    else:
        known["tops"] = [each for each in tops if each[0] > time - REMEMBERED] + [[time, use]]
    peaks = known["peaks"]
    if peaks and time - peaks[-1][0] < policy.window / BANDS:
        last = peaks[-1]
        if use > last[1] or use < last[2]:
            known["peaks"] = peaks[:-1] + [[last[0], max(use, last[1]), min(use, last[2])]]
        return
    oldest = time - policy.window
    peaks = [each for each in peaks if each[0] >= oldest - policy.window / BANDS]
    if peaks:
        swings = sorted([each[1] - each[2] for each in peaks])
        known["swing"] = min(swings[(len(swings) - 1) // 2], record.memory // 4)
        record.band = max(LEAST_BAND, record.memory * BAND_PERCENT // 100, known["swing"])
    else:
        record.band = max(LEAST_BAND, record.memory * BAND_PERCENT // 100)
    known["peaks"] = peaks + [[time, use, use]]


def _needs(record: Record, policy: HostPolicy, boost: int, now: float) -> None:
    """The sizes between which the law decides."""
    known = record.history
    recent = known["recent"]
    seen = known["seen"]
    highest = record.use_most
    first: Any = None
    since = seen - max(RISES_IN, min(RISES_LONGEST, RISES_LOOKS * policy.period))
    for each in recent:
        if each[1] > highest:
            highest = each[1]
        if first is None and each[0] >= since:
            first = each
    record.recent = highest
    for _since, high, _low in known["peaks"]:
        if high > highest:
            highest = high
    record.peak = highest
    record.full = seen - known["since"] >= policy.window
    rise = recent[-1][1] - first[1]
    ahead = 0
    noise = max(min(RISE_LEAST, record.memory // RISE_PART), known["swing"] * 7 // 4)
    if rise > noise and not _trembles(record, rise):
        seconds = recent[-1][0] - first[0]
        record.rate = int(rise / seconds) + 1
        ahead = min(int(record.rate * min(LOOKS_AHEAD, now - seen + policy.period + 4)), AHEAD_MOST)
    if record.censored:
        _starving(record, known, max(boost, rise))
    elif known["want"]:
        known["boost"] = known["want"] = 0
    need = max(record.peak, record.use + ahead) + record.hard
    record.rising, record.climbs = record.use + ahead > record.peak, ahead > 0 and record.rate > RISE
    comfortable = need - record.hard + record.comfort
    if record.censored and known["want"] > need:
        need = comfortable = known["want"]
    record.need, record.comfortable = need, comfortable
    record.need_now = need if record.censored else max(record.recent, record.use + ahead) + record.hard
    # donors begin to give for what a starving guest is likely to want next
    record.expected = min(record.ceiling, need + known["boost"]) if record.censored else need
    record.keep = comfortable + record.band
    record.cached = record.keep + record.cache // 2
    top = max([most for _since, most in known["tops"]], default=0)
    record.lately = min(top, record.recent + min(TOP_MOST, record.memory // TOP_SHARE)) + record.hard
    record.room = record.hold - max(record.recent, min(record.peak, record.use + record.band)) - record.hard - ahead


def _trembles(record: Record, rise: int) -> bool:
    """Whether its use goes no higher than in the last hour, and rises by little more than it swings by: figures that tremble do that once in a while."""
    highest = max([most for _since, most in record.history["tops"][:-1]], default=0)
    return (rise <= RISE_AGAIN or record.swings_by(rise)) and record.use <= highest + ALIKE


def _starving(record: Record, known: Dict[str, Any], boost: int) -> None:
    """A guest at its low mark needs more than can be seen: what it is to hold grows with each look at what it was given."""
    if known["want"] and (record.most_given > record.asked or record.hold < known["want"]):
        return  # it has not had yet what it was to get
    known["boost"] = min(max(2 * known["boost"], boost), max(BOOST_LEAST, record.memory // 2))
    known["want"] = min(record.ceiling, max(known["want"], record.use + known["boost"] + record.hard))
