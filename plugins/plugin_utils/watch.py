# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed on a watched host since the last look, as events for Event-Driven Ansible. Pure: the plan is made by balance's planner.

An event is ``{type, was, repeated, host, machine, uuid, name, code, sentence, figures, meta}``, with these keys always. ``meta`` holds the host once
more: ansible-rulebook limits a playbook that answers to the hosts there. Events reach rules, and as variables of a playbook its templates, so all that
others have written is :func:`inert` in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional

from ansible_collections.vbox.memory.plugins.plugin_utils.naming import machine_names
from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown

Event = dict[str, Any]
Row = Mapping[str, Any]  # a machine of a plan, or what stands for one

# Which of the planner's codes of a managed machine mean that it needs memory
PRESSURE = ("starving", "below_need", "rising", "waits_for_donor", "waits_for_budget")
# What the planner's codes of a host are called here
HOST_TYPES = {"infeasible": "infeasible", "host_pressure": "pressure"}
LONGEST_NAME = 80  # characters
LONGEST = 700
# What begins a template of Jinja, Ansible's change of those signs, and what Ansible Vault has encrypted
MARKER = re.compile(r"\{(?=[{%#])|#(?=jinja2)|\$(?=ANSIBLE_VAULT)")


class Key(NamedTuple):
    """What can hold of a host or machine."""

    type: str
    uuid: Optional[str] = None  # of the machine; none: of the host itself


@dataclass(frozen=True)
class Watched:
    """What is known of a host after a look."""

    history: Any = None  # the planner's
    rows: Mapping[str, Row] = field(default_factory=dict)  # the machines of the last plan, by UUID
    sent: Mapping[Key, float] = field(default_factory=dict)  # what holds, and when that was last said


def after_look(
    host: str, known: Watched, facts: Mapping[str, Any], plan: Mapping[str, Any], now: float, repeat: float
) -> tuple[list[Event], Watched]:
    """The events of a look, and what is known after it.

    :param facts: of the host, in the shape of :data:`~.shapes.SENT_FACTS`
    :param plan: of ``planning.balance``, made from these facts and the known history
    :param now: seconds of any one clock
    :param repeat: after how many seconds what still holds is said again
    """
    names = machine_names(host, facts["machines"], "name")
    rows = {row["uuid"]: dict(row, machine=names[row["uuid"]]) for row in plan["machines"]}
    unreadable = {lost["uuid"] for lost in facts["unreadable"]}
    holds = dict(_holds(host, rows, plan))
    # across a time in which nobody looked, nothing happened at once
    before = {} if Key("unreachable") in known.sent else known.rows
    events = [_event("guest_lost_a_program", host, row, _lost(before.get(uuid), row)) for uuid, row in rows.items()]
    events = [event for event in events if event["sentence"]]
    over = {}
    for key in known.sent:
        row = rows.get(key.uuid or "")
        if key in holds or (key.uuid is not None and _is_unknown(key, row, unreadable)):
            continue
        over[key] = _over(key, host, row or known.rows.get(key.uuid or ""), bool(row), plan)
    return _said(known, holds, over, events, now, repeat, Watched(plan["history"], _kept(known, rows, unreadable)))


def after_failure(host: str, known: Watched, reason: str, now: float, repeat: float) -> tuple[list[Event], Watched]:
    """The same where the host could not be read. What held of it and its machines is taken to hold on."""
    key = Key("unreachable")
    event = _event("unreachable", host, None, "%s cannot be read: %s" % (host, reason))
    return _said(known, {key: event}, {}, [], now, repeat, known)


def inert(text: Any, longest: int = LONGEST) -> str:
    """A text in one line that is no template and holds none, whoever wrote it: ``{{`` becomes ``{ {``."""
    return MARKER.sub(lambda found: found.group() + " ", shown(text, longest))


def _holds(host: str, rows: Mapping[str, Row], plan: Mapping[str, Any]) -> Iterator[tuple[Key, Event]]:
    """What holds now by the plan, each with its event."""
    for code in plan["host"]["codes"]:
        if code in HOST_TYPES:
            text = "%s: %s" % (host, plan["host"]["sentence"])
            yield Key(HOST_TYPES[code]), _event(HOST_TYPES[code], host, None, text, code, plan["host"]["figures"])
    for uuid, row in rows.items():
        kind = "pressure" if row["code"] in PRESSURE else "not_following" if row["code"] == "not_following" else None
        if kind:
            yield Key(kind, uuid), _event(kind, host, row, "by the plan it %s" % row["sentence"])


