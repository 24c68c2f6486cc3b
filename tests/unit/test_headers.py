# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Every file says under which licence it is."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Made by a tool, recorded from a program, or with no place for a comment
WITHOUT_HEADER = (
    "LICENSE",
    "LICENSES/*.txt",
    "CHANGELOG.rst",
    "changelogs/changelog.yaml",
    "*.md",
    "*.json",
    "*.png",
    "*.svg",
    "roles/report/files/uplot/*",  # uPlot's own, with its LICENSE beside it
    "*/recorded/*",
)

GPL = re.compile(r"SPDX-License-Identifier: (GPL-3\.0-or-later)$", re.MULTILINE)
GPL_OR_BSD = re.compile(r"SPDX-License-Identifier: (GPL-3\.0-or-later|BSD-2-Clause)$", re.MULTILINE)


def test_every_file_has_a_licence_header():
    missing = [name for name in files() if not licence_of(name).search(top_of(name))]
    assert not missing, "these need a line 'SPDX-License-Identifier: GPL-3.0-or-later' near the top"


def test_there_is_a_text_of_each_licence_and_of_no_other():
    named = {licence_of(name).search(top_of(name)).group(1) for name in files()}
    assert {path.stem for path in (ROOT / "LICENSES").iterdir()} == named | {"MIT"}  # uPlot's
    assert (ROOT / "LICENSES" / "GPL-3.0-or-later.txt").read_bytes() == (ROOT / "LICENSE").read_bytes()


def files():
    """What git has or would take, less what carries no header."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    names = [
        name
        for name in listing.decode().split("\0")
        if name and (ROOT / name).is_file() and (ROOT / name).stat().st_size
    ]
    return sorted(name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in WITHOUT_HEADER))


def licence_of(name):
    """What goes out to the managed hosts with a module may be BSD, as in Ansible itself."""
    return GPL_OR_BSD if name.startswith("plugins/module_utils/") else GPL


def top_of(name):
    return "\n".join((ROOT / name).read_text(encoding="utf-8").splitlines()[:12])
