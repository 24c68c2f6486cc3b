# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What all tests share: a collection that can be imported, and a sandbox that is there or loudly missed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SANDBOX = TESTS / "testbed" / "sandbox"
CANNOT_HAVE_ONE = 3  # the sandbox's exit code on a machine where it cannot work


def pytest_configure():
    """Bring .build up to date, so that `pytest tests/unit` alone tests what is in the checkout now."""
    update = subprocess.run([sys.executable, str(TESTS / "tools" / "collection.py")], check=True, stdout=subprocess.PIPE, text=True)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = update.stdout.strip()


@pytest.fixture(scope="session")
def need_testbed():
    """Call it with a reason when the testbed is not to be had: skips the test here, and fails it in CI."""
    return missing


@pytest.fixture(scope="session")
def sandbox():
    """Run `tests/testbed/sandbox` with some arguments; returns what it printed."""

    def run(*arguments):
        command = [str(SANDBOX), *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == CANNOT_HAVE_ONE:
            missing(done.stderr.strip())
        if done.returncode:
            pytest.fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
        return done.stdout

    return run


def missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have the testbed: {reason}", pytrace=False)
    pytest.skip(f"NOT TESTED, for want of the testbed: {reason}")
