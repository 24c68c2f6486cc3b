# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Change the balloon of a live machine: up in steps that do no harm, down at once, and wait for the guest. Sizes in MB."""

from __future__ import annotations

import time
from functools import cached_property

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.guard import (
    SLACK,
    SMALLEST_STEP,
    Guard,
    Look,
    can_hold,
    default_reserve,
    next_step,
    retreat,
)
from ansible_collections.vbox.memory.plugins.module_utils.locks import user_lock
from ansible_collections.vbox.memory.plugins.module_utils.metrics import GUEST_METRICS, HOST, PERIOD
from ansible_collections.vbox.memory.plugins.module_utils.settings import commands

FIRST_SAMPLE = 120  # seconds to wait for a guest's first figures: on a slow host 20 were too few, and once 60 in all likelihood (seen)
STALL = 60  # seconds without progress after which a guest does not follow; a slow host gave nothing for 25 s and then all (measured)
LAG = 2  # seconds that a guest's figures are behind, besides their period
HOST_BALLOONED = {"ballooned_kb": "RAM/VMM/Ballooned"}
OTHERS = 5  # how often somebody else may change the balloon under us before we give up


class Balloons:
    """What is asked of all live machines of this user; read once, when first wanted. ``log`` takes what is worth telling meanwhile."""

    def __init__(self, backend, log=None):
        self._backend = backend
        self.log = log or (lambda _words: None)
        self._asked = None

    def asked_of_others(self, uuid):
        """The sum of what is asked of the other machines that can follow."""
        return sum(size for other, size in self._read().items() if other != uuid)

    def note(self, uuid, size):
        """Keep what has just been asked of a machine."""
        if self._asked is not None:
            self._asked[uuid] = size

    def all_follow(self):
        """Whether the balloons together hold what is asked of them: then no guest has to be looked at."""
        held = self._backend.sample({HOST: HOST_BALLOONED}, FIRST_SAMPLE)[HOST]["ballooned_kb"]
        asked = self._read()
        return held is not None and abs(held // 1024 - sum(asked.values())) <= SLACK * len(asked)

    def _read(self):
        if self._asked is None:
            self._asked = {
                machine.uuid: machine.balloon_current or 0
                for machine in self._backend.read_live()
                if machine.additions_serve
            }
        return self._asked


class LiveBalloon:
    """The balloon of one live machine, on its way to another size.

    :param balloons: the :class:`Balloons` of this user
    :param wanted: an :class:`~.arguments.Wanted`, for the guard's options, ``wait``, ``timeout`` and ``partial``

    ``commands`` and ``progress`` grow as it goes; ``limited`` says in words why it stopped short, if it did, and
    ``reached`` the size that it then went back to.
    """

    def __init__(self, backend, balloons, machine, wanted):
        self.backend = backend
        self.balloons = balloons
        self.machine = machine
        self.requested = machine.balloon_current
        self.wanted = wanted
        reserve = default_reserve(machine.memory) if wanted.guard_reserve is None else wanted.guard_reserve
        self.guard = Guard(reserve, wanted.guard_cache)
        self.commands = []
        self.progress = []
        self.limited = None
        self.reached = None
        self._not_ours = None
        self._period = None
        self._started = time.monotonic()

    def plan(self, target, has=0):
        """The balloon that can be had: the target, or with ``partial`` what the guest can give of it.

        :param has: what is set already, where that is another balloon than the current one
        :raises VBoxMemoryError: ``unsafe_balloon`` when a raise would harm the guest, or when nobody can tell
        """
        has = max(has, self.machine.balloon_current)
        if target <= has or not self.wanted.guard:
            return target
        look = self._first_look
        # A paused guest cannot be watched on the way: all must be harmless in one step.
        room = self.guard.room(look) // 2 if self.machine.state == "paused" else self.guard.room(look)
        reachable = (look.given if self._holds(look) else 0) + room
        if target <= reachable:
            return target
        self.limited = self._short_of(look, reachable)
        if not self.wanted.partial:
            raise VBoxMemoryError(
                "unsafe_balloon",
                "a balloon of %d MB would harm the guest: %s. Ask for less, set partial: true to"
                " get as much as can be had, or guard: false to do it all the same" % (target, self.limited),
            )
        return reachable if reachable >= has + SMALLEST_STEP else has

    @cached_property
    def _first_look(self):
        return self._careful_look()

    def planned_commands(self, target):
        """The commands for a change to this size. A raise is sent in steps on the way, which only the guest's figures then give."""
        sizes = [self._near(target), target] if target < self.requested else [target]
        return [command for size in sizes for command in commands(self.machine.uuid, {"balloon_current": size})]

    def change(self, target):
        """Bring the balloon to its target, and wait for the guest.

        :raises VBoxMemoryError: ``balloon_limited`` when a guest had too little left on the way (with ``partial``, no error),
            ``not_following`` when it stands still, ``balloon_busy`` when another task of this user has not done with its balloon
        """
        with user_lock("balloon", self.wanted.timeout) as had:
            # What all balloons hold together is one figure, so only one may change at a time.
            if not had:
                raise VBoxMemoryError(
                    "balloon_busy",
                    "another task of this user has been changing a balloon for more than %d s: run"
                    " again when it has done" % self.wanted.timeout,
                )
            self._started = time.monotonic()
            if target < self.requested:
                self._lower(target)
                return
            self._agree()
            if target == self.requested:
                self._wait_for(target)
            elif self.wanted.guard and self.machine.state != "paused":
                self._raise(target)
            else:
                self._request(target)
                self._wait_for(target)

    def follows(self):
        """Whether the guest can hold what is asked of it. A guest that was restarted has an empty balloon, and nobody else tells."""
        return not self.requested or not self.machine.additions_serve or self._holds(self._look())

    def settle(self):
        """See to it that the guest holds what is asked of it already; gives back whether that moved anything.

        :raises VBoxMemoryError: what :meth:`change` raises
        """
        if not self.machine.additions_serve:
            return False
        before = self._look()
        self.change(self.machine.balloon_current)
        return bool(self.commands) and abs(self._look().ballooned - before.ballooned) > SLACK

    def _agree(self):
        """Bring what is asked, what the guest holds and what VirtualBox counts to the same, as far as they have come apart.

        Measured on the live host: after a restore from a saved state the guest holds its balloon, and the device takes a request for no
        change. After a restart of the guest its balloon is empty, and VirtualBox goes on counting the old one, on top of every later
        one, until the machine stops. What is asked of a paused guest is not followed when it is resumed.
        """
        if self.machine.state == "paused" or not self.machine.additions_serve:
            return
        self._wait_until_still()
        look = self._look()
        excess = look.ballooned - self.requested - self.balloons.asked_of_others(self.machine.uuid)
        if not self._holds(look):
            self._request(1)  # from here the guest is brought up in guarded steps again
        elif excess < -SLACK:
            self._request(max(1, self.requested + excess))  # likewise, from what it holds
        elif excess > SLACK:
            asked = self.requested
            self._request(self._near(asked))
            self._request(asked)
        else:
            return
        self._wait_until_still()

    def _holds(self, look):
        return look.total is None or can_hold(self.requested, look.total, look.free)

    def _lower(self, target):
        """Ask at once, then wait: whatever is counted beyond what is asked of the others is taken for this guest's."""
        self._request(self._near(target))
        self._request(target)
        if self.wanted.wait and self.machine.additions_serve:
            self._not_ours = self.balloons.asked_of_others(self.machine.uuid)
            self._wait_for(target)

    def _near(self, target):
        """Another size, to ask for first: a device that was restored takes what it believes to be there for no change."""
        return target + 1 if target + 1 != self.requested else target + 2

    def _raise(self, target):
        requested, adopted = self.requested, 0
        while True:
            look = self._wait_for(requested, watch=True)
            if look is None:
                return self._go_back()
            if requested >= target:
                return None
            now = self.backend.read(self.machine.uuid)
            if now.state != "running":
                raise VBoxMemoryError(
                    "state_blocks_change",
                    "the machine became %s while its balloon was raised to %d MB: run again when"
                    " it runs" % (now.state, target),
                )
            if now.balloon_current != requested:
                requested = self.requested = now.balloon_current
                adopted += 1
                if adopted > OTHERS:
                    raise VBoxMemoryError(
                        "balloon_busy",
                        "somebody else keeps changing this balloon, to %d MB by now: see who, then"
                        " run again" % requested,
                    )
                continue
            room = self.guard.room(self._fresh_look())
            if room <= 0:
                return self._go_back()
            if time.monotonic() - self._started >= self.wanted.timeout:
                self._give_up(target, look.given, time.monotonic())
            requested = next_step(requested, target, room)
            self._request(requested)
            if requested == target and not self.wanted.wait:
                return None

    def _fresh_look(self):
        """A look at figures that are newer than what came before: they are of the last period, and lag by a few seconds (measured)."""
        if self._period is None:
            self._period = max(PERIOD, self.backend.period(self.machine.uuid))
        time.sleep(LAG + self._period)
        return self._careful_look()

    def _go_back(self):
        """Give the guest its reserve back, and stop there."""
        look = self._careful_look()
        while True:
            balloon = retreat(look.given, self.guard.room(look))
            if balloon != self.requested:
                self._request(balloon)
            self._wait_for(balloon, always=True)
            look = self._careful_look()
            if self.guard.room(look) >= 0 or look.given <= SLACK:
                break
        self.limited, self.reached = self._short_of(look, look.given), balloon
        if not self.wanted.partial:
            raise VBoxMemoryError(
                "balloon_limited",
                "the guest had too little memory left on the way, and got back what it needs: %s."
                " Ask for less, or set partial: true to take what can be had" % self.limited,
            )

    def _wait_for(self, asked, watch=False, always=False):
        """Wait until the guest holds what was asked for, and give back the last look.

        :param watch: look after the guest's free memory too, and give back nothing as soon as it runs short
        :param always: wait even if the task does not want to
        """
        if (
            self.machine.state == "paused"
            or not self.machine.additions_serve
            or not (self.wanted.wait or watch or always)
        ):
            return None
        first, nearest, last_progress = None, None, time.monotonic()
        while True:
            look = self._careful_look() if watch else self._look()
            if watch and self.guard.room(look) - max(0, asked - look.given) < -self.guard.reserve // 4:
                return None
            distance = abs(asked - look.given)
            if distance <= SLACK or (watch and look.given > asked):
                return look
            first = distance if first is None else first
            if nearest is None or distance < nearest:
                nearest, last_progress = distance, time.monotonic()
            if self._over(last_progress):
                if look.given > asked and nearest < first:
                    return look  # it gave back, and what is still counted is of before its restart
                self._give_up(asked, look.given, last_progress)
            time.sleep(PERIOD / 2)

    def _wait_until_still(self):
        """Wait until what all balloons hold does not change. This guest is then taken to hold what is asked of it, if so much is counted."""
        last = None
        while time.monotonic() - self._started < self.wanted.timeout:
            held = self.backend.sample({HOST: HOST_BALLOONED}, FIRST_SAMPLE)[HOST]["ballooned_kb"]
            if held == last:
                break
            last = held
            time.sleep(PERIOD)
        self._not_ours = max(0, (last or 0) // 1024 - self.requested)

    def _over(self, last_progress):
        """Whether the guest has stood still for too long, or the time is over."""
        return time.monotonic() - last_progress >= STALL or time.monotonic() - self._started >= self.wanted.timeout

    def _give_up(self, asked, given, last_progress):
        still = time.monotonic() - last_progress
        why = (
            "has not moved for %d s" % still
            if still >= STALL
            else "has not got there within %d s" % self.wanted.timeout
        )
        if given < min(asked, self.requested):
            self._request(given)  # what it has not given by now it is not to give unwatched later
        raise VBoxMemoryError(
            "not_following",
            "asked for a balloon of %d MB, the guest holds %d MB and %s. See whether its Guest"
            " Additions are up to date and its memory is free; a longer timeout helps a slow host"
            % (asked, given, why),
            given_mb=given,
        )

    def _request(self, size):
        for command in commands(self.machine.uuid, {"balloon_current": size}):
            self.commands.append(command)
            self.backend.run(*command)
        self.requested = size
        self.balloons.note(self.machine.uuid, size)

    def _careful_look(self):
        """The guest now, for the guard.

        :raises VBoxMemoryError: ``unsafe_balloon`` when the guest says nothing about itself
        """
        if not self.machine.additions_serve:
            raise VBoxMemoryError(
                "unsafe_balloon",
                "the guest has no Guest Additions running, without which it gives no balloon and no"
                " figures. Install and start them in the guest, or set guard: false to ask all the same",
            )
        look = self._look()
        if look.free is None:
            raise VBoxMemoryError(
                "unsafe_balloon",
                "the guest gives no figures of its memory, so nobody can tell what it can spare. See"
                " that its Guest Additions run, or set guard: false to ask all the same",
            )
        return look

    def _look(self):
        """The guest now."""
        samples = self.backend.sample({HOST: HOST_BALLOONED, self.machine.uuid: GUEST_METRICS}, FIRST_SAMPLE)
        guest, ballooned = samples[self.machine.uuid], (samples[HOST]["ballooned_kb"] or 0) // 1024
        look = Look(
            free=_mb(guest["free_kb"]),
            cached=_mb(guest["cache_kb"]) or 0,
            total=_mb(guest["total_kb"]),
            given=self._given(guest, ballooned),
            ballooned=ballooned,
        )
        self._tell(look)
        return look

    def _tell(self, look):
        """Keep a look for the result. A module cannot speak while it runs: what is new goes to the host's log, where one can watch it."""
        last = self.progress[-1] if self.progress else {}
        now = dict(requested_mb=self.requested, given_mb=look.given, guest_free_mb=look.free)
        self.progress.append(dict(now, seconds=round(time.monotonic() - self._started, 1)))
        if now.items() - last.items():
            self.balloons.log(
                "machine %r: asked for a balloon of %d MB, holds %d MB, guest has %s MB free"
                % (self.machine.name, self.requested, look.given, look.free)
            )

    def _given(self, guest, ballooned):
        """What this guest's balloon holds: by its own word, or what VirtualBox counts for all less what is not this one's.

        The Linux kernel's own driver reports 0 whatever the balloon is (measured). At the start this guest is taken to hold what was
        asked of it, if so much is counted at all; from then on what is counted more or less is its own.
        """
        if guest["balloon_kb"]:
            return _mb(guest["balloon_kb"])
        if self._not_ours is None:
            self._not_ours = max(0, ballooned - self.requested)
        return max(0, ballooned - self._not_ours)

    def _short_of(self, look, reachable):
        return (
            "it has %d MB free, %d MB of that in its cache, and keeps %d MB and %d %% of the cache, so its balloon can be %d MB"
            % (look.free, look.cached, self.guard.reserve, self.guard.cache, max(0, reachable))
        )


def _mb(kilobytes):
    return None if kilobytes is None else kilobytes // 1024
