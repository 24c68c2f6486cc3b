# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a controller reads from the results of our modules, to know which machines they have worked on."""

from __future__ import annotations

from pathlib import Path

import jq
import pytest
import yaml
from support.documentation import PLUGINS

ROOT = Path(__file__).resolve().parents[2]
QUERIES = yaml.safe_load((ROOT / "extensions" / "audit" / "event_query.yml").read_text(encoding="utf-8"))
MACHINES = [
    {"name": "web01", "uuid": "00000000-0000-0000-0000-000000000001", "changed": True},
    {"name": "nowhere", "uuid": None, "failed": True, "code": "machine_not_found"},
]


# They write and print on the controller, and work on no machine.
WITHOUT_MACHINES = {"vbox.memory.vbox_memory_print", "vbox.memory.vbox_memory_report"}


def test_every_module_has_its_query():
    assert set(QUERIES) == {"vbox.memory." + path.stem for path in PLUGINS.glob("modules/vbox_*.py")} - WITHOUT_MACHINES


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_finds_the_machines_that_there_are(name):
    result = {
        "machines": MACHINES,
        "plan": {"machines": MACHINES},
        "ansible_facts": {"vbox_memory": {"machines": MACHINES}},
    }
    query = jq.compile(QUERIES[name]["query"])
    assert query.input_value(result).all() == [
        {
            "name": "web01",
            "canonical_facts": {"uuid": MACHINES[0]["uuid"]},
            "facts": {"infra_type": "PrivateCloud", "infra_bucket": "Compute", "device_type": "VM"},
        }
    ]
    assert query.input_value({"failed": True, "msg": "no answer"}).all() == []
