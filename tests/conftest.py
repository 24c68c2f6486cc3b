# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What all tests share: a collection that can be imported, and a sandbox that is there or loudly missed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.servers import SERVERS, new_server
from support.testbeds import TESTS, sandbox_named

# Files of tests that take minutes together, most of them waiting for a guest's clock
LONGEST = [TESTS / "integration" / name for name in ("test_cases.py", "test_killed.py", "test_running.py")]


def pytest_configure():
    """Bring .build up to date, so that `pytest tests/unit` alone tests what is in the checkout now."""
    update = subprocess.run(
        [sys.executable, str(TESTS / "tools" / "collection.py")], check=True, stdout=subprocess.PIPE, text=True
    )
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = update.stdout.strip()
    let_programs_hear_signals()


def pytest_collection_modifyitems(items):
    """The longest files first, so that no process ends up alone with one of them."""
    items.sort(key=lambda item: LONGEST.index(item.path) if item.path in LONGEST else len(LONGEST))


def let_programs_hear_signals():
    """Whoever runs the tests by `nohup` or in the background has signals ignored, and all programs would inherit that; what is handled they do not."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


@pytest.fixture
def own_server():
    """A function that gives a name for VBOX_IPC_SOCKETID, which separates VirtualBox's servers, and so our locks."""
    return new_server


def pytest_sessionfinish():
    """Take the locks away that this process's tests have left in the user's home."""
    for path in Path.home().glob(f".vbox-memory/*{SERVERS}*"):
        path.unlink()


@pytest.fixture(scope="session")
def need_testbed():
    """Call it with a reason when the testbed is not to be had: skips the test here, and fails it in CI."""
    return missing


@pytest.fixture(scope="session")
def sandbox():
    """A sandbox of the tests' own that is up: a function that runs `tests/testbed/sandbox` with some arguments."""
    run = sandbox_named(f"tests{os.getpid()}", fail, missing)
    run("up")
    yield run
    run("down")


def fail(message):
    pytest.fail(message, pytrace=False)


def missing(reason):
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have the testbed: {reason}", pytrace=False)
    pytest.skip(f"NOT TESTED, for want of the testbed: {reason}")
