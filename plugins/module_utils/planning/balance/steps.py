# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Who is asked for what now: those who take first, from the pool only; then those who give, each one harmless step. MB.

Guests that give and guests that take at the same time cannot be told apart by the sum (see given), so the two are asked in turns of seconds:
nobody is asked to give while somebody is still taking, as far as the speeds seen so far tell, and who can wait takes when nobody is giving.
Neither waits for the proof of what the other does.
"""

from __future__ import annotations

from heapq import nlargest
from math import ceil
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.budget import Budget
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import Stock, ask, is_followed
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import HostPolicy
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import REMEMBERED, RISE, Record
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.suspects import is_doubtful, owed
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.waterfill import fill

SMALL_STEP, SMALL_PART = 8, 64  # MB; of the memory
STEP_SHARE, STEP_LEAST, STEP_MOST = (
    2,
    32,
    128,
)  # half of the room at most; larger steps killed guests on recorded traces
LARGE_SHARE = 8  # who has more than 1 GB of room may give that part of it at a time
SLOW = 4  # MB/s: a guest that was fast once may give no faster the next time,
FAST = 16  # but for one that was fast
SHOWS_AFTER = (
    11  # s from a request: who follows shows it by then (on the slow live host the sum does after 12, measured)
)
PROVED = 120  # s ago
KILLED = 45  # MB of Free: programs are killed from 45 to 52 down (measured)
CHUNK = 32  # MB: less is not worth a request, unless it is all that is wanted
LATE = 8  # s beyond twice the time that a request to take needs, by the speeds seen so far
STEP_SECONDS = 14  # no step takes a guest longer: those in need wait for its end
GIVE, TAKE = "give", "take"  # whose turn it is
TAKES_FOR = 3  # s for which requests to take may follow each other before donors are asked again
STANDS = 3  # s for which the sum has not risen: nobody gives any more, whatever is still open
GIVES_FOR = 5  # s for which donors may be asked again, though some wait for what has been given
RESTS = 60  # s after it was given something before a guest is asked to give
FRESH = 60  # s of figures that are enough while the host is over its budget
SURPLUS_LEAST = 64

STARVING, BELOW_NEED, COMFORT, REST = range(4)


class Chosen(NamedTuple):
    """Who is asked, in order, and what decided of the host as a whole."""

    asked: List[Record]
    lack: int  # MB that those in need still lack beyond what is coming
    refill: int  # MB that the part which stays free lacks
    over: int  # MB over the budget beyond what is coming
    urgent: bool  # somebody lacks what it needs, not comfort alone
    givers_turn: bool


class Leaps(NamedTuple):
    """MB that are held back of what leapt. Of several leaps one is taken to be a balloon that emptied, and the others programs that ended."""

    total: int
    largest: int
    second: int


def choose(records: List[Record], money: Budget, stock: Stock, policy: HostPolicy, now: float, may_ask: bool) -> Chosen:
    """Set the steps, and say what decided; with another controller on the host nobody is asked."""
    managed = [record for record in records if record.fixed is None]
    takers: List[Record] = []
    for record in managed:
        record.late = _is_late(record, stock)
        record.urgency = None if record.late else _urgency(record)
        if record.urgency is not None:
            takers.append(record)
    takers.sort(key=_by_urgency)
    account = stock.account
    giving_until = _until(records, "gives", account["give_rate"], policy.period)
    taking_until = _until(records, "takes", account["take_rate"], policy.period)
    over = money.over()
    urgent = bool(takers) and takers[0].urgency is not None and takers[0].urgency <= BELOW_NEED
    turn, since = account["turn"]
    over_due = now - since > (TAKES_FOR if turn == TAKE else GIVES_FOR)
    asked: List[Record] = []
    held_up = 0
    if may_ask:
        giving = account["give_now"] if now < giving_until or (turn == TAKE and over_due) else None
        settled = account["give_rate"] >= FAST or _stands(records, stock, policy.period)
        asked, held_up = _take(takers, money, giving, settled)
    lack = _lack(takers, money)
    refill = _refill(money, lack) if not held_up else 0
    givers_turn = may_ask and now >= taking_until and not asked and (not held_up or over_due == (turn == TAKE))
    if asked and turn != TAKE:
        account["turn"] = [TAKE, now]
    leaps = _leaps(managed)
    if givers_turn:
        needs = (lack, refill, over, money.pool + leaps.total - leaps.largest)
        asked = _give(managed, takers, needs, urgent, account["give_rate"], policy, now)
        if turn != GIVE and (asked or over_due):
            account["turn"] = [GIVE, now]
    if may_ask and max(lack, over) > 0 and not asked and not any(map(is_followed, records)):
        asked = _ask_back(managed, leaps, money.pool)
    _remember(managed, account, now)
    for record in asked:
        known = record.history
        if record.asks_back:
            known["asked_back"] = now
        elif record.step > 0:
            known["shrunk"], known["shrunk_seen"] = now, known["seen"]
            if not record.giving:
                known["shrunk_use"] = record.use
        else:
            known["grown"] = now
        ask(record, account, record.step, now)
    return Chosen(asked, lack, refill, over, urgent, givers_turn)


def _remember(managed: List[Record], account: Dict[str, Any], now: float) -> None:
    """How much machines need at a time: the next is to find it in the pool."""
    together = 0
    for record in managed:
        known = record.history
        if record.urgency is None or record.urgency > BELOW_NEED:
            if not record.censored:
                known["episode"] = 0
        elif record.step < 0:
            known["episode"] -= record.step
        together += known["episode"]
    since, most = account["want"]
    if together and (together >= most or now - since >= REMEMBERED):
        account["want"] = [now, together]


def _urgency(record: Record) -> Optional[int]:
    """How badly a machine is in want of more, if it is to have more."""
    if record.target <= record.hold and record.hold >= record.need:
        return None
    if record.hold >= record.ceiling:
        return None
    if record.censored and record.hold < record.need:
        return STARVING
    if record.hold < record.need - record.band // 2:
        return BELOW_NEED
    if record.censored or 2 * record.hold < record.need + record.comfortable:
        return COMFORT
    return REST


def _is_late(record: Record, stock: Stock) -> bool:
    """Whether it should have taken what it was asked to, by the speeds seen so far, and the sum says that somebody has not: it is offered no more then."""
    if stock.missing >= -stock.slack:
        return False
    rate = stock.account["take_rate"]
    return any(done is None and when + 2 * mb / rate + LATE <= stock.time for when, mb, done in record.takes)


def _by_urgency(record: Record) -> Any:
    return (record.urgency, -record.limits.priority, record.hold - record.need, record.uuid)


def _until(records: List[Record], kind: str, rate: int, period: float) -> float:
    """When those who are under way should be done, and a sum was taken; each finishes one request before it begins the next."""
    latest = 0.0
    for record in records:
        flights = getattr(record, kind)
        if flights:
            end = _end(flights, rate)
            if end > latest:
                latest = end
    return latest + period - 1 if latest else 0.0


def _end(flights: List[Any], rate: int) -> float:
    end = 0.0
    for when, mb, done in flights:
        if done is None:
            end = max(end, when) + -(-mb // rate)
    return end


def _take(takers: List[Record], money: Budget, giving: Optional[int], settled: bool) -> Any:
    """Ask from the pool: first what is needed, then comfort and a band, then the rest. Gives back who is asked, and what had to wait.

    :param giving: MB that are open where givers have their turn, else None
    :param settled: whether that is soon given, or never
    """
    pool = money.pool
    grants: Dict[str, int] = {}
    for urgency in (STARVING, BELOW_NEED):
        needy = [record for record in takers if record.urgency == urgency]
        wanted = [max(record.least_take, min(record.need, record.target) - record.hold) for record in needy]
        for record, want, part in zip(needy, wanted, fill(pool, wanted, [1] * len(wanted)) if needy else ()):
            # what it takes of what is held back for it, it has not taken by itself
            part = record.offered = min(want, max(part, part + record.held + min(0, pool)))
            if part >= max(min(want, CHUNK), record.least_take) and part > 0:
                grants[record.uuid] = part
                pool -= part
    for record in takers:
        had = grants.get(record.uuid, 0)
        beyond = pool - money.ready
        record.offered_beyond = beyond
        if beyond <= 0 or record.target <= record.hold + had:
            continue
        top = record.target if record.urgency == REST else min(record.target, record.keep)
        wanted = top - record.hold - had
        if record.urgency == REST and wanted < max(record.band, SURPLUS_LEAST):
            continue
        part = min(wanted, beyond)
        if had + part < record.least_take:
            continue
        if part >= min(wanted, CHUNK if record.urgency < REST else SURPLUS_LEAST) and part > 0:
            grants[record.uuid] = had + part
            pool -= part
    asked, held_up = [], 0
    for record in takers:
        part = grants.get(record.uuid, 0)
        if not part:
            continue
        if giving is not None and not _at_once(record, part if settled else -1, giving):
            record.waits = part
            held_up += part
            continue
        record.step = -part
        record.takes_from = [{"uuid": "pool", "mb": part}]
        asked.append(record)
    return asked, held_up


def _leaps(managed: List[Record]) -> Leaps:
    held = [record.held for record in managed]
    return Leaps(sum(held), *nlargest(2, [0, 0, *held]))


def _ask_back(managed: List[Record], leaps: Leaps, pool: int) -> List[Record]:
    """Ask one guest to take what leapt, where nobody can be asked to give: the sum shows whether its balloon is there, and no balloon fills.

    Those first that can be doubted: if their balloons are empty they take nothing, and what they hold is known for the next.
    """
    unsure = [record for record in managed if record.held and not record.active]
    for record in sorted(unsure, key=lambda each: (not is_doubtful(each.history), each.held, each.uuid)):
        part = min(record.asked, max(record.history["leapt"] + record.history["again"], record.least_take))
        other = leaps.second if record.held == leaps.largest else leaps.largest
        if part <= pool + leaps.total - other:
            record.step, record.asks_back = -part, part
            record.takes_from = [{"uuid": "pool", "mb": part}]
            return [record]
    return []


def _stands(records: List[Record], stock: Stock, period: float) -> bool:
    """Whether the sum stands still, though givers had the time to begin."""
    newest = max([when for record in records for when, _mb, done in record.gives if done is None] or [0.0])
    return stock.time - max(newest, stock.account["risen"]) >= max(STANDS, period)


def _at_once(record: Record, part: int, giving: int) -> bool:
    """Whether it takes though others are giving: who falls short for the first time in a while, and who needs as much as is open (a doubt then)."""
    grown = record.history["grown"]
    first = grown is None or record.history["seen"] - grown > RESTS
    return record.urgency <= BELOW_NEED and (first or giving <= part)


def _lack(takers: List[Record], money: Budget) -> int:
    """What donors are to give, for those who lack more than a trifle."""
    lack = 0
    for record in takers:
        if record.urgency < REST:
            record.unmet = max(
                0,
                max(min(record.target, max(record.keep, record.expected)) - record.hold, record.least_take)
                + record.step
                - record.waits,
            )
            lack += record.unmet
    return max(0, lack - money.under_way - money.shown_soon)


def _refill(money: Budget, lack: int) -> int:
    """What the part that stays free for the next in need lacks, once it is more than a trifle."""
    coming = money.pool + money.under_way + money.shown_soon
    return max(0, money.ready - coming) if lack <= 0 and 16 * coming < 15 * money.ready else 0


def _give(
    managed: List[Record],
    takers: List[Record],
    needs: Tuple[int, int, int, int],
    urgent: bool,
    rate: int,
    policy: HostPolicy,
    now: float,
) -> List[Record]:
    """Ask donors, those with most to spare first, until all is found that is lacking."""
    lack, refill, over, within = needs
    left = max(lack, over, refill)
    leisure = max(lack, over) <= 0
    unseen = any(record.history["shrunk_seen"] == record.history["seen"] for record in managed)
    asked: List[Record] = []
    donors = [record for record in managed if record.hold > record.target or record.hold > record.ceiling]
    donors.sort(key=lambda record: (max(record.target, record.lately) - record.hold, record.uuid))
    for record in donors:
        too_large = record.hold > record.ceiling
        record.left = max(0, left)
        # one at a time where nobody is in need; nobody who has still to finish its last step
        # nor who may take more by such a request than there is: it goes from where it stands
        record.passed_over = (leisure and (bool(asked) or unseen)) or _end(record.gives, rate) > now + policy.period
        record.passed_over = record.passed_over or _may_exceed(record, min(record.harmless, record.largest), within)
        if record.passed_over or (not too_large and (left <= 0 or (leisure and not has_plenty(record)))):
            continue
        if not too_large and not urgent and over <= 0 and record.hold - record.lately < record.band:
            continue  # it will need that again, and who lacks comfort only can wait
        if hinders(record, over > 0, urgent or too_large, policy, now):
            continue
        step = min(
            record.harmless, record.largest, spare(record, left), max(left, STEP_LEAST) if left > 0 else STEP_MOST
        )
        if step < least_step(record, over > 0) or _may_exceed(record, step, within):
            continue
        record.step = step
        left -= step
        within += step
        asked.append(record)
    _name(asked, takers)
    return asked


def _may_exceed(record: Record, step: int, within: int) -> bool:
    """Whether it may take more than it gives by such a request, while the host may be over its budget.

    :param within: MB that are left where the largest leap is a balloon; what may be taken is charged already
    """
    return record.risk() > step and within + step < 0


def least_step(record: Record, over: bool) -> int:
    """The smallest step that is worth a request: of a small machine, or over the budget, a small one is, too."""
    return SMALL_STEP if over else min(STEP_LEAST, max(SMALL_STEP, record.memory // SMALL_PART))


def has_plenty(record: Record) -> bool:
    """Whether it may give for those who are not in need yet."""
    return record.hold - max(record.keep, record.lately) >= record.band


def spare(record: Record, left: int) -> int:
    """What it may be asked for: down to its target; where nobody needs it, down to its ceiling."""
    if left <= 0:
        return record.hold - record.ceiling
    return record.hold - max(record.target, record.floor)


def size_up(record: Record, stock: Stock, over: bool, now: float) -> None:
    """What bounds a step of this machine, before anybody is asked."""
    known = record.history
    under_way = 0
    if record.gives:
        record.giving = sum([mb for _when, mb, done in record.gives if done is None])
        under_way = sum([done is None for _when, _mb, done in record.gives])
    if record.takes:
        record.taking = sum([mb for _when, mb, done in record.takes if done is None])
    # whose Free did not fall is the suspect; and where its figures stand still since then, they may be old as well
    lately = known["shrunk"] is not None and now - known["shrunk"] < RESTS
    unshown = max(known["unshown"], known["taken"])
    suspect = (unshown > record.band and lately) or (unshown > 0 and record.shows_nothing_new())
    under_way_still = bool(record.takes) or under_way > 1 or known["shrunk_seen"] == known["seen"]
    record.busy = under_way_still or record.climbs or suspect
    known["left"] = max(0, min(known["left"] - slowest(record, now) * (now - known["left_at"]), record.give))
    known["left_at"] = now
    record.held = record.held_back()
    record.harmless = harmless(record, now)
    record.stuck = is_doubtful(known) and record.harmless < least_step(record, over)
    record.least_take = least_take(record, stock.lacks, now)
    record.largest = min(max(STEP_MOST, record.room // LARGE_SHARE), stock.account["give_rate"] * STEP_SECONDS)


def least_take(record: Record, lacks: int, now: float) -> int:
    """The smallest request to take that leaves the guest alive: what it has not given yet it gives on its way to any balloon that is larger than its own.

    :param lacks: what all together have not given, at least; who follows a request just now may be as far as that, whatever others lack
    """
    known = record.history
    follows = record.active and not (known["strikes"] or known["phantom"])
    give = min(record.give, lacks) if follows else record.give
    most = max(known["unshown"], known["taken"], known["leapt"] + known["again"], give)
    if not most:
        return 0
    blind = ceil(now - known["seen"]) + 1
    alive = max(0, record.free - KILLED - RISE * blind)
    rate = slowest(record, now)
    return min(record.asked, max(0, most - alive * rate // (rate + RISE)))


def slowest(record: Record, now: float) -> int:
    """MB/s that it gives at least, as far as it has shown; no more than its Free has fallen by since a request that is under way."""
    known = record.history
    if known["strikes"]:
        return 1
    rate = min(known["rate"], FAST if now - known["proved"] < PROVED else SLOW)
    last = known["last"]
    seconds = record.sample["time"] - last[0] if record.giving and last else 0
    if seconds >= SHOWS_AFTER and isinstance(last[1][1], int):
        rate = max(1, min(rate, int(((last[1][1] >> 10) - record.free) / seconds)))
    return rate


def harmless(record: Record, now: float) -> int:
    """The largest step that leaves the guest alive though its use has been rising by RISE since the figures, and goes on to."""
    known = record.history
    rate = slowest(record, now)
    blind = ceil(now - known["seen"]) + 1
    owes = owed(record)
    # a leap that is none would be held back for ever, if its guest had to keep its reserve in either case
    late = max(0, owes - known["leapt"] - known["again"])
    # what it gives late it gives as slowly, while its programs need more: of who can be doubted, or is slow
    slow = rate < SLOW or known["rate"] <= SLOW
    late_mb = owes if is_doubtful(known) else int(known["left"]) if slow else 0
    giving = max(record.giving, late_mb)
    alive = record.room - owes + record.hard - KILLED - RISE * blind - giving * RISE // rate
    return min(alive * rate // (rate + RISE), (record.room - late) // STEP_SHARE)


def hinders(record: Record, over: bool, urgent: bool, policy: HostPolicy, now: float) -> Optional[str]:
    """Why a machine that holds more than its target is not asked to give: a code."""
    known = record.history
    figures = known["seen"] - known["since"]
    if not record.full and not (over and figures >= FRESH):
        return "window_not_full"
    if record.hold <= record.floor:
        return "at_floor"
    if known["grown"] is not None and now - known["grown"] < RESTS and not over:
        return "grown_recently"
    if record.busy:
        return "in_flight"
    if record.harmless < least_step(record, over):
        return "dead_band"
    if not over and not urgent and record.hold - record.target < record.band:
        return "dead_band"
    return None


def _name(donors: List[Record], takers: List[Record]) -> None:
    """Who gives whom how much: what takers lack first, then the pool."""
    open_needs: List[List[Any]] = [[record, record.unmet] for record in takers if record.unmet > 0]
    for donor in donors:
        left = donor.step
        while left and open_needs:
            taker, lacks = open_needs[0]
            part = min(left, lacks)
            donor.gives_to.append({"uuid": taker.uuid, "mb": part})
            taker.takes_from.append({"uuid": donor.uuid, "mb": part})
            left -= part
            open_needs[0][1] -= part
            if not open_needs[0][1]:
                open_needs.pop(0)
        if left:
            donor.gives_to.append({"uuid": "pool", "mb": left})
