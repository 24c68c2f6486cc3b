# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which machines are managed, and which are fixed, by a code: those are never asked, and charged what they may hold."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import GRACE, Stock, open_mb
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import HostPolicy
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import SHORT, Record, forget_uses

TIME_LIMIT = 25  # s; and for each 6 MB of a step one more: a slow host gave nothing for 25 s and then all (measured)
SLOWEST = 6  # MB/s
PAUSE = 60  # s for which a guest that did not follow is left alone; doubled each time
LONGEST_PAUSE = 1920
NOT_BELIEVED = ("stale_statistics", "implausible_statistics")
STALE_PERIODS = 6
STALE_LEAST = 30  # s


def classify(records: List[Record], stock: Stock, policy: HostPolicy, now: float) -> None:
    """Set ``fixed`` of each machine that is."""
    stale_after = max(STALE_LEAST, STALE_PERIODS * policy.period)
    for record in records:
        _look_at_figures(record)
        record.fixed = _reason(record, stale_after, now)
        if record.fixed in NOT_BELIEVED:  # nothing that it has given or taken back meanwhile was shown
            record.history["unbelieved"] = True
    _judge_followers(records, stock, now)


def _reason(record: Record, stale_after: float, now: float) -> Optional[str]:
    """The code of a fixed machine; the first that holds."""
    machine, known = record.machine, record.history
    if not record.balance:
        return "unmanaged"
    large_pages = machine.get("large_pages", False)
    if large_pages is None or large_pages:
        return "large_pages_unknown" if large_pages is None else "large_pages"
    if not record.running:
        return "paused"
    started = machine.get("started")
    young = started is not None and now - started < GRACE
    if young and machine.get("restored"):
        return "restored"
    if young:
        return "booting"
    if record.boots():
        if known["since"] is not None or known["fixed"]:
            known["fixed"] = ["guest_restarted", now + GRACE]
            forget_uses(known)
            return "guest_restarted"
        return "no_additions"
    sample = record.sample
    if not sample or not isinstance(record.raw[1], int) or not isinstance(record.raw[0], int):
        return "no_statistics"
    if now - sample["time"] > stale_after or (
        sample["time"] - known["moved"] >= stale_after and (_had_to_move(record) or _hangs(record, stale_after))
    ):
        return "stale_statistics"
    if _is_impossible(record):
        return "implausible_statistics"
    if known["fixed"]:
        if now < known["fixed"][1] and not _has_followed_late(record):
            return known["fixed"][0]
        known["fixed"] = None
    return None


def _has_followed_late(record: Record) -> bool:
    """Whether a guest that did not follow in time has done so since, by the sum: nothing that it was asked can be open any more."""
    return record.history["fixed"][0] == "not_following" and record.give <= SHORT and record.take <= SHORT


def _look_at_figures(record: Record) -> None:
    """When its figures last moved, judged on the raw kB."""
    sample, known = record.sample, record.history
    if not sample:
        return
    raw = record.raw
    if raw != known["raw"]:
        known["raw"], known["moved"], known["moved_before"] = raw, sample["time"], known["moved"] or 0
    elif known["moved"] is None:
        known["moved"] = sample["time"]


def _had_to_move(record: Record) -> bool:
    """Whether its figures are those of before its last request, which it has followed. An idle guest's stand still for minutes, to the kB (measured)."""
    return record.shows_nothing_new() and record.history["last"][2]


def _hangs(record: Record, stale_after: float) -> bool:
    """Whether it was asked to take, and has neither taken that nor moved since: a guest that panicked goes on showing its last figures (measured)."""
    grown = record.history["grown"]
    if grown is None or record.take <= SHORT or record.history["moved"] > grown:
        return False
    return record.sample["time"] - grown >= stale_after


def _is_impossible(record: Record) -> bool:
    """Figures that no guest can have, whatever it does."""
    total, free, cache = record.raw
    if cache is not None and (not isinstance(cache, int) or not 0 <= cache <= free):
        return True
    return not (0 <= free <= total <= record.memory * 1024 and total > 0)


