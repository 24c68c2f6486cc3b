# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""docs/balance-codes.md has a row for each code that the planner gives, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import explain

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "balance-codes.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| [^|]{10,} \| [^|]{7,} \|$", re.MULTILINE)  # code, meaning, what to do


def test_every_code_has_a_row_in_the_same_order():
    assert ROW.findall(PAGE) == [*explain.SENTENCES, *explain.HOST_SENTENCES]


def test_every_row_is_well_formed():
    assert len(ROW.findall(PAGE)) == PAGE.count("\n| `")
