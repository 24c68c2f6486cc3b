# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What all tests share: a collection that can be imported, and a sandbox that is there or loudly missed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from beds import BINDS

TESTS = Path(__file__).parent
SANDBOX = TESTS / "testbed" / "sandbox"
LIVE_NAME = "tests" + os.environ.get(
    "PYTEST_XDIST_WORKER", ""
)  # the live host of these tests; `make test-live` has two at work
CANNOT_HAVE_ONE = 3  # the sandbox's exit code on a machine where it cannot work


def pytest_configure():
    """Bring .build up to date, so that `pytest tests/unit` alone tests what is in the checkout now."""
    update = subprocess.run(
        [sys.executable, str(TESTS / "tools" / "collection.py")], check=True, stdout=subprocess.PIPE, text=True
    )
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = update.stdout.strip()


@pytest.fixture(scope="session")
def need_testbed():
    """Call it with a reason when the testbed is not to be had: skips the test here, and fails it in CI."""
    return missing


@pytest.fixture(scope="session")
def sandbox():
    """A sandbox of the tests' own that is up: a function that runs `tests/testbed/sandbox` with some arguments."""
    environment = dict(os.environ, VBOX_SANDBOX_NAME=f"tests{os.getpid()}", VBOX_SANDBOX_BIND=BINDS)

    def run(*arguments, given="", must_succeed=True):
        done = subprocess.run(
            [str(SANDBOX), *arguments], input=given, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode == CANNOT_HAVE_ONE and arguments[0] != "exec":
            missing(done.stderr.strip())
        if done.returncode and must_succeed:
            pytest.fail(
                f"sandbox {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False
            )
        return done

    run("up")
    yield run
    run("down")


def missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have the testbed: {reason}", pytrace=False)
    pytest.skip(f"NOT TESTED, for want of the testbed: {reason}")
