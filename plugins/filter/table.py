# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: table
short_description: Show rows as a table of plain text
description:
  - Takes a list of dictionaries and gives the lines of a table, with a line of headings.
  - Each row is one line, whatever its values hold. Control characters are shown as escapes.
version_added: 0.1.0
author:
  - vbox.memory contributors (!UNKNOWN)
positional: columns
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
  columns:
    description: The headings by the key that they are for, in the order of the columns; or a list of keys, which are then the headings.
    type: raw
    required: true
notes:
  - Null is shown as C(-), booleans as C(on) and C(off). Numbers are set to the right.
seealso:
  - plugin: vbox.memory.differences
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the machines of a host
  ansible.builtin.debug:
    msg: "{{ ansible_facts.vbox_memory.machines | vbox.memory.table({'name': 'Machine', 'memory_mb': 'Memory (MB)'}) }}"
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

from ansible_collections.vbox.memory.plugins.plugin_utils.table import table
from ansible_collections.vbox.memory.plugins.plugin_utils.values import kind_of, plain


def table_filter(rows: Any, columns: Any) -> list[str]:
    rows, columns = plain(rows), plain(columns)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnsibleFilterError("vbox.memory.table: the input is %s, and not a list of dictionaries" % kind_of(rows))
    if not isinstance(columns, (list, dict)):
        raise AnsibleFilterError(
            "vbox.memory.table: columns: it is %s, and neither a list nor a dictionary" % kind_of(columns)
        )
    for number, column in enumerate(columns):
        if isinstance(column, (dict, list)):
            raise AnsibleFilterError(
                "vbox.memory.table: columns[%d]: it is %s, and no key of a row" % (number, kind_of(column))
            )
    return table(rows, columns)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"table": table_filter}
