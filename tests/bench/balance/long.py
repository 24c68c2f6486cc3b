# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Host-days by the thousand with several misbehaviours at once: nobody may die by our act, and no second be over budget by it.

Each day is a seed, and a line in days.jsonl as soon as it is over. Ended early, the next run goes on where this one was, unless the law has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import islice
from pathlib import Path

import paths
from bench.balance import controllers, traces
from bench.balance.host import Host
from bench.balance.kept_runs import Kept
from bench.balance.scenario import Scenario

OUTPUT = paths.ROOT / ".build" / "bench-balance-long"
TRACE = "long"
FIRST_DAY = 100_000  # seeds that nobody tunes on
SAY_EACH = 30  # s
KEPT = (
    "seed",
    "starved_mb_min",
    "dead",
    "dead_past_room",
    "dead_liars",
    "dead_unseen",
    "dead_by_others",
    "over_s",
    "over_reserve_s",
    "over_excused_s",
    "over_most_mb",
    "requests",
    "reversals",
)


def main() -> int:
    arguments = parse()
    output = Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    kept = Kept(output / "days.jsonl")
    wanted = [
        (arguments.controller, TRACE, day) for day in range(arguments.first_day, arguments.first_day + arguments.days)
    ]
    missing = [day for day in wanted if day not in kept.runs]
    print(f"{len(wanted) - len(missing)} of {len(wanted)} host-days are done already, in {kept.record}", flush=True)
    began = time.monotonic()
    for figures in run(missing, arguments.processes, began):
        kept.add(arguments.controller, TRACE, figures["seed"], figures)
    days = [kept.runs[day] for day in wanted]
    summary = add_up(days)
    summary["host_days_per_second"] = round(len(missing) / (time.monotonic() - began), 3) if missing else None
    (output / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(as_text(summary))
    return 1 if summary["dead"] or summary["over_s"] or summary["over_reserve_s"] else 0


def run(missing: list[tuple[str, str, int]], at_once: int, began: float) -> Iterator[dict]:
    """Each day as it ends; as many at once as there are processors."""
    said, count, days = began, 0, iter(missing)
    with ProcessPoolExecutor(at_once) as processes:
        waiting = {processes.submit(one, *day) for day in islice(days, 4 * at_once)}
        while waiting:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            waiting |= {processes.submit(one, *day) for day in islice(days, len(ended))}
            for future in ended:
                count += 1
                yield future.result()
            if time.monotonic() - said > SAY_EACH:
                said = time.monotonic()
                speed = count / (said - began)
                left = (len(missing) - count) / speed / 60
                print(
                    f"{count} of {len(missing)} host-days, {speed:.2f} a second, {left:.0f} minutes to go", flush=True
                )


def one(controller: str, trace: str, day: int) -> dict:
    """A host-day, and what went wrong in it."""
    scenario = traces.make(trace, day)
    result = Host(scenario).run(controllers.make(controller)).result
    return {**{key: result[key] for key in KEPT}, **what_went_wrong(scenario)}


def what_went_wrong(scenario: Scenario) -> dict:
    faults = [fault.kind for each in scenario.machines for fault in each.faults]
    return {
        "bad_machines": sum(each.bad for each in scenario.machines),
        "misbehaviours": sum(kind not in ("obeys", "resume") for kind in faults),
        "restarts": sum(kind in ("restart", "empties") for kind in faults),
        "rises": sum(
            high > low for each in scenario.machines for (_first, low), (_first, high) in zip(each.need, each.need[1:])
        ),
    }


def add_up(days: list[dict]) -> dict:
    """The sums, and the days that show a fault, for run.py --trace long --seed DAY."""
    keys = [key for key in days[0] if key not in ("seed", "over_most_mb")] if days else []
    return {
        "host_days": len(days),
        **{key: round(sum(day[key] for day in days), 1) for key in keys},
        "days_with_dead": [day["seed"] for day in days if day["dead"]][:50],
        "days_over_budget": [day["seed"] for day in days if day["over_s"]][:50],
    }


def as_text(summary: dict) -> str:
    return "\n".join(f"{key.replace('_', ' ')}: {value}" for key, value in summary.items())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=10_000)
    parser.add_argument("--first-day", type=int, default=FIRST_DAY, help="its seed")
    parser.add_argument("--controller", default=controllers.OURS, choices=controllers.NAMES)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--output", default=str(OUTPUT))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
