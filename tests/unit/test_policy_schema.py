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
from ansible_collections.vbox.memory.plugins.plugin_utils.policy import EXTRAS, PARTS, PolicyError, resolve

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "policy.schema.json").read_text())
PLACES = {"defaults": "settings", "rules": "rule", "machines": "machine"}
POLICIES = [
    ({}, True),
    (None, True),
    ({"defaults": {"balloon": "1.5G", "large_pages": False, "on_blocked": "defer", "timeout": 60}}, True),
    ({"rules": [{"name": "a", "when": "memory_mb > `1`", "required": False, "balloon": None}]}, True),
    ({"machines": {"db": {"optional": True, "balloon_leave": 100}, "web": None}}, True),
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
    assert set(SCHEMA["properties"]) == set(PARTS)
    for part, place in PLACES.items():
        assert set(SCHEMA["$defs"][place]["properties"]) == {*OPTIONS, *EXTRAS[part]}
    settings = SCHEMA["$defs"]["settings"]["properties"]
    for option, (least, most) in RANGES.items():
        assert settings[option]["anyOf"][0] == {"type": ["integer", "null"], "minimum": least, "maximum": most}
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
