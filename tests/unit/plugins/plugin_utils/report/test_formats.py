# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""All five formats show the same figures, and take names for nothing but names."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.fetched import fetched
from support.report_fleet import HOSTILE, READ_AT, days, fleet

from ansible_collections.vbox.memory.plugins.plugin_utils.report import history, words
from ansible_collections.vbox.memory.plugins.plugin_utils.report.data import as_csv, as_json
from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import figures
from ansible_collections.vbox.memory.plugins.plugin_utils.report.markdown import as_markdown
from ansible_collections.vbox.memory.plugins.plugin_utils.report.page import ROLE, as_page
from ansible_collections.vbox.memory.plugins.plugin_utils.report.prometheus import as_prometheus
from ansible_collections.vbox.memory.plugins.plugin_utils.report.quantities import HOST, MACHINE

UUID_COLUMN = 1
# The page's columns that are quantities, by their place.
ON_PAGE = {
    3: "memory_mb",
    4: "used_kb",
    5: "cache_kb",
    6: "balloon_asked_mb",
    7: "balloon_given_mb",
    8: "balloon_default_mb",
    9: "page_fusion",
    10: "large_pages",
    11: "guest_additions_run_level",
}


@pytest.fixture(scope="module")
def told():
    entries = fleet(3, 8, names=HOSTILE)
    entries["away"] = dict(facts=None, msg="no route to <b>host</b>")
    return figures(entries, READ_AT)


def expected(told):
    """Each number by host, UUID (None for the host itself) and key."""
    numbers = {("", None, key): value for key, value in told["fleet"].items() if key != "bar"}
    for host in told["hosts"]:
        for row, uuid, quantities in [(host, None, HOST), *((one, one["uuid"], MACHINE) for one in host["machines"])]:
            numbers.update({(host["name"], uuid, each.key): row[each.key] for each in quantities})
    return numbers


def test_json(told):
    found = json.loads(as_json(told))
    assert found.pop("version") == 1
    assert found == told
    assert all(line.isprintable() for line in as_json(told).split("\n"))


def test_csv(told):
    rows = list(csv.DictReader(io.StringIO(as_csv(told), newline="")))
    found = {}
    for row in rows:
        for key, text in row.items():
            found[row["host"], row["uuid"] or None, key] = float(text) if re.fullmatch(r"[\d.]+", text) else None
    for place, value in expected(told).items():
        assert found[place] == value, place
    cells = [cell for row in rows for cell in row.values()]
    assert not any(cell.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) for cell in cells)
    assert all(cell.isprintable() for cell in cells)


def test_prometheus(told):
    found = {}
    for family in text_string_to_metric_families(as_prometheus(told)):
        assert family.type == "gauge" and family.documentation.endswith(".")
        for sample in family.samples:
            place = sample.labels.get("host", ""), sample.labels.get("uuid"), sample.name
            found[place] = sample.value if sample.name != "vbox_memory_findings" else None
    names = {("", None, "hosts_count"): "hosts", ("", None, "hosts_unread_count"): "hosts_unread"}
    for (host, uuid, key), value in expected(told).items():
        kind, quantities = ("machine", MACHINE) if uuid else ("host" if host else "fleet", HOST)
        quantity = next((one for one in quantities if one.key == key), None)
        metric = quantity.metric if quantity else names[host, uuid, key]
        base = (
            value * {"kB": 1024, "MB": 1024**2}.get(quantity.unit if quantity else "", 1) if value is not None else None
        )
        assert found.get((host, uuid, f"vbox_memory_{kind}_{metric}")) == base, (host, uuid, key)


def test_prometheus_keeps_names_as_they_are(told):
    families = {family.name: family for family in text_string_to_metric_families(as_prometheus(told))}
    names = {sample.labels["machine"] for sample in families["vbox_memory_machine_info"].samples}
    assert set(HOSTILE) <= names


