# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Import it first in a program of this folder: from then on the simulation and the collection can be imported."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS), str(TESTS / "tools")]

import collection  # noqa: E402 - of tests/tools, found by the line above

sys.path.insert(0, str(collection.update()))
