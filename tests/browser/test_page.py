# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The report's page in a real browser: its figures, sorting, filter, keyboard, and that it does nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.fetched import fetched
from support.report_fleet import HOSTILE, fleet

from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown

PHONE = {"width": 390, "height": 800}
NUMBERS = ("Memory", "Used", "Cache", "Balloon asked", "Balloon given", "Default balloon", "Guest Additions")
UNKNOWN = "–"
# All tables of a page, as text: [{heading: [text, exact number or null]}], in the order of the page.
READ = """() => [...document.querySelectorAll('.scroll table')].flatMap((table) => {
  const headings = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  return [...table.tBodies[0].rows].map((row) => Object.fromEntries(
    [...row.cells].map((cell, column) => [headings[column], [cell.textContent, cell.dataset.v ?? null]])));
})"""
VISIBLE = """() => [...document.querySelectorAll('.scroll tbody tr')].filter((row) => row.offsetParent)
  .map((row) => row.cells[0].querySelector('bdi').textContent)"""


def test_every_figure_of_1000_machines_is_the_facts(show):
    entries = fleet(10, 100)
    rows = show(entries).page.evaluate(READ)
    machines = [machine for entry in entries.values() for machine in entry["facts"]["machines"]]
    assert len(rows) == len(machines) == 1000
    for row, machine in zip(rows, machines, strict=True):
        guest = machine["guest"] or {}
        given = (
            machine["balloon_current_mb"] if machine["balloon_current_mb"] == 0 or machine["balloon_followed"] else None
        )
        used = guest["total_kb"] - guest["free_kb"] - given * 1024 if guest and given is not None else None
        assert row["Machine"][0].startswith(machine["name"])
        assert row["State"][0] == machine["state"] and row["Guest"][0] == machine["os_type"]
        assert row["Memory"][0] == megabytes(machine["memory_mb"])
        assert row["Used"] == kilobytes(None if used is None else max(0, used))
        assert row["Cache"] == kilobytes(guest.get("cache_kb"))
        assert row["Balloon asked"][0] == megabytes(machine["balloon_current_mb"])
        assert row["Balloon given"][0] == megabytes(given)
        assert row["Default balloon"][0] == megabytes(machine["balloon_default_mb"])
        assert row["Page Fusion"][0] == ("on" if machine["page_fusion"] else "off")
        assert row["Large pages"][0] == ("on" if machine["large_pages"] else "off")
        level = machine["guest_additions_run_level"]
        assert row["Guest Additions"][0] == (UNKNOWN if level is None else f"level {level}")


def megabytes(value):
    return UNKNOWN if value is None else f"{value:,} MB"


def kilobytes(value):
    """The text, and the exact number beside it."""
    return [UNKNOWN, None] if value is None else [f"{round(value / 1024):,} MB", str(value)]


def test_the_bar_of_each_host_is_as_long_as_its_figures(show):
    entries = fleet(3, 10)
    opened = show(entries)
    for number, entry in enumerate(entries.values(), 1):
        host = entry["facts"]["host"]
        widths = opened.page.evaluate(
            f"""() => [...document.querySelectorAll('#h{number} rect')].reduce((sums, rect) => ({{
              ...sums, [rect.className.baseVal]: (sums[rect.className.baseVal] ?? 0) + rect.width.baseVal.valueInSpecifiedUnits}}), {{}})"""
        )
        machines = widths["machines"] + widths["cache"]
        free = widths.get("reserve", 0) + widths.get("free", 0)
        assert machines == pytest.approx(100 * host["vmm_used_kb"] / host["memory_total_kb"], abs=0.05)
        assert free == pytest.approx(100 * host["memory_free_kb"] / host["memory_total_kb"], abs=0.05)
        assert sum(widths.values()) == pytest.approx(100, abs=0.05)