def _is_unknown(key: Key, row: Row | None, unreadable: set[Any]) -> bool:
    """Whether the plan does not tell if that still holds: of a machine that is left alone for now, its need is not known."""
    if row is None:
        return key.uuid in unreadable
    return key.type == "pressure" and not row["managed"]


def _lost(before: Row | None, row: Row) -> str | None:
    """Words, where a guest that was short of memory, or whose balloon was filling, uses much less all at once."""
    if not (before and before["managed"] and row["managed"]):
        return None
    was, now = before["figures"], row["figures"]
    # at least so much, wherever in their intervals the balloons were
    fell = (was["memory_mb"] - was["given_most_mb"] - was["free_mb"]) - (
        now["memory_mb"] - now["given_least_mb"] - now["free_mb"]
    )
    if fell < max(was["band_mb"], now["band_mb"]):
        return None
    ending = "a program in it was killed or has ended"
    if was["free_mb"] < was["hard_reserve_mb"]:
        return "its use fell by %d MB at once, after only %d MB were free in it: %s" % (fell, was["free_mb"], ending)
    if now["given_most_mb"] > was["given_least_mb"]:
        return "its use fell by %d MB at once, while its balloon was filling: %s" % (fell, ending)
    return None


def _over(key: Key, host: str, row: Row | None, runs: bool, plan: Mapping[str, Any]) -> Event:
    """The event that says that something does not hold any more."""
    if key.type == "unreachable":
        event = _event("recovered", host, None, "%s can be read again" % host, "recovered")
    elif key.uuid is None:
        text = "%s: %s is over: %s" % (host, key.type, plan["host"]["sentence"])
        event = _event("recovered", host, None, text, "recovered", plan["host"]["figures"])
    else:
        now = row["sentence"] if runs and row else "does not run any more"
        event = _event("recovered", host, row, "%s is over: it %s" % (key.type, now))
        event.update(uuid=key.uuid, code=event["code"] if runs else "recovered")
    return dict(event, was=key.type)


def _said(
    known: Watched,
    holds: Mapping[Key, Event],
    over: Mapping[Key, Event],
    events: list[Event],
    now: float,
    repeat: float,
    after: Watched,
) -> tuple[list[Event], Watched]:
    """What is to be said of all that, and when it was: changes, and what has held for long since it was last said."""
    sent = {key: when for key, when in known.sent.items() if key not in over}
    for key, event in holds.items():
        if key not in sent or now - sent[key] >= repeat:
            events = [*events, dict(event, repeated=key in sent)]
            sent[key] = now
    return [*events, *over.values()], Watched(after.history, after.rows, sent)


def _kept(known: Watched, rows: Mapping[str, Row], unreadable: set[Any]) -> dict[str, Row]:
    """The machines of this look, and of the one before those that could not be read now."""
    return dict({uuid: row for uuid, row in known.rows.items() if uuid in unreadable}, **rows)


def _event(
    kind: str,
    host: str,
    row: Row | None,
    sentence: str | None,
    code: str | None = None,
    figures: Mapping[str, Any] | None = None,
) -> Event:
    """An event about a machine, or about the host itself.

    :param row: the machine; its name and what the planner says of it are taken from there
    :param sentence: of a machine what goes on after its name
    """
    name = None if row is None else inert(row["name"], LONGEST_NAME)
    if row is not None:
        code = code or (row["code"] if kind != "guest_lost_a_program" else kind)
        figures = row["figures"]
        sentence = sentence and "%s on %s: %s" % (name, host, sentence)
    return {
        "type": kind,
        "was": None,
        "repeated": False,
        "host": host,
        "machine": None if row is None else row["machine"],
        "uuid": None if row is None else row["uuid"],
        "name": name,
        "code": code or kind,
        "sentence": sentence and inert(sentence),
        "figures": dict(figures or {}),
        "meta": {"hosts": [host]},
    }
