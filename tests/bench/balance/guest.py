# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One guest: its memory second by second, its balloon, its figures, and its misbehaviour."""

from __future__ import annotations

from bench.balance.parameters import hidden_mb, value
from bench.balance.scenario import Fault, Machine, Scenario, Walk

DEATH = int(value("death"))
BOOT_USES = int(value("boot_uses"))
RISE = int(value("rise"))
CACHE_GROWS = int(value("cache_grows"))
CACHE_LEAVES = 64  # MB of MemFree that a cache never takes
NONE = -1  # no request

RUNNING, BOOTING, PAUSED, DEAD = "running", "booting", "paused", "dead"
OUR_ACT, PAST_ITS_ROOM, LIAR, OTHERS, UNSEEN = "our_act", "past_its_room", "liar", "others", "unseen"
LAG = int(value("lag"))
LONG_AGO = -1000  # s


class Guest:
    """All sizes are whole MB."""

    __slots__ = (
        "index name memory total most walk bad noise state need cache cache_wanted touched balloon shown shown_at current pending "
        "begins began_with gave phantom lost unseen down up delay partial obeys lies frozen starved still until booted recovering "
        "direction died charged stubborn restored started foreign asked pending_asked emptied lied".split()
    )

    def __init__(self, index: int, machine: Machine, scenario: Scenario, noise: tuple[int, ...]) -> None:
        self.index = index
        self.name = machine.name
        self.memory = machine.memory
        self.total = machine.memory - hidden_mb(machine.memory)
        self.most = machine.most
        self.walk = Walk(machine.need, noise, index * 977)
        self.bad = machine.bad
        self.state = RUNNING
        self.need = 0
        self.cache = self.cache_wanted = machine.cache
        self.balloon = self.shown = machine.balloon
        self.shown_at = None
        self.current = self.pending = NONE
        self.begins = 0
        self.asked = self.pending_asked = 0  # when the requests were made
        self.emptied = self.lied = (
            LONG_AGO  # when it last took all back by itself; until when it lied, or its figures stood still
        )
        self.began_with = 0
        self.gave = 0  # MB by the request under way, or the one that ended last
        self.phantom = 0
        self.lost = 0  # MB taken back by itself, for the host to notice
        self.unseen = 0  # MB of that which neither VirtualBox nor the guest's figures tell
        self.down, self.up = scenario.down, scenario.up
        self.delay = 0
        self.partial = 1.0
        self.obeys = True
        self.lies = None
        self.frozen = None
        self.starved = 0
        self.still = False
        self.until = 0.0
        self.booted = 0
        self.recovering = False
        self.stubborn = False  # does nothing for a request of 0, since it was restored
        self.restored, self.started = False, None
        self.foreign = NONE  # MB that another program has asked for, as long as that is what is shown
        self.direction = 0
        self.died = None
        self.touched = 0  # MB that VirtualBox has allocated for it
        self.charged = self.memory - self.balloon

    def ask(self, size: int, second: int) -> None:
        """A request of the controller: shown at once, followed when the one under way is finished."""
        self.shown_at = second
        self._be_asked(size, second)

    def _be_asked(self, size: int, second: int) -> None:
        self.shown = size
        self.still = False
        if self.state in (PAUSED, BOOTING) or not self.obeys or (self.stubborn and size == 0):
            return  # accepted, and lost: virtualbox-findings, Running machines
        self.stubborn = False
        if self.current == NONE:
            self.asked = second
            self._begin(size, second)
        elif second <= self.begins:
            self.asked = second
            self._begin(size, self.begins - self.delay)  # it has not looked yet what it is to do
        else:
            self.pending, self.pending_asked = size, second

    def _begin(self, size: int, second: int) -> None:
        self.began_with = self.balloon
        if self.partial < 1.0:
            size = self.balloon + int((size - self.balloon) * self.partial)
        self.current, self.begins = size, second + self.delay

    def promised(self) -> int:
        """MB that it can come to hold without any further request."""
        balloon = self.balloon
        if self.current != NONE:
            balloon = min(balloon, self.current)
        if self.pending != NONE:
            balloon = min(balloon, self.pending)
        return self.memory - balloon

    def step(self, second: int) -> None:
        """One second of what the guest does."""
        self.still = True
        need = self._need(second)
        asked = self.current  # a newer request waits until it is finished
        filled = asked != NONE and self._move_balloon(second)
        room = self.total - self.balloon
        free = room - need
        if filled and free < DEATH and self.state is RUNNING:
            self._die(room, need, asked)
        self.need = need
        self.charged = self.memory - self.balloon
        if self.state is DEAD:
            self.starved = need
            self.touched = min(self.touched, self.charged)
            return
        self.starved = DEATH - free if free < DEATH else 0
        self._fill_cache(free)
        held = self.memory - self.total + need + self.cache
        self.touched = min(max(self.touched, held), self.charged)

    def _need(self, second: int) -> int:
        """MB that its programs want now; sets until when that holds."""
        need = self.walk.at(second)
        self.until = self.walk.until
        if self.state is PAUSED:
            return self.need
        if need > self.most:
            need = self.most
        elif need < 64:
            need = 64
        if self.state is BOOTING:
            if second < self.booted:
                self.until = min(self.until, self.booted)
                return BOOT_USES
            self.state, self.recovering, self.frozen = RUNNING, True, None
        if self.recovering:
            ready = BOOT_USES + RISE * (second - self.booted)
            if ready < need:
                self.still = False
                return ready
            self.recovering = False
        return need

    def _move_balloon(self, second: int) -> bool:
        """Follow the request under way; whether the balloon took memory."""
        if self.state in (PAUSED, DEAD):
            return False
        self.still = False
        if second <= self.begins:
            return False
        before, target = self.balloon, self.current
        if target > before:
            self.balloon = min(target, before + self.down)
        elif target < before:
            self.balloon = max(target, before - self.up)
        filled = self.balloon > before
        self.gave = self.balloon - self.began_with
        if self.balloon == target:
            self.current = NONE
            if self.pending != NONE:
                pending, self.pending, self.asked = self.pending, NONE, self.pending_asked
                self._begin(pending, second)
        return filled

    def _die(self, room: int, need: int, asked: int) -> None:
        """A balloon fills on its way to what was asked, while less than DEATH is free: whose act was it?

        Who asks by the figures that there are cannot know what a guest did in the seconds that these are old.
        """
        if self.lies or self.frozen is not None or self.asked < self.lied + LAG:
            self.died = LIAR
        elif self.foreign in (self.shown, asked):
            self.died = OTHERS
        elif self.asked < self.emptied + LAG:
            self.died = UNSEEN
        elif room + self.gave - need < DEATH:
            self.died = PAST_ITS_ROOM
        else:
            self.died = OUR_ACT
        self.state = DEAD
        self.current = self.pending = NONE

    def _fill_cache(self, free: int) -> None:
        """The cache grows into free memory at its speed, and is dropped at once."""
        most = min(self.cache_wanted, free - CACHE_LEAVES)
        if most > self.cache + CACHE_GROWS:
            self.cache += CACHE_GROWS
            self.still = False
        else:
            self.cache = max(0, most)

    def tells(self) -> bool:
        """Whether its figures are those of now, and true."""
        return self.frozen is None and not self.lies

    def hides(self) -> bool:
        """Whether it took back what it was starved of: as much is free as if a program had ended, and its balloon could be there still.

        A larger one that was asked for since, and not given, says nothing: it may not follow.
        """
        return (
            self.total - max(self.total - self.balloon - self.need, DEATH) >= min(self.shown, self.unseen) + BOOT_USES
        )

    def sample(self, second: int) -> dict | None:
        """Its figures as VirtualBox has them; what stands still is printed like fresh ones."""
        if self.frozen is not None:
            return self.frozen
        free = max(self.total - self.balloon - self.need, DEATH)
        cache = min(self.cache, free)
        if self.lies:
            free, cache = self.lies(self, free, cache)
        rests = self.still and not self.starved  # its figures stand still, to the kB: docs/live-host-measurements.md
        figures = {
            "total_kb": self.total * 1024,
            "free_kb": free * 1024 + (0 if rests else (second * 7919 + self.index * 104729) % 400),
            "cache_kb": cache * 1024,
            "balloon_kb": 0,
        }
        if self.state is not RUNNING:
            self.frozen = figures
        return figures

    def go_wrong(self, fault: Fault, second: int) -> None:
        """One of FAULTS happens."""
        if self.state is DEAD:
            return
        FAULTS[fault.kind](self, fault, second)
        self.still = False


