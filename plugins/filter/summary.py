# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
short_description: Summarize what vbox_memory_policy did on many hosts
description:
  - Takes the results of M(vbox.memory.vbox_memory_policy) of many hosts, and gives the lines of one report. These are a table of what differs,
    a line for each failure, with all whom it is about, and a sentence that counts all.
version_added: 0.1.0
author:
  - vbox.memory contributors (!UNKNOWN)
options:
  _input:
    description:
      - The registered results by host, also of hosts that failed or could not be reached.
      - Hosts without a result are left out. Their result is null.
    type: dict
    required: true
  check_mode:
    description: Whether the results are of check mode or of O(vbox.memory.vbox_memory_policy#module:mode=audit), in which nothing changed.
    type: bool
    default: false
  fit:
    description:
      - Whether the table is to fit the terminal that Ansible runs in, and long messages are cut. Without a terminal, such as in a pipe, it is as
        wide as it has to be.
    type: bool
    default: false
    version_added: 1.0.0
seealso:
  - module: vbox.memory.vbox_memory_policy
  - plugin: vbox.memory.table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Bring each host to its policy
  vbox.memory.vbox_memory_policy:
  register: outcome

- name: Show what became of all hosts
  vbox.memory.vbox_memory_print:
    lines: "{{ results | vbox.memory.summary(check_mode=ansible_check_mode) }}"
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

from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import DIFFERENCES, results_by_host
from ansible_collections.vbox.memory.plugins.plugin_utils.summary import summary
from ansible_collections.vbox.memory.plugins.plugin_utils.terminal import terminal_width


def summary_filter(results: Any, check_mode: bool = False, fit: bool = False) -> list[str]:
    try:
        known = results_by_host(results, DIFFERENCES, "vbox_memory_policy")
    except ValueError as problem:
        raise AnsibleFilterError("vbox.memory.summary: %s" % problem) from None
    return summary(known, check_mode, width=terminal_width() if fit else None, short=fit)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"summary": summary_filter}
