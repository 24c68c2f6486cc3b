# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions share that go by the policies of a host: their options, the policies, the facts, and what a host's answer must look like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import BACKEND_OPTIONS
from ansible_collections.vbox.memory.plugins.plugin_utils.arguments import validated
from ansible_collections.vbox.memory.plugins.plugin_utils.policy import PolicyError, named, needs, resolve
from ansible_collections.vbox.memory.plugins.plugin_utils.results import Result, gathered, host_failure
from ansible_collections.vbox.memory.plugins.plugin_utils.running import ModuleRunner
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import SENT_FACTS, problem_of
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain

try:
    from ansible.errors import AnsibleValueOmittedError as Omitted
except ImportError:  # ansible-core before 2.19

    class Omitted(Exception):  # type: ignore[no-redef]
        """A variable is omitted."""


FACTS = "vbox.memory.vbox_memory_facts"
VARIABLES = re.compile(r"vbox_memory_policy(_|$)")
# The options of the modules that are called, whose defaults and environment are the host's affair.
HOW = {
    option: {key: value for key, value in spec.items() if key in ("type", "choices")}
    for option, spec in BACKEND_OPTIONS.items()
}
SPEC: dict[str, dict[str, Any]] = dict(policies=dict(type="raw"), **HOW)


class Failure(Exception):
    """What ends the work on a host.

    :param result: with ``msg``, and further keys of the result
    """

    def __init__(self, **result: Any):
        super().__init__(result["msg"])
        self.result = result


class PolicyAction(ModuleRunner):
    """An action that goes by the policies of a host. What it does is :meth:`act`."""

    _supports_async = False
    SPEC = SPEC  # its options
    RANGES: Mapping[str, tuple[int, int]] = {}  # of those that are whole numbers
    NOTHING: Mapping[str, Any] = {}  # its result where it failed as a whole

    def act(self, given: Result) -> Result:
        """The result of a host. Errors of machines are in it; what ends all is a :class:`Failure`.

        :param given: the task's arguments, checked
        """
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._host = str(self._task_vars.get("inventory_hostname"))
        self._calls: list[Result] = []
        self._facts: Result | None = None  # all of them, where they are to be in the result
        self._found: Result = {}
        try:
            given = self._arguments()
            self._how = {option: given[option] for option in HOW if given[option] is not None}
            result = self.act(given)
        except AnsibleConnectionFailure as error:
            # Raised, it would be shown with a place in our role, which is not where to look.
            return dict(unreachable=True, changed=False, msg=str(error))
        except Failure as failure:
            result = dict(self.NOTHING, differences=[host_failure(failure.result["msg"], self._host)])
            result.update(failure.result, failed=True)
        return dict(result, **self._from_calls())

    def _arguments(self) -> Result:
        try:
            return validated(self._task.args, self.SPEC, self.RANGES)
        except ValueError as error:
            raise Failure(code="invalid_parameters", msg="%s: %s" % (self._task.action, error)) from None

    def _resolve(self, policies: Sequence[tuple[str, Any]], metrics: bool | None) -> tuple[Result, Result]:
        """The facts of the host, and what the policies make of them.

        :param metrics: whether to read metrics; ``None`` where a condition of a policy needs them
        """
        wanted = needs(policies)
        if metrics is not None:
            wanted["metrics"] = metrics
        facts = self._facts or self._read(**wanted)
        try:
            return facts, resolve(policies, facts)
        except PolicyError as error:
            raise Failure(code="invalid_parameters", msg=str(error)) from None

    def _read_all(self) -> None:
        """Read all facts, for the policies and for the result."""
        self._facts = self._read(metrics=True, details=True)

    def _read(self, **wanted: bool) -> Result:
        call = self._execute(FACTS, dict(self._how, **wanted), self._task_vars)
        found = call.get("ansible_facts") or {}
        self._calls.append(dict(call, ansible_facts=without(found, "vbox_memory")))
        if call.get("failed"):
            raise Failure(**without(call, "changed", "ansible_facts", "invocation", "failed"))
        self._found = found
        facts: Result = checked(found.get("vbox_memory"), SENT_FACTS, "facts")
        return facts

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
                msg="No policy is defined: set vbox_memory_policy in the variables of the host or of one of its groups,"
                " for example in group_vars/all.yml (see the README of the role vbox.memory.policy)",
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

    def _from_calls(self) -> Result:
        """What the result takes over from the modules as it is."""
        taken: Result = {}
        for key in ("diff", "warnings", "deprecations"):
            if any(key in call for call in self._calls):
                taken[key] = gathered(self._calls, key)
        for call in self._calls:
            taken.update((key, call[key]) for key in ("backend", "backend_fallback") if key in call)
            # A Python that Ansible found is a fact that saves looking for it again.
            if call.get("ansible_facts"):
                taken["ansible_facts"] = call["ansible_facts"]
        if self._facts is not None:  # as Ansible marked them, which are data
            taken["ansible_facts"] = self._found
        return taken


def checked(value: Any, shape: Any, place: str) -> Any:
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


def without(result: Mapping[str, Any], *keys: str) -> Result:
    return {key: value for key, value in result.items() if key not in keys}