def _late(guest: Guest, fault: Fault, second: int) -> None:
    guest.delay = int(fault.value)


def _slow(guest: Guest, fault: Fault, second: int) -> None:
    guest.down, guest.up = int(fault.value), int(fault.other)


def _partial(guest: Guest, fault: Fault, second: int) -> None:
    guest.partial = fault.value


def _never(guest: Guest, fault: Fault, second: int) -> None:
    guest.obeys = False
    guest.current = guest.pending = NONE


def _obeys(guest: Guest, fault: Fault, second: int) -> None:
    if not guest.tells():
        guest.lied = second
    guest.obeys, guest.partial, guest.delay, guest.lies = True, 1.0, 0, None
    if guest.state is RUNNING:
        guest.frozen = None


def _empties(guest: Guest, fault: Fault, second: int) -> None:
    """The guest has its memory back by itself; with a value, VirtualBox is not told, and goes on counting the old balloon."""
    told = not fault.value
    guest.unseen += guest.balloon if not told and (guest.starved or not guest.tells()) else 0
    guest.emptied = second
    _empty(guest, told)


def _empty(guest: Guest, told: bool) -> None:
    guest.lost += guest.balloon
    guest.phantom += 0 if told else guest.balloon
    guest.balloon = 0
    guest.current = guest.pending = NONE
    guest.charged = guest.memory


