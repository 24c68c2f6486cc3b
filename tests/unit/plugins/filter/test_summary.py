# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filter summary."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.filter.summary import summary_filter

ROW = {
    "host": "h1",
    "machine": "web01",
    "uuid": "u1",
    "state": "running",
    "setting": "balloon_default_mb",
    "before": 0,
    "after": 64,
    "outcome": "changed",
    "source": "base: defaults",
    "msg": None,
}


def test_a_table_the_failures_and_the_numbers():
    failed = dict(ROW, setting=None, outcome="failed", msg="one\nand two")
    results = {
        "h1": {"failed": True, "machines": [{}, {}], "differences": [ROW, dict(ROW, outcome="pending"), failed]},
        "h2": {"unreachable": True, "msg": "no route"},
        "h3": {"failed": True, "msg": "nowhere is undefined\x07"},
        "h4": {"failed": False, "machines": [{}], "differences": []},
        "h5": None,
    }
    assert summary_filter(results) == [
        "Host  Machine  State    Setting             Current  Desired  Outcome  Source",
        "----  -------  -------  ------------------  -------  -------  -------  --------------",
        "h1    web01    running  balloon_default_mb        0       64  changed  base: defaults",
        "h1    web01    running  balloon_default_mb        0       64  pending  base: defaults",
        'FAILED: h1, machine "web01": one',
        "  and two",
        "FAILED: h2: no route",
        r"FAILED: h3: nowhere is undefined\x07",
        "3 machines on 4 hosts: 1 settings changed, 1 have to wait for a shutdown, 3 failures.",
    ]


def test_nothing_differs():
    assert summary_filter({}, check_mode=True) == [
        "0 machines on 0 hosts: 0 settings differ and could change now, 0 have to wait for a shutdown, 0 failures."
    ]


@pytest.mark.parametrize(
    ("results", "problem"), [([], "the input is a list"), ({"h1": 1}, "the result of h1: it is a number")]
)
def test_what_is_no_result(results, problem):
    with pytest.raises(AnsibleFilterError, match=problem):
        summary_filter(results)
