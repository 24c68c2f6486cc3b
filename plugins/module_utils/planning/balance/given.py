# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the guests have given, as far as VirtualBox's one figure for all of them proves it. MB.

Linux guests say 0 for their balloons; ``RAM/VMM/Ballooned`` is the sum of all. A guest is *active* from a request on, until the request is
done or lost: it may move its balloon then, and at no other time. ``give`` and ``take`` are what all may still give and take at most (the
whole way of each, as a guest finishes a request under way before it begins a newer one); of each sum holds

    sum - asked = take - give + phantoms

A request adds to the bounds, a rise of the sum was given, a fall was taken, and the equation tightens each by the others. What all machines
can hold, whatever their guests do next, is the lower one of

    memory - (sum - phantoms) + take
    memory - asked + give

Whoever gives and takes at the same time cannot be told apart. Both bounds stay too high then (a doubt), until the requests concerned are
over: so the steps are asked in turns, see steps. Nothing that a guest says of itself counts.

A request is over DONE seconds and its MB / SLOWEST_… later, of time in which its machine ran (measured: what is asked of a
paused guest is lost; a slow host gave nothing for 25 s, and then all). Of a guest that did not follow an interval is known, and its next
request is charged by that.

A restarted guest's balloon is empty, and VirtualBox goes on counting it (measured): a phantom, which is taken off the sum until the
equation says that it is not there.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import NEW, Record, forget_uses

ACCOUNT: Dict[str, Any] = {
    "time": None,  # of the last sum
    "kb": None,  # the last sum
    "base": None,  # the last sum that changes are counted from: that of before a machine was saved and restored, until it is surely in the sum again
    "risen": 0,  # when a sum was last higher than the one before
    "called": None,  # when the last plan was made
    "give": 0,  # what all may still give, at most; with what those lack who did not follow
    "take": 0,  # what all may still take, at most
    "give_now": 0,  # of that, what those may give who are active
    "take_now": 0,
    "phantom": 0,  # MB of the sum that no guest has given, at most
    "stray": 0,  # MB that a guest may have taken back by itself, unseen
    "strayed": -1000,  # when that became more
    "rest": 0,  # what the sum was beyond all that was asked, when nobody was waited for: phantoms, and who never followed
    "rested": [0, 0],  # the bounds then: to give, to take
    "again": [0, 0],  # of give and phantom, what is there only by count_again
    "doubts": [],  # MB by which both bounds may be too high: [until when it could be true, MB]
    "turn": ["give", 0],  # whose turn it is, and since when
    "want": [0, 0],  # [when, MB]: the most that machines needed together at a time, of the last hour
    "gone": [],  # machines that are gone, and may be in the sum still: [seen when, MB]
    "unsure": [0, 0],  # [until when, MB]: what may still be taken by requests of before the history
    "give_rate": 9,  # MB/s of one guest; the slow live host's figures (measured), until something faster is seen
    "take_rate": 40,
    "answers": None,  # s from a request to give to the figures that showed it given, lately
}
GRACE = 120  # s in which a guest boots, or finds its way back
TELLING = 48  # MB: how long less takes says more of the figures' period than of the guest,
TELLING_MORE = 16  # but that it is faster than it was
FORGOTTEN = 60  # s: a request of before the history that is older than this is done, or its guest does not follow
DONE = 120  # s
BEGINS_WITHIN = 30  # s: with what it may take beyond what the sum has shown, a guest begins no later
SLOWEST_GIVING, SLOWEST_TAKING = 3, 8  # MB/s: a third and a fifth of the slow live host's
LEAST_USE = 16  # MB: no guest that runs uses less; a small one used 27 after a program of 400 had ended (measured)
STILL = 3  # s for which the sum has not risen: who gave has given
STRAYS = 20  # s in which the guest shows it who took what nobody was asked to take
ALIKE = 8  # MB
LEAST_PART = 8  # of a balloon that emptied, a guest that goes but part of the way gives that part again


