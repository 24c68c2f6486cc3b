# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policies: what each machine of a host is to have, and which part of which policy says so.

All policies of a host act as one. Its parts are put in order, from the general to the specific: the defaults of all policies,
the rules of all policies, the named machines of all policies. A later part replaces what an earlier one says, value by value.

What a policy says of balance is resolved the same way, and handed to the planner alone: modules never see it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Dict, Tuple

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import MANNER, OPTIONS, parse_value
from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean, printable
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import (
    balloon_forms_given,
    conflicting_balloon,
    replaced_by,
)
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import UUID, without_braces
from ansible_collections.vbox.memory.plugins.module_utils.model.sizes import truth
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import policy as balance
from ansible_collections.vbox.memory.plugins.plugin_utils.in_sync import divide
from ansible_collections.vbox.memory.plugins.plugin_utils.results import unreadable_result
from ansible_collections.vbox.memory.plugins.plugin_utils.selector import Selector, SelectorError
from ansible_collections.vbox.memory.plugins.plugin_utils.values import as_given, kind_of, some

# What a part of a policy may hold, beside the settings.
PARTS: dict[str, type] = {"defaults": dict, "rules": list, "machines": dict}
EXTRAS: dict[str, tuple[str, ...]] = {"defaults": (), "rules": ("name", "when", "required"), "machines": ("optional",)}
FLAGS = ("required", "optional")
LIKE_A_FLAG = "page_fusion"  # flags are read as this option is
SETTINGS = (*OPTIONS, *balance.MACHINE)  # of a machine
BALANCE = "balance"  # the part about the host, and the setting of a machine
KEYS = (*PARTS, BALANCE)  # of a policy
ASKING = frozenset(OPTIONS) - frozenset(MANNER)  # what asks something of a machine by the modules

# Facts that need metrics, which take seconds to read.
METRICS = re.compile(r"\b(guest|balloon_followed|\w+_kb)\b")

# Facts that are details, which take a little longer. Page Fusion depends on the type of the operating system, too.
DETAILS = re.compile(r"\b(groups|os_type|os_description)\b")


class PolicyError(Exception):
    """A policy that cannot be followed.

    :param problems: a list of sentences, each with the place in the policy
    """

    def __init__(self, problems: Sequence[str]):
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else "%d problems" % len(problems)
        super().__init__(
            "%s with the policy, and nothing was changed:\n%s"
            % (count, "\n".join("- %s" % printable(problem) for problem in problems))
        )


Entry = Mapping[str, Any]  # a machine of the facts


@dataclass
class Scope:
    """One part of a policy: settings, and the machines that they are for. ``None`` as a value means: as it is."""

    policy: str
    place: str  # where it stands, for messages about what is written there
    source: str  # what it is called, for results
    values: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    selector: Selector | None = None
    required: bool = False
    optional: bool = False
    usable: bool = True
    matched: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "%s: %s" % (self.policy, self.source)


