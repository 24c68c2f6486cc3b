# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A real browser, Debian's Chromium, and pages of the report in it."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright
from support.fetched import fetched
from support.hosts import PATIENCE

DESKTOP = {"width": 1400, "height": 900}


class Opened:
    """A page of the report that is open, and what the browser had to say about it."""

    def __init__(self, context, path):
        self.said, self.requests = [], []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.url = path.as_uri()
        self.page.goto(self.url)


@pytest.fixture(scope="session")
def browser(need_testbed):
    program = fetched("chromium", need_testbed)
    with sync_playwright() as playwright:
        # Accessibility as where a screen reader runs: without one, Chromium leaves out what is not seen.
        arguments = ["--no-sandbox", "--font-render-hinting=none", "--force-renderer-accessibility"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """A function that opens the report of a fleet; further arguments are those of a browser's context."""
    # Here, for pytest reads this file before pytest-ansible has prepared the import of collections.
    from support.report_fleet import READ_AT, days

    from ansible_collections.vbox.memory.plugins.plugin_utils.report import history
    from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import figures
    from ansible_collections.vbox.memory.plugins.plugin_utils.report.page import as_page

    contexts = []

    def open_page(entries, looks=0, viewport=None, **options):
        told = figures(entries, READ_AT)
        lines = history.lines([*days(entries, looks), history.sample(told)], told) if looks else None
        path = tmp_path / "page.html"
        path.write_text(as_page(told, lines), encoding="utf-8")
        contexts.append(browser.new_context(viewport=viewport or DESKTOP, **options))
        contexts[-1].set_default_timeout(30_000 * PATIENCE)  # ms
        return Opened(contexts[-1], path)

    yield open_page
    for context in contexts:
        context.close()
