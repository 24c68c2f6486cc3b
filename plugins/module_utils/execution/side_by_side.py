# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Look after several guests at a time, from one look at all of them. Sizes in MB.

What a guest is to do is a generator: it is sent what was seen, and yields what it wants next. It never sleeps, and asks VirtualBox for nothing itself.

What all balloons hold is one figure, so one balloon at a time moves, and what each guest holds stays exact: while one guest's figures become newer, another
one's balloon moves. Only who needs memory back waits for nobody. While it gets it, the others count with the least that they can hold, and none is raised.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generator, Mapping, Sequence, TypeVar, Union

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import POLL_INTERVAL, Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import HOST, PERIOD, SET_UP_AGAIN
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.figures import LAG, Figures
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import (
    FIRST_SAMPLE,
    GUEST_MEMORY,
    HOST_BALLOONED,
    GuestObserver,
    ballooned,
    in_mb,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import GuestMemory

STALL = 60  # seconds without progress after which a guest does not follow; a slow host gave nothing for 25 s and then all (measured)


class Balloon(Enum):
    """What a guest's balloon does until the next look."""

    STILL = "it stays as it is"
    MOVES = "it is to move, when it is its turn, or does so"
    SHRINKS = "the guest gets memory back that it needs"


@dataclass(frozen=True)
class Turn:
    """Wait until no other balloon moves. The guest is not looked at meanwhile.

    :param first: before those that were there earlier
    """

    first: bool = False


@dataclass(frozen=True)
class Claim:
    """Is sent whether the balloon may move, once those have been heard that may need memory back."""


@dataclass(frozen=True)
class Look:
    """See the guest in so many seconds, or as soon as possible after; is sent a :class:`Seen`."""

    after: float
    balloon: Balloon = Balloon.STILL


@dataclass(frozen=True)
class Ask:
    """Request a balloon."""

    size: int


@dataclass(frozen=True)
class Read:
    """Is sent the :class:`.Machine` as VirtualBox has it now."""


@dataclass(frozen=True)
class Period:
    """Is sent the seconds between the guest's own figures."""


@dataclass(frozen=True)
class Seen:
    """A guest as it was seen.

    :param at: seconds of the clock at the end of the look, which took ``took`` seconds
    :param ballooned: what VirtualBox counts for all balloons
    :param turn: whether it is this guest's turn to move its balloon
    :param alone: whether no other balloon moves; else ``guest.given`` is the least that it can hold
    """

    guest: GuestMemory
    at: float
    took: float
    ballooned: int
    turn: bool
    alone: bool


Wish = Union[Turn, Claim, Look, Ask, Read, Period]
Result = TypeVar("Result")
Steps = Generator[Wish, Any, Result]


@dataclass(frozen=True)
class Task:
    """A guest, and what it is to do.

    :param observer: of this guest alone
    """

    machine: Machine
    observer: GuestObserver
    steps: Steps[None]


def look_after(backend: Backend, tasks: Sequence[Task]) -> list[VBoxMemoryError | None]:
    """Do what these guests are to do, each to its own end; gives back how each ended, in order. One guest's error stops no other."""
    return _Tasks(backend, tasks).run()


class _Guest:
    """A task under way."""

    def __init__(self, backend: Backend, task: Task, figures: Figures) -> None:
        self.machine, self.observer = task.machine, task.observer
        self.wish: Wish | None = None  # a Turn, Claim or Look; none: it has ended
        self.error: VBoxMemoryError | None = None
        self.due = 0.0
        self.waits_since = 0  # for its turn: a number that grows
        self.silent_since: float | None = None
        self.ended_at: float | None = None
        self.is_gone = False  # its machine does not run any more
        self.moves = False  # whether its balloon may be another than it was last settled for
        self.holds: int | None = None  # by the last look at which no other balloon moved
        self.rise = 0  # the most by which it can have grown since it began to move
        self.counted = 0  # what VirtualBox counted for all when it began, and what others did since
        self._began = self._lowest = 0  # what was requested then, and the least since
        self.still: tuple[float, int] | None = None  # once it has ended: since when so much is counted
        self._backend = backend
        self._figures = figures
        self._steps = task.steps

    @property
    def uuid(self) -> str:
        return self.machine.uuid

    @property
    def is_open(self) -> bool:
        return self.wish is not None

    @property
    def wants_turn(self) -> bool:
        return isinstance(self.wish, (Turn, Claim)) or (
            isinstance(self.wish, Look) and self.wish.balloon is Balloon.MOVES
        )

    @property
    def lowered(self) -> int:
        """By how much less was requested than when it began to move, negative for more."""
        return self._began - self.observer.requested

    def begins_to_move(self, requested: int, counted: int) -> None:
        if not self.moves:
            self._began = self._lowest = requested
            self.moves, self.rise, self.counted = True, 0, counted

    def advance(self, value: Any = None, error: VBoxMemoryError | None = None) -> None:
        """Go on until the next look or turn. What is asked of VirtualBox on the way is done."""
        try:
            wish = self._steps.throw(error) if error else self._steps.send(value)
            while not isinstance(wish, (Turn, Claim, Look)):
                try:
                    answer = self._done(wish)
                except VBoxMemoryError as failure:
                    wish = self._steps.throw(failure)
                else:
                    wish = self._steps.send(answer)
            self.wish = wish
        except StopIteration:
            self.wish = None
        except VBoxMemoryError as failure:
            self.wish, self.error = None, failure

    def _done(self, wish: Wish) -> Any:
        if isinstance(wish, Ask):
            if self.moves:
                self._lowest = min(self._lowest, wish.size)
                self.rise = max(self.rise, wish.size - self._lowest)
            return self._backend.change(self.uuid, {"balloon_current": wish.size})
        return self._backend.read(self.uuid) if isinstance(wish, Read) else self._figures.period(self.uuid)


class _Tasks:
    def __init__(self, backend: Backend, tasks: Sequence[Task]) -> None:
        self._backend = backend
        self._figures = Figures(backend)
        self._guests = [_Guest(backend, task, self._figures) for task in tasks]
        self._turn: _Guest | None = None
        self._counted = 0  # what VirtualBox counts for all balloons, by the last look
        self._counts_since: float | None = None  # when it was first asked for in vain
        self._number = 0

    def run(self) -> list[VBoxMemoryError | None]:
        try:
            self._counted = (ballooned(self._backend) or 0) if len(self._guests) > 1 else 0
        except VBoxMemoryError as error:
            return [error] * len(self._guests)
        for guest in self._guests:
            self._advance(guest)
        while any(guest.is_open for guest in self._guests):
            self._let_one_move({}, time.monotonic())
            if any(guest.is_open for guest in self._guests):
                self._look()
        for guest in self._guests:
            if guest.moves:
                self._settle(guest)
        return [guest.error for guest in self._guests]

    def _look(self) -> None:
        """Look at all guests that are to be looked at, and let those go on whose time has come."""
        looked_at = [guest for guest in self._guests if isinstance(guest.wish, Look)]
        now = time.monotonic()
        pause = min([guest.due - now for guest in looked_at] or [PERIOD / 2])
        if pause > 0:
            time.sleep(pause)
        wanted: dict[str, Mapping[str, str]] = {HOST: HOST_BALLOONED}
        wanted.update((guest.uuid, GUEST_MEMORY) for guest in looked_at)
        asked = time.monotonic()
        try:
            samples, silent = self._figures.look(wanted, {guest.uuid: guest.machine.name for guest in looked_at})
        except VBoxMemoryError as error:
            for guest in self._guests:
                if guest.is_open:
                    self._advance(guest, error=error)
            return
        now = time.monotonic()
        counted = in_mb(samples[HOST]["ballooned_kb"])
        if self._must_wait_for(counted, now):
            for guest in looked_at:
                guest.due = now + POLL_INTERVAL
            return
        self._counted = counted or 0
        self._settle_the_ended(now)
        seen: dict[_Guest, Seen] = {}
        for guest in looked_at:
            if guest.due <= now and not self._is_silent(guest, guest.uuid in silent, now):
                seen[guest] = self._seen(guest, samples[guest.uuid], now, now - asked)
        self._let_go_on(seen, now)

    def _seen(self, guest: _Guest, figures: Mapping[str, int | None], now: float, took: float) -> Seen:
        others = [other for other in self._guests if other is not guest and other.moves]
        if others and not guest.moves and guest.holds is not None:
            memory = guest.observer.take(figures, self._counted, given=guest.holds)
        else:
            memory = guest.observer.take(figures, self._counted, sum(other.rise for other in others))
        if not others:
            guest.holds = memory.given
        return Seen(memory, now, took, self._counted, guest is self._turn, not others)

    def _must_wait_for(self, counted: int | None, now: float) -> bool:
        if counted is not None:
            self._counts_since = None
            return False
        self._counts_since = now if self._counts_since is None else self._counts_since
        return now - self._counts_since < FIRST_SAMPLE

    def _is_silent(self, guest: _Guest, silent: bool, now: float) -> bool:
        """Whether a guest's figures are still to come; with an error where they will not, as its machine does not run any more."""
        if not silent or (guest.silent_since is not None and now - guest.silent_since >= FIRST_SAMPLE):
            guest.silent_since = guest.silent_since if silent else None
            return False
        if guest.silent_since is None or now - guest.silent_since >= SET_UP_AGAIN:
            guest.silent_since = guest.silent_since or now
            error = self._why_silent(guest)
            if error:
                self._advance(guest, error=error)
        guest.due = now + POLL_INTERVAL
        return True

    def _why_silent(self, guest: _Guest) -> VBoxMemoryError | None:
        try:
            state = self._backend.read(guest.uuid).state
        except VBoxMemoryError as error:
            return error
        if state == guest.machine.state:
            return None
        return VBoxMemoryError(
            "state_blocks_change",
            "the machine became %s while its balloon was changed to %d MB: run again when it runs"
            % (state, guest.observer.requested),
        )

    def _has_gone(self, guest: _Guest) -> bool:
        """Whether a machine does not run any more; without others it does not matter."""
        if not any(other.is_open for other in self._guests):
            return False
        try:
            return not self._backend.read(guest.uuid).live
        except VBoxMemoryError as error:
            return error.code == "machine_not_found"

    def _let_go_on(self, seen: Mapping[_Guest, Seen], now: float) -> None:
        """Those that may need memory back go first, then the one whose balloon moves, and last who may begin to."""
        last = [*([self._turn] if self._turn else []), *self._queue()[:1]]
        for guest in seen:
            if guest not in last:
                self._advance(guest, seen[guest], now)
        if self._turn is not None and self._turn in seen:
            self._advance(self._turn, seen[self._turn], now)
        self._let_one_move(seen, now)

    def _let_one_move(self, seen: Mapping[_Guest, Seen], now: float) -> None:
        """Who has waited longest may move its balloon, if no other moves."""
        for place, guest in enumerate(self._queue()):
            free = place == 0 and self._turn is None and not any(other.moves for other in self._guests)
            if isinstance(guest.wish, Look) and (place or guest not in seen):
                continue  # it has been heard, or is still to be looked at
            if free:
                self._turn = guest
                guest.begins_to_move(guest.observer.requested, self._counted)
            if isinstance(guest.wish, Claim):
                self._advance(guest, free, now)
            elif isinstance(guest.wish, Look):
                self._advance(guest, replace(seen[guest], turn=free), now)
            elif free:
                self._advance(guest, None, now)

    def _queue(self) -> list[_Guest]:
        """Those that wait for their turn, in order. Whose figures are still to come is passed over."""
        waiting = [
            guest
            for guest in self._guests
            if guest.wants_turn and guest is not self._turn and guest.silent_since is None
        ]
        return sorted(waiting, key=lambda guest: (guest.wish != Turn(first=True), guest.waits_since))

    def _advance(
        self, guest: _Guest, value: Any = None, now: float = 0.0, error: VBoxMemoryError | None = None
    ) -> None:
        """Let a guest go on, and see what becomes of the turn."""
        waited, requested = guest.wants_turn, guest.observer.requested
        guest.advance(value, error)
        wish = guest.wish
        if isinstance(wish, Look):
            guest.due = now + wish.after
        if guest.wants_turn and not waited:
            self._number += 1
            guest.waits_since = self._number
        if guest is self._turn and not guest.wants_turn:
            self._turn = None
        if wish is None:
            guest.ended_at = time.monotonic()
            guest.is_gone = guest.is_gone or (guest.error is not None and self._has_gone(guest))
        if guest.is_gone or (isinstance(wish, Look) and wish.balloon is Balloon.SHRINKS):
            guest.begins_to_move(requested, self._counted)
        elif guest.is_open and guest.moves and guest is not self._turn:
            self._settle(guest)

    def _settle(self, guest: _Guest) -> None:
        """A balloon moves no more: what it has come to hold is not the others'."""
        others = [other for other in self._guests if other is not guest]
        if guest.is_gone:
            moved = -(guest.holds or 0)  # too little is safe: the others then count with less than they hold
        elif any(other.moves for other in others):
            moved = -guest.lowered
            guest.holds = guest.observer.requested
        else:
            moved = self._counted - guest.counted
        guest.moves, guest.rise = False, 0
        for other in others:
            other.observer.others_moved(moved)
            other.counted += moved

    def _settle_the_ended(self, now: float) -> None:
        """Whose task has ended in the midst, its balloon moves on for a while: until what is counted stands still, or its machine is not counted any more."""
        for guest in self._guests:
            if guest.ended_at is None or not guest.moves:
                continue
            if guest.still is None or guest.still[1] != self._counted:
                guest.still = (now, self._counted)
            long_ago = now - guest.ended_at
            if long_ago >= LAG + PERIOD if guest.is_gone else now - guest.still[0] >= PERIOD or long_ago >= STALL:
                self._settle(guest)
