# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Bring machines to what is wanted: find, compare, check, change what differs, read back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from ansible_collections.vbox.memory.plugins.module_utils.arguments import MemoryModule, wanted_machines
from ansible_collections.vbox.memory.plugins.module_utils.backend import CommandBackend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.preconditions import Case, check
from ansible_collections.vbox.memory.plugins.module_utils.settings import SETTINGS, commands, shown
from ansible_collections.vbox.memory.plugins.module_utils.support import Host
from ansible_collections.vbox.memory.plugins.module_utils.vboxmanage import command_line

# What a user can do about a state in which a setting cannot change.
WAIT = "wait until that has passed"
WAYS_OUT = {
    "poweroff": "start it first",
    "aborted": "start it first",
    "teleported": "start it first",
    "running": "shut it down first",
    "paused": "resume it and shut it down first",
    "saved": "start it and shut it down first, or discard its saved state",
    "aborted-saved": "start it and shut it down first, or discard its saved state",
    "gurumeditation": "power it off first",
}


def run_module(owned):
    """The whole of a module that changes settings.

    :param owned: the names of the options that the module has beside the shared ones
    """
    module = MemoryModule(owned)
    try:
        wanted = wanted_machines(module.params, owned)
        results = converge(CommandBackend(module.params["vboxmanage"]), wanted, module.check_mode)
    except VBoxMemoryError as error:
        module.fail_json(**error.as_result())
    finish(module, results)


def converge(backend, wanted, check_mode=False):
    """Bring machines to what is wanted. One machine's failure leaves the others' work as it is.

    :param wanted: a list of :class:`~.arguments.Wanted`
    :returns: a list of results, one for each, in order: dictionaries as the modules document them under ``machines``
    :raises VBoxMemoryError: when nothing can be done for any machine; nothing has been changed then
    """
    if not wanted:
        return []
    host = Host(backend)
    works = [Work(one) for one in wanted]
    for work in works:
        work.attempt(work.find, backend)
    _refuse_the_same_machine_twice(works)
    for work in works:
        work.attempt(work.plan, host)
        if not check_mode:
            work.attempt(work.apply, backend, host)
    return [work.result() for work in works]


def finish(module, results):
    """End the module with these results: failed if one of the machines failed."""
    failed = [result for result in results if "code" in result]
    outcome = dict(
        changed=any(result["changed"] for result in results),
        machines=results,
        commands=[command for result in results for command in result["commands"]],
        pending=[dict(name=result["name"], **result["pending"]) for result in results if result["pending"]],
    )
    if module._diff:
        outcome["diff"] = [_diff(result) for result in results if result["changed"]]
    for result in results:
        for warning in result["warnings"]:
            module.warn("machine %r: %s" % (result["name"], warning))
    if failed:
        message = "; ".join("machine %r: %s" % (result["name"], result["msg"]) for result in failed)
        if len(results) > 1:
            message = "%d of %d machines failed. %s" % (len(failed), len(results), message)
        module.fail_json(msg=message, code=failed[0]["code"], **outcome)
    module.exit_json(**outcome)


