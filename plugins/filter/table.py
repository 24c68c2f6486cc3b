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

import unicodedata

from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.plugin_utils.values import kind_of, plain

WORDS = {None: "-", True: "on", False: "off"}


def table(rows, columns):
    rows, columns = plain(rows), plain(columns)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise AnsibleFilterError("vbox.memory.table: the input is %s, and not a list of dictionaries" % kind_of(rows))
    if not isinstance(columns, (list, dict)):
        raise AnsibleFilterError(
            "vbox.memory.table: columns: it is %s, and neither a list nor a dictionary" % kind_of(columns)
        )
    headings = list(columns.values()) if isinstance(columns, dict) else columns
    body = [[row.get(key) for key in columns] for row in rows]
    cells = [[_shown(value) for value in row] for row in [headings] + body]
    widths = [max(map(_width, column)) for column in zip(*cells)]
    right = [bool(body) and all(_is_number(value) or value is None for value in column) for column in zip(*body)] or [
        False
    ] * len(widths)
    lines = [_line(row, widths, right) for row in cells]
    return lines[:1] + [_line(["-" * width for width in widths], widths, right)] + lines[1:]


def _line(row, widths, right):
    padded = [
        " " * (width - _width(cell)) + cell if to_the_right else cell + " " * (width - _width(cell))
        for cell, width, to_the_right in zip(row, widths, right)
    ]
    return "  ".join(padded).rstrip()


def _shown(value):
    if value is None or isinstance(value, bool):
        return WORDS[value]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _width(text):
    """The columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


class FilterModule:
    def filters(self):
        return {"table": table}
