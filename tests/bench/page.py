# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""How large the report's page is, and how long a browser takes to show, sort and filter it: printed, for people to judge.

usage: tests/tools/with test python tests/bench/page.py
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / ".build")]

from playwright.sync_api import sync_playwright  # noqa: E402
from support.fetched import fetched  # noqa: E402
from support.report_fleet import READ_AT, days, fleet  # noqa: E402

from ansible_collections.vbox.memory.plugins.plugin_utils.report import history  # noqa: E402
from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import figures  # noqa: E402
from ansible_collections.vbox.memory.plugins.plugin_utils.report.page import as_page  # noqa: E402

FLEETS = (("50 hosts × 20 machines", 50, 20), ("1 host × 1,000 machines", 1, 1000))
LOOKS = 50
TIMES = 9
# Milliseconds from the event to the end of the layout that it leads to, and to the end of the paint.
MEASURE = """async ([selector, type, values]) => {
  const element = document.querySelector(selector);
  const times = [];
  for (const value of values) {
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const start = performance.now();
    if (type === 'click') element.click(); else { element.value = value; element.dispatchEvent(new Event(type)); }
    document.body.offsetHeight;
    const laid_out = performance.now() - start;
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    times.push([laid_out, performance.now() - start]);
  }
  return times;
}"""


def main():
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=fetched("chromium", sys.exit), args=["--no-sandbox"])
        print(f"Chromium {browser.version}, median of {TIMES}, ms: until it is laid out / until it is painted")
        print(
            "(on a busy machine these are too long: what the page's own thread took of a processor, all told, is beside them)"
        )
        for title, hosts, machines in FLEETS:
            measure(browser, Path(folder, "page.html"), title, hosts, machines)


def measure(browser, path, title, hosts, machines):
    entries = fleet(hosts, machines)
    started = time.perf_counter()
    told = figures(entries, READ_AT)
    computed = time.perf_counter() - started
    lines = history.lines([*days(entries, LOOKS), history.sample(told)], told)
    started = time.perf_counter()
    path.write_text(as_page(told, lines), encoding="utf-8")
    rendered = time.perf_counter() - started
    print(
        f"{title}, {LOOKS} looks of history: {path.stat().st_size / 1e6:.2f} MB; figures {computed:.2f} s, page {rendered:.2f} s"
    )
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def processor():
        """Milliseconds of a processor that the page's thread has taken."""
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return 1000 * metrics["TaskDuration"]

    def timed(what, selector, kind, values):
        before = processor()
        times = page.evaluate(MEASURE, [selector, kind, values])
        say(what, times, (processor() - before) / len(times))

    shown = []
    for _time in range(3):
        page.goto(path.as_uri())
        shown.append(page.evaluate("() => performance.getEntriesByType('navigation')[0].loadEventEnd"))
    paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
    say("loaded", [[one, one] for one in shown])
    say("first painted", [[paint, paint]])
    for what, column in (("name", 1), ("used", 5), ("policy", 13)):
        timed(f"sort by {what}", f"th:nth-child({column}) button", "click", list(range(TIMES)))
    timed("filter, many fit", "#filter", "input", ["vm00", "vm0", ""] * (TIMES // 3))
    timed("filter, few fit", "#filter", "input", ["vm003", "windows", "surplus"] * (TIMES // 3))
    page.close()


def say(what, times, processor=None):
    laid_out, painted = (statistics.median(column) for column in zip(*times, strict=True))
    worst = max(time for _laid_out, time in times)
    own = "" if processor is None else f"; processor {processor:.0f}"
    print(f"  {what:18} {laid_out:7.0f} / {painted:.0f} (worst {worst:.0f}){own}")


main()
