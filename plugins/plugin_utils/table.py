# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows as a table of plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown

GAP = "  "
NARROWEST = 8  # columns of a text that is cut


def table(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | Sequence[str], width: int | None = None
) -> list[str]:
    """The lines of a table, with a line of headings.

    :param columns: the headings by key, or the keys, which are the headings then
    :param width: the columns of a terminal: texts are cut, the longest first, until the table fits
    """
    headings = list(columns.values()) if isinstance(columns, Mapping) else list(columns)
    body = [[row.get(key) for key in columns] for row in rows]
    cells = [[shown(value) for value in row] for row in [headings] + body]
    widths = [max(map(_width, column)) for column in zip(*cells)]
    right = [bool(body) and all(_is_number(value) or value is None for value in column) for column in zip(*body)] or [
        False
    ] * len(widths)
    if width is not None:
        widths = _fitted(widths, right, width)
        cells = [[_cut(cell, most) for cell, most in zip(row, widths)] for row in cells]
    lines = [_line(row, widths, right) for row in cells]
    return lines[:1] + [_line(["-" * width for width in widths], widths, right)] + lines[1:]


def _fitted(widths: list[int], fixed: list[bool], most: int) -> list[int]:
    """Widths that fit, as far as texts can be cut; numbers never are."""
    fitted = list(widths)
    while sum(fitted) + len(GAP) * (len(fitted) - 1) > most:
        width, place = max(((width, place) for place, width in enumerate(fitted) if not fixed[place]), default=(0, 0))
        if width <= NARROWEST:
            break
        fitted[place] -= 1
    return fitted


def _cut(text: str, most: int) -> str:
    """The beginning of a text that is too wide, and an ellipsis."""
    if _width(text) <= most:
        return text
    while _width(text) > most - 1:
        text = text[:-1]
    return text + "…"


def _line(row: list[str], widths: list[int], right: list[bool]) -> str:
    padded = [
        " " * (width - _width(cell)) + cell if to_the_right else cell + " " * (width - _width(cell))
        for cell, width, to_the_right in zip(row, widths, right)
    ]
    return GAP.join(padded).rstrip()


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )
