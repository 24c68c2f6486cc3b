# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What CONTRIBUTING says of the checklist for included collections, as far as nothing else holds us to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.tarball import files_of_tarball

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("included collection\n")[2]
NAMED = sorted(
    set(re.findall(r"`((?:\.ci|changelogs|docs|meta|plugins|requirements|tests)/[\w./-]*|[A-Z_]+\.md)`", TABLE))
)


def row(asked):
    return next(line for line in TABLE.splitlines() if line.startswith(f"| {asked}"))


@pytest.mark.parametrize("path", NAMED)
def test_what_shows_a_point_is_there(path):
    assert (ROOT / path).exists()


def test_the_types_of_plugins_are_those_of_the_table():
    folders = {path.name for path in (ROOT / "plugins").iterdir() if any(path.rglob("*.py"))}
    assert folders == set(re.findall(r"`(\w+)`", row("only allowed types of plugins").partition("(")[0]))


@pytest.mark.parametrize("path", sorted((ROOT / "plugins" / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_no_module_has_a_state(path):
    documentation = re.search(r'^DOCUMENTATION = r"""\n(.*?)^"""', path.read_text(encoding="utf-8"), re.M | re.S).group(
        1
    )
    assert "state" not in (yaml.safe_load(documentation).get("options") or {})


def test_the_collection_has_tags_and_no_dependencies():
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["tags"] and not galaxy.get("dependencies")


def test_the_tarball_is_as_large_as_said(tmp_path):
    files_of_tarball(ROOT / ".build" / "ansible_collections" / "vbox" / "memory", tmp_path)
    said = float(re.search(r"about ([\d.]+) MB", row("no large or needless files")).group(1))
    assert abs(next(tmp_path.glob("*.tar.gz")).stat().st_size / 1e6 - said) < 0.15
