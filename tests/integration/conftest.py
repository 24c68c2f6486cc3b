# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Marks the scenarios of Molecule, whose tests pytest-ansible makes, with the testbed that each needs; and what tests in several files have in common."""

from __future__ import annotations

import fcntl

import pytest
from support.testbeds import BUILD

RUNNING = "_running"  # how a scenario's name ends that needs running machines
LIFECYCLE = "default"  # makes what the others share, and tests nothing


def pytest_collection_modifyitems(items):
    scenarios = {
        item: item.callspec.params["molecule_scenario"].name
        for item in items
        if "molecule_scenario" in item.fixturenames
    }
    items[:] = [item for item in items if scenarios.get(item) != LIFECYCLE]
    for item, name in scenarios.items():
        item.add_marker("live" if name.endswith(RUNNING) else "sandbox")


@pytest.fixture
def statuses_alone():
    """The statuses of a user's services are in one folder, and the role takes all of them away: so only one test at a time, whichever process it is in."""
    with (BUILD / "statuses.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
