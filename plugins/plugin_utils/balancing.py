# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of balance from what others wrote: facts, policies, reservations and histories, each checked before the planner sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.inputs import missing_figures, planner_input
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import (
    BALANCED_FACTS,
    RESERVATIONS,
    problem_of,
    problem_of_facts,
)
from ansible_collections.vbox.memory.plugins.plugin_utils.values import kind_of

Plan = dict[str, Any]
Inputs = dict[str, Any]  # the arguments of balance.plan, in plain types

# What a dictionary of any content makes of the planner, where it takes it for a history of its own.
BROKEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class BalanceError(Exception):
    """What is wrong with what was given: one line for each problem."""


def inputs(
    facts: Any,
    policy: Any = None,
    reservations: Any = None,
    history: Any = None,
    now: Any = 0,
) -> Inputs:
    """The arguments of the planner.

    :param facts: what M(vbox.memory.vbox_memory_facts) returns
    :param policy: the planner's own, or what :func:`~.policy.resolve` returns
    :param now: when the facts were asked for, in seconds of any one clock
    :raises BalanceError: where one of them cannot be used
    """
    if _is_resolved(policy):
        policy = policy["balance"]
    for name, value, kind in (("policy", policy, dict), ("history", history, dict)):
        if value is not None and not isinstance(value, kind):
            raise BalanceError("%s: it is %s and has to be a dictionary" % (name, kind_of(value)))
    reservations = [] if reservations is None else reservations
    problem = problem_of(reservations, RESERVATIONS, "reservations")
    for number, each in enumerate([] if problem else reservations):
        if each.get("until") is not None and not _is_a_time(each["until"]):
            problem = "reservations[%d].until: it is no number of seconds" % number
    if problem:
        raise BalanceError(problem)
    if not _is_a_time(now):
        raise BalanceError("now: it is %s and has to be a number of seconds" % kind_of(now))
    problem = problem_of_facts(facts, BALANCED_FACTS)
    if problem:
        raise BalanceError("%s: give ansible_facts.vbox_memory of vbox.memory.vbox_memory_facts" % problem)
    missing = missing_figures(facts["host"])
    if missing:
        raise BalanceError(
            "the facts have no %s of the host: read them with metrics: true, and once more where VirtualBox had none yet"
            % ", ".join(missing)
        )
    host, machines = planner_input(facts, now)
    return dict(host=host, machines=machines, policy=policy, reservations=reservations, history=history, now=now)


def planned(given: Inputs) -> Plan:
    """The plan.

    :raises BalanceError: where the policy or the history is wrong
    """
    return _asked_of_the_planner(balance.plan, given)


def watched(given: Inputs) -> dict[str, Any]:
    """The history after a look at which nobody is to be asked: the guests' uses are remembered, and no step counts as asked.

    :raises BalanceError: as :func:`planned`
    """
    # The planner asks for nothing beside another controller.
    history: dict[str, Any] = planned(dict(given, host=dict(given["host"], other_controller="watching")))["history"]
    return history


def start_of(given: Inputs, memory_mb: int) -> dict[str, Any]:
    """What a start of a machine of so many MB would cost there.

    :raises BalanceError: as :func:`planned`
    """
    return _asked_of_the_planner(balance.would_start, given, memory_mb=memory_mb)


def _asked_of_the_planner(question: Any, given: Inputs, **more: Any) -> dict[str, Any]:
    try:
        read(given["policy"])
    except ValueError as problem:
        raise BalanceError("\n".join(map(printable, str(problem).splitlines()))) from None
    try:
        answer: dict[str, Any] = question(**given, **more)
    except BROKEN as problem:
        if given["history"] is None:
            raise
        raise BalanceError(
            "history: it is none that a plan returned (%s): leave it out, or give the history of the plan before"
            % printable("%s: %s" % (type(problem).__name__, problem))
        ) from None
    return answer


def _is_resolved(policy: Any) -> bool:
    return isinstance(policy, Mapping) and "to_apply" in policy and isinstance(policy.get("balance"), dict)


def _is_a_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < float("inf")
