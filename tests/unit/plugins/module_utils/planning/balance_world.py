# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A host whose guests do what they are told to by a test, however bad, and a second reading of the law."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance

HIDDEN = 80  # MB of a machine's memory that its guest never shows
RESERVE = 1024


@dataclass
class Guest:
    """MB. ``wants`` are the requests that it has not finished, in their order."""

    memory: int
    use: int
    balloon: int
    shown: int = 0
    wants: list[int] = field(default_factory=list)
    phantom: int = 0
    says_free: int | None = None  # a lie
    state: str = "running"
    additions: int = 2
    tick: int = 0
    silent: bool = False
    idle: bool = False  # its figures stand still, to the kB

    @property
    def free(self) -> int:
        return max(0, self.memory - HIDDEN - self.use - self.balloon)

    def ask(self, size: int) -> None:
        self.shown = size
        if self.state == "running":
            self.wants = self.wants[:1] + [size]

    def move(self, most: int) -> None:
        """Follow its requests by so many MB at most, each to its end before the next."""
        while self.wants and most > 0:
            way = self.wants[0] - self.balloon
            part = max(-most, min(most, way))
            self.balloon += part
            most -= abs(part)
            if self.balloon == self.wants[0]:
                self.wants.pop(0)


@dataclass
class World:
    guests: list[Guest]
    budget: int
    policy: dict[str, Any] = field(default_factory=dict)
    now: int = 1000
    history: Any = None

    def __post_init__(self) -> None:
        for guest in self.guests:
            guest.shown = guest.balloon

    @property
    def charge(self) -> int:
        return sum(guest.memory - guest.balloon for guest in self.guests)

    def host(self) -> dict[str, Any]:
        return {
            "time": self.now,
            "total_mb": self.budget + RESERVE,
            "available_mb": self.budget + RESERVE,
            "vmm_used_kb": 0,
            "vmm_free_kb": 0,
            "ballooned_kb": sum(guest.balloon + guest.phantom for guest in self.guests) * 1024,
        }

    def machines(self) -> list[dict[str, Any]]:
        return [self._machine(index, guest) for index, guest in enumerate(self.guests)]

    def _machine(self, index: int, guest: Guest) -> dict[str, Any]:
        free = guest.free if guest.says_free is None else guest.says_free
        guest.tick += 1
        sample = {
            "time": self.now,
            "total_kb": (guest.memory - HIDDEN) * 1024,
            "free_kb": free * 1024 + (0 if guest.idle else guest.tick % 997),
            "cache_kb": free * 100,
            "balloon_kb": 0,
        }
        return {
            "uuid": f"vm{index}",
            "name": f"machine {index}",
            "memory_mb": guest.memory,
            "state": guest.state,
            "large_pages": False,
            "additions": guest.additions,
            "request_mb": guest.shown,
            "sample": None if guest.silent else sample,
        }

    def full_policy(self) -> dict[str, Any]:
        return {"reserve": RESERVE, "period": 5, **self.policy}

    def plan(self, reservations: list | None = None) -> dict[str, Any]:
        self.seen = (self.host(), self.machines())
        return balance.plan(*self.seen, self.full_policy(), reservations or [], self.history, self.now)

    def round(self, seconds: int = 5) -> dict[str, Any]:
        """Plan, and ask what is planned; nobody has moved yet."""
        plan = self.plan()
        self.history = plan["history"]
        for step in plan["steps"]:
            self.guests[int(step["uuid"][2:])].ask(step["request_mb"])
        self.now += seconds
        return plan

    def quiet(self, rounds: int, seconds: int = 5) -> list[dict[str, Any]]:
        """Rounds in which all guests follow at once."""
        plans = []
        for _each in range(rounds):
            plans.append(self.round(seconds))
            for guest in self.guests:
                guest.move(10**6)
        return plans


