# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""docs/policy.schema.json says what the filter resolve says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import OPTIONS, RANGES
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import policy as balance
from ansible_collections.vbox.memory.plugins.plugin_utils.policy import EXTRAS, KEYS, SETTINGS, PolicyError, resolve

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "policy.schema.json").read_text())
PLACES = {"defaults": "settings", "rules": "rule", "machines": "machine"}
POLICIES = [
    ({}, True),
    (None, True),
    ({"defaults": {"balloon": "1.5G", "large_pages": False, "on_blocked": "defer", "timeout": 60}}, True),
    ({"rules": [{"name": "a", "when": "memory_mb > `1`", "required": False, "balloon": None}]}, True),
    ({"machines": {"db": {"optional": True, "balloon_leave": 100}, "web": None}}, True),
    ({"balance": True}, True),
    ({"balance": {}, "defaults": None}, True),
    ({"balance": {"reserve": "5%", "share": 50, "ready": 256, "window": None, "period": 0.5}}, True),
    ({"defaults": {"balance": False, "floor": "25%", "ceiling": "4G", "weight": 1, "priority": -1}}, True),
    ({"rules": [{"hard_reserve": 200, "comfort_reserve": "10%"}], "machines": {"db": {"floor": 1024.0}}}, True),
    ({"balance": []}, False),
    ({"balance": {"share": 0}}, False),
    ({"balance": {"window": 9}}, False),
    ({"balance": {"period": 0}}, False),
    ({"balance": {"floor": 1}}, False),
    ({"defaults": {"reserve": 1}}, False),
    ({"defaults": {"weight": 0}}, False),
    ({"machines": {"db": {"priority": -1001}}}, False),
    ({"rules": [{"floor": -1}]}, False),
    ({"default": {}}, False),
    ({"defaults": {"baloon": 1}}, False),
    ({"defaults": {"optional": True}}, False),
    ({"defaults": {"balloon": True}}, False),
    ({"defaults": {"timeout": 0}}, False),
    ({"defaults": {"on_blocked": "wait"}}, False),
    ({"rules": {"a": {}}}, False),
    ({"rules": [{"when": 1}]}, False),
    ({"machines": ["db"]}, False),
    ({"machines": {"db": {"when": "a"}}}, False),
]


def test_the_keys_are_the_same():
    assert set(SCHEMA["properties"]) == set(KEYS)
    for part, place in PLACES.items():
        assert set(SCHEMA["$defs"][place]["properties"]) == {*SETTINGS, *EXTRAS[part]}
    settings = SCHEMA["$defs"]["settings"]["properties"]
    host = SCHEMA["$defs"]["host"]["properties"]
    assert set(host) == set(balance.POLICY)
    for option, (least, most) in {**RANGES, **balance.RANGES}.items():
        assert dict(host, **settings)[option]["anyOf"][0] == {
            "type": ["integer", "null"],
            "minimum": least,
            "maximum": most,
        }
    assert settings["on_blocked"]["enum"] == [*OPTIONS["on_blocked"]["choices"], None]


@pytest.mark.parametrize(("policy", "good"), POLICIES)
def test_the_schema_and_the_filter_agree(policy, good):
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(policy) is good
    facts = {"machines": [{"uuid": "u", "name": name, "memory_mb": 1000} for name in ("db", "web")]}
    try:
        resolve([("policy", policy)], facts)
    except PolicyError:
        assert not good
    else:
        assert good


def test_the_policies_of_the_demo_fit():
    files = sorted((ROOT / "tests" / "demo" / "inventory").glob("*_vars/*.yml"))
    policies = [
        value
        for file in files
        for name, value in yaml.safe_load(file.read_text()).items()
        if name.startswith("vbox_memory_policy")
    ]
    assert policies
    for policy in policies:
        jsonschema.validate(policy, SCHEMA)
