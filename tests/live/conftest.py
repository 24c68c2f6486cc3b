# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The live host for its tests: up once, fresh for each test, and each guest asked afterwards whether we harmed it."""

from __future__ import annotations

import pytest
from conftest import fail, missing
from support.hosts import LiveTestHost
from support.testbeds import LIVE_NAME, TESTS, live_named


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(TESTS / "live"):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def live():
    """A function that runs `tests/testbed/live` with some arguments, on an instance of the tests' own that is up."""
    run = live_named(LIVE_NAME, fail, missing)
    run("up")
    LiveTestHost(run).prepare()
    yield run
    run("down")


@pytest.fixture(params=["vboxmanage", "api"])
def host(live, request):
    """The live host as it was when its guests had just booted, with our code on it, once for each backend."""
    host = LiveTestHost(live, request.param)
    host.start_afresh()
    return host
