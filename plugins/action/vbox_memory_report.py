# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a fleet, on the controller: one page, and the same figures for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.plugin_utils.arguments import validated
from ansible_collections.vbox.memory.plugins.plugin_utils.balancing import BalanceError, inputs, planned
from ansible_collections.vbox.memory.plugins.plugin_utils.progress import is_read_by_people
from ansible_collections.vbox.memory.plugins.plugin_utils.report import history, writing
from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import figures
from ansible_collections.vbox.memory.plugins.plugin_utils.report.page import TITLE
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import (
    MEASURED_FACTS,
    PLANNED,
    POLICY_RESULT,
    problem_of,
    problem_of_facts,
)
from ansible_collections.vbox.memory.plugins.plugin_utils.values import count, kind_of, plain, shown

Result = dict[str, Any]

SPEC: dict[str, dict[str, Any]] = dict(
    facts=dict(type="raw", required=True),
    policies=dict(type="raw"),
    plans=dict(type="raw"),
    dest=dict(type="path", required=True),
    formats=dict(type="list", elements="str", choices=list(writing.FORMATS), default=list(writing.FORMATS)),
    textfile_dir=dict(type="path"),
    history=dict(type="path"),
    history_keep=dict(type="int", default=200),
    title=dict(type="str", default=TITLE),
    read_at=dict(type="str"),
)
RANGES = {"history_keep": (1, 1000000)}
NO_MESSAGE = "it gave no facts, and no message"


class Failure(Exception):
    """What ends the task, as one sentence."""


class ActionModule(ActionBase):
    _supports_check_mode = True
    _supports_diff = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> Result:
        super().run(tmp, task_vars)
        try:
            given = self._arguments()
            entries = entries_of(given)
            told = figures(entries, given["read_at"])
            result = dict(self._written(told, given), **_counted(told))
            self._show(result)
            return result
        except (Failure, AnsibleError) as error:
            return dict(failed=True, changed=False, msg="%s: %s" % (self._task.action, error))
        except OSError as error:
            path = error.filename or given["dest"]
            return dict(
                failed=True,
                changed=False,
                msg="%s: %s cannot be read or written: %s" % (self._task.action, path, error.strerror),
            )

    def _arguments(self) -> Result:
        try:
            arguments = validated(self._task.args, SPEC, RANGES)
        except ValueError as error:
            raise Failure(str(error)) from None
        if arguments["read_at"] is None:
            arguments["read_at"] = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            history.seconds(arguments["read_at"])
        except ValueError as error:
            raise Failure("read_at: %s" % error) from None
        for key in ("facts", "policies", "plans"):
            arguments[key] = by_host(key, arguments[key])
        return arguments

    def _written(self, told: Mapping[str, Any], given: Result) -> Result:
        """Write what differs, or say what would be written."""
        lines, kept = None, []
        warnings: list[str] = []
        if given["history"] is not None:
            folder = Path(given["history"])
            samples, warnings = history.read(folder, given["history_keep"])
            kept = [writing.sample_file(told, folder)]
            earlier = [one for one in samples if one["read_at"] < told["read_at"]]
            lines = history.lines([*earlier, history.sample(told)], told)
        textfile_dir = None if given["textfile_dir"] is None else Path(given["textfile_dir"])
        report = writing.files(told, lines, Path(given["dest"]), given["formats"], given["title"], textfile_dir)
        changed = [file for file in [*report, *kept] if file.differs]
        result: Result = dict(changed=bool(changed), files=[str(file.path) for file in report], warnings=warnings)
        if self._task.diff:
            result["diff"] = [_diff(file) for file in changed if file.path.suffix == ".md"]
        if not self._task.check_mode:
            for file in [*report, *kept]:
                file.write()
            if kept:
                writing.forget(Path(given["history"]), given["history_keep"])
        return result

    def _show(self, result: Result) -> None:
        """Say where the report is, where people read along."""
        if result["files"] and is_read_by_people(C.config.get_config_value("DEFAULT_STDOUT_CALLBACK")):
            verb = "would be" if self._task.check_mode else "is"
            self._display.display("The report %s in %s: %s" % (verb, shown(result["files"][0]), result["msg"]))


def by_host(option: str, value: Any) -> Result:
    """An option that holds something for each host.

    :raises Failure: when it is nothing such
    """
    value = plain({} if value is None else value)
    if not isinstance(value, dict):
        raise Failure("%s: it is %s, and not a dictionary by host" % (option, kind_of(value)))
    return {str(host): entry for host, entry in value.items()}


def entries_of(given: Mapping[str, Any]) -> Result:
    """What :func:`figures` takes, of the results of tasks."""
    entries = {}
    for host, result in given["facts"].items():
        entry = _facts_of(result)
        policy, plan = given["policies"].get(host), given["plans"].get(host)
        problem = problem_of(policy, POLICY_RESULT, "policies.%s" % host)
        if problem:
            raise Failure("%s: give the result of vbox.memory.vbox_memory_policy" % problem)
        problem = problem_of(plan, PLANNED["plan"], "plans.%s" % host)
        if problem:
            raise Failure("%s: give the plans of vbox.memory.balance" % problem)
        if entry["facts"] is None:
            policy = None  # that the host could not be read is said once
        made, reserve_mb = _planned(entry["facts"], (policy or {}).get("balance"))
        entries[host] = dict(entry, policy=policy, plan=made if plan is None else plan, reserve_mb=reserve_mb)
    return entries


def _facts_of(result: Any) -> Result:
    """The facts of a host, or why there are none. Whatever a host has sent, it costs only itself."""
    if not isinstance(result, dict):
        return dict(facts=None, msg="there is no result of vbox_memory_facts")
    found = (result.get("ansible_facts") or {}).get("vbox_memory") if "ansible_facts" in result else None
    if found is None:
        return dict(facts=None, msg=str(result.get("msg") or NO_MESSAGE))
    problem = problem_of_facts(found, MEASURED_FACTS)
    return dict(facts=None, msg="its answer cannot be used: %s" % problem) if problem else dict(facts=found, msg=None)


def _planned(facts: Any, policy: Any) -> tuple[Any, int | None]:
    """What balance would do by one look, and the reserve of the host in MB by its policy.

    Nothing where the facts have no figures of the host, or it is no policy of balance.
    """
    if facts is None:
        return None, None
    try:
        plan = planned(inputs(facts, policy))
    except BalanceError:
        return None, None
    return plan, read(policy, facts["host"]["memory_total_kb"] // 1024).reserve


def _counted(told: Mapping[str, Any]) -> Result:
    levels = Counter(one["level"] for one in told["findings"])
    fleet = told["fleet"]
    counts = [count(fleet["hosts_count"], "host"), count(fleet["machines_count"] or 0, "machine")]
    counts += [count(levels[level], level) for level in ("error", "warning", "note") if levels[level]]
    return dict(msg=", ".join(counts), fleet=fleet, findings={one: levels[one] for one in ("error", "warning", "note")})


def _diff(file: writing.File) -> Result:
    return dict(before_header=str(file.path), after_header=str(file.path), before=file.before or "", after=file.text)