class Stock(NamedTuple):
    """What the sum proves."""

    time: float  # s
    balloons: int  # MB in balloons at least
    may_take: int  # MB that guests may still take, at most
    may_give: int
    charge: int  # MB that all machines may hold, whatever their guests do next
    missing: int  # what was to be given less what was to be taken, by requests older than the sum, and is not
    lacks: int  # MB that are asked for and in no balloon, at least
    slack: int  # MB: each guest's balloon may end 1 MB short
    account: Dict[str, Any]


def take_stock(host: Dict[str, Any], records: List[Record], history: Optional[Dict[str, Any]], now: float) -> Stock:
    """Bring the account up to the newest sum."""
    account = {**ACCOUNT, **(history["sum"] if history else {})}
    time = host["time"]
    kb = host.get("ballooned_kb")
    kb = max(0, int(kb)) if isinstance(kb, (int, float)) else 0
    if history is None:
        _first_sight(account, records, kb, now)
    else:
        _note_requests(account, records, now)
        _note_gone(account, records, history["machines"], now)
    slack = 1 + sum(record.asked > 0 for record in records)
    is_newer = account["time"] is None or time > account["time"]
    stray = account["stray"]
    if is_newer and account["kb"] is not None and not account["gone"]:
        _bound_active(account, records)
        fallen = account["kb"] - kb >> 10
        if fallen > slack and fallen > _expected(account, records, time) + slack:
            stray += fallen
    strayed = time if stray > account["stray"] else account["strayed"]
    emptied = [record for record in records if _is_emptied(record, stray, strayed)]
    lost = 0
    for record in emptied:
        if _was_asked_since(record):
            _fill_again(record, account, now)
        else:
            lost += record.give
            _make_phantom(record, account, now)
    if is_newer:
        _tighten(account, records, kb, time, slack, lost if emptied else None)
        _prove(account, records, time, slack, now)
    _retire_old(account, records, now)
    _end_doubts(account, now)
    _bound_active(account, records)
    account["called"] = now
    account["gone"] = [gone for gone in account["gone"] if time <= gone[0]]
    return _stock(account, records, time, slack, now)


