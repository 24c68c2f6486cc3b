#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation; the work is done on the controller, by plugins/action/vbox_memory_print.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: vbox_memory_print
short_description: Print lines of text as they are
description:
  - Prints lines on the controller's terminal, such as those of P(vbox.memory.table#filter) and P(vbox.memory.summary#filter), without the quotes
    and escapes of M(ansible.builtin.debug) and whatever the callback and its C(result_format).
  - With a callback for programs (C(json), C(jsonl), C(junit), C(null)) the lines go to the standard error, and are in the result.
  - Each line is one line. Control characters are shown as escapes.
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
attributes:
  action:
    description: Has a corresponding action plugin, so all of it is done on the controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  check_mode:
    description: Can run in C(check_mode). It changes nothing.
    support: full
  diff_mode:
    description: Returns details on what has changed, which is nothing.
    support: none
  platform:
    description: Operating systems that the controller runs on.
    support: full
    platforms: posix
options:
  lines:
    description: The lines, without line ends.
    type: list
    elements: str
    required: true
seealso:
  - plugin: vbox.memory.table
    plugin_type: filter
  - plugin: vbox.memory.summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the machines
  vbox.memory.vbox_memory_facts:

- name: Show them
  vbox.memory.vbox_memory_print:
    lines: "{{ ansible_facts.vbox_memory.machines | vbox.memory.table({'name': 'Machine', 'memory_mb': 'Memory (MB)'}) }}"
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
msg:
  description: What went wrong.
  returned: on failure
  type: str
"""
