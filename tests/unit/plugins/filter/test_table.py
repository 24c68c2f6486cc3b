# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filter table."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.filter.table import table_filter

ROWS = [
    {"name": "web01", "memory": 512, "on": True, "groups": ["/", "/a"]},
    {"name": "new\nline", "memory": None, "on": None},
    {"name": "名前", "memory": 16384, "on": False, "groups": []},
]


def test_columns_line_up():
    assert table_filter(ROWS, {"name": "Name", "memory": "Memory", "on": "On", "groups": "Groups"}) == [
        "Name       Memory  On   Groups",
        "---------  ------  ---  ------",
        "web01         512  on   /, /a",
        r"new\nline       -  -    -",
        "名前        16384  off",
    ]


def test_keys_as_headings_and_no_rows():
    assert table_filter([], ["name", "memory"]) == ["name  memory", "----  ------"]


@pytest.mark.parametrize("rows, columns", [(None, ["a"]), ({}, ["a"]), ([1], ["a"]), ([], "a")], ids=str)
def test_wrong_types(rows, columns):
    with pytest.raises(AnsibleFilterError, match="vbox.memory.table"):
        table_filter(rows, columns)