def _judge_followers(records: List[Record], stock: Stock, now: float) -> None:
    """Whose request is older than its time limit: who is not following, as far as one can tell."""
    account = stock.account
    late = now - stock.time
    open_gives = [r for r in records if _is_open(r.gives)]
    open_takes = [r for r in records if _is_open(r.takes)]
    if not open_gives and not open_takes:
        return
    gives = [(record, _overdue(record.gives, now, late)) for record in open_gives]
    takes = [(record, _overdue(record.takes, now, late)) for record in open_takes]
    overdue_gives, overdue_takes = [each for each in gives if each[1]], [each for each in takes if each[1]]
    missing = stock.missing
    if not overdue_gives and not overdue_takes:
        if -stock.slack <= missing <= stock.slack and _all_should_be_done(open_gives, open_takes, account, now, late):
            _write_off([(r, len(r.gives)) for r in open_gives], [(r, len(r.takes)) for r in open_takes], stock.time)
        return
    # what is not overdue may be what is missing
    ungiven = missing - sum([open_mb(record.gives[overdue:], stock.time) for record, overdue in gives])
    untaken = -missing - sum([open_mb(record.takes[overdue:], stock.time) for record, overdue in takes])
    if ungiven > stock.slack:
        for record, _count in overdue_gives:
            if not _seems_to_have_given(record):
                _fix(record, now)
    if untaken > stock.slack:
        _blame_takers([record for record, _count in overdue_takes], untaken, now)
    _write_off(overdue_gives, overdue_takes, stock.time)


def _blame_takers(overdue: List[Record], untaken: int, now: float) -> None:
    """Of those that should have taken by now: who still starves first, then who had most to take, until all that is not taken is explained."""
    for record in sorted(overdue, key=lambda each: (not _is_short(each), -each.take, each.uuid)):
        if untaken <= 0:
            break
        untaken -= record.take
        known = record.history
        if known["asked_back"] == known["last"][0]:  # its balloon was empty
            continue
        known["boost"] = known["want"] = 0
        _fix(record, now)


def _is_short(record: Record) -> bool:
    sample = record.sample
    return bool(sample) and sample["free_kb"] >> 10 < record.hard


def _is_open(flights: List[List[Any]]) -> bool:
    return bool(flights) and any(done is None for _when, _mb, done in flights)


def _overdue(flights: List[List[Any]], now: float, late: float) -> int:
    """How many of the first requests any guest that follows should have done by now: it finishes each before it begins the next."""
    end, overdue = 0.0, 0
    for count, (when, mb, done) in enumerate(flights, 1):
        if done is None:
            end = max(end, when) + mb / SLOWEST
            if now - late > end + TIME_LIMIT:
                overdue = count
    return overdue


def _all_should_be_done(
    gives: List[Record], takes: List[Record], account: Dict[str, Any], now: float, late: float
) -> bool:
    """Whether all requests had twice the time that they need, and the figures are of after that."""
    for kind, records, rate in (("gives", gives, account["give_rate"]), ("takes", takes, account["take_rate"])):
        for record in records:
            for when, mb, done in getattr(record, kind):
                if done is None and now - late < when + 2 * mb / rate + 4:
                    return False
    return True


def _seems_to_have_given(record: Record) -> bool:
    """Whether its Free fell by what it was asked, as far as its use stayed the same."""
    open_mb = sum(mb for _when, mb, done in record.gives if done is None)
    sample = record.sample
    if record.fixed or not sample:
        return False
    use = record.memory - record.asked - sample["free_kb"] // 1024
    return use >= record.history["shrunk_use"] - open_mb // 2


def _fix(record: Record, now: float) -> None:
    """Leave it alone for a while, longer each time."""
    known = record.history
    pause = min(LONGEST_PAUSE, PAUSE << known["strikes"])
    known["strikes"] = min(known["strikes"] + 1, 5)
    known["fixed"] = ["not_following", now + pause]
    if record.fixed is None:
        record.fixed = "not_following"


def _write_off(gives: List[Tuple[Record, int]], takes: List[Tuple[Record, int]], time: float) -> None:
    """Nobody waits for so many of the first requests any more; what they left open stays charged."""
    for kind, overdue in (("gives", gives), ("takes", takes)):
        for record, count in overdue:
            flights = getattr(record, kind)
            over = [[when, mb, time if done is None else done] for when, mb, done in flights[:count]]
            setattr(record, kind, over + flights[count:])
