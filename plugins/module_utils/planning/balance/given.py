# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the guests have given, as far as VirtualBox's one figure for all of them proves it. MB.

Linux guests say 0 for their balloons; ``RAM/VMM/Ballooned`` is the sum of all. Let ``to give`` be all that guests still have to give before
their requests are done, and ``to take`` all that they still have to take (each guest's whole way is counted, as it finishes a request under
way before it begins a newer one). Then

    requests - balloons = to give - to take

and, but for new requests, neither ever grows. So an upper bound of each is kept: a request adds to it, and each new sum lowers it by what
the other bound leaves possible. Nothing else lowers it: neither time, nor what a guest says of itself. The memory that all machines can
hold at the same time, whatever their guests do next, is then

    memory - balloons + what may still be taken

A restarted guest's balloon is empty, and VirtualBox goes on counting it (measured): a phantom, which is taken off the sum.
When guests give and take at the same time the sum can leave both bounds too high by the same MB for good: they are charged. So the steps are
asked such that the two seldom overlap, see steps.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from .records import NEW, Record, forget_uses

ACCOUNT: Dict[str, Any] = {
    "time": None,  # of the last sum
    "give": 0,  # the bounds
    "take": 0,
    "give_written_off": 0,  # of which nobody is waited for any more
    "take_written_off": 0,
    "turn": None,  # since when those who take have had their turn; null while those who give have theirs
    "want": [0, 0],  # [when, MB]: the most that one machine needed at a time, of the last hour
    "gone": [],  # machines that are gone, and may be in the sum still: [seen when, MB]
    "unsure": [0, 0],  # [until when, MB]: what may still be taken by requests of before the history
    "give_rate": 9,  # MB/s of one guest; the slow live host's figures (measured), until something faster is seen
    "take_rate": 40,
}
GRACE = 120  # s in which a guest boots, or finds its way back
FORGOTTEN = 60  # s: a request of before the history that is older than this is done, or its guest does not follow


class Stock(NamedTuple):
    """What the sum proves."""

    time: float  # s
    balloons: int  # MB in balloons at least
    may_take: int  # MB that guests may still take, at most
    may_give: int
    charge: int  # MB that all machines may hold, whatever their guests do next
    difference: int  # requests - balloons, but for requests younger than the sum
    slack: int  # MB: each guest's balloon may end 1 MB short
    account: Dict[str, Any]


