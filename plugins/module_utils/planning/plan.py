# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""From what a machine has and what it is to have to a plan, which is a value: made without I/O, on the host or on the controller."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Collection, Mapping, Union

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import (
    change_commands,
    power_command,
    start_command,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState, conflicting_balloon
from ansible_collections.vbox.memory.plugins.module_utils.model.features import Features
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import STOPPED, Machine, RestartNote
from ansible_collections.vbox.memory.plugins.module_utils.model.restart_note import note_key
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import BALLOONS, SETTINGS
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import (
    SMALLEST_STEP,
    Guard,
    GuestMemory,
    can_hold,
    default_reserve,
    requests_for,
)
from ansible_collections.vbox.memory.plugins.module_utils.planning.preconditions import Change, check

# What a user can do about a state in which a setting cannot change.
SHUT_DOWN = "shut it down first, or set on_blocked: shutdown to have it done"
REMEDIES = {
    "poweroff": "start it first",
    "aborted": "start it first",
    "teleported": "start it first",
    "running": SHUT_DOWN,
    "paused": SHUT_DOWN,
    "saved": "start it and shut it down first, or discard its saved state",
    "aborted-saved": "start it and shut it down first, or discard its saved state",
    "gurumeditation": "power it off first",
}
WAIT = "wait until that has passed"


@dataclass(frozen=True)
class SetValues:
    """Change settings in one go; with ``live``, of a machine that runs."""

    values: Mapping[str, Any]
    live: bool = False


@dataclass(frozen=True)
class Restart:
    """Shut the machine down, change settings, start it again as it was."""

    values: Mapping[str, Any]
    paused: bool
    frontend: str | None

    @property
    def stop_actions(self) -> tuple[str, ...]:
        """What asks the guest to shut down; a paused one has to be able to react first."""
        return ("resume", "acpipowerbutton") if self.paused else ("acpipowerbutton",)


@dataclass(frozen=True)
class StartAgain:
    """Start a machine that a run shut down, and was interrupted before it had started it again."""

    note: RestartNote


@dataclass(frozen=True)
class SetBalloon:
    """Bring the balloon of a live machine to a size, MB."""

    target: int


@dataclass(frozen=True)
class CheckBalloon:
    """See that the guest holds what is requested of it already, and request it anew if not."""


Step = Union[SetValues, Restart, StartAgain, SetBalloon, CheckBalloon]


@dataclass(frozen=True)
class MachinePlan:
    """What is to be done with one machine.

    :param requested: ``{name of a setting: value}``, as the desired state asks for
    :param pending: what of it cannot change before the machine's state does
    :param limited_by: in words, what makes the balloon smaller than what was requested
    :param after: the machine when all steps have been taken
    """

    machine: Machine
    desired: DesiredState
    requested: Mapping[str, Any]
    steps: tuple[Step, ...]
    pending: Mapping[str, Any]
    warnings: tuple[str, ...]
    limited_by: str | None
    after: Machine

    @property
    def in_sync(self) -> bool:
        """Whether the machine has all that it is to have, and no guest has to be looked at."""
        return not self.steps and not self.pending

    @property
    def waits_for_guest(self) -> bool:
        """Whether carrying it out takes as long as a guest takes."""
        return any(isinstance(step, (Restart, StartAgain, SetBalloon)) for step in self.steps)

    @property
    def commands(self) -> list[tuple[str, ...]]:
        """The VBoxManage commands that do the same."""
        return [command for step in self.steps for command in self._commands_of(step)]

    def _commands_of(self, step: Step) -> list[tuple[str, ...]]:
        uuid = self.machine.uuid
        if isinstance(step, SetValues):
            return change_commands(uuid, step.values)
        if isinstance(step, Restart):
            stop = [power_command(uuid, action) for action in step.stop_actions]
            return stop + change_commands(uuid, step.values) + [power_command(uuid, "start", step.frontend)]
        if isinstance(step, StartAgain):
            return [start_command(uuid, step.note.frontend)]
        if isinstance(step, SetBalloon):
            sizes = requests_for(step.target, self.machine.balloon_current or 0)
            return [command for size in sizes for command in change_commands(uuid, {"balloon_current": size})]
        return []


@dataclass(frozen=True)
class _Draft:
    """What differs and can change now, before the guard has a say."""

    requested: Mapping[str, Any]
    changes: Mapping[str, Any]
    pending: Mapping[str, Any]
    warnings: tuple[str, ...]
    restarts: bool
    guarded: tuple[str, ...]  # the balloons that are to become larger, and a guest has a say in


def plan(
    machine: Machine,
    desired: DesiredState,
    features: Features,
    capabilities: Collection[str],
    guest: GuestMemory | None = None,
) -> MachinePlan:
    """What differs, whether it may change, and how it can change now.

    :param capabilities: what the backend is capable of, see :attr:`.Backend.capabilities`
    :param guest: the guest's memory, where :func:`needs_guest_memory` says so
    :raises VBoxMemoryError: when a precondition is broken, the machine's state is in the way, or the guard refuses
    """
    draft = _draft(machine, desired, features, capabilities)
    changes, limited_by = dict(draft.changes), None
    for name in draft.guarded:
        changes[name], reason = _guarded_target(machine, desired, guest, name, changes[name])
        limited_by = reason or limited_by
    changes = {name: value for name, value in changes.items() if getattr(machine, name) != value}
    return MachinePlan(
        machine=machine,
        desired=desired,
        requested=draft.requested,
        steps=tuple(_steps(machine, desired, draft, changes)),
        pending=draft.pending,
        warnings=draft.warnings + _note_warnings(machine),
        limited_by=limited_by,
        after=replace(machine, **changes),
    )


def needs_guest_memory(
    machine: Machine, desired: DesiredState, features: Features, capabilities: Collection[str]
) -> bool:
    """Whether the guard needs the guest's figures for a plan: who calls samples the guest, and hands them in.

    :raises VBoxMemoryError: what :func:`plan` raises before it looks at the guest
    """
    return machine.additions_serve and bool(_draft(machine, desired, features, capabilities).guarded)


def restarts(machine: Machine, desired: DesiredState, features: Features, capabilities: Collection[str]) -> bool:
    """Whether a plan would restart the machine.

    :raises VBoxMemoryError: what :func:`plan` raises before it looks at the guest
    """
    return _draft(machine, desired, features, capabilities).restarts


def differing(machine: Machine, requested: Mapping[str, Any]) -> dict[str, Any]:
    """What of the requested settings a machine does not have."""
    return {name: value for name, value in requested.items() if getattr(machine, name) != value}


def guard_of(machine: Machine, desired: DesiredState) -> Guard:
    """The guard that a task asks for."""
    reserve = default_reserve(machine.memory or 0) if desired.guard_reserve is None else desired.guard_reserve
    return Guard(reserve, desired.guard_cache)


def require_guest_memory(machine: Machine, guest: GuestMemory | None) -> GuestMemory:
    """The guest's figures, which the guard cannot do without.

    :raises VBoxMemoryError: ``unsafe_balloon``
    """
    if not machine.additions_serve:
        raise VBoxMemoryError(
            "unsafe_balloon",
            "the guest has no Guest Additions running, without which it gives no balloon and no"
            " figures. Install and start them in the guest, or set guard: false to request it all the same",
        )
    if guest is None or guest.free is None:
        raise VBoxMemoryError(
            "unsafe_balloon",
            "the guest gives no figures of its memory, so nothing tells what it can spare. See"
            " that its Guest Additions run, or set guard: false to request it all the same",
        )
    return guest


def short_of(guest: GuestMemory, guard: Guard, reachable: int) -> str:
    """In words, why a guest's balloon cannot be larger."""
    return "%s, so its balloon can be %d MB" % (_kept(guest, guard), max(0, reachable))


def went_back(guest: GuestMemory, guard: Guard, started_from: int, balloon: int, rate: float) -> str:
    """In words, why a raise ended at a balloon, and what it went back from.

    :param rate: MB a second by which the guest's programs grew
    """
    end = (
        "went back from %d MB to %d MB" % (started_from, balloon)
        if balloon < started_from
        else "ended at %d MB" % balloon
    )
    return "its programs grew by %d MB a second meanwhile, so the raise %s; now %s" % (
        max(1, round(rate)),
        end,
        _kept(guest, guard),
    )


def _kept(guest: GuestMemory, guard: Guard) -> str:
    return "it has %s MB free, %d MB of that in its cache, and keeps %d MB and %d %% of the cache" % (
        guest.free,
        guest.cached,
        guard.reserve,
        guard.cache,
    )


def holds(balloon: int | None, guest: GuestMemory) -> bool:
    """Whether a guest can hold what is requested of it, as far as it says."""
    return guest.total is None or guest.free is None or can_hold(balloon or 0, guest.total, guest.free)


def _draft(machine: Machine, desired: DesiredState, features: Features, capabilities: Collection[str]) -> _Draft:
    requested: dict[str, Any] = desired.settings_for(machine)
    differs = differing(machine, requested)
    then = replace(machine, **requested)
    check(Change(machine, then, requested, differs, desired, features))
    blocked = [name for name in differs if not _can_change(name, machine, capabilities)]
    restarts = bool(blocked) and machine.live and desired.on_blocked == "shutdown"
    waits_for_start = restarts or machine.to_be_started  # what a live machine is to have it gets then
    if not waits_for_start:
        _refuse_blocked([name for name in blocked if not _may_wait(name, machine, desired)], machine)
    changes = {name: value for name, value in differs.items() if waits_for_start or name not in blocked}
    return _Draft(
        requested=requested,
        changes=changes,
        pending={} if waits_for_start else {SETTINGS[name].key: differs[name] for name in blocked},
        warnings=_warnings(then),
        restarts=restarts,
        guarded=tuple(name for name in BALLOONS if _guarded(name, machine, desired, changes, restarts)),
    )


def _can_change(name: str, machine: Machine, capabilities: Collection[str]) -> bool:
    setting = SETTINGS[name]
    return machine.state in setting.states or (machine.live and setting.live_capability in capabilities)


def _may_wait(name: str, machine: Machine, desired: DesiredState) -> bool:
    # A balloon that was requested without saying which: a live machine gets the one that it can get now.
    unnamed = name == "balloon_default" and machine.live and desired.both_balloons
    return unnamed or desired.on_blocked == "defer"


def _refuse_blocked(names: list[str], machine: Machine) -> None:
    if names:
        raise VBoxMemoryError(
            "state_blocks_change",
            "%s cannot change while the machine is %s: %s, or set on_blocked: defer to have it reported as pending"
            % (
                " and ".join(SETTINGS[name].label for name in names),
                machine.state,
                REMEDIES.get(machine.state, WAIT),
            ),
        )


def _warnings(then: Machine) -> tuple[str, ...]:
    if conflicting_balloon(dict(large_pages=then.large_pages, balloon_default=then.balloon_default)):
        return ("it has a balloon and large pages, which exclude each other: turn one of them off",)
    return ()


def start_only(machine: Machine, desired: DesiredState) -> MachinePlan:
    """The plan for a machine that is to be started again and can have nothing else of what is desired."""
    steps = (StartAgain(machine.note),) if machine.to_be_started and machine.note else ()
    return MachinePlan(machine, desired, {}, steps, {}, _note_warnings(machine), None, machine)


def _note_warnings(machine: Machine) -> tuple[str, ...]:
    note = machine.note
    if note is None or machine.state not in STOPPED:
        return ()
    if note.problem:
        return (
            "it is off, and VirtualBox's extra data has a note of a restart under %s that does not count: %s. Start the machine if it"
            " is to run; 'VBoxManage setextradata global %s' takes the note away"
            % (note_key(machine.uuid), note.problem, note_key(machine.uuid)),
        )
    return (
        "it was shut down for a change %d minutes ago by a run that was interrupted: it is started again"
        % max(1, note.ago // 60),
    )


def _guarded(name: str, machine: Machine, desired: DesiredState, changes: Mapping[str, Any], restarts: bool) -> bool:
    if not (desired.guard and machine.live and changes.get(name, 0) > _held(machine, name)):
        return False
    # A default that waits for a start does no harm now. What a guest's figures say against it counts, where it gives any: a paused one may not.
    return name == "balloon_current" or restarts or (machine.state == "running" and machine.additions_serve)


def _held(machine: Machine, name: str) -> int:
    """The balloon from which on a change of this one is a raise."""
    return max(getattr(machine, name) or 0, machine.balloon_current or 0)


def _guarded_target(
    machine: Machine, desired: DesiredState, guest: GuestMemory | None, name: str, target: int
) -> tuple[int, str | None]:
    """The balloon that can be had, and what limits it: the target, or with ``partial`` what the guest can give of it.

    :raises VBoxMemoryError: ``unsafe_balloon`` when a raise would harm the guest, or when nothing tells
    """
    guest, guard, held = require_guest_memory(machine, guest), guard_of(machine, desired), _held(machine, name)
    # A paused guest cannot be watched on the way: all must be harmless in one step.
    room = guard.room(guest) // 2 if machine.state == "paused" else guard.room(guest)
    reachable = (guest.given if holds(machine.balloon_current, guest) else 0) + room
    if target <= reachable:
        return target, None
    limited_by = short_of(guest, guard, reachable)
    if not desired.partial:
        raise VBoxMemoryError(
            "unsafe_balloon",
            "a balloon of %d MB would harm the guest: %s. Ask for less, set partial: true to"
            " get as much as can be had, or guard: false to do it all the same" % (target, limited_by),
        )
    return (reachable if reachable >= held + SMALLEST_STEP else held), limited_by


def _steps(machine: Machine, desired: DesiredState, draft: _Draft, changes: Mapping[str, Any]) -> list[Step]:
    settings = {name: value for name, value in changes.items() if name != "balloon_current"}
    if draft.restarts:
        steps: list[Step] = [Restart(settings, machine.state == "paused", machine.frontend)]
        # The default is requested by itself at the start.
        default = settings.get("balloon_default", machine.balloon_default)
        current = draft.requested.get("balloon_current", default)
        return steps if current == default else steps + [SetBalloon(changes.get("balloon_current", current))]
    steps = [SetValues(settings)] if settings and not machine.live else []
    if machine.to_be_started and machine.note:
        steps.append(StartAgain(machine.note))
    if machine.live and "balloon_current" in changes:
        steps.append(SetBalloon(changes["balloon_current"]))
    elif machine.live and "balloon_current" in draft.requested and desired.wait:
        steps.append(CheckBalloon())
    if settings and machine.live:
        steps.append(SetValues(settings, live=True))
    return steps
