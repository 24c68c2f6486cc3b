# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One machine on its way from what it has to what is wanted: find, plan, apply, result."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vbox.memory.plugins.module_utils.balloon import LiveBalloon
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.power import Restart
from ansible_collections.vbox.memory.plugins.module_utils.preconditions import Case, check
from ansible_collections.vbox.memory.plugins.module_utils.settings import BALLOONS, SETTINGS, commands, shown
from ansible_collections.vbox.memory.plugins.module_utils.vboxmanage import command_line

# What a user can do about a state in which a setting cannot change.
WAIT = "wait until that has passed"
WAYS_OUT = {
    "poweroff": "start it first",
    "aborted": "start it first",
    "teleported": "start it first",
    "running": "shut it down first, or set on_blocked: shutdown to have it done",
    "paused": "shut it down first, or set on_blocked: shutdown to have it done",
    "saved": "start it and shut it down first, or discard its saved state",
    "aborted-saved": "start it and shut it down first, or discard its saved state",
    "gurumeditation": "power it off first",
}


class Work:
    """The work on one machine.

    :param wanted: an :class:`~.arguments.Wanted`
    :param backend: the way to VirtualBox
    :param host: the :class:`~.support.Host`
    :param balloons: the :class:`~.balloon.Balloons` of the user
    """

    def __init__(self, wanted, backend, host, balloons):
        self.wanted = wanted
        self.backend = backend
        self.host = host
        self.balloons = balloons
        self.before = self.machine = self.after = None
        self.asked, self.changes, self.pending = {}, {}, {}
        self.planned, self.ran, self.warnings, self.progress = [], [], [], []
        self.applied = self.asked_again = False
        self.balloon = self.restart = self.limited = self.error = None

    def attempt(self, step):
        """Take a step, unless an earlier one failed; an error is kept as this machine's own."""
        if self.error:
            return
        try:
            step()
        except VBoxMemoryError as error:
            self.error = error

    def find(self, found):
        """Take the machine that was found, or the error that came in its place."""
        if isinstance(found, VBoxMemoryError):
            self.error = found
        else:
            self.before = self.machine = found

    def plan(self):
        """Find out what differs, whether it may change, and how it can change now."""
        self.asked = self.wanted.values_for(self.machine)
        differs = {name: value for name, value in self.asked.items() if getattr(self.machine, name) != value}
        then = replace(self.machine, **self.asked)
        check(
            Case(
                now=self.machine,
                then=then,
                asked=self.asked,
                changes=differs,
                wanted=self.wanted,
                unsupported=self.host.unsupported,
            )
        )
        if then.large_pages and then.balloon_default:
            self.warnings.append("it has a balloon and large pages, which exclude each other: turn one of them off")
        self.changes = self._changes_now(differs)
        self._ask_the_guard()
        self.after = replace(self.machine, **self.changes)
        self.planned = self._planned_commands()

    def apply(self):
        """Make the changes and read back. An error comes with what did change."""
        self.applied, self.after = True, self.machine
        if not self.restart and not self._change_settings():
            return self._start_over()
        try:
            if self.restart:
                self._change_by_restart()
            self._change_balloon()
        except VBoxMemoryError as error:
            self._read_back_after(error)
            raise
        if not self._change_while_live():
            return self._start_over()
        if self.ran:
            self.after = self._with_known_default(self.backend.read(self.machine.uuid))
        return self._verify()

    def _start_over(self):
        """What can change now is another question: the machine was started or stopped since it was read, or the bindings are gone."""
        self.machine, self.pending = self.after, {}
        self.plan()
        return self.apply()

    def _read_back_after(self, error):
        """See what became of a change that failed. If that cannot be seen either, the first error is the one to tell."""
        try:
            self.after = self._with_known_default(self.backend.read(self.machine.uuid))
        except VBoxMemoryError:
            raise error from None

    def _with_known_default(self, machine):
        """A machine that has just been read, with the default balloon that it had while VirtualBox said it."""
        known = (
            self.after.balloon_default if machine.balloon_default is None and machine.live else machine.balloon_default
        )
        return replace(machine, balloon_default=known)

    def result(self):
        """What the modules return for this machine."""
        result = dict(
            name=self.before.name if self.before else self.wanted.name,
            uuid=self.before.uuid if self.before else None,
            state=self.machine.state if self.machine else None,
            before=shown(self.before, self.asked),
            after=shown(self.after or self.before, self.asked),
            pending=self.pending,
            commands=[command_line(command) for command in (self.ran if self.applied else self.planned)],
            warnings=self.warnings,
        )
        # A guest that was asked for the same once more, and now holds another balloon, has changed too.
        result["changed"] = result["before"] != result["after"] or self.asked_again
        if self.balloon:
            result.update(limited=self.limited is not None, limited_by=self.limited, progress=self.progress)
        if self.error:
            result.update(self.error.as_result(), failed=True)
        return result

    def _changes_now(self, differs):
        """What of the difference can change now, if need be by a restart; the rest is pending, or an error: as the task says."""
        blocked = [
            name
            for name in differs
            if self.machine.state not in SETTINGS[name].states and not self._way_while_live(name)
        ]
        self.restart = None
        if blocked and self.machine.live and self.wanted.on_blocked == "shutdown":
            self.restart = Restart(self.backend, self.machine, self.wanted)
            return differs
        refused = [SETTINGS[name].label for name in blocked if not self._may_wait(name)]
        if refused:
            raise VBoxMemoryError(
                "state_blocks_change",
                "%s cannot change while the machine is %s: %s, or set on_blocked: defer to have it"
                " reported as pending"
                % (" and ".join(refused), self.machine.state, WAYS_OUT.get(self.machine.state, WAIT)),
            )
        self.pending = {SETTINGS[name].key: differs[name] for name in blocked}
        return {name: value for name, value in differs.items() if name not in blocked}

    def _may_wait(self, name):
        # A balloon that was asked for without saying which: a live machine gets the one that it can get now.
        unnamed = name == "balloon_default" and self.machine.live and self.wanted.both_balloons
        return unnamed or self.wanted.on_blocked == "defer"

    def _way_while_live(self, name):
        """The backend's method that changes a setting of this machine while it is live; nothing if there is none, or the machine is not."""
        way = SETTINGS[name].while_live
        return getattr(self.backend, way) if way and self.machine.live else None

    def _ask_the_guard(self):
        """Let the guard say what of a balloon the guest can give, be it now or by a default at its restart."""
        self.balloon = None
        if self.machine.live and any(name in self.asked for name in BALLOONS):
            self.balloon = LiveBalloon(self.backend, self.balloons, self.machine, self.wanted)
            for name in [name for name in BALLOONS if name in self.changes and self._guarded(name)]:
                self.changes[name] = self.balloon.plan(self.changes[name], getattr(self.machine, name) or 0)
            self.changes = {name: value for name, value in self.changes.items() if getattr(self.machine, name) != value}
            self.limited = self.balloon.limited

    def _guarded(self, name):
        # A default that waits for a start is no harm now. What a guest's figures say against it is heard, where it gives any: a paused one may not.
        return (
            name == "balloon_current"
            or self.restart
            or (self.machine.state == "running" and self.machine.additions_serve)
        )

    @property
    def _settings(self):
        """What ``modifyvm`` changes, of a machine that is stopped then."""
        return {
            name: value
            for name, value in self.changes.items()
            if name != "balloon_current" and name not in self._while_live
        }

    @property
    def _while_live(self):
        """What changes without a shutdown though it is a setting of stopped machines."""
        return (
            {} if self.restart else {name: value for name, value in self.changes.items() if self._way_while_live(name)}
        )

    def _planned_commands(self):
        settings = commands(self.machine.uuid, self._settings)
        if self.restart:
            settings = self.restart.stop_commands + settings + self.restart.start_commands
            if self.asked.get("balloon_current", self.after.balloon_default) == self.after.balloon_default:
                return settings  # the default is asked for by itself
        target = self.changes.get("balloon_current")
        balloon = self.balloon.planned_commands(target) if target is not None else []
        return settings + balloon + commands(self.machine.uuid, self._while_live)

    def _run(self, *planned):
        for command in planned:
            self.ran.append(command)
            self.backend.run(*command)

    def _change_settings(self):
        """Change what one command changes; gives back whether the machine was still as it was planned for."""
        try:
            self._run(*commands(self.machine.uuid, self._settings))
        except VBoxMemoryError as error:
            self._read_back_after(error)
            if self.after.state == self.machine.state:
                raise
            return False
        self.after = replace(self.machine, **self._settings)  # as VBoxManage says, until it is read back
        return True

    def _change_while_live(self):
        """Change what needs no shutdown by this backend; gives back whether the machine and the way were still as planned for.

        A balloon that stopped short of its target is the largest that is known to do no harm, by default too.
        """
        for name, value in self._while_live.items():
            value = self.changes[name] = value if self.balloon.reached is None else min(value, self.balloon.reached)
            way = self._way_while_live(name)
            self.ran += commands(self.machine.uuid, {name: value})
            try:
                way(self.machine.uuid, value)
            except VBoxMemoryError as error:
                self._read_back_after(error)
                if self.after.state == self.machine.state and self._way_while_live(name):
                    raise
                return False
        return True

    def _change_by_restart(self):
        """Shut down, change, start. A machine that ran runs again, whatever becomes of the change."""
        self._run(*self.restart.stop_commands)
        self.restart.wait_until_stopped(self._run)
        try:
            self._run(*commands(self.machine.uuid, self._settings))
            self.after = self.backend.read(self.machine.uuid)
        finally:
            self._start()
        self.restart.wait_until_back()
        self.machine = self.backend.read(self.machine.uuid)
        self.changes.pop("balloon_current", None)
        if self.asked.get("balloon_current", self.machine.balloon_current) != self.machine.balloon_current:
            self.changes["balloon_current"] = self.asked["balloon_current"]
        self._ask_the_guard()

    def _start(self):
        try:
            self._run(*self.restart.start_commands)
        except VBoxMemoryError as error:
            raise VBoxMemoryError(
                "start_failed",
                "the machine was shut down for the change and does not start again: %s. Start it when that"
                " is mended" % error.message,
                **error.details,
            ) from error

    def _change_balloon(self):
        """Bring the balloon of a live machine to its size, or see that the guest follows what was asked of it already."""
        if not self.balloon:
            return
        try:
            if "balloon_current" in self.changes:
                self.balloon.change(self.changes["balloon_current"])
            elif (
                "balloon_current" in self.asked
                and self.wanted.wait
                and not (self.balloons.all_follow() and self.balloon.follows())
            ):
                self.asked_again = self.balloon.settle()
        finally:
            self.ran += self.balloon.commands
            self.progress += self.balloon.progress
            self.limited = self.balloon.limited
            if self.balloon.reached is not None:
                self.changes["balloon_current"] = self.balloon.reached

    def _verify(self):
        missing = [
            "%s is %s, not %s" % (SETTINGS[name].label, getattr(self.after, name), value)
            for name, value in self.changes.items()
            if getattr(self.after, name) != value
        ]
        if missing:
            raise VBoxMemoryError(
                "change_did_not_stick",
                "VBoxManage reported success, but read back %s. See what else changes this machine,"
                " then run again" % " and ".join(missing),
            )