def take_stock(host: Dict[str, Any], records: List[Record], history: Optional[Dict[str, Any]], now: float) -> Stock:
    """Bring the account up to the newest sum."""
    account = dict(ACCOUNT if history is None else history["sum"])
    time = host["time"]
    kb = host.get("ballooned_kb")
    kb = max(0, kb) if isinstance(kb, (int, float)) else 0
    if history is None:
        _first_sight(account, records, kb, now)
    else:
        _note_requests(account, records, now)
        _note_gone(account, records, history["machines"], now)
    account["gone"] = [gone for gone in account["gone"] if time <= gone[0]]
    for record in records:
        if _is_emptied(record):
            make_phantom(record, now)
    if account["time"] is None or time > account["time"]:
        account["time"] = time
        if not account["gone"]:
            _tighten(account, records, kb)
            _prove(account, records, time)
    asked = sum(record.asked for record in records)
    phantoms = sum(record.history["phantom"][1] for record in records if record.history["phantom"])
    gone = sum(each[1] for each in account["gone"])
    may_take = account["take"] + (account["unsure"][1] if now < account["unsure"][0] else 0)
    balloons = max(0, min(kb // 1024 - phantoms - gone, asked + account["take"]))
    memory = sum(record.memory for record in records)
    young = sum(mb for record in records for when, mb, _proven in record.gives if when >= time)
    young -= sum(mb for record in records for when, mb, _proven in record.takes if when >= time)
    return Stock(
        time,
        balloons,
        may_take,
        account["give"],
        min(memory, memory - balloons + may_take),
        asked - young - balloons,
        1 + sum(record.asked > 0 for record in records),
        account,
    )


def ask(record: Record, account: Dict[str, Any], mb: int, now: float) -> None:
    """Count a request for another balloon: so many MB more, or fewer."""
    known = record.history
    known["before"] = record.shown
    if mb > 0:
        record.give += mb
        account["give"] += mb
        record.gives = record.gives + [[now, mb, None]]
    else:
        record.take -= mb
        account["take"] -= mb
        record.takes = record.takes + [[now, -mb, None]]
    record.asked += mb
    record.hold = record.memory - record.asked
    known["shown"] = record.asked


def make_phantom(record: Record, now: float) -> None:
    """The guest restarted: its balloon is empty, and VirtualBox goes on counting it."""
    least, most = record.history["phantom"] or (0, 0)
    record.history["phantom"] = [least + max(0, record.asked - record.give), most + record.asked + record.take]
    record.asked = record.give = record.take = 0
    record.gives, record.takes = [], []
    record.hold = record.memory
    record.history["fixed"] = ["guest_restarted", now + GRACE]
    forget_uses(record.history)


def _is_emptied(record: Record) -> bool:
    """Whether the guest boots, or has more free than a balloon that it surely gave would leave it."""
    if not record.asked or not record.running:
        return False
    additions = record.machine.get("additions")
    if additions is not None and additions < 2:
        return True
    sample = record.sample
    if not sample or record.take or sample.get("balloon_kb"):
        return False
    total, free = sample.get("total_kb"), sample.get("free_kb")
    if not isinstance(total, int) or not isinstance(free, int) or not 0 <= free <= total:
        return False
    return free + max(0, record.asked - record.give) * 1024 > total + 2048


def _first_sight(account: Dict[str, Any], records: List[Record], kb: int, now: float) -> None:
    """Without a history: requests are taken as done but for recent ones, as far as the sum agrees."""
    recent = 0
    for record in records:
        record.asked = record.give = record.history["shown"] = record.shown
        record.hold = record.memory - record.asked
        when = record.machine.get("request_time")
        if when is not None and now - when < FORGOTTEN:
            recent += max(0, record.memory * 9 // 10 - record.shown)
    asked = sum(record.asked for record in records)
    account["take"] = max(0, -(-kb // 1024) - asked)
    account["give"] = asked
    account["unsure"] = [now + FORGOTTEN, min(recent, kb // 1024)]
    for record in records:
        record.take = min(account["take"], max(0, record.memory * 9 // 10 - record.asked))


def _note_requests(account: Dict[str, Any], records: List[Record], now: float) -> None:
    """Machines that are new, requests that were lost, and those that others made."""
    for record in records:
        known = record.history
        if not record.is_new and record.machine.get("started") != known["started"]:
            account["gone"] = account["gone"] + [[now, _most(known)]]
            known = record.history = dict(NEW, started=record.machine.get("started"))
            record.take, record.gives, record.takes = 0, [], []
            record.is_new = True
        if record.is_new:
            known["shown"] = record.shown
            record.asked, record.give = record.shown, record.shown
            record.hold = record.memory - record.asked
            account["give"] += record.shown
        elif record.shown != known["shown"]:
            if record.shown == known["before"]:
                _undo(record, account)
            else:
                change = record.shown - record.asked
                if change:
                    ask(record, account, change, now)
                known["fixed"] = ["changed_by_others", now + 120]
            known["shown"], known["before"] = record.shown, None


def _undo(record: Record, account: Dict[str, Any]) -> None:
    """Our last request never reached VirtualBox."""
    gave = record.gives[-1] if record.gives else None
    took = record.takes[-1] if record.takes else None
    if gave and (not took or gave[0] >= took[0]):
        record.gives = record.gives[:-1]
        record.asked -= gave[1]
        record.give = max(0, record.give - gave[1])
        account["give"] = max(0, account["give"] - gave[1])
    elif took:
        record.takes = record.takes[:-1]
        record.asked += took[1]
        record.take = max(0, record.take - took[1])
        account["take"] = max(0, account["take"] - took[1])
    record.hold = record.memory - record.asked


def _note_gone(account: Dict[str, Any], records: List[Record], machines: Dict[str, Any], now: float) -> None:
    """Machines that stopped, as long as a sum of before that may count them."""
    if len(machines) > len(records) or any(record.is_new for record in records):
        there = {record.uuid for record in records}
        for uuid, known in machines.items():
            if uuid not in there:
                account["gone"] = account["gone"] + [[now, _most(known)]]


def _most(known: Dict[str, Any]) -> int:
    """MB that the sum may count for a machine."""
    return known["asked"] + known["take"] + (known["phantom"][1] if known["phantom"] else 0)


def _tighten(account: Dict[str, Any], records: List[Record], kb: int) -> None:
    """What is still possible, now that the sum is known."""
    asked = sum(record.asked for record in records)
    ghosts = [record for record in records if record.history["phantom"]]
    least = sum(record.history["phantom"][0] for record in ghosts)
    if ghosts:
        # as no more than that can be missing, no more than that can be phantoms
        most = account["give"] - asked + -(-kb // 1024)
        for record in ghosts:
            low, high = record.history["phantom"]
            high = max(0, min(high, most - (least - low)))
            record.history["phantom"] = [min(low, high), high]
        least = sum(record.history["phantom"][0] for record in ghosts)
    ghostly = sum(record.history["phantom"][1] for record in ghosts)
    low, high = asked - -(-kb // 1024) + least, asked - kb // 1024 + ghostly
    give, take = account["give"], account["take"]
    if low > give:
        give = low  # guests took some back by themselves
    take = max(0, min(take, give - low))
    give = max(0, min(give, take + high))
    account["give"], account["take"] = give, take
    account["give_written_off"] = min(account["give_written_off"], give)
    account["take_written_off"] = min(account["take_written_off"], take)
    for record in records:
        if record.give > give:
            record.give = give
        if record.take > take:
            record.take = take


def _prove(account: Dict[str, Any], records: List[Record], time: float) -> None:
    """Mark the requests that are done, by the sum of this time."""
    slack = 1 + sum(record.asked > 0 for record in records)
    for kind, bound in (("gives", "give"), ("takes", "take")):
        open_mb = account[bound] - account[bound + "_written_off"]
        open_mb = 0 if open_mb <= slack else open_mb
        rate = bound + "_rate"
        for record in records:
            flights = getattr(record, kind)
            if not flights:
                continue
            left = open_mb
            proven = []
            for when, mb, done in reversed(flights):
                if done is None and left <= 0:
                    done = time
                    if time > when:
                        account[rate] = max(account[rate], int(mb / (time - when)))
                    record.history["strikes"] = 0
                elif done is None:
                    left -= mb
                proven.append([when, mb, done])
            proven.reverse()
            setattr(record, kind, proven)
