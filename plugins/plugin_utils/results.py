# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of the modules as values: put together from several calls, and told row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.model.settings import SETTINGS
from ansible_collections.vbox.memory.plugins.module_utils.planning.result import outcome

Result = dict[str, Any]

OPTIONS_OF = {setting.key: setting.options for setting in SETTINGS.values()}


def unreadable_result(machine: Mapping[str, Any]) -> Result:
    """The entry of ``machines`` for one that cannot be read, by its entry in the facts."""
    return dict(
        name=machine.get("name") or machine.get("uuid"),
        uuid=machine.get("uuid"),
        state=None,
        changed=False,
        before={},
        after={},
        pending={},
        commands=[],
        warnings=[],
        failed=True,
        code=machine.get("code"),
        msg=machine["msg"],
    )


def differences(
    machines: Iterable[Result], explained: Iterable[Result] = (), check_mode: bool = False
) -> Iterator[Result]:
    """A row for each setting that differed and for each machine that failed, as the filter ``differences`` documents them.

    :param machines: entries of ``machines`` of a module's result
    :param explained: the key ``explained`` of what :func:`~.policy.resolve` returns
    """
    sources = {machine.get("uuid"): machine["settings"] for machine in explained}
    changed_word = "would change" if check_mode else "changed"
    for machine in machines:
        yield from _rows(machine, sources.get(machine.get("uuid"), {}), changed_word)


def _rows(machine: Result, settings: Mapping[str, Any], changed_word: str) -> Iterator[Result]:
    base = dict(machine=machine["name"], uuid=machine.get("uuid"), state=machine.get("state"), msg=None, source=None)
    before = machine["before"]
    for word, values in ((changed_word, changes(machine)), ("pending", machine["pending"])):
        for setting, value in values.items():
            source = _source(setting, settings)
            yield dict(base, setting=setting, before=before.get(setting), after=value, outcome=word, source=source)
    if machine.get("failed"):
        yield dict(base, setting=None, before=None, after=None, outcome="failed", msg=machine.get("msg"))


def _source(setting: str, settings: Mapping[str, Any]) -> str | None:
    options = OPTIONS_OF.get(setting, (setting,))
    return next((settings[option].get("source") for option in options if option in settings), None)


def changes(machine: Result) -> Result:
    """The settings of an entry of ``machines`` that are others now, with what they are."""
    before = machine["before"]
    return {setting: value for setting, value in machine["after"].items() if value != before.get(setting)}


def host_failure(msg: str, host: str) -> Result:
    """The row of a host that failed as a whole."""
    nothing = dict.fromkeys(("machine", "uuid", "state", "setting", "before", "after", "source"))
    return dict(nothing, host=host, outcome="failed", msg=msg)


def gathered(calls: Sequence[Result], key: str) -> list[Any]:
    """The items of a list that several results have, each once."""
    items: list[Any] = []
    for call in calls:
        items += [item for item in call.get(key) or [] if item not in items]
    return items


def merged(first: Result, second: Result, positions: Sequence[int]) -> Result:
    """One result of two calls, as one call would have given it.

    :param first: the result of a call with all machines
    :param second: that of a call with those of these positions only, which the first one left alone
    """
    late = dict(zip(positions, second.get("machines") or []))
    machines, diffs = [], []
    sources = {False: iter(first.get("diff") or []), True: iter(second.get("diff") or [])}
    for position, machine in enumerate(first["machines"]):
        waited = position in positions
        if waited:
            machine = late.get(position) or given_up(machine, second)
        machines.append(machine)
        if machine["changed"]:
            diffs += [one for one in [next(sources[waited], None)] if one is not None]
    whole = {key: value for key, value in first.items() if key not in ("failed", "msg", "code", "exception")}
    whole.update(outcome(machines))
    if "diff" in first or "diff" in second:
        whole["diff"] = diffs
    for key in ("warnings", "deprecations"):
        if first.get(key) or second.get(key):
            whole[key] = gathered([first, second], key)
    return whole


def given_up(machine: Result, call: Result) -> Result:
    """An entry for a machine of a call that failed before it said anything of its machines."""
    kept = {key: value for key, value in machine.items() if key not in ("waiting", "code")}
    code = {"code": call["code"]} if call.get("code") else {}
    return dict(kept, failed=True, msg=call.get("msg") or "the module failed without a message", **code)
