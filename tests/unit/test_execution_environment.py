# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What ansible-builder makes of the collection. No image is built: that takes a container engine, which the tests don't have."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "execution-environment" / "execution-environment.yml"


def builder(*arguments, folder):
    done = subprocess.run(
        [sys.executable, "-m", "ansible_builder", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_the_collection_needs_is_found(tmp_path):
    found = yaml.safe_load(builder("introspect", str(ROOT / ".build"), folder=tmp_path))
    assert found["python"] == ["jmespath>=1.0  # from collection vbox.memory"]
    assert [line.split("  #")[0] for line in found["system"]] == [
        "openssh-clients [platform:rpm]",
        "openssh-client [platform:dpkg]",
    ]


def test_the_example_is_one_that_can_be_built(tmp_path):
    shutil.copy(EXAMPLE, tmp_path)
    content = yaml.safe_load(EXAMPLE.read_text())
    tarball = content["dependencies"]["galaxy"]["collections"][0]["name"]
    assert tarball == f"vbox-memory-{yaml.safe_load((ROOT / 'galaxy.yml').read_text())['version']}.tar.gz"
    (tmp_path / tarball).touch()
    builder("create", "--context", "context", folder=tmp_path)
    assert (tmp_path / "context" / "_build" / tarball).exists()
    assert list((tmp_path / "context").glob("*file")), "a Containerfile or Dockerfile"