def test_promtool_finds_nothing(told, need_testbed):
    promtool = fetched("promtool", need_testbed)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=as_prometheus(told), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_markdown(told):
    tables = re.split(r"^## Host ", as_markdown(told), flags=re.MULTILINE)
    labels = {words_of: key for key, words_of in words.FLEET_LABELS.items()} | {one.label: one.key for one in HOST}
    found = {}
    for host, text in zip(["", *(host["name"] for host in told["hosts"])], tables, strict=True):
        for cells in table_rows(text):
            if len(cells) == 2 and cells[0] in labels:
                found[host, None, labels[cells[0]]] = cells[1]
            elif len(cells) == len(MACHINE) + 5 and re.fullmatch(r"[0-9a-f-]{36}", cells[UUID_COLUMN]):
                values = cells[3 : 3 + len(MACHINE)]
                found.update(
                    {(host, cells[UUID_COLUMN], one.key): text for one, text in zip(MACHINE, values, strict=True)}
                )
    for place, value in expected(told).items():
        if place[0] != "away":
            assert found[place] == words.quantity(place[2], value), place


def table_rows(text):
    """The cells of all rows: a bar that is escaped is none."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


class Page(html.parser.HTMLParser):
    """The rows of a page's tables, its elements, and its text."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.elements, self.cell, self.text = [], [], None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag == "tr" and attributes.get("id"):
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.cell = dict(text="", exact=attributes.get("data-v"))
            self.rows[-1].append(self.cell)

    def handle_data(self, data):
        self.text.append(data)
        if self.cell is not None:
            self.cell["text"] += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.cell = None


def test_the_page(told):
    page = Page(as_page(told))
    machines = [machine for host in told["hosts"] for machine in host["machines"]]
    assert len(page.rows) == len(machines)
    for row, machine in zip(page.rows, machines, strict=True):
        for place, key in ON_PAGE.items():
            value = machine[key]
            if key in ("page_fusion", "large_pages"):
                text = words.switch(value)
            else:
                text = words.level(value) if key == "guest_additions_run_level" else words.quantity(key, value)
            assert row[place]["text"] == text
            assert key[-3:] != "_kb" or row[place]["exact"] == (None if value is None else str(value))


def test_the_page_has_no_elements_but_its_own(told):
    page = Page(as_page(told))
    assert [tag for tag, _attributes in page.elements].count("script") == 1
    assert {tag for tag, _attributes in page.elements} & {"img", "iframe", "object", "link", "base", "b"} <= {"b"}
    assert "no route to <b>host</b>" in " ".join(page.text)
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        assert attributes.get("href", "#").startswith("#")


def test_the_page_may_load_nothing(told):
    samples = [*days(fleet(2, 3), 5), history.sample(told)]
    page = as_page(told, history.lines(samples, told))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1).replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "http" not in policy
    # A script or style that held its own end tag would end there.
    for name in ("page.css", "page.js", "uplot/uPlot.min.css", "uplot/uPlot.iife.min.js"):
        assert "</" not in (ROLE / "files" / name).read_text(encoding="utf-8")


def test_the_data_of_lines_ends_no_script(told):
    entries = fleet(1, 3, names=["</script><script>alert(1)</script>", "<!--<script>", "]]>"])
    named = figures(entries, READ_AT)
    page = as_page(named, history.lines([*days(entries, 3), history.sample(named)], named))
    assert page.count("<script") == page.count("</script>") == 2
    data = re.search(r'<script type="application/json" id="lines">(.*?)</script>', page).group(1)
    assert list(json.loads(data)["hosts"]) == ["host00"]


@pytest.mark.parametrize("render", [as_json, as_csv, as_prometheus, as_markdown, as_page])
def test_the_same_facts_give_the_same_bytes(render):
    assert render(figures(fleet(2, 4), READ_AT)) == render(figures(fleet(2, 4), READ_AT))


@pytest.mark.parametrize("render", [as_json, as_csv, as_prometheus, as_markdown, as_page])
@pytest.mark.parametrize(
    "entries", [{}, {"away": dict(facts=None, msg=None)}, {"empty": dict(facts=dict(machines=[]))}]
)
def test_nothing_to_tell(render, entries):
    assert render(figures(entries, READ_AT))


def test_the_page_of_50_hosts_with_20_machines_is_under_2_mb():
    entries = fleet(50, 20)
    told = figures(entries, READ_AT)
    samples = [
        history.sample(dict(told, read_at=f"2026-11-{day:02}T{hour:02}:00:00Z"))
        for day in range(1, 11)
        for hour in range(20)
    ]
    page = as_page(told, history.lines([*samples, history.sample(told)], told))
    assert len(page.encode()) < 2_000_000