def test_a_click_sorts_and_another_turns_it_round(show):
    page = show(fleet(1, 60)).page
    for heading in (*NUMBERS, "Machine", "State", "Policy wants", "Balance"):
        button = page.locator("th button", has_text=re.compile(f"^{heading}$"))
        orders = []
        for expected in ("descending", "ascending") if heading in NUMBERS else ("ascending", "descending"):
            button.click()
            assert page.locator("th[aria-sort]").get_attribute("aria-sort") == expected
            keys = [row[heading] for row in page.evaluate(READ)]
            known = [key for key in keys if key[0] != UNKNOWN]
            assert keys[: len(known)] == known, "what is not known comes last"
            values = [number(key) if heading in NUMBERS else key[0].lower() for key in known]
            assert values == sorted(values, reverse=expected == "descending") and len(set(values)) > 1, heading
            orders.append(values)
        assert orders[0] == orders[1][::-1]


def number(key):
    return int(key[1] or re.sub(r"\D", "", key[0]))


def test_the_filter(show):
    entries = fleet(2, 30)
    opened = show(entries)
    machines = [machine for entry in entries.values() for machine in entry["facts"]["machines"]]
    assert opened.page.evaluate(VISIBLE) == [machine["name"] for machine in machines]
    opened.page.fill("#filter", "VM00")
    expected = [machine["name"] for machine in machines if machine["name"].startswith("vm00")]
    assert opened.page.evaluate(VISIBLE) == expected and len(expected) == 20
    assert opened.page.locator("#shown").inner_text() == "20 machines of 60"
    opened.page.fill("#filter", "")
    opened.page.select_option("#kind", "live")
    live = [machine["name"] for machine in machines if machine["state"] in ("running", "paused")]
    assert opened.page.evaluate(VISIBLE) == live
    opened.page.fill("#filter", "no such machine")
    assert opened.page.evaluate(VISIBLE) == []
    assert opened.page.locator(".none:visible").count() == 2
    # A link to a machine that the filter hides shows it.
    opened.page.locator(".found li a[href*='m']").first.click()
    assert opened.page.locator("tr:target").is_visible()


def test_by_keyboard_alone(show):
    opened = show(fleet(1, 8), looks=4)
    keys, page = opened.page.keyboard, opened.page
    focused = "() => document.activeElement"
    keys.press("Tab")
    assert page.evaluate(f"({focused})().className") == "skip" and page.locator(".skip").bounding_box()["x"] >= 0
    keys.press("Enter")
    assert page.evaluate("() => location.hash") == "#found"
    tab_to(page, "#filter")
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    keys.type("vm003")
    assert page.evaluate(VISIBLE) == ["vm003"]
    for _letter in "vm003":
        keys.press("Backspace")
    tab_to(page, "#kind")
    tab_to(page, ".scroll")
    tab_to(page, "th button")
    keys.press("Enter")
    assert page.locator("th[aria-sort]").count() == 1
    tab_to(page, "td summary")
    keys.press("Enter")
    assert page.locator("td details[open] p").first.is_visible()
    tab_to(page, ".history summary")
    keys.press("Space")
    page.locator(".told td").first.wait_for()
    tab_to(page, ".history select")


def tab_to(page, selector):
    """Press the tabulator until an element has the focus."""
    for _press in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by the keyboard")


def test_names_are_data(show):
    entries = fleet(2, 10, names=HOSTILE)
    entries["<b>away</b>"] = dict(facts=None, msg="<img src=x onerror=alert(1)>\n{{ 7*7 }}")
    opened = show(entries, looks=3)
    names = opened.page.evaluate(VISIBLE)
    assert [shown(name) for name in HOSTILE] == names[: len(HOSTILE)]
    assert opened.page.locator("img, b > b").count() == 0
    opened.page.locator(".history summary").first.click()
    opened.page.locator(".history select").first.select_option(index=1)
    assert opened.page.locator("option", has_text="<script>").count() == 1
    assert opened.said == []


def test_it_says_nothing_on_the_console_and_asks_for_nothing(show):
    opened = show(fleet(2, 10), looks=5)
    for summary in opened.page.locator("summary").all():
        summary.click()
    opened.page.fill("#filter", "vm")
    opened.page.emulate_media(color_scheme="dark")
    assert opened.said == []
    assert opened.requests == [opened.url]


