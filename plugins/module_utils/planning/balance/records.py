# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One machine as the planner sees it, while a plan is made. Sizes in MB, times in seconds."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import HostPolicy, Limits, limits

SHORT = 4  # MB: balloons may end a little short; the smallest step has twice as many
RISE = 20  # MB/s that a guest's use is taken to rise by: what rises faster is not to meet a step
REMEMBERED = 3600  # s that what machines needed is remembered

# What is kept of a machine from one plan to the next. Flights are [asked when, MB, proven to be given or taken when (or null)].
NEW: Dict[str, Any] = {
    "started": None,  # when the machine was
    "asked": 0,  # the balloon that the guest is to come to: 0 after a restart, whatever is shown
    "shown": 0,  # what VirtualBox is to show
    "before": None,  # what it showed before our last request, in case that was lost
    "active": False,  # whether a request may still be followed
    "due": 0,  # until when
    "give": 0,  # what it may still give, at most, while it is active; and what it may lack of what was asked, after that
    "take": 0,  # what it may still take, at most; and what it may hold too much
    "rested": [0, 0],  # both, when the sum last said that not all was done
    "gives": [],
    "takes": [],
    "phantom": 0,  # MB that VirtualBox may still count for a balloon that a restart emptied, at most
    "emptied": 0,  # MB of what it may take that a balloon would hold which a restart has emptied, as its figures prove
    "raw": None,  # the last figures, to see whether they move
    "moved": None,  # when they last did
    "moved_before": 0,  # and the time before that
    "last": None,  # its last request: [asked when, the figures then, whether the sum has shown that it was followed]
    "seen": None,  # the time of the last sample
    "since": None,  # the window goes back to
    "recent": [],  # the last uses, [when, MB]
    "free": 0,  # its Free with the last of them
    "kb": 0,  # the sum of all balloons with the last of them
    "peaks": [],  # the highest and lowest use of each tenth of the window, [since when, highest, lowest]
    "band": 64,
    "swing": 0,  # how far its use swings in a tenth of the window: the median of them
    "low_since": 0,  # the time of its last figures that were not those of a starving guest
    "want": 0,  # what a starving guest was to hold when last looked at
    "boost": 0,
    "rate": 9,  # MB/s that it gives: the slow live host's (measured), until it was seen by the sum; less where its own figures show less
    "tops": [],  # the highest use of each part of the last hour, [since when, MB]
    "left": 0,  # MB of what it was asked to give that it has not given yet, as fast as that,
    "left_at": 0,  # at this time
    "proved": -1000,  # when it was last seen to be
    "episode": 0,  # what it has got since it fell short
    "grown": None,  # when it was last asked to take, as it needs that,
    "asked_back": None,  # or as nobody knows what it holds
    "shrunk": None,  # when it was last asked to give
    "shrunk_seen": None,  # by figures of this time
    "shrunk_use": 0,  # its use before that, and before what was still under way then
    "unshown": 0,  # what the sum says that it has given, and its own figures have not shown
    "taken": 0,  # what it may have taken back while its figures could not be believed
    "unbelieved": False,  # whether its figures could not be believed since they were last looked at
    "leapt": 0,  # by so much more was free at once: a program has ended, or it took that back
    "leapt_at": 0,  # later than these figures
    "held": 0,  # of that, what others may not have until it is known which
    "again": 0,  # what leapt before its last request: it may give that once more, beside what it was asked for
    "again_use": 0,  # its use before that
    "by_others": False,  # whether another program asked it, or it was restored, and something of that may be open still
    "fixed": None,  # [code, until when]: a grace, or a pause after it did not follow
    "strikes": 0,
}


RAW = ("total_kb", "free_kb", "cache_kb")


