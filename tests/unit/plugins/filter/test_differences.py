# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filter differences."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.filter.differences import differences_filter

MACHINE = {
    "name": "web01",
    "uuid": "u1",
    "state": "running",
    "changed": False,
    "before": {},
    "after": {},
    "pending": {},
}


def rows_of(machine, explained=None):
    rows = differences_filter({"machines": [dict(MACHINE, **machine)]}, explained)
    return [
        (row["machine"], row["setting"], row["before"], row["after"], row["outcome"], row["source"], row["msg"])
        for row in rows
    ]


def test_nothing_differs():
    assert rows_of({"before": {"large_pages": False}, "after": {"large_pages": False}}) == []


def test_what_changed_and_what_waits():
    machine = {
        "before": {"balloon_default_mb": 0, "balloon_current_mb": 0, "large_pages": True},
        "after": {"balloon_default_mb": 0, "balloon_current_mb": 512, "large_pages": True},
        "pending": {"balloon_default_mb": 512, "large_pages": False},
    }
    explained = [{"name": "web01", "uuid": "u1", "settings": {"balloon": {"value": 512, "source": "policy: defaults"}}}]
    assert rows_of(machine, explained) == [
        ("web01", "balloon_current_mb", 0, 512, "changed", "policy: defaults", None),
        ("web01", "balloon_default_mb", 0, 512, "pending", "policy: defaults", None),
        ("web01", "large_pages", True, False, "pending", None, None),
    ]


def test_in_check_mode_nothing_has_changed_yet():
    rows = differences_filter(
        {"machines": [dict(MACHINE, before={"large_pages": True}, after={"large_pages": False})]}, check_mode=True
    )
    assert [row["outcome"] for row in rows] == ["would change"]


def test_a_machine_that_failed():
    assert rows_of({"uuid": None, "state": None, "failed": True, "msg": "there is none"}) == [
        ("web01", None, None, None, "failed", None, "there is none"),
    ]


def test_a_result_without_machines():
    assert differences_filter({"failed": True, "msg": "no VirtualBox"}) == []


def test_what_is_no_result():
    with pytest.raises(AnsibleFilterError, match="the input: it is a list"):
        differences_filter([])
