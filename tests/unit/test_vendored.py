# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The files of other projects are those of the packages that requirements/npm.txt pins."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fetched import fetched

ROOT = Path(__file__).resolve().parents[2]
UPLOT = ROOT / "roles" / "report" / "files" / "uplot"


@pytest.mark.parametrize("name", ["dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"])
def test_uplot_is_the_packages(name, need_testbed):
    package = Path(fetched("uplot", need_testbed))
    assert (UPLOT / Path(name).name).read_bytes() == (package / name).read_bytes(), "run tests/tools/vendor"


def test_there_is_nothing_else():
    assert {path.name for path in UPLOT.iterdir()} == {"uPlot.iife.min.js", "uPlot.min.css", "LICENSE"}
