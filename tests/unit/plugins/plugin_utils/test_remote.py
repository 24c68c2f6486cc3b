# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a host answers to the inventory plugin, whatever that is: facts as they have to be, or an error in one line."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from support.any_json import ANYTHING, changed

from ansible_collections.vbox.memory.plugins.plugin_utils.naming import machine_names
from ansible_collections.vbox.memory.plugins.plugin_utils.policy import PolicyError, resolve
from ansible_collections.vbox.memory.plugins.plugin_utils.remote import HostError, facts_in

MACHINE = {
    "uuid": "00000000-0000-0000-0000-000000000001",
    "name": "web",
    "state": "running",
    "groups": ["/a"],
    "os_type": "Debian_64",
    "os_description": "Debian (64-bit)",
    "memory_mb": 512,
    "balloon_default_mb": 0,
    "balloon_current_mb": 0,
    "page_fusion": False,
    "large_pages": None,
    "guest_additions_run_level": 2,
    "guest": {"free_kb": 1},
}
ANSWER = {
    "facts": {
        "host": {"vbox_version": "7.2.22"},
        "machines": [MACHINE, dict(MACHINE, uuid="00000000-0000-0000-0000-000000000002", name="db")],
        "unreadable": [{"uuid": None, "name": None, "code": "machine_inaccessible", "msg": "gone"}],
        "totals": {"running_mb": 1024},
    }
}
POLICY = {"rules": [{"when": "memory_mb > `1` && contains(groups, '/a')", "balloon": 1}, {"large_pages": False}]}


@settings(max_examples=500, deadline=None, derandomize=True)
@given(changed(ANSWER) | ANYTHING)
def test_any_answer(answer):
    try:
        facts = facts_in(json.dumps(answer))
    except HostError as error:
        assert str(error).isprintable() and len(str(error)) < 700
        return
    names = machine_names("h", facts["machines"], "name")
    assert len(set(names.values())) == len(facts["machines"])
    assert all(re.fullmatch(r"[\w][\w-]*\.h\.vbox", name) for name in names.values())
    assert all(isinstance(path, str) for machine in facts["machines"] for path in machine["groups"])
    try:
        resolve([("policy", POLICY)], facts)
    except PolicyError:
        pass


def test_a_good_answer_is_taken_as_it_is():
    assert facts_in(json.dumps(ANSWER)) == ANSWER["facts"]
