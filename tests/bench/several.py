# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Raise the balloons of both running guests of the live host by one task, against one task after another, in one go. MB and seconds.

Exit status 1 when a guest was harmed, or did not come to what was asked.
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
from support.hosts import READY, LiveTestHost
from support.live import GUESTS
from support.testbeds import TESTS, live_named

WAYS = {"one after the other": [[name] for name in GUESTS], "by one task": [list(GUESTS)]}


def main():
    arguments = parse()
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    live = live_named("bench-several")
    host, rows = LiveTestHost(live), []
    live("up")
    try:
        host.prepare()
        for number in range(1, arguments.count + 1):
            for way, tasks in WAYS.items():
                live("reset", READY)
                rows.append(dict(way=way, number=number, **raise_balloons(host, tasks, arguments.size)))
                print("bench-live-several: %(way)s, %(number)d: %(seconds)d s, %(codes)s" % rows[-1], flush=True)
                (folder / "several.json").write_text(json.dumps(rows, indent=1) + "\n")
    finally:
        live("down")
    before, now = (statistics.median(row["seconds"] for row in rows if row["way"] == way) for way in WAYS)
    text = "%d MB in each of %d guests: %d s %s, %d s %s: %.2f times as fast (medians of %d)\n" % (
        arguments.size,
        len(GUESTS),
        before,
        list(WAYS)[0],
        now,
        list(WAYS)[1],
        before / now,
        arguments.count,
    )
    (folder / "several.md").write_text(HEAD + text)
    print(text, end="")
    return 1 if any(row["harmed"] or row["codes"] for row in rows) else 0


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/live-several", description=__doc__)
    parser.add_argument("--count", type=int, default=3, help="of each way (3)")
    parser.add_argument("--size", type=int, default=300, help="the balloon that each guest is to have, in MB (300)")
    parser.add_argument(
        "--output", default=str(TESTS.parent / ".build" / "bench-live"), help="a folder for several.json and several.md"
    )
    return parser.parse_args()


def raise_balloons(host, tasks, size):
    """One task for each list of names, one task after another: how long all took, and how the guests are."""
    began, codes = time.monotonic(), []
    for names in tasks:
        parameters = {"machines": [{"name": name} for name in names], "balloon_current": size}
        result, _calls = host.module("vbox_balloon", parameters)
        codes += [machine["code"] for machine in result["machines"] if machine.get("code")]
    seconds = time.monotonic() - began
    health = host.health()
    harmed = [name for name in GUESTS if health[name]["panic"] or health[name]["oom_kill"]]
    return dict(seconds=round(seconds), codes=codes, harmed=harmed, processors=os.cpu_count())


if __name__ == "__main__":
    sys.exit(main())
