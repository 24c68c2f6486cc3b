# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The scenarios of extensions/molecule, one test each, found and run by pytest-ansible.

That ends in December 2026. What it does here is to list extensions/molecule/*/molecule.yml, and to run `molecule test -s NAME` in extensions/.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from conftest import missing
from support.testbeds import CANNOT_HAVE_ONE, LIVE_NAME, TESTS

# For each marker: the testbed, what it is asked to find out whether this machine can have it, and the instance
TESTBEDS = {
    "sandbox": ("sandbox", "tree", {"VBOX_SANDBOX_NAME": f"molecule{os.getpid()}"}),
    "live": (
        "live",
        "up",
        {"VBOX_LIVE_NAME": LIVE_NAME},
    ),  # that of tests/live: an idle one takes its share of the processor, too
}


@pytest.fixture(scope="module")
def testbeds(tmp_path_factory):
    """A function that gives the environment of the scenarios with a marker: all of them share what the first one creates."""
    used = {}

    def environment(marker):
        if marker not in used:
            program, question, instance = TESTBEDS[marker]
            used[marker] = dict(
                instance,
                MOLECULE_EPHEMERAL_DIRECTORY=str(tmp_path_factory.mktemp(marker)),
                MOLECULE_OPTS="--destroy=never",
                NO_COLOR="1",
            )
            done = run(program, question, instance)
            if done.returncode == CANNOT_HAVE_ONE:
                missing(done.stderr.strip())
            assert done.returncode == 0, done.stderr
        return used[marker]

    yield environment
    for marker in used:
        program, _question, instance = TESTBEDS[marker]
        run(program, "down", instance)


def run(program, command, instance):
    return subprocess.run(
        [str(TESTS / "testbed" / program), command],
        env=dict(os.environ, **instance),
        capture_output=True,
        text=True,
        check=False,
    )


def test_scenario(molecule_scenario, testbeds, request, monkeypatch):
    for name, value in testbeds(next(marker for marker in TESTBEDS if request.node.get_closest_marker(marker))).items():
        monkeypatch.setenv(name, value)
    assert molecule_scenario.test().returncode == 0, "Molecule's output above says why"


def test_every_scenario_has_a_test(request):
    """pytest-ansible takes them from git: one that git does not have yet is not run, and must not be forgotten."""
    there = {path.parent.name for path in (TESTS.parent / "extensions" / "molecule").glob("*/molecule.yml")}
    listed = subprocess.run(
        ["git", "ls-files", "extensions/molecule/*/molecule.yml"],
        cwd=TESTS.parent,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert {line.split("/")[2] for line in listed.splitlines()} == there