@dataclass
class Work:
    """One machine on its way from what it has to what is wanted."""

    wanted: object
    machine: object = None
    before: object = None
    after: object = None
    asked: dict = field(default_factory=dict)
    changes: dict = field(default_factory=dict)
    pending: dict = field(default_factory=dict)
    commands: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    error: VBoxMemoryError = None

    def attempt(self, step, *arguments):
        """Take a step, unless an earlier one failed; an error is kept as this machine's own."""
        if self.error:
            return
        try:
            step(*arguments)
        except VBoxMemoryError as error:
            self.error = error

    def find(self, backend):
        """Find the machine that is meant, and read it."""
        self.machine = self.before = backend.find(self.wanted.name)

    def plan(self, host):
        """Find out what differs, whether it may change, and what of it can change now."""
        self.asked = self.wanted.values_for(self.machine)
        differs = {name: value for name, value in self.asked.items() if getattr(self.machine, name) != value}
        then = replace(self.machine, **self.asked)
        check(Case(
            now=self.machine, then=then, asked=self.asked, changes=differs,
            acknowledged=self.wanted.acknowledge_side_channel, unsupported=host.unsupported))
        if then.large_pages and then.balloon_default:
            self.warnings.append("it has a balloon and large pages, which exclude each other: turn one of them off")
        blocked = [name for name in differs if self.machine.state not in SETTINGS[name].states]
        self._hold_back(blocked, differs)
        self.changes = {name: value for name, value in differs.items() if name not in blocked}
        self.commands = commands(self.machine.uuid, self.changes)
        self.after = replace(self.machine, **self.changes)

    def _hold_back(self, blocked, differs):
        """What cannot change in this state is pending, or an error: as the task says."""
        waits = [name for name in blocked if self._may_wait(name)]
        refused = [SETTINGS[name].label for name in blocked if name not in waits]
        if refused:
            raise VBoxMemoryError(
                "state_blocks_change", "%s cannot change while the machine is %s: %s, or set on_blocked: defer to have it"
                " reported as pending" % (" and ".join(refused), self.machine.state, WAYS_OUT.get(self.machine.state, WAIT)))
        for name in waits:
            self.pending[SETTINGS[name].key] = differs[name]

    def _may_wait(self, name):
        if self.wanted.on_blocked == "defer":
            return True
        # A balloon was asked for without saying which: a live machine gets the one that it can get now.
        return name == "balloon_default" and self.machine.live and self.wanted.both_balloons

    def apply(self, backend, host):
        """Make the changes and read back. An error comes with what did change."""
        planned, self.commands = self.commands, []
        for command in planned:
            self.commands.append(command)
            try:
                backend.run(*command)
            except VBoxMemoryError as error:
                self.after = self.machine
                self.after = backend.read(self.machine.uuid)
                if self.after.state == self.machine.state:
                    raise error
                self._replan(backend, host)
                return
        if planned:
            self.after = backend.read(self.machine.uuid)
            self._verify()

    def _replan(self, backend, host):
        """The machine was started or stopped since it was read: what can change now is another question."""
        self.machine, self.pending = self.after, {}
        made = self.commands
        self.plan(host)
        self.apply(backend, host)
        self.commands = made + self.commands

    def _verify(self):
        missing = ["%s is %s, not %s" % (SETTINGS[name].label, getattr(self.after, name), value)
                   for name, value in self.changes.items() if getattr(self.after, name) != value]
        if missing:
            raise VBoxMemoryError(
                "change_did_not_stick", "VBoxManage reported success, but read back %s. See what else changes this machine,"
                " then run again" % " and ".join(missing))

    def result(self):
        """What the modules return for this machine."""
        result = dict(
            name=self.before.name if self.before else self.wanted.name,
            uuid=self.before.uuid if self.before else None,
            state=self.machine.state if self.machine else None,
            before=shown(self.before, self.asked),
            after=shown(self.after or self.before, self.asked),
            pending=self.pending,
            commands=[command_line(command) for command in self.commands],
            warnings=self.warnings,
        )
        result["changed"] = result["before"] != result["after"]
        if self.error:
            result.update(self.error.as_result(), failed=True)
        return result


def _refuse_the_same_machine_twice(works):
    """A name and a UUID can mean one machine; then neither entry can be right.

    :raises VBoxMemoryError: ``invalid_parameters``
    """
    named = {}
    for work in works:
        if work.before:
            named.setdefault(work.before.uuid, []).append(work.wanted.name)
    twice = ["%s are the machine %s" % (" and ".join(map(repr, names)), uuid) for uuid, names in named.items() if len(names) > 1]
    if twice:
        raise VBoxMemoryError(
            "invalid_parameters", "nothing was changed. %s: put all that a machine is to have into one entry" % "; ".join(twice))


def _diff(result):
    return dict(before_header=result["name"], after_header=result["name"], before=_lines(result["before"]), after=_lines(result["after"]))


def _lines(values):
    return "".join("%s: %s\n" % (key, json.dumps(value)) for key, value in values.items())