def resolve(policies: Sequence[tuple[str, Any]], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What each machine is to have.

    :param policies: ``[(name of the policy, policy), …]``; later ones win
    :param facts: what M(vbox.memory.vbox_memory_facts) returns, in plain types
    :returns: a dictionary as the filter documents it
    :raises PolicyError: with all problems
    """
    machines = facts["machines"]
    reader = Reader(machines)
    for name, policy in policies:
        reader.read(name, policy)
    written_wrong = bool(reader.problems)
    problems = reader.problems
    _match(reader, machines, facts, problems)
    of_host = _decide(reader.hosts)
    scopes: dict[str, list[Scope]] = {machine["uuid"]: [] for machine in machines}
    for scope in _around(reader.in_order(), of_host.pop(BALANCE, None), [machine["uuid"] for machine in machines]):
        for uuid in scope.matched:
            scopes[uuid].append(scope)
    decisions = [(machine, _decide(scopes[machine["uuid"]])) for machine in machines]
    if not written_wrong:
        problems.extend(_contradictions(decisions))
    if problems:
        raise PolicyError(problems)
    wanted = [
        dict({option: given[0] for option, given in decision.items() if option in OPTIONS}, name=machine["uuid"])
        for machine, decision in decisions
        if any(option in ASKING for option in decision)
    ]
    in_sync, to_apply = divide(wanted, machines)
    lost = list(facts.get("unreadable") or []) + reader.lost
    return dict(
        machines=wanted,
        to_apply=to_apply,
        in_sync=in_sync,
        unreadable=[unreadable_result(machine) for machine in lost],
        explained=[
            dict(name=machine["name"], uuid=machine["uuid"], settings=_explained(decision))
            for machine, decision in decisions
            if any(option in ASKING or option in balance.MACHINE for option in decision)
        ],
        balance=_for_the_planner(of_host, decisions),
        balance_explained=_explained(of_host),
        rules=[dict(policy=rule.policy, name=rule.name, machines=rule.matched) for rule in reader.parts["rules"]],
    )


def named(policies: Any) -> list[tuple[str, Any]]:
    """Policies with their names: a list, a dictionary by name, or one policy alone.

    :raises ValueError: when it is none of these; the message goes on from the name of the option
    """
    if isinstance(policies, list):
        return [("policies[%d]" % number, policy) for number, policy in enumerate(policies)]
    if not isinstance(policies, dict):
        raise ValueError("it is %s, and neither a list nor a dictionary of policies" % kind_of(policies))
    if set(policies) <= set(KEYS):
        return [("policy", policies)]
    return [(str(name), policy) for name, policy in policies.items()]


def needs(policies: Sequence[tuple[str, Any]]) -> dict[str, bool]:
    """What of the facts has to be read: ``metrics`` and ``details``, as ``vbox_memory_facts`` calls them.

    Wrong policies need anything at all: they are refused when they are resolved.
    """
    parts = [(part, one.get(part)) for _name, one in policies if isinstance(one, dict) for part in PARTS]
    rules = [rule for part, content in parts if part == "rules" and isinstance(content, list) for rule in content]
    conditions = " ".join(str(rule.get("when")) for rule in rules if isinstance(rule, dict))
    return dict(
        metrics=METRICS.search(conditions) is not None,
        details=DETAILS.search(conditions) is not None or "page_fusion" in str(parts),
    )


def _explained(decision: Decision) -> dict[str, Any]:
    return {option: dict(value=value, source=str(scope)) for option, (value, scope) in decision.items()}


def _around(scopes: list[Scope], on: tuple[bool, Scope] | None, everybody: list[str]) -> list[Scope]:
    """The scopes of machines with what the host's part says of all: true is the most general, and false comes last, as nobody overrules it."""
    if on is None:
        return scopes
    value, scope = on
    of_all = Scope(scope.policy, scope.place, scope.source, {BALANCE: value}, matched=everybody)
    return [of_all, *scopes] if value else [*scopes, of_all]


def _for_the_planner(of_host: Decision, decisions: list[tuple[Entry, Decision]]) -> dict[str, Any]:
    """What :func:`~.balance.plan` takes as its policy. Who is not told to be balanced is left alone."""
    machines = {
        machine["uuid"]: {option: decision[option][0] for option in balance.MACHINE if option in decision}
        for machine, decision in decisions
    }
    return dict(
        {option: value for option, (value, _scope) in of_host.items()},
        defaults={BALANCE: False},
        machines={uuid: settings for uuid, settings in machines.items() if settings},
    )


Decision = Dict[str, Tuple[Any, Scope]]  # of one machine, or of the host, by option


class Reader:
    """Reads policies into scopes, and keeps what is wrong with them."""

    def __init__(self, machines: Sequence[Entry]):
        self.parts: dict[str, list[Scope]] = {part: [] for part in PARTS}
        self.hosts: list[Scope] = []  # what the policies say of the host
        self.problems: list[str] = []
        self.lost: list[dict[str, Any]] = []
        self._facts = sorted(map(str, set().union(*machines))) + ["host"] if machines else None

    def in_order(self) -> list[Scope]:
        """All scopes of machines, the general ones first."""
        return [scope for scopes in self.parts.values() for scope in scopes]

    def read(self, name: str, policy: Any) -> None:
        """Read one policy. What is missing or null in it says nothing."""
        if policy is None or not self._is_a(dict, policy, name):
            return
        self._unknown_keys(policy, KEYS, name)
        if policy.get(BALANCE) is not None:
            self._read_balance(name, policy[BALANCE])
        for part, kind in PARTS.items():
            content = policy.get(part)
            if content is not None and self._is_a(kind, content, "%s.%s" % (name, part)):
                getattr(self, "_read_%s" % part)(name, content)

    def _read_balance(self, policy: str, content: Any) -> None:
        """The part about the host: its limits, or just true or false. Limits turn it on."""
        scope = Scope(policy, "%s.%s" % (policy, BALANCE), BALANCE, {BALANCE: True})
        if isinstance(content, dict):
            self._unknown_keys(content, balance.POLICY, scope.place)
            for key, value in content.items():
                if key in balance.POLICY:
                    self._take(scope, key, value, balance.written)
        else:
            try:
                scope.values[BALANCE] = truth(content)
            except ValueError:
                self.problems.append(
                    "%s: it is %s: give true, false, or limits of the host, which are %s"
                    % (scope.place, as_given(content), ", ".join(balance.POLICY))
                )
        self.hosts.append(scope)

    def _read_defaults(self, policy: str, content: Mapping[str, Any]) -> None:
        self._add("defaults", Scope(policy, "%s.defaults" % policy, "defaults"), content)

    def _read_rules(self, policy: str, content: Sequence[Any]) -> None:
        for number, rule in enumerate(content):
            place = "%s.rules[%d]" % (policy, number)
            if not self._is_a(dict, rule, place):
                continue
            name = rule.get("name")
            if name is not None and self._is_a(str, name, "%s.name" % place):
                place = "%s (%r)" % (place, name)
            scope = Scope(policy, place, "rule %r" % name if name is not None else "rule %d" % (number + 1), name=name)
            self._add("rules", scope, rule)
            self._compile(scope, rule.get("when"))

    def _read_machines(self, policy: str, content: Mapping[Any, Any]) -> None:
        for key, values in content.items():
            place = "%s.machines[%r]" % (policy, key)
            if isinstance(key, bool) or not isinstance(key, (str, int)) or key == "":
                self.problems.append(
                    "%s: it is %s, and not a name or UUID: put the name in quotes" % (place, kind_of(key))
                )
            elif values is not None and self._is_a(dict, values, place):
                self._add(
                    "machines", Scope(policy, place, "machine %r" % str(key), name=without_braces(str(key))), values
                )

    def _add(self, part: str, scope: Scope, content: Mapping[str, Any]) -> None:
        """Take a scope in, with the settings and flags of what is written there."""
        extras = EXTRAS[part]
        self._unknown_keys(content, SETTINGS + extras, scope.place)
        for key, value in content.items():
            if key in SETTINGS or (key in FLAGS and key in extras):
                self._take(scope, key, value, balance.written if key in balance.MACHINE else parse_value)
        self._say_the_balloon_once(scope)
        self.parts[part].append(scope)

    def _take(self, scope: Scope, key: str, value: Any, parse: Callable[[str, Any], Any]) -> None:
        try:
            parsed = None if value is None else parse(LIKE_A_FLAG if key in FLAGS else key, value)
        except ValueError as problem:
            self.problems.append("%s.%s: %r %s" % (scope.place, key, value, problem))
            return
        if key in FLAGS:
            setattr(scope, key, bool(parsed))
        else:
            scope.values[key] = parsed

    def _say_the_balloon_once(self, scope: Scope) -> None:
        given = balloon_forms_given(option for option, value in scope.values.items() if value is not None)
        if given:
            self.problems.append(
                "%s: give only one of %s: each is a way to say the balloon" % (scope.place, ", ".join(given))
            )

    def _compile(self, scope: Scope, text: Any) -> None:
        if text is None:
            return
        place = "%s.when" % scope.place
        scope.usable = self._is_a(str, text, place)
        if scope.usable:
            try:
                scope.selector = Selector(text, self._facts)
            except SelectorError as error:
                scope.usable = False
                self.problems.append("%s: %s" % (place, error))

    def _is_a(self, kind: type, value: Any, place: str) -> bool:
        if isinstance(value, kind):
            return True
        self.problems.append("%s: it is %s and has to be %s" % (place, kind_of(value), kind_of(kind())))
        return False

    def _unknown_keys(self, content: Iterable[Any], known: Collection[str], place: str) -> None:
        for key in content:
            if key not in known:
                self.problems.append("%s.%s: there is no such key; %s" % (place, key, did_you_mean(key, known)))


def _match(reader: Reader, machines: Sequence[Entry], facts: Mapping[str, Any], problems: list[str]) -> None:
    """Find out which machines each scope is for."""
    everybody = [machine["uuid"] for machine in machines]
    for scope in reader.parts["defaults"]:
        scope.matched = everybody
    host = facts.get("host")
    subjects = [dict(machine, host=host) for machine in machines]
    for rule in reader.parts["rules"]:
        if rule.usable:
            rule.matched = _selected(rule, rule.selector, subjects, problems) if rule.selector else everybody
        if rule.required and rule.usable and not rule.matched:
            problems.append(
                "%s: it is required, and matches none of the %d machines of this host" % (rule.place, len(machines))
            )
    names: dict[str, list[str]] = {}
    for machine in machines:
        names.setdefault(machine["name"], []).append(machine["uuid"])
    firsts: dict[tuple[str, str], Scope] = {}  # by policy and UUID
    for scope in reader.parts["machines"]:
        scope.matched = _named(scope, names, set(everybody), facts.get("unreadable") or [], problems, reader.lost)
        for uuid in scope.matched:
            first = firsts.setdefault((scope.policy, uuid), scope)
            if first is not scope:
                problems.append(
                    "%s: %r and %r are the same machine, %s: put all it is to have into one entry"
                    % (scope.place, first.name, scope.name, uuid)
                )


def _selected(rule: Scope, selector: Selector, subjects: Sequence[Entry], problems: list[str]) -> list[str]:
    matched: list[str] = []
    failed: list[tuple[str, SelectorError]] = []
    for subject in subjects:
        try:
            if selector.matches(subject):
                matched.append(subject["uuid"])
        except SelectorError as error:
            failed.append((subject["name"], error))
    if failed:
        rule.usable = False
        problems.append(
            "%s.when: it cannot be told for the machine %s: %s"
            % (rule.place, some([name for name, error in failed]), failed[0][1])
        )
    return matched


def _named(
    scope: Scope,
    names: Mapping[str, list[str]],
    uuids: Collection[str],
    unreadable: Sequence[Entry],
    problems: list[str],
    lost: list[dict[str, Any]],
) -> list[str]:
    """The one machine that a key names: by UUID, or else by name, as the module finds it. One that cannot be read is told as such.

    :param lost: takes those that are not among the machines that can be read, where there are others
    """
    key = str(scope.name)
    if key.lower() in [machine.get("uuid") for machine in unreadable]:
        return []
    found = [key.lower()] if re.fullmatch(UUID, key) and key.lower() in uuids else names.get(key, [])
    if len(found) > 1:
        problems.append(
            "%s: several machines have this name: use one of their UUIDs, %s" % (scope.place, ", ".join(found))
        )
        return []
    elif not found and not scope.optional:
        message = "%s: this host has no such machine; %s" % (scope.place, _remedy(key, names, unreadable))
        if unreadable:  # it can be one of these
            lost.append(dict(uuid=None, name=key, code="machine_not_found", msg=message))
        else:
            problems.append(message)
    return found


def _remedy(name: str, names: Iterable[str], unreadable: Sequence[Entry]) -> str:
    hint = did_you_mean(name, names, otherwise="set optional: true if not every host has it")
    if unreadable:
        hint += "; %d other machines cannot be read, and their names are unknown. The first: %s" % (
            len(unreadable),
            unreadable[0]["msg"],
        )
    return hint


REPLACED_BY = {option: replaced_by(option) for option in (*SETTINGS, *balance.POLICY)}


def _decide(scopes: Iterable[Scope]) -> Decision:
    """What a machine or the host is to have, as ``{option: (value, scope)}``."""
    decision: Decision = {}
    for scope in scopes:
        for option, value in scope.values.items():
            for other in REPLACED_BY[option]:
                decision.pop(other, None)
            if value is not None:
                decision[option] = (value, scope)
    return decision


def _contradictions(decisions: list[tuple[Entry, Decision]]) -> list[str]:
    """A balloon together with large pages, and a floor above the ceiling, once for each pair of parts that say so."""
    found: dict[str, list[str]] = {}
    for machine, decision in decisions:
        memory, values = machine.get("memory_mb"), {option: value for option, (value, _scope) in decision.items()}
        conflict = conflicting_balloon(values, memory)
        if conflict:
            scopes = decision[conflict[0]][1], decision["large_pages"][1]
            pair = "%s: %d (%s) and large_pages: true (%s), which exclude each other: give one of them up" % (
                conflict + scopes
            )
            found.setdefault(pair, []).append(machine["name"])
        if memory is not None and balance.exclude_each_other(values, memory):
            pair = "floor: %s (%s) above ceiling: %s (%s): lower the one or raise the other" % (
                decision["floor"] + decision["ceiling"]
            )
            found.setdefault(pair, []).append(machine["name"])
    return ["the machine %s would have %s" % (some(names), pair) for pair, names in found.items()]
