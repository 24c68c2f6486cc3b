# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name: a host's Python that is too old for it gets a sentence."""

from __future__ import annotations

from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.running import ModuleRunner


class ActionModule(ModuleRunner):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        return dict(super().run(tmp, task_vars), **self.run_alone(task_vars or {}))
