# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Runs that are done, a line of JSON each, so that what was ended goes on: the same seed gives the same figures, until the simulation or the law changes."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

import paths
from bench.balance.controllers import OURS

FOLDER = Path(__file__).parent
SIMULATION = "controllers figures guest host parameters peers scenario traces yardsticks".split()
OUR_LAW = [FOLDER / "ours.py", *(paths.ROOT / "plugins" / "module_utils" / "planning" / "balance").glob("*.py")]


class Kept:
    """`runs` has the figures by (controller, trace, seed), of this simulation and this law only."""

    def __init__(self, record: Path, folder: str | None = None) -> None:
        self.record = record
        self.folder = folder
        self.runs: dict[tuple[str, str, int], dict] = {}
        for key, made_by, figures in self._lines():
            if made_by == made_by_what(key[0], folder):
                self.runs[tuple(key)] = figures

    def _lines(self) -> list:
        """All that was kept; a last line that was cut off goes, and its run is done again."""
        if not self.record.exists():
            return []
        text = self.record.read_text()
        if not text.endswith("\n"):
            text = text[: text.rfind("\n") + 1]
            self.record.write_text(text)
        return [json.loads(line) for line in text.splitlines()]

    def add(self, controller: str, trace: str, seed: int, figures: dict) -> None:
        self.runs[controller, trace, seed] = figures
        with self.record.open("a") as lines:
            lines.write(json.dumps([[controller, trace, seed], made_by_what(controller, self.folder), figures]) + "\n")


@cache
def made_by_what(controller: str, folder: str | None) -> str:
    """A hash of all that the figures depend on, but for trace and seed."""
    digest = hashlib.sha256()
    recorded = sorted(Path(folder).glob("*.csv*")) if folder else []
    law = OUR_LAW if controller == OURS else []
    for path in [*(FOLDER / f"{name}.py" for name in SIMULATION), *sorted(law), *recorded]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
