# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a host to its memory policy: reads its machines, resolves the policy here, and changes what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean
from ansible_collections.vbox.memory.plugins.plugin_utils import maintenance
from ansible_collections.vbox.memory.plugins.plugin_utils.policy import PolicyError, named, needs, resolve
from ansible_collections.vbox.memory.plugins.plugin_utils.results import (
    Result,
    differences,
    gathered,
    host_failure,
    outcome,
)
from ansible_collections.vbox.memory.plugins.plugin_utils.running import ModuleRunner
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import SENT_FACTS, SENT_RESULT, problem_of
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain, shown

try:
    from ansible.errors import AnsibleValueOmittedError as Omitted
except ImportError:  # ansible-core before 2.19

    class Omitted(Exception):  # type: ignore[no-redef]
        """A variable is omitted."""


FACTS, CHANGE = "vbox.memory.vbox_memory_facts", "vbox.memory.vbox_memory"
VARIABLES = re.compile(r"vbox_memory_policy(_|$)")
HOW = ("backend", "vboxmanage", "api_python")
SPEC = dict(
    policies=dict(type="raw"),
    mode=dict(type="str", choices=["apply", "audit", "maintain"], default="apply"),
    on_blocked=dict(type="str", choices=["fail", "defer", "shutdown"], default="defer"),
    batch=dict(type="int", default=1),
    metrics=dict(type="bool"),
    backend=dict(type="str", choices=["auto", "vboxmanage", "api"]),
    vboxmanage=dict(type="path"),
    api_python=dict(type="path"),
)


class Failure(Exception):
    """What ends the work on a host.

    :param result: with ``msg``, and further keys of the result
    """

    def __init__(self, **result: Any):
        super().__init__(result["msg"])
        self.result = result