class Record:
    """A machine, its history and what the plan finds out about it."""

    __slots__ = (
        "uuid name memory shown running machine additions sample raw history limits balance is_new "
        "asked active give take gives takes fixed free cache least_given most_given use use_most recent peak rate censored full "
        "band hard comfort floor ceiling hold need comfortable keep cached lately target room unmet code step gives_to takes_from "
        "rising waits urgency offered offered_beyond left before expected harmless least_take largest grown giving taking busy passed_over late "
        "newly_seen need_now climbs stuck held asks_back".split()
    )

    def __init__(self, machine: Dict[str, Any], policy: HostPolicy, history: Optional[Dict[str, Any]]) -> None:
        self.machine = machine
        self.uuid: str = machine["uuid"]
        self.name: str = machine.get("name") or self.uuid
        self.memory: int = machine["memory_mb"]
        self.shown: int = machine.get("request_mb") or 0
        self.running: bool = machine.get("state", "running") == "running"
        self.additions: Optional[int] = machine.get("additions")
        sample = machine.get("sample")
        self.sample: Any = sample  # its figures, or None
        self.raw: List[Any] = [sample.get(key) for key in RAW] if sample else [None, None, None]
        self.is_new = history is None
        if history is None:
            history = {"started": machine.get("started")}
        # one of an older version lacks keys
        self.history: Dict[str, Any] = history.copy() if len(history) == len(NEW) else {**NEW, **history}
        settings = policy.machines.get(self.uuid, policy.defaults)
        self.balance: bool = settings.get("balance", True)
        own: Optional[Limits] = policy.common.get(self.memory) if settings is policy.defaults else None
        if own is None:
            own = limits(settings, self.memory)
            if settings is policy.defaults:
                policy.common[self.memory] = own
        self.limits = own
        self.floor, self.ceiling, self.hard, self.comfort = own.floor, own.ceiling, own.hard, own.comfort
        known = self.history
        self.asked: int = known["asked"]
        self.active: bool = known["active"]
        self.give: int = known["give"]
        self.take: int = known["take"]
        self.gives: List[List[Any]] = known["gives"]
        self.takes: List[List[Any]] = known["takes"]
        self.fixed: Optional[str] = None  # a code
        self.code: Optional[str] = None
        self.step = 0  # MB of balloon: more (gives) or fewer (takes)
        self.unmet = 0
        self.waits = 0
        self.urgency: Any = None  # an integer, once it is known
        self.offered = self.offered_beyond = self.left = 0
        self.free = self.cache = self.use = self.use_most = self.recent = self.peak = self.rate = 0
        self.least_given = self.most_given = 0
        self.band = known["band"]
        self.censored = self.full = self.rising = False
        self.target = self.room = self.need = self.comfortable = self.keep = self.cached = self.lately = (
            self.expected
        ) = self.need_now = 0
        self.hold = self.before = self.memory - self.asked
        self.newly_seen = 0  # MB given that these figures are the first to show
        self.busy = self.passed_over = self.late = self.climbs = self.stuck = False
        # as they were before this plan's steps
        self.harmless = self.least_take = self.largest = self.giving = self.taking = self.held = self.asks_back = 0
        self.grown: Optional[float] = known["grown"]
        self.gives_to: List[Dict[str, Any]] = []
        self.takes_from: List[Dict[str, Any]] = []

    def boots(self) -> bool:
        """Whether its Guest Additions do not serve yet, or any more."""
        return self.additions is not None and self.additions < 2

    def least(self) -> int:
        """MB that its balloon holds at least."""
        return max(0, self.asked - self.give)

    def most(self) -> int:
        """MB that its balloon holds at most: VirtualBox takes no larger one."""
        return max(self.asked, min(self.asked + self.take, self.memory * 9 // 10))

    def shows_nothing_new(self) -> bool:
        """Whether its figures are those of its last request still: a guest that panicked goes on showing them (measured)."""
        last = self.history["last"]
        return last is not None and last[1] == self.raw

    def risk(self) -> int:
        """MB that it may take by a request to give, as it goes from where its balloon stands, and that is not known."""
        return max(0, self.take - self.history["emptied"])

    def swings_by(self, mb: int) -> bool:
        """Whether its use goes as far as that at once, some time, as it trembles: by 5/2 of what it mostly swings by."""
        return 2 * mb <= 5 * self.history["swing"]

    def held_back(self) -> int:
        """MB of what leapt that others may not have until it is known what that was."""
        known = self.history
        return min(known["held"], max(known["leapt"], known["again"]), self.asked)

    def memorize(self) -> Dict[str, Any]:
        """Its history after this plan."""
        known = self.history
        known["asked"], known["give"], known["take"] = self.asked, self.give, self.take
        known["active"] = self.active
        known["emptied"] = min(known["emptied"], self.take)
        known["by_others"] = known["by_others"] and max(self.give, self.take) > SHORT
        known["gives"], known["takes"], known["band"] = self.gives, self.takes, self.band
        return known


def forget_uses(known: Dict[str, Any]) -> None:
    """What a guest used before it restarted says nothing."""
    known.update(since=None, recent=[], peaks=[], tops=[], boost=0, want=0)