def test_its_policy_forbids_what_it_does_not_need(show):
    page = show(fleet(1, 2)).page
    tried = page.evaluate(
        """async () => {
          const refused = [];
          document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
          document.body.insertAdjacentHTML("beforeend", '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><p style="color: red" onclick="1">');
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          await fetch("data:text/plain,x").catch(() => null);
          for (let look = 0; new Set(refused).size < 5 && look < 600; look++) {
            await new Promise((done) => setTimeout(done, 50));
          }
          return { ran: window.ran ?? null, refused: [...new Set(refused)].sort() };
        }"""
    )
    refused = ["connect-src", "img-src", "script-src-attr", "script-src-elem", "style-src-attr"]
    assert tried == {"ran": None, "refused": refused}


def test_the_lines_and_events(show):
    entries = fleet(1, 20)
    opened = show(entries, looks=30)
    opened.page.locator(".history summary").click()
    opened.page.locator(".told td").first.wait_for()
    rows = [row.inner_text().split("\t") for row in opened.page.locator(".told tbody tr").all()]
    host = entries["host00"]["facts"]["host"]
    last = {row[0]: row[-1] for row in rows}
    assert last["In use on the host"] == f"{round(host['memory_used_kb'] / 1024):,} MB"
    assert last["In balloons"] == f"{round(host['vmm_ballooned_kb'] / 1024):,} MB"
    ink = "() => { const c = document.querySelector('canvas'); return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size; }"
    assert opened.page.evaluate(ink) > 50  # something is drawn
    assert re.search(
        r"request: vm\d+: balloon asked [\d,]+ MB \(was [\d,]+ MB\)", opened.page.locator(".told").inner_text()
    )
    talking = next(
        one for one in entries["host00"]["facts"]["machines"] if one["guest"] and one["balloon_current_mb"] == 0
    )
    opened.page.locator(".history select").select_option(talking["uuid"])
    used = talking["guest"]["total_kb"] - talking["guest"]["free_kb"]
    assert f"{round(used / 1024):,} MB" in opened.page.locator(".told tbody tr").first.inner_text()
    assert opened.said == []


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
def test_accessibility_by_axe(show, options, need_testbed):
    axe = Path(fetched("axe-core", need_testbed), "axe.min.js").read_text(encoding="utf-8")
    page = show(fleet(2, 6), looks=3, **options).page
    for summary in page.locator("summary").all():
        if summary.locator("..").get_attribute("open") is None:
            summary.click()
    page.evaluate(axe)
    result = page.evaluate("() => axe.run({ resultTypes: ['violations', 'passes'] })")
    assert len(result["passes"]) > 20
    assert [
        (one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"]) for one in result["violations"]
    ] == []


def test_a_screen_reader_has_tables_though_rows_are_laid_out_alone(show):
    page = show(fleet(1, 220)).page  # so many that those that are not seen are not laid out
    assert page.locator(".many").count() == 1
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes]
    assert roles.count("table") == 1
    assert roles.count("columnheader") == 15
    assert roles.count("rowheader") == 220
    assert roles.count("row") == 221
    assert roles.count("cell") == 220 * 14


def test_nothing_is_wider_than_a_phone(show):
    page = show(fleet(2, 6, names=HOSTILE), looks=3, viewport=PHONE).page
    for summary in page.locator("summary").all():
        summary.click()
    assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]


def test_without_a_script_all_is_there(show):
    entries = fleet(1, 5)
    page = show(entries, java_script_enabled=False).page
    assert page.locator(".host tbody tr").count() == 5
    assert page.locator(".bar svg").count() == 2


def test_print(show, tmp_path):
    page = show(fleet(2, 30), looks=3).page
    pdf = page.pdf(prefer_css_page_size=True)
    (tmp_path / "page.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", pdf)) > 2
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1047, "height": 700})  # A4 across, less the margins
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1047
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".found:not([open]), .told-on-paper details:not([open])").count() == 0
    assert page.locator(".told-on-paper p").first.is_visible()
    assert not page.locator(".filter").is_visible()
    page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".told-on-paper details[open]").count() == 0