class ActionModule(ModuleRunner):
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._host = str(self._task_vars.get("inventory_hostname"))
        self._calls: list[Result] = []
        nothing: Result = dict(changed=False, machines=[], commands=[], pending=[], explained=[], not_recovered=[])
        try:
            result = self._brought(self._arguments())
        except AnsibleConnectionFailure as error:
            # Raised, it would be shown with a place in our role, which is not where to look.
            return dict(unreachable=True, changed=False, msg=str(error))
        except Failure as failure:
            result = dict(nothing, differences=[host_failure(failure.result["msg"], self._host)])
            result.update(failure.result, failed=True)
        return dict(result, **self._from_calls())

    def _arguments(self) -> Result:
        given = self._task.args
        problems = ["there is no option %s; %s" % (key, did_you_mean(key, SPEC)) for key in given if key not in SPEC]
        validated = ArgumentSpecValidator(SPEC).validate({key: given[key] for key in given if key in SPEC})
        problems += validated.error_messages
        arguments: Result = validated.validated_parameters
        if not problems and arguments["batch"] < 1:
            problems.append("batch: %d is not a whole number from 1 on" % arguments["batch"])
        if problems:
            raise Failure(code="invalid_parameters", msg="%s: %s" % (self._task.action, "; ".join(problems)))
        return arguments

    def _brought(self, given: Result) -> Result:
        """The result of a host. Errors of machines are in it; what ends all is a :class:`Failure`."""
        if given["mode"] == "maintain":
            self._refuse_after_others()
        self._how = {option: given[option] for option in HOW if given[option] is not None}
        resolved = self._resolve(given)
        self._explained = resolved["explained"]
        compares_only = self._task.check_mode or given["mode"] == "audit"
        entries = resolved["to_apply"]
        results: dict[str, Result] = {}
        not_recovered: list[str] = []
        if entries and given["mode"] == "maintain":
            results, not_recovered = self._maintain(entries, given["batch"])
        elif entries:
            changed = self._change(entries, given["on_blocked"], check=compares_only)
            results = maintenance.by_name(entries, changed["machines"])
        results.update((machine["uuid"], machine) for machine in resolved["in_sync"])
        result = outcome([results[entry["name"]] for entry in resolved["machines"]] + resolved["unreadable"])
        rows = differences(result["machines"], self._explained, compares_only)
        result.update(
            explained=self._explained,
            differences=[dict(row, host=self._host) for row in rows],
            not_recovered=not_recovered,
        )
        if given["mode"] == "audit":
            result["changed"] = False
        return result

    def _resolve(self, given: Result) -> Result:
        policies = self._policies(given["policies"])
        wanted = needs(policies)
        if given["metrics"] is not None:
            wanted["metrics"] = given["metrics"]
        facts = self._execute(FACTS, dict(self._how, **wanted), self._task_vars)
        self._calls.append(facts)
        if facts.get("failed"):
            raise Failure(**_without(facts, "changed", "ansible_facts", "invocation", "failed"))
        found = _checked((facts.get("ansible_facts") or {}).get("vbox_memory"), SENT_FACTS, "facts")
        try:
            return resolve(policies, found)
        except PolicyError as error:
            raise Failure(code="invalid_parameters", msg=str(error)) from None

    def _policies(self, given: Any) -> list[tuple[str, Any]]:
        """The policies with their names: those given, or those of the inventory."""
        if given is not None:
            try:
                return named(plain(given))
            except (ValueError, AnsibleError) as error:
                raise Failure(code="invalid_parameters", msg="policies: %s" % error) from None
        names = sorted(name for name in self._task_vars if VARIABLES.match(name))
        if not names:
            raise Failure(
                code="invalid_parameters",
                msg="No policy is defined for %s: set vbox_memory_policy in the variables of the host or of one of its groups,"
                " for example in group_vars/all.yml (see the README of the role vbox.memory.policy)" % self._host,
            )
        policies, problems = [], []
        for name in names:
            try:
                value = self._templar.template(self._task_vars[name])
                # Before ansible-core 2.19, what is omitted is a string that stands for it.
                if isinstance(value, str) and value == self._task_vars.get("omit"):
                    raise Omitted
                policies.append((name, plain(value)))
            except Omitted:
                problems.append("%s: it is omitted: give it a policy, or null for none" % name)
            except AnsibleError as error:
                problems.append("%s: %s" % (name, error))
        if problems:
            raise Failure(code="invalid_parameters", msg="; ".join(problems))
        return policies

    def _change(self, entries: Sequence[Result], on_blocked: str, check: bool) -> Result:
        """One call for some machines, whose results are in it.

        :raises Failure: when it says nothing of the machines
        """
        arguments = dict(self._how, machines=list(entries), on_blocked=on_blocked)
        result = self._call(CHANGE, arguments, check)
        if "machines" not in result:
            raise Failure(**_without(result, "changed", "ansible_facts", "invocation", "failed"))
        answered = _checked(result["machines"], SENT_RESULT, "machines")
        if len(answered) != len(entries):
            raise Failure(msg="The host's answer cannot be used: machines: %d of %d" % (len(answered), len(entries)))
        return dict(result, machines=answered)

    def _maintain(self, entries: Sequence[Result], size: int) -> tuple[dict[str, Result], list[str]]:
        """Change what needs no restart, then restart batch by batch; gives back the results, and who did not come back."""
        check = self._task.check_mode
        compared = maintenance.by_name(entries, self._change(entries, "shutdown", check=True)["machines"])
        if not check:
            self._calls.pop()  # nothing of it has happened
        plan = maintenance.plan(entries, compared, size)
        changed: dict[str, Result] = {}
        if plan.now:
            changed = maintenance.by_name(plan.now, self._change(plan.now, "defer", check)["machines"])
        # Where a machine's settings were lost, no other machine is touched.
        lost = any(machine.get("code") == "settings_not_saved" for machine in changed.values())
        restarts, not_recovered = (compared, []) if check else self._restart([] if lost else plan.batches, compared)
        results = maintenance.results(entries, compared, changed, restarts)
        return maintenance.by_name(entries, results), not_recovered

    def _restart(
        self, batches: Sequence[Sequence[Result]], compared: Mapping[str, Result]
    ) -> tuple[dict[str, Result], list[str]]:
        restarts: dict[str, Result] = {}
        total = sum(map(len, batches))
        for batch in batches:
            names = [compared[entry["name"]]["name"] for entry in batch]
            words = ", ".join('"%s"' % shown(name, 200) for name in names)
            first, last = len(restarts) + 1, len(restarts) + len(batch)
            numbers = str(first) if first == last else "%d to %d" % (first, last)
            self.show("%s: restarting %s (%s of %d)" % (self._host, words, numbers, total))
            arguments = dict(self._how, machines=list(batch), on_blocked="shutdown")
            try:
                call = self._call(CHANGE, arguments, check=False, waits_for=names)
            except AnsibleConnectionFailure as error:
                call = dict(failed=True, msg=str(error))
            done = maintenance.restarted(batch, call, compared)
            restarts.update(done)
            not_recovered = maintenance.not_recovered(call, done)
            if not_recovered:
                return restarts, not_recovered
        return restarts, []

    def _refuse_after_others(self) -> None:
        """Leave this host alone where machines of another host of the play did not come back, by the results registered so far."""
        hostvars, register = self._task_vars.get("hostvars"), self._task.register
        if not register or hostvars is None:
            return
        name = (
            register if isinstance(register, str) else next(iter(register))
        )  # from ansible-core 2.22 on, a dictionary by name
        hosts = self._task_vars.get("ansible_play_hosts_all") or []
        reason = maintenance.not_begun({host: hostvars.raw_get(host).get(name) for host in hosts})
        if reason:
            raise Failure(msg=reason)

    def _call(self, name: str, arguments: Result, check: bool, waits_for: list[str] | None = None) -> Result:
        """Run a module, in check mode if it is not to change anything."""
        with self._check_mode(check):
            if waits_for:
                result = self.run_with_progress(name, arguments, self._task_vars, waits_for)
            else:
                result = self.run_module(name, arguments, self._task_vars)
        self._calls.append(result)
        return result

    @contextmanager
    def _check_mode(self, check: bool) -> Iterator[None]:
        before = self._task.check_mode
        self._task.check_mode = check or before
        try:
            yield
        finally:
            self._task.check_mode = before

    def _from_calls(self) -> Result:
        """What the result takes over from the modules as it is."""
        taken: Result = {}
        for key in ("diff", "warnings", "deprecations"):
            if any(key in call for call in self._calls):
                taken[key] = gathered(self._calls, key)
        for call in self._calls:
            taken.update((key, call[key]) for key in ("backend", "backend_fallback") if key in call)
            # A Python that Ansible found is a fact that saves looking for it again.
            found = _without(call.get("ansible_facts") or {}, "vbox_memory")
            if found:
                taken["ansible_facts"] = found
        return taken


def _checked(value: Any, shape: Any, place: str) -> Any:
    """A part of a host's answer in Python's own types.

    :raises Failure: when it is not as it has to be
    """
    try:
        value = plain(value)
        problem = problem_of(value, shape, place)
    except AnsibleError as error:
        problem = "%s: %s" % (place, error)
    if problem:
        raise Failure(msg="The host's answer cannot be used: %s" % problem)
    return value


def _without(result: Mapping[str, Any], *keys: str) -> Result:
    return {key: value for key, value in result.items() if key not in keys}
