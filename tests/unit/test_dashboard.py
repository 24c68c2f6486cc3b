# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Grafana's dashboard uses metrics and labels that the report really writes, and PromQL that Prometheus really parses."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.fetched import fetched
from support.report_fleet import READ_AT, fleet

from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import figures
from ansible_collections.vbox.memory.plugins.plugin_utils.report.prometheus import as_prometheus

ROOT = Path(__file__).resolve().parents[2]
METRIC = re.compile(r"vbox_memory_\w+")


@pytest.fixture(scope="module")
def dashboard():
    return json.loads((ROOT / "roles" / "report" / "files" / "grafana-dashboard.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def labels():
    """The labels of each metric."""
    families = text_string_to_metric_families(as_prometheus(figures(fleet(3, 10), READ_AT)))
    return {family.name: set().union(*(sample.labels for sample in family.samples)) for family in families}


def expressions(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_every_metric_exists(dashboard, labels):
    queries = [variable["query"] for variable in dashboard["templating"]["list"]]
    used = {name for text in expressions(dashboard) + queries for name in METRIC.findall(text)}
    assert len(used) > 12 and used <= set(labels)


def test_every_label_that_is_asked_for_exists(dashboard, labels):
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            for name, asked in re.findall(r"(vbox_memory_\w+)\{([^}]*)\}", target["expr"]):
                assert set(re.findall(r"(\w+)=~", asked)) <= labels[name], name
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= set().union(*(labels[name] for name in METRIC.findall(target["expr"])))


def test_no_two_panels_lie_on_each_other(dashboard):
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _y in cells) < 24
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)


def test_prometheus_parses_every_expression(dashboard, tmp_path, need_testbed):
    promtool = fetched("promtool", need_testbed)
    rules = [
        {"record": f"checked:{number}", "expr": expression.replace("$host", ".*").replace("$machine", ".*")}
        for number, expression in enumerate(expressions(dashboard))
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        [promtool, "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout
