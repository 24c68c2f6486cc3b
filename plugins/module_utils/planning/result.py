# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a module returns for one machine: planned, carried out, or failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.commands import command_line
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import BALLOONS, shown
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import MachinePlan, StartAgain


@dataclass
class MachineResult:
    """The result for one machine. ``plan`` is the last one made for it, if any could be made."""

    name: str  # as it was asked for; the machine's own where it was found
    before: Machine | None = None
    after: Machine | None = None
    now: Machine | None = None  # whose state is shown, where it is another than before
    requested: Mapping[str, Any] = field(default_factory=dict)
    plan: MachinePlan | None = None
    commands: list[tuple[str, ...]] = field(default_factory=list)
    requested_again: bool = False  # the same balloon, and the guest now holds another
    started: bool = False  # it was off, as a run was interrupted, and now runs
    warnings: tuple[str, ...] = ()  # of plans before the last one
    limited_by: str | None = None
    progress: list[dict[str, Any]] = field(default_factory=list)
    waiting: bool = False
    error: VBoxMemoryError | None = None

    def as_result(self) -> dict[str, Any]:
        """The result as the modules document it under ``machines``."""
        now = self.now or self.before
        before, after = shown(self.before, self.requested), shown(self.after or self.before, self.requested)
        result: dict[str, Any] = dict(
            name=self.before.name if self.before else self.name,
            uuid=self.before.uuid if self.before else None,
            state=now.state if now else None,
            changed=before != after or self.requested_again or self.started,
            before=before,
            after=after,
            pending=dict(self.plan.pending) if self.plan else {},
            commands=[command_line(command) for command in self.commands],
            warnings=list(dict.fromkeys(self.warnings + (self.plan.warnings if self.plan else ()))),
        )
        if now and now.live and any(name in self.requested for name in BALLOONS):
            result.update(limited=self.limited_by is not None, limited_by=self.limited_by, progress=self.progress)
        if self.waiting:
            result["waiting"] = True
        if self.error:
            result.update(self.error.as_result(), failed=True)
        return result


def left_waiting(plan: MachinePlan) -> MachineResult:
    """The result of a plan of which nothing was carried out, as a guest has to be waited for."""
    return MachineResult(plan.machine.name, before=plan.machine, requested=plan.requested, waiting=True)


def planned_result(plan: MachinePlan) -> MachineResult:
    """The result of a plan, were it carried out as it is: what check mode says."""
    return MachineResult(
        name=plan.machine.name,
        before=plan.machine,
        after=plan.after,
        requested=plan.requested,
        plan=plan,
        commands=plan.commands,
        started=any(isinstance(step, StartAgain) for step in plan.steps),
        limited_by=plan.limited_by,
    )


def outcome(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a module's result says as a whole, from its entries of ``machines``."""
    failed = [result for result in results if result.get("failed")]
    whole: dict[str, Any] = dict(
        changed=any(result["changed"] for result in results),
        machines=list(results),
        commands=[command for result in results for command in result["commands"]],
        pending=[dict(result["pending"], name=result["name"]) for result in results if result["pending"]],
    )
    if failed:
        message = "; ".join("machine %r: %s" % (result["name"], result["msg"]) for result in failed)
        if len(results) > 1:
            message = "%d of %d machines failed. %s" % (len(failed), len(results), message)
        whole.update(failed=True, code=failed[0].get("code"), msg=message)
    return whole