def _stock(account: Dict[str, Any], records: List[Record], time: float, slack: int, now: float) -> Stock:
    """Two bounds of what all may hold are known; the lower one counts."""
    memory = asked = 0
    young = waited_for = 0
    for record in records:
        memory += record.memory
        asked += record.asked
        for when, mb, done in record.gives:
            young += mb if when >= time else 0
            waited_for += mb if done is None else 0
        for when, mb, done in record.takes:
            young -= mb if when >= time else 0
            waited_for -= mb if done is None else 0
    unsure = account["unsure"][1] if now < account["unsure"][0] else 0
    may_take = account["take_now"] + unsure
    gone = sum(each[1] for each in account["gone"])
    balloons = max(0, account["kb"] // 1024 - account["phantom"] - gone)
    # what was not taken in time may be a phantom as well
    by_sum = memory - balloons + account["take"] + unsure
    by_requests = max(memory - asked + account["give"] + account["stray"] + unsure, memory - (account["kb"] >> 10))
    missing = account["rest"] - (account["kb"] // 1024 - asked) - young
    lacks = max(0, asked - (account["kb"] >> 10))
    charge = min(memory, by_sum, by_requests)
    return Stock(time, balloons, may_take, account["give"], charge, missing, lacks, slack, account)


def ask(record: Record, account: Dict[str, Any], mb: int, now: float) -> None:
    """Count a request for another balloon: so many MB more, or fewer."""
    known = record.history
    known["before"] = record.shown
    known["last"] = [now, record.raw, False]
    record.asked += mb
    had = (record.give, record.take) if record.active else (0, 0)
    if mb > 0:
        account["give"] += mb
        record.give = min(record.give + mb, record.asked)
        if not record.active:  # it goes straight there from where it stands
            record.take = max(0, record.take - mb)
        record.gives = record.gives + [[now, mb, None]]
        known["left"] += mb
    else:
        account["take"] -= mb
        record.take -= mb
        known["unshown"] = max(0, known["unshown"] + mb)
        known["taken"] = max(0, known["taken"] + mb)
        known["leapt"] = max(0, known["leapt"] + mb)
        if not record.active:
            record.give = max(0, record.give + mb)
        record.takes = record.takes + [[now, -mb, None]]
    account["give_now"] += record.give - had[0]
    account["take_now"] += record.take - had[1]
    known["due"] = max(known["due"] if record.active else 0, now + DONE) + (
        mb / SLOWEST_GIVING if mb > 0 else -mb / SLOWEST_TAKING
    )
    record.active = True
    record.hold = record.memory - record.asked
    known["shown"] = record.asked
    count_again(record, account, known["recent"][-1][1] if known["recent"] else 0)


def count_again(record: Record, account: Dict[str, Any], use: int) -> None:
    """What leapt may be its balloon that emptied: with the request under way it gives that once more, and VirtualBox counts it twice."""
    known = record.history
    again = known["leapt"]
    if not again or known["again"]:
        return
    known["leapt"], known["again"], known["again_use"] = 0, again, use
    _count_twice(record, account, again)
    account["again"] = [mb + again for mb in account["again"]]


def _count_twice(record: Record, account: Dict[str, Any], mb: int) -> None:
    """It may give so many MB once more, and VirtualBox count them twice."""
    record.history["phantom"] += mb
    record.history["due"] += mb / SLOWEST_GIVING
    record.give = min(record.give + mb, record.asked)
    for each in ("phantom", "give", "give_now"):
        account[each] += mb


def _cut_again(account: Dict[str, Any], give: int, phantom: int) -> None:
    """So many MB of the bounds are gone: they may be what count_again had added."""
    account["again"] = [max(0, mb - max(0, cut)) for mb, cut in zip(account["again"], (give, phantom))]


def settle_again(record: Record, account: Dict[str, Any]) -> None:
    """Once it should have followed, its use has risen by what it gave once more (an eighth at least: it may go but part of the way), or it had not emptied.

    Where the sum has risen by so much that the rest of the bounds would not be left without it, it had emptied, whatever it uses by now.
    """
    known = record.history
    if not known["again"] or is_followed(record):
        return
    if record.active and record.sample["time"] < account["risen"] + STILL:
        return
    if record.active and record.use_most > known["recent"][0][1] + ALIKE // 2:  # it may be slow, and be about it still
        return
    again, known["again"] = known["again"], 0
    left = account["again"]
    _cut_again(account, again, again)
    give, phantom = min(again, left[0]), min(again, left[1])
    if account["give"] < give - ALIKE or account["phantom"] < phantom - ALIKE:
        return
    asked_since = known["last"] is not None and known["last"][0] > known["leapt_at"]
    shows_no_step = not asked_since or record.use_most < known["again_use"] - ALIKE
    if shows_no_step:  # nobody knows more than before
        known["leapt"] = known["held"] = again
    not_again = max(0, again - LEAST_PART * max(0, record.use_most - known["again_use"]))
    known["phantom"] = max(0, known["phantom"] - not_again)
    account["give"] = max(0, account["give"] - min(not_again, give))
    account["phantom"] = max(0, account["phantom"] - min(not_again, phantom))
    account["give_now"] = min(account["give_now"], account["give"])


def _make_phantom(record: Record, account: Dict[str, Any], now: float) -> None:
    """The guest restarted: its balloon is empty, and VirtualBox goes on counting it, or not: the next sum says which.

    It may have its balloon still, as far as what is free leaves room for it, and take that when it is asked for anything less.
    """
    held, free = record.most(), record.raw[1]
    boots = record.boots()
    left = min(held, (record.raw[0] - free >> 10) - LEAST_USE) if not boots and isinstance(free, int) else 0
    proven = left < record.least()  # it cannot hold what it did
    record.history.update(unshown=0, taken=0, leapt=0, again=0)
    record.history["phantom"] += held
    account["phantom"] += held
    account["rest"] += record.asked
    if not boots and now - account["strayed"] < STRAYS:  # it may be who took what nobody was asked to take
        account["stray"] = max(0, account["stray"] - held)
    record.active, record.asked, record.give, record.take = False, 0, 0, max(0, left)
    account["take"] += record.take
    record.history["emptied"] = record.take if proven else 0
    account["rested"] = [account["rested"][0], account["rested"][1] + record.take]
    record.history["rested"] = [0, record.take]
    record.gives, record.takes = [], []
    record.hold = record.memory
    record.history["fixed"] = ["guest_restarted", now + GRACE]
    forget_uses(record.history)


def _fill_again(record: Record, account: Dict[str, Any], now: float) -> None:
    """The guest has emptied its balloon, but was asked to give meanwhile, perhaps: it goes all the way to what it was asked for then."""
    _count_twice(record, account, record.asked)
    if now - account["strayed"] < STRAYS:
        account["stray"] = max(0, account["stray"] - record.asked)
    record.history.update(unshown=0, taken=0, leapt=0, again=0, fixed=["guest_restarted", now + GRACE])
    forget_uses(record.history)


def _was_asked_since(record: Record) -> bool:
    """Whether it was asked to give since its figures of before: its balloon may fill already."""
    known = record.history
    return not record.boots() and bool(record.gives) and known["last"][0] > (known["seen"] or 0)


def _is_emptied(record: Record, stray: int, strayed: float) -> bool:
    """Whether the guest boots, or has more free than its balloon would leave it; or it is who took so many MB that nobody was asked to take."""
    most = record.most()
    if not record.running or most <= ALIKE:
        return False
    if record.boots():
        return True
    sample = record.sample
    if not sample or record.takes or sample.get("balloon_kb"):
        return False
    total, free, _cache = record.raw
    raw = record.history["raw"]
    if not isinstance(total, int) or not isinstance(free, int) or not 0 <= free <= total:
        return False
    is_old = record.shows_nothing_new()  # of before its last request, perhaps
    if free + record.least() * 1024 > total + 2048 and not is_old:
        return True
    if not raw or not isinstance(raw[1], int) or free - raw[1] < 8 * ALIKE * 1024:
        return False
    rise = free - raw[1] >> 10
    asked, used_before, used_now = record.asked, total - raw[1] >> 10, total - free >> 10
    if rise <= 2 * record.history["swing"]:
        return False
    if used_now < asked + LEAST_USE <= used_before:
        return True  # so much that it cannot hold its balloon any more
    # what it was starved of, it uses at once. Where nothing is missing in the sum, a program may have ended: see suspects
    shown = (record.history["seen"] or 0) > strayed + STRAYS  # by its figures since, that it took nothing
    return not shown and 8 * ALIKE <= stray <= 4 * rise and max(rise, stray) <= most + ALIKE


def _was_not_empty(record: Record, fallen: int) -> bool:
    """Whether a guest that was taken to have restarted has as much more free as the sum fell: it had a balloon, and takes from it."""
    raw, free = record.history["raw"], record.raw[1]
    if not record.active or not record.history["phantom"] or not raw or fallen <= record.most() + ALIKE:
        return False
    if not isinstance(raw[1], int) or not isinstance(free, int):
        return False
    return abs((free - raw[1] >> 10) - fallen) <= ALIKE + fallen // 8


def _first_sight(account: Dict[str, Any], records: List[Record], kb: int, now: float) -> None:
    """Without a history: requests are taken as done but for recent ones, as far as the sum agrees."""
    recent = 0
    excess = (kb >> 10) - sum(record.shown for record in records)
    for record in records:
        record.asked = record.history["shown"] = record.shown
        record.hold = record.memory - record.asked
        record.give = min(record.asked, max(0, -excess))
        record.history["rested"] = [record.give, 0]
        if record.give:  # it may be giving just now
            record.active, record.history["due"] = True, now + DONE + record.give / SLOWEST_GIVING
        when = record.machine.get("request_time")
        if when is not None and now - when < FORGOTTEN:
            recent += max(0, record.memory * 9 // 10 - record.shown)
    account["give"], account["phantom"], account["rest"] = max(0, -excess), max(0, excess), excess
    account["give_now"] = account["give"]
    account["unsure"] = [now + FORGOTTEN, min(recent, kb // 1024)]


def _note_requests(account: Dict[str, Any], records: List[Record], now: float) -> None:
    """Machines that are new, requests that were lost, and those that others made."""
    for record in records:
        known = record.history
        if not record.is_new and record.machine.get("started") != known["started"]:
            # what a restart left in the sum stays there, or not: the sum will say
            account["gone"] = account["gone"] + [
                [now, known["asked"] + known["take"], bool(record.machine.get("restored"))]
            ]
            record.gives, record.takes, record.active = [], [], False
            if record.machine.get("restored"):  # it holds its balloon still (measured), wherever that stood
                known["started"], known["by_others"] = record.machine.get("started"), True
                forget_uses(known)
            else:
                phantom = known["phantom"]
                known = record.history = dict(NEW, started=record.machine.get("started"), phantom=phantom)
                record.asked, record.give, record.take = 0, 0, 0
                record.is_new = True
        if record.is_new:
            if record.shown:
                ask(record, account, record.shown, now)
            known["shown"], known["before"] = record.shown, None
        elif record.shown != known["shown"]:
            if record.shown == known["before"]:
                _undo(record, account)
            else:
                change = record.shown - record.asked
                if change:
                    ask(record, account, change, now)
                known["fixed"], known["by_others"] = ["changed_by_others", now + 120], True
            known["shown"], known["before"] = record.shown, None


def _undo(record: Record, account: Dict[str, Any]) -> None:
    """Our last request never reached VirtualBox."""
    gave = record.gives[-1] if record.gives else None
    took = record.takes[-1] if record.takes else None
    if gave and (not took or gave[0] >= took[0]):
        record.gives = record.gives[:-1]
        mb, kind = gave[1], "give"
    elif took:
        record.takes = record.takes[:-1]
        mb, kind = -took[1], "take"
    else:
        return
    record.asked -= mb
    account[kind] = max(0, account[kind] - abs(mb))
    if kind == "give":
        record.give = max(0, record.give - mb)
    else:
        record.take = max(0, record.take + mb)
    record.hold = record.memory - record.asked


def _note_gone(account: Dict[str, Any], records: List[Record], machines: Dict[str, Any], now: float) -> None:
    """Machines that stopped."""
    if len(machines) > len(records) or any(record.is_new for record in records):
        there = {record.uuid for record in records}
        for uuid, known in machines.items():
            if uuid not in there:
                _leave(account, known, now)


def _leave(account: Dict[str, Any], known: Dict[str, Any], now: float) -> None:
    """A sum of before that may count it still, so changes of the sum tell nothing until it surely does not."""
    account["gone"] = account["gone"] + [[now, known["asked"] + known["take"] + known["phantom"], False]]
    account["phantom"] = max(0, account["phantom"] - known["phantom"])


def _tighten(
    account: Dict[str, Any], records: List[Record], kb: int, time: float, slack: int, emptied: Optional[int]
) -> None:
    """What is still possible, now that the sum has changed.

    :param emptied: MB that those might still have given before whose balloons are found empty now; None where there are none
    """
    before, account["time"], account["kb"] = account["base"], time, kb
    if account["gone"] and before is not None and all(comes_back for _when, _mb, comes_back in account["gone"]):
        return
    account["base"] = kb
    excess = (kb >> 10) - sum(record.asked for record in records)
    if before is None or account["gone"]:
        account["rest"], account["rested"] = excess, [account["give"], account["take"]]
        for record in records:
            record.history["rested"] = [record.give, record.take]
        return
    give, take, phantom, stray = account["give"], account["take"], account["phantom"], account["stray"]
    _bound_active(account, records)
    # kB that are no whole MB count for neither side
    risen, fallen = (kb - before) // 1024, (before - kb) // 1024
    if risen > 0:
        account["risen"] = time
        given = min(max(0, risen - (emptied or 0)), account["give_now"])
        give -= given
        account["give_now"] -= given
        if risen > given:
            # what nobody could give: an empty balloon fills, that was counted all the time; it may have begun to earlier
            phantom = max(phantom + risen - given, excess + 1 + give + stray)
    elif fallen > 0 and emptied is None:
        if fallen > take + slack and any(_was_not_empty(record, fallen) for record in records):
            phantom = max(0, phantom - fallen)  # a guest that was taken to be empty has a balloon, and takes from it
        elif fallen > _expected(account, records, time) + slack:  # nobody is waited for: some guest took it by itself
            stray = max(stray, min(stray + fallen, take + phantom - excess))
        else:
            take = max(0, take - fallen)
            account["take_now"] = max(0, account["take_now"] - fallen)
    # excess = still to take - still to give + phantoms - strays
    ceiling = excess + 1 + give + stray
    if excess - phantom > take + slack:  # more than anybody can hold, by whatever phantoms
        phantom = ceiling
    elif ceiling < -slack:
        stray, ceiling = stray - ceiling, 0
    cut = phantom - ceiling
    phantom = max(0, min(phantom, ceiling))
    take = max(0, min(take, ceiling))
    _cut_again(account, give - (take - excess + phantom), cut)
    give = max(0, min(give, take - excess + phantom))
    give_now, take_now = min(account["give_now"], give), min(account["take_now"], take)
    account["give_now"], account["take_now"] = give_now, take_now
    for record in records:
        if record.active:
            record.give, record.take = min(record.give, give_now), min(record.take, take_now)
        else:
            record.give, record.take = min(record.give, give), min(record.take, take)
    account["rested"] = [min(account["rested"][0], give), min(account["rested"][1], take)]
    if stray > account["stray"]:
        account["strayed"] = time
    account["give"], account["take"], account["phantom"], account["stray"] = give, take, phantom, stray
    if kb == before and not any(is_followed(record) for record in records):
        _rest(account, records, excess, slack)


def _expected(account: Dict[str, Any], records: List[Record], time: float) -> int:
    """MB that the sum may fall by what guests take who are waited for, were asked lately, or have once not followed, at most."""
    takes = 0
    for record in records:
        if record.active and record.take:
            last, strikes = record.history["last"], record.history["strikes"]
            late = (
                not strikes and last is not None and time > last[0] + BEGINS_WITHIN + record.take / account["take_rate"]
            )
            takes += 0 if late and not is_followed(record) else record.take
    return min(account["take_now"], takes)


def _rest(account: Dict[str, Any], records: List[Record], excess: int, slack: int) -> None:
    """Nobody is waited for. Where the sum says that all was done, what is open on both sides alike is a doubt, which ends with the requests."""
    give, take = account["rested"]
    agrees = abs(excess - account["rest"]) <= slack
    # the last MB of a request may never be given, or taken: they stay open
    short, beyond = max(0, account["rest"] - excess), max(0, excess - account["rest"])
    doubt = min(account["give"] - give - short, account["take"] - take - beyond)
    for record in records:
        # a phantom hides as much that was not given
        done = agrees and not record.history["phantom"]
        rested = record.history["rested"]
        sure = [rested[0] + short, rested[1] + beyond] if done else [record.give, record.take]
        sure = record.history["rested"] = [min(sure[0], record.give), min(sure[1], record.take)]
        if not record.active:
            record.give, record.take = sure
    if doubt > 0 and agrees:
        due = max([record.history["due"] for record in records if record.active] or [account["time"]])
        account["doubts"] = account["doubts"] + [[due, doubt]]
    account["rest"], account["rested"] = excess, [account["give"], account["take"]]


def _bound_active(account: Dict[str, Any], records: List[Record]) -> None:
    """All can lack, or hold too much, what each can; and who is not active moves no more."""
    give = take = give_now = take_now = 0
    for record in records:
        give += record.give
        take += record.take
        if record.active:
            give_now += record.give
            take_now += record.take
    _cut_again(account, account["give"] - give, 0)
    cut = max(account["give"] - give, account["take"] - take)
    if cut > 0 and account["doubts"]:
        _shorten_doubts(account, cut)
    account["give"], account["take"] = min(account["give"], give), min(account["take"], take)
    account["give_now"] = min(account["give_now"], give_now, account["give"])
    account["take_now"] = min(account["take_now"], take_now, account["take"])


def _shorten_doubts(account: Dict[str, Any], mb: int) -> None:
    """So many MB of a bound are gone: they may be those that a doubt would take off when it ends, the oldest first."""
    left = []
    for due, doubt in account["doubts"]:
        part = min(doubt, mb)
        mb -= part
        account["rested"] = [max(0, each - part) for each in account["rested"]]
        if doubt > part:
            left.append([due, doubt - part])
    account["doubts"] = left


def _end_doubts(account: Dict[str, Any], now: float) -> None:
    """A guest moves within the time of its request or never, and two that stopped short by the same MB, one giving and one taking, are none."""
    ended = sum(mb for due, mb in account["doubts"] if due < now)
    if not ended:
        return
    account["doubts"] = [each for each in account["doubts"] if each[0] >= now]
    ended = min(ended, account["give"], account["take"])
    account["give"] -= ended
    account["take"] -= ended
    account["rested"] = [max(0, each - ended) for each in account["rested"]]


def is_followed(record: Record) -> bool:
    """Whether a request of its is waited for."""
    return _is_open(record.gives) or _is_open(record.takes)


def _is_open(flights: List[List[Any]]) -> bool:
    return bool(flights) and any(done is None for _when, _mb, done in flights)


def _retire_old(account: Dict[str, Any], records: List[Record], now: float) -> None:
    """Guests whose requests are over, one way or the other, move no more until they are asked again; the clock stands for one that may not run."""
    passed = now - account["called"] if account["called"] is not None else 0
    stands = False
    for record in records:
        if not record.active:
            continue
        known = record.history
        if not record.running or record.boots():
            known["due"] += passed
            stands = True
        elif now > known["due"]:
            record.active = False
    if stands:
        account["doubts"] = [[due + passed, mb] for due, mb in account["doubts"]]


def open_mb(flights: List[List[Any]], time: float) -> int:
    """MB that are waited for, of what was asked before the figures of that time."""
    return sum(mb for when, mb, done in flights if done is None and when < time)


def _prove(account: Dict[str, Any], records: List[Record], time: float, slack: int, now: float) -> None:
    """Mark the requests that are done, by the sum of this time: of what is waited for, no more can be open than the sum lacks."""
    gives = sum(open_mb(record.gives, time) for record in records if record.gives)
    takes = sum(open_mb(record.takes, time) for record in records if record.takes)
    if not gives and not takes:
        return
    young = sum(mb for record in records for when, mb, _done in record.gives if when >= time)
    young -= sum(mb for record in records for when, mb, _done in record.takes if when >= time)
    missing = account["rest"] - ((account["kb"] >> 10) - sum(record.asked for record in records)) - young
    for kind, bound, left in (("gives", "give", missing + takes), ("takes", "take", gives - missing)):
        left = min(left, account[bound + "_now"])
        left = 0 if left <= slack else left
        for record in records:
            flights = getattr(record, kind)
            if flights:
                setattr(record, kind, _proven(record, account, flights, left, time, bound, now))


def _proven(
    record: Record, account: Dict[str, Any], flights: List[List[Any]], left: int, time: float, bound: str, now: float
) -> List[List[Any]]:
    """A guest's requests with those marked that must be done; the newest may be open."""
    proven = []
    rate, known = bound + "_rate", record.history
    for when, mb, done in reversed(flights):
        if done is None and when < time:
            if left <= 0:
                done = time
                if known["last"] and known["last"][0] == when:
                    known["last"] = [*known["last"][:2], True]
                speed = max(1, int(mb / (time - when)))
                if mb >= TELLING:
                    account[rate] = max(account[rate], speed)
                if bound == "give" and mb >= TELLING_MORE:
                    known_answers = account["answers"]
                    account["answers"] = now - when if known_answers is None else (known_answers + now - when) / 2
                if bound == "give" and (mb >= TELLING or mb >= TELLING_MORE and speed >= known["rate"]):
                    known["rate"], known["proved"] = min(2 * known["rate"], speed), time
                known["strikes"] = 0
            else:
                left -= mb
        proven.append([when, mb, done])
    proven.reverse()
    return proven
