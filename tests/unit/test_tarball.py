# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The tarball holds what users need, and nothing else: neither our tools nor what a user has made in a checkout."""

from __future__ import annotations

import fnmatch
import shutil
import subprocess
from pathlib import Path

import pytest
from support.tarball import files_of_tarball

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / ".build" / "ansible_collections" / "vbox" / "memory"
# For those who work on the collection, in a checkout. What is in neither this list nor `manifest` of galaxy.yml fails a test.
STAYS_AT_HOME = (
    ".*",
    "*.in",
    "Makefile",
    "REUSE.toml",
    "antsibull-nox.toml",
    "changelogs/config.yaml",
    "changelogs/fragments/*",
    "docs/balance/*.json",
    "docs/benchmark/*.json",
    "extensions/molecule/*",
    "galaxy.yml",  # MANIFEST.json holds what it says
    "noxfile.py",
    "pyproject.toml",
    "requirements/*",
    "tests/*",
)
# What somebody who follows our pages in a checkout has there, and what tools leave
OF_A_USER = (
    "fleet/sandbox.json",
    "fleet/group_vars/all.yml",
    "inventory/hosts.yml",
    "inventory/group_vars/all.yml",
    "mine.yml",
    "balloon.yml",
    "secrets.txt",
    "id_ed25519",
    ".vault-password",
    "docs/.notes.md",
    "plugins/modules/__pycache__/vbox_memory.cpython-311.pyc",
    "docs/results.json",
    "roles/policy/.secret.yml",
    "vbox-memory-0.0.1.tar.gz",
)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    return files_of_tarball(COPY, tmp_path_factory.mktemp("tarball"))


def test_what_is_tracked_ships_or_stays_at_home(shipped):
    listing = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout.decode()
    tracked = {name for name in listing.split("\0") if name and (ROOT / name).is_file()}
    home = {name for name in tracked if any(fnmatch.fnmatch(name, pattern) for pattern in STAYS_AT_HOME)}
    assert shipped & home == set()
    assert tracked - home == shipped


def test_what_a_user_has_in_a_checkout_does_not_ship(shipped, tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(COPY, checkout, ignore=shutil.ignore_patterns("output", "tests", "__pycache__"))
    for name in OF_A_USER:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("mine")
    assert files_of_tarball(checkout, tmp_path) == shipped
