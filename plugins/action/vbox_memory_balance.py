# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name in the background, and shows who gives and gets."""

from __future__ import annotations

from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.results import host_failure
from ansible_collections.vbox.memory.plugins.plugin_utils.running import ModuleRunner

NO_MESSAGE = "it failed without a message"


class ActionModule(ModuleRunner):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        if self._task.async_val:
            return dict(result, **self.run_alone(task_vars or {}))
        result.update(self.run_with_progress(self._task.action, dict(self._task.args), task_vars or {}, []))
        if result.get("failed"):  # a report finds it there, also where the task is told not to fail
            host = str((task_vars or {}).get("inventory_hostname"))
            result["differences"] = [host_failure(str(result.get("msg") or NO_MESSAGE), host)]
        return result
