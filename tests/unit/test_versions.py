# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What we say about versions of ansible-core is what is tested."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
MATRIX = re.findall(r"^(\d\S*) ", (ROOT / "requirements" / "matrix.txt").read_text(), re.MULTILINE)
MAIN = re.findall(r"^ansible-core==(\S+)$", (ROOT / "requirements" / "test.txt").read_text(), re.MULTILINE)


def release_of(version):
    return tuple(map(int, version.split(".")[:2]))


def test_the_readme_s_table_has_what_is_tested():
    table = re.findall(r"^\| (\d+\.\d+\.\S+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert table == sorted({*MATRIX, *MAIN}, key=release_of)


def test_no_release_is_left_out():
    releases = sorted(map(release_of, {*MATRIX, *MAIN}))
    assert [minor for _major, minor in releases] == list(range(releases[0][1], releases[-1][1] + 1))


def test_the_oldest_one_is_the_one_that_is_required():
    oldest = "%d.%d" % min(map(release_of, [*MATRIX, *MAIN]))
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    role = yaml.safe_load((ROOT / "roles" / "policy" / "meta" / "main.yml").read_text())
    assert runtime["requires_ansible"] == f">={oldest}.0"
    assert role["galaxy_info"]["min_ansible_version"] == oldest