def recompute(row: dict[str, Any], host: dict[str, Any]) -> tuple[str, int]:
    """Code and step (MB of balloon) of a managed machine, from the figures of its explanation alone. Written from docs/balance-law.md."""
    f = row["figures"]
    hold, target, need, band = f["holds_mb"], f["target_mb"], f["need_mb"], f["band_mb"]
    censored = f["free_mb"] < max(80, f["hard_reserve_mb"] // 2)
    urgency = None
    if not f["late"] and hold < f["ceiling_mb"] and (target > hold or hold < need):
        if censored and hold < need:
            urgency = 0
        elif hold < need - band // 2:
            urgency = 1
        else:
            urgency = 2 if censored or 2 * hold < need + f["comfortable_mb"] else 3
    took = _took(f, urgency, target, hold, need, band)
    if took and not f["waits_mb"]:
        return _why_it_takes(f, urgency, censored, hold), -took
    gave = _gave(f, host, target, hold, band, urgency)
    if gave:
        return _why_it_gives(row, host, hold), gave
    if (
        f["asks_back_mb"]
        and f["held_back_mb"]
        and f["harmless_mb"] < _least(f, host["over_mb"] > 0) <= f["room_mb"] // 2
    ):
        return "unsure", -f["asks_back_mb"]
    return _why_nothing(f, host, row, urgency, target, hold, band), 0


def _took(f, urgency, target, hold, need, band) -> int:
    first = 0
    if urgency in (0, 1):
        wanted = max(f["least_take_mb"], min(need, target) - hold)
        first = f["offered_mb"] if f["offered_mb"] >= max(1, min(wanted, 32), f["least_take_mb"]) else 0
    if urgency is None:
        return 0
    beyond = f["offered_beyond_mb"]
    wanted = (target if urgency == 3 else min(target, f["keep_mb"])) - hold - first
    second = min(wanted, beyond)
    least = 64 if urgency == 3 else 32
    if beyond <= 0 or wanted <= 0 or second < min(wanted, least) or (urgency == 3 and wanted < max(band, 64)):
        second = 0
    return first + second if first + second >= f["least_take_mb"] else 0


def _why_it_takes(f, urgency, censored, hold) -> str:
    if urgency in (0, 1):
        return "starving" if censored else "rising" if f["rising"] else "below_need"
    if urgency == 2:
        return "below_need"
    return "cache" if f["keep_mb"] <= hold < f["cached_mb"] else "surplus"


def _hindrance(f, host, target, hold, band, urgent) -> str | None:
    over = host["over_mb"] > 0
    if f["watched_s"] < f["window_s"] and not (over and f["watched_s"] >= 60):
        return "window_not_full"
    if hold <= f["floor_mb"]:
        return "at_floor"
    if f["grown_s"] is not None and f["grown_s"] < 60 and not over:
        return "grown_recently"
    if f["busy"]:
        return "in_flight"
    if f["harmless_mb"] < _least(f, over):
        return "dead_band"
    if not over and not urgent and hold - target < band:
        return "dead_band"
    return None


def _gave(f, host, target, hold, band, urgency) -> int:
    too_large = hold > f["ceiling_mb"]
    left = f["left_mb"]
    if not host["givers_turn"] or f["passed_over"] or not (hold > target or too_large) or (left <= 0 and not too_large):
        return 0
    leisure = host["lack_mb"] <= 0 and host["over_mb"] <= 0
    if leisure and not too_large and hold - max(f["keep_mb"], f["lately_mb"]) < band:
        return 0
    if not too_large and not host["urgent"] and host["over_mb"] <= 0 and hold - f["lately_mb"] < band:
        return 0
    if _hindrance(f, host, target, hold, band, host["urgent"] or too_large):
        return 0
    spare = hold - f["ceiling_mb"] if left <= 0 else hold - max(target, f["floor_mb"])
    step = min(f["harmless_mb"], f["largest_mb"], spare, max(left, 32) if left > 0 else 128)
    return step if step >= _least(f, host["over_mb"] > 0) else 0


def _least(f, over) -> int:
    return 8 if over else min(32, max(8, f["memory_mb"] // 64))


def _why_it_gives(row, host, hold) -> str:
    f = row["figures"]
    if hold > f["ceiling_mb"] and f["left_mb"] <= 0:
        return "above_ceiling"
    if row["gives_to"] and row["gives_to"][0]["uuid"] != "pool":
        return "gives_to"
    return "over_budget" if host["over_mb"] > max(0, host["reserved_mb"]) else "makes_room"


def _why_nothing(f, host, row, urgency, target, hold, band) -> str:
    if urgency is not None and urgency < 3:
        coming = (
            f["waits_mb"]
            or row["takes_from"]
            or host["under_way_mb"]
            or host["held_back_mb"]
            or not host["givers_turn"]
        )
        return "waits_for_donor" if coming else "waits_for_budget"
    if f["giving_mb"] or f["taking_mb"] or f["stuck"]:
        return "in_flight"
    if target >= hold:
        if hold >= f["ceiling_mb"]:
            return "at_ceiling"
        if target == hold or target - hold >= max(band, 64):
            return "at_floor" if hold <= f["floor_mb"] else "steady"
        return "dead_band"
    if hold <= f["floor_mb"]:
        return "at_floor"
    if hold - target < band:
        return "dead_band"
    hindrance = _hindrance(f, host, target, hold, band, host["urgent"])
    if hindrance:
        return hindrance
    return "no_beneficiary" if (host["lack_mb"] <= 0 and host["over_mb"] <= 0) or host["givers_turn"] else "in_flight"