def _restart(guest: Guest, fault: Fault, second: int) -> None:
    if guest.state is PAUSED:
        return
    figures = guest.sample(second)
    _empty(guest, told=False)  # live host, 6
    guest.state, guest.frozen, guest.booted = BOOTING, figures, second + int(fault.value)
    guest.recovering = False
    guest.cache = 0


def _pause(guest: Guest, fault: Fault, second: int) -> None:
    if guest.state is RUNNING:
        guest.frozen = guest.sample(second)
        guest.state = PAUSED


def _resume(guest: Guest, fault: Fault, second: int) -> None:
    if guest.state is PAUSED:
        guest.state, guest.frozen = RUNNING, None
        guest.recovering, guest.booted = True, second - (guest.need - BOOT_USES) // RISE


def _restore(guest: Guest, fault: Fault, second: int) -> None:
    """Saved and started again: it holds its balloon, and a request of 0 does nothing until another was made (live host, 4)."""
    guest.stubborn = guest.restored = True
    guest.started = second
    guest.current = guest.pending = NONE


def _foreign(guest: Guest, fault: Fault, second: int) -> None:
    """Another program asks it for that part of its memory."""
    size = int(guest.memory * fault.value)
    guest.lost += max(0, guest.balloon - size)
    guest.foreign = size
    guest._be_asked(size, second)


def _stale(guest: Guest, fault: Fault, second: int) -> None:
    guest.frozen = guest.sample(second)


def _says_more(part: float):
    return lambda guest, free, cache: (int(free + (guest.total - guest.balloon - free) * part), cache)


def _lies_more(guest: Guest, fault: Fault, second: int) -> None:
    """More is free, it says, than is: the part of what it uses that it denies."""
    guest.lies = _says_more(fault.value)


def _lies_less(guest: Guest, fault: Fault, second: int) -> None:
    """Hardly anything is free, it says: to be given more."""
    guest.lies = lambda guest, free, cache: (max(DEATH, int(free * fault.value)), 0)


def _lies_impossibly(guest: Guest, fault: Fault, second: int) -> None:
    """More is free than it has, and more cache than that."""
    guest.lies = lambda guest, free, cache: (guest.total + 512, guest.total + 1024)


FAULTS = {
    "late": _late,  # begins each request that many seconds later
    "slow": _slow,  # MB/s down, and up
    "partial": _partial,  # goes that part of each way
    "never": _never,  # follows no more
    "obeys": _obeys,  # in order again, as far as it can be
    "empties": _empties,  # takes all back by itself; with 1, and VirtualBox is not told
    "restart": _restart,  # and boots for that many seconds
    "pause": _pause,
    "resume": _resume,
    "restore": _restore,
    "foreign": _foreign,  # another program asks it for that part of its memory
    "stale": _stale,  # figures stand still
    "lies_more": _lies_more,
    "lies_less": _lies_less,
    "lies_impossibly": _lies_impossibly,
}
