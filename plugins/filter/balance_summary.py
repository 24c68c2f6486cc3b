# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: balance_summary
short_description: Show balance on many hosts as one report
description:
  - Takes the results of M(vbox.memory.vbox_memory_balance_plan) on all hosts and gives the lines of a report.
  - For each host it is what the machines may hold, and a table of them, with what each holds, uses and has free, its balloon, the target, the
    next balloon if one is to be asked for, the code and the reason. Sizes are in MB.
  - Then it says where a machine of O(start) could start, and for each host whose floors cannot be met which machine could move where, or
    what to stop.
  - Failures and how much there is of each come last.
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
positional: start
options:
  _input:
    description: The results, by the name of the host. Null is a host without one.
    type: dict
    required: true
  start:
    description: The memory of a machine for which a place is looked for, in MB or with a unit, as in V(4G).
    type: raw
  carried_out:
    description:
      - Where the plans were carried out, the results of M(vbox.memory.vbox_memory_balance), by the name of the host.
      - The table of a host then has what its machines held before, and hold now.
    type: dict
  fit:
    description: Whether tables are to fit the terminal, and long messages are cut. See P(vbox.memory.summary#filter).
    type: bool
    default: false
seealso:
  - module: vbox.memory.vbox_memory_balance_plan
  - plugin: vbox.memory.balance
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan on each host
  vbox.memory.vbox_memory_balance_plan:
  register: outcome

- name: Show all plans, and where a machine of 4 GB could start
  vbox.memory.vbox_memory_print:
    lines: "{{ results | vbox.memory.balance_summary(start='4G') }}"
  vars:
    results: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars) | map(attribute='outcome') | map('default', none))) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The lines, without line ends.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable
from ansible_collections.vbox.memory.plugins.module_utils.model.sizes import size_in_mb
from ansible_collections.vbox.memory.plugins.plugin_utils.balance_summary import balance_summary
from ansible_collections.vbox.memory.plugins.plugin_utils.balancing import BalanceError
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import BALANCED, PLANNED, results_by_host
from ansible_collections.vbox.memory.plugins.plugin_utils.terminal import terminal_width
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain


def balance_summary_filter(results: Any, start: Any = None, carried_out: Any = None, fit: bool = False) -> list[str]:
    start = plain(start)
    try:
        known = results_by_host(results, PLANNED, "vbox_memory_balance_plan")
        done = None if carried_out is None else results_by_host(carried_out, BALANCED, "vbox_memory_balance")
        size = None if start is None else _size(start)
        return balance_summary(known, size, done, terminal_width() if fit else None)
    except (BalanceError, ValueError) as problem:
        raise AnsibleFilterError("vbox.memory.balance_summary: %s" % problem) from None


def _size(start: Any) -> int:
    try:
        size = size_in_mb(start)
        if not size:
            raise ValueError("is no machine: give its memory, 1 MB or more")
    except ValueError as problem:
        raise BalanceError("start: %s %s" % (printable(repr(start)), problem)) from None
    return size


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"balance_summary": balance_summary_filter}
