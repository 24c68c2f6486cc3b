# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The live host for its tests: up once, fresh for each test, and each guest asked afterwards whether we harmed it."""

from __future__ import annotations

import os
import subprocess

import pytest
from beds import LiveBed
from conftest import LIVE_NAME, TESTS, missing

LIVE = TESTS / "testbed" / "live"
CANNOT_HAVE_ONE = 3


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(TESTS / "live"):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def live():
    """A function that runs `tests/testbed/live` with some arguments, on an instance of the tests' own that is up."""
    environment = dict(os.environ, VBOX_LIVE_NAME=LIVE_NAME)

    def run(*arguments, given=b"", must_succeed=True):
        done = subprocess.run([str(LIVE), *arguments], input=given, env=environment, capture_output=True, check=False)
        if done.returncode == CANNOT_HAVE_ONE and arguments[0] == "up":
            missing(done.stderr.decode().strip())
        if done.returncode and must_succeed:
            pytest.fail(
                f"live {arguments}: exit {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}", pytrace=False
            )
        return done

    run("up")
    yield run
    run("down")


@pytest.fixture(params=["vboxmanage", "api"])
def bed(live, request):
    """The live host as it was when its guests had just booted, with our code on it, once for each way to VirtualBox."""
    host = LiveBed(live, request.param)
    host.start_afresh()
    return host
