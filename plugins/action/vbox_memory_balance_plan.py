# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans how memory moves between the running machines of a host by its policy: reads them, once or for a while, and plans here."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.inputs import missing_figures
from ansible_collections.vbox.memory.plugins.plugin_utils.balancing import (
    BalanceError,
    Inputs,
    inputs,
    planned,
    watched,
)
from ansible_collections.vbox.memory.plugins.plugin_utils.by_policy import SPEC, Failure, PolicyAction
from ansible_collections.vbox.memory.plugins.plugin_utils.results import Result, differences, outcome

PERIOD = 10  # s between looks where no policy says how many: a look is a module call
SAID_EVERY = 10  # s
TICK = 8  # parts of a second that a time is a multiple of, so that differences are exact
LITTLE = 0.01  # s
FIRST_FIGURES = 30  # s to look again where VirtualBox has counted nothing since the set-up, which the first look makes: each look waits, too


class ActionModule(PolicyAction):
    SPEC = dict(SPEC, watch=dict(type="int", default=0))
    RANGES = {"watch": (0, 86400)}
    NOTHING = dict(
        changed=False, plan=None, input=None, balance=None, looks=0, watched_s=0, explained=[], balance_explained={}
    )

    def act(self, given: Result) -> Result:
        policies = self._policies(given["policies"])
        self._epoch = time.time() - time.monotonic()
        began = taken = said = self._now()
        looks, history = 0, None
        while True:
            resolved, look = self._look(policies, history, taken)
            looks += 1
            if taken >= began + given["watch"]:
                return self._result(resolved, look, dict(looks=looks, watched_s=int(taken - began)))
            history = self._asked(watched, look)
            if self._now() >= said + SAID_EVERY:
                said = self._now()
                self.show("%s: watched for %d s of %d s" % (self._host, said - began, given["watch"]))
            self._wait_until(min(taken + look["policy"]["period"], began + given["watch"]))
            taken = self._now()

    def _look(self, policies: Sequence[tuple[str, Any]], history: Any, taken: float) -> tuple[Result, Inputs]:
        """What the policies make of the host as it is now, and what the planner is to be asked."""
        facts, resolved = self._resolve(policies, metrics=True)
        until = taken + FIRST_FIGURES
        while missing_figures(facts["host"]) and self._now() < until:
            taken = self._now()
            facts, resolved = self._resolve(policies, metrics=True)
        policy = dict({"period": PERIOD}, **resolved["balance"])
        # as of when the host was asked: however long the answer is on its way, no guest's figures are old by that
        return resolved, self._asked(inputs, facts, policy, None, history, taken)

    def _result(self, resolved: Result, look: Inputs, watch: Result) -> Result:
        plan = self._asked(planned, look)
        failures = outcome(resolved["unreadable"])
        result = dict(
            watch,
            changed=bool(plan["steps"]) and self._task.check_mode,
            plan=plan,
            input=look,
            balance=resolved["balance"],
            explained=resolved["explained"],
            balance_explained=resolved["balance_explained"],
            differences=[dict(row, host=self._host) for row in differences(resolved["unreadable"])],
            diff=[_diff(step, plan) for step in plan["steps"]] if self._task.diff else [],
        )
        result.update((key, failures[key]) for key in ("failed", "code", "msg") if key in failures)
        return result

    def _asked(self, question: Any, *arguments: Any) -> Any:
        try:
            return question(*arguments)
        except BalanceError as error:
            raise Failure(msg="%s: %s" % (self._task.action, error)) from None

    def _now(self) -> float:
        """Seconds since 1970 by a clock that never goes back."""
        return math.floor((self._epoch + time.monotonic()) * TICK) / TICK

    def _wait_until(self, moment: float) -> None:
        time.sleep(max(0.0, moment - self._epoch - time.monotonic()) + LITTLE)


def _diff(step: Result, plan: Result) -> Result:
    """A step as the balloon that it is of."""
    name = next(printable(row["name"]) for row in plan["machines"] if row["uuid"] == step["uuid"])
    before, after = ("balloon_current_mb: %d\n" % step[key] for key in ("was_mb", "request_mb"))
    return dict(before_header=name, after_header=name, before=before, after=after)
