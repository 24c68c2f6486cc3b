# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The first command of the README prints what the README shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_on_the_fake_prints_what_the_readme_shows():
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## See it work")[2].partition("\n## ")[0]
    shown = re.search(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL).group(1)
    done = subprocess.run(
        [ROOT / "tests" / "demo" / "run", "--fake"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    printed = [" ".join(line.split()) for line in done.stdout.splitlines()]
    positions = [printed.index(" ".join(line.split())) for line in shown.splitlines()]
    assert positions == sorted(positions), done.stdout
