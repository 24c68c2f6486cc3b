# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a host to its memory policy: reads its machines, resolves the policy here, and changes what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import ON_BLOCKED
from ansible_collections.vbox.memory.plugins.plugin_utils import maintenance
from ansible_collections.vbox.memory.plugins.plugin_utils.by_policy import SPEC, Failure, PolicyAction, checked, without
from ansible_collections.vbox.memory.plugins.plugin_utils.results import Result, differences, outcome
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import SENT_RESULT
from ansible_collections.vbox.memory.plugins.plugin_utils.values import quoted

CHANGE = "vbox.memory.vbox_memory"


class ActionModule(PolicyAction):
    SPEC = dict(
        SPEC,
        mode=dict(type="str", choices=["apply", "audit", "maintain"], default="apply"),
        on_blocked=dict(type="str", choices=list(ON_BLOCKED), default="defer"),
        batch=dict(type="int", default=1),
        metrics=dict(type="bool"),
        facts=dict(type="bool", default=False),
    )
    RANGES = {"batch": (1, 1000000)}
    NOTHING = dict(
        changed=False, machines=[], commands=[], pending=[], policies=[], explained=[], balance=None, not_recovered=[]
    )

    def act(self, given: Result) -> Result:
        if given["mode"] == "maintain":
            self._refuse_after_others()
        if given["facts"]:
            self._read_all()  # also where a policy is wrong
        policies = self._policies(given["policies"])
        _facts, resolved = self._resolve(policies, given["metrics"])
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
            policies=[name for name, _policy in policies],
            explained=self._explained,
            balance=resolved["balance"],
            differences=[dict(row, host=self._host) for row in rows],
            not_recovered=not_recovered,
        )
        if given["mode"] == "audit":
            result["changed"] = False
        return result

    def _change(self, entries: Sequence[Result], on_blocked: str, check: bool) -> Result:
        """One call for some machines, whose results are in it.

        :raises Failure: when it says nothing of the machines
        """
        arguments = dict(self._how, machines=list(entries), on_blocked=on_blocked)
        result = self._call(CHANGE, arguments, check)
        if "machines" not in result:
            raise Failure(**without(result, "changed", "ansible_facts", "invocation", "failed"))
        answered = checked(result["machines"], SENT_RESULT, "machines")
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
            words = ", ".join(quoted(name, 200) for name in names)
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
        # From ansible-core 2.22 on it is a dictionary by name.
        name = register if isinstance(register, str) else next(iter(register))
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
