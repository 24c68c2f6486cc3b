# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Two guests that hold 1080 MB: a program in the one needs 400 MB at 10 MB a second, and then one in the other. By each controller, again and again.

Each play begins with the same guests, which have given half of their memory already. Exit status 1 when balance let a program die, or served it too late.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

from report import HEAD
from support import scenario
from support.testbeds import TESTS, live_named

SIZE = 400  # MB of a machine whose start is asked about
COLUMNS = (
    "way",
    "number",
    "share",
    "rate",
    "guest",
    "alive",
    "served",
    "seconds",
    "emulated_s",
    "lowest_free_mb",
    "requests",
    "gave",
)


def main():
    arguments = parse()
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.count:
        run(arguments, folder)
    result = json.loads((folder / "balance-live.json").read_text())
    draw(result["plays"], folder)
    return 1 if any(row["way"] in ("api", "vboxmanage") and not row["served"] for row in result["rows"]) else 0


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/live --scenario", description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="plays of each way (10); 0 only draws what there is")
    parser.add_argument("--ways", default=",".join(scenario.WAYS), help="which, separated by commas (all)")
    parser.add_argument("--name", default="scenario", help="the live host's name; it is left up if it is up already")
    parser.add_argument("--prepared", action="store_true", help="the live host has the kept state already")
    parser.add_argument(
        "--output",
        default=str(TESTS.parent / ".build" / "bench-balance-live"),
        help="a folder for JSON, table and plot",
    )
    return parser.parse_args()


def run(arguments, folder):
    """All plays; what there is of them stands in the folder at any time, after what stood there before."""
    path = folder / "balance-live.json"
    result = json.loads(path.read_text()) if path.exists() else {"rows": [], "plays": {}}
    result.update(date=time.strftime("%Y-%m-%d"), processors=os.cpu_count())
    live = live_named(arguments.name)
    was_up = live("info", must_succeed=False).returncode == 0
    live("up")
    stage = scenario.Scenario(live, arguments.name)
    try:
        stage.prepare(anew=not arguments.prepared)
        for _number in range(arguments.count):
            for way in arguments.ways.split(","):
                stage.host.start_afresh()
                if way == "what_if":
                    result.setdefault("what_if", []).append(stage.what_if(SIZE))
                    say(json.dumps(result["what_if"][-1][-1]))
                    path.write_text(json.dumps(result) + "\n")
                    continue
                events = stage.play(way)
                number = 1 + max([row["number"] for row in result["rows"] if row["way"] == way], default=0)
                new = [dict(events[0], number=number, **row) for row in scenario.needs_of(events)]
                result["rows"] += new
                result["plays"][f"{way}-{number}"] = events
                for row in new:
                    say(
                        "%(way)s %(number)d: %(guest)s alive %(alive)s served %(served)s in %(emulated_s)s s, lowest %(lowest_free_mb)s MB"
                        % row
                    )
                path.write_text(json.dumps(result) + "\n")
                (folder / "balance-live.md").write_text(
                    HEAD + "\n" + summary(result["rows"]) + "\n" + table(result["rows"])
                )
    finally:
        if not was_up:
            live("down")


def summary(rows):
    lines = [("way", "programs", "alive", "served", "emulated seconds, median", "worst", "lowest free MB, least")]
    for way in scenario.WAYS:
        mine = [row for row in rows if row["way"] == way]
        if mine:
            times = [row["emulated_s"] for row in mine if row["served"]]
            alive, served = (sum(bool(row[key]) for row in mine) for key in ("alive", "served"))
            middle, worst = (statistics.median(times), max(times)) if times else ("", "")
            lows = [row["lowest_free_mb"] for row in mine if row["lowest_free_mb"] is not None]
            lines.append((way, len(mine), alive, served, middle, worst, min(lows, default="")))
    return _table(lines)


def table(rows):
    return _table([COLUMNS, *([row.get(key) for key in COLUMNS] for row in rows)])


def _table(lines):
    lines = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "".join("| %s |\n" % " | ".join("" if cell is None else str(cell) for cell in line) for line in lines)


def draw(plays, folder):
    """The last play of each of two controllers, as SVG."""
    try:
        from scenario_plot import draw as picture
    except ImportError as error:
        return say(f"no plot: {error}")
    if plays:
        picture(plays, folder / "balance-live.svg")


def say(message):
    print(f"bench-balance-live: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
