# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints lines as they are: the callbacks print a message as JSON or YAML, with quotes around each line of a table."""

from __future__ import annotations

from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean
from ansible_collections.vbox.memory.plugins.plugin_utils.terminal import is_for_programs
from ansible_collections.vbox.memory.plugins.plugin_utils.values import kind_of, plain, shown

OPTIONS = ("lines",)


class ActionModule(ActionBase):
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        try:
            problem, lines = self._lines()
        except AnsibleError as error:
            problem, lines = "lines: %s" % error, []
        if problem:
            return dict(failed=True, changed=False, msg="%s: %s" % (self._task.action, problem))
        # What a program reads from the standard output has to stay whole: it has the lines in the result.
        callback = C.config.get_config_value("DEFAULT_STDOUT_CALLBACK")
        self._display.display("\n".join(lines), stderr=is_for_programs(callback))
        return dict(changed=False, lines=lines)

    def _lines(self) -> tuple[str | None, list[str]]:
        """What is wrong with the arguments, and the lines."""
        for key in self._task.args:
            if key not in OPTIONS:
                return "there is no option %s; %s" % (key, did_you_mean(key, OPTIONS)), []
        lines = plain(self._task.args.get("lines"))
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            return "lines: it is %s, and has to be a list of strings" % kind_of(lines), []
        return None, [shown(line) for line in lines]
