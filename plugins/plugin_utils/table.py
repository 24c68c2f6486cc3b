# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as a table of plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | Sequence[str]) -> list[str]:
    """The lines of a table, with a line of headings.

    :param columns: the headings by key, or the keys, which are the headings then
    """
    headings = list(columns.values()) if isinstance(columns, Mapping) else list(columns)
    body = [[row.get(key) for key in columns] for row in rows]
    cells = [[shown(value) for value in row] for row in [headings] + body]
    widths = [max(map(_width, column)) for column in zip(*cells)]
    right = [bool(body) and all(_is_number(value) or value is None for value in column) for column in zip(*body)] or [
        False
    ] * len(widths)
    lines = [_line(row, widths, right) for row in cells]
    return lines[:1] + [_line(["-" * width for width in widths], widths, right)] + lines[1:]


def _line(row: list[str], widths: list[int], right: list[bool]) -> str:
    padded = [
        " " * (width - _width(cell)) + cell if to_the_right else cell + " " * (width - _width(cell))
        for cell, width, to_the_right in zip(row, widths, right)
    ]
    return "  ".join(padded).rstrip()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )
