# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""All traces with all controllers and many seeds, in one run: tables, JSON and pictures, and whether the goals hold.

Each run is a line in runs.jsonl as soon as it is over. Ended early, the next one goes on; when the law has changed, only ours is run again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import paths
from bench.balance import controllers, goals, report, traces
from bench.balance.host import Host
from bench.balance.kept_runs import Kept
from bench.balance.planning_times import measure

OUTPUT = paths.ROOT / ".build" / "bench-balance"
FIRST_SEED = 3101  # what nobody tunes on: who works on a controller uses those below
SEEDS = 20
FEWER = 5
SAY_EACH = 30  # s


def main() -> int:
    arguments = parse()
    output = Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    if arguments.plot:
        result = json.loads(Path(arguments.plot).read_text())
    else:
        result = run(arguments, Kept(output / "runs.jsonl", arguments.traces))
    times = measure() if controllers.OURS in result["about"]["controllers"] else {}
    judged = goals.judge(result["runs"], times)
    write(output, result, times, judged, arguments)
    print(report.goals_table(judged))
    return 0 if all(each["holds"] is not False for each in judged) else 1


def run(arguments: argparse.Namespace, kept: Kept) -> dict:
    """Every run, on all processors; the order of the results does not depend on who was first."""
    jobs = list(wanted(arguments))
    missing = [job for job in jobs if job not in kept.runs]
    print(
        f"{len(jobs) - len(missing)} of {len(jobs)} runs are done already, in {kept.record}",
        file=sys.stderr,
        flush=True,
    )
    began = said = time.monotonic()
    with ProcessPoolExecutor(arguments.processes) as processes:
        futures = {processes.submit(one, *job, arguments.traces): job for job in missing}
        for number, future in enumerate(as_completed(futures), 1):
            kept.add(*futures[future], future.result())
            if time.monotonic() - said > SAY_EACH or number == len(missing):
                said = time.monotonic()
                print(f"{number} of {len(missing)} runs, {said - began:.0f} s", file=sys.stderr, flush=True)
    about = {
        "seeds": arguments.seeds,
        "first_seed": arguments.first_seed,
        "traces": arguments.trace,
        "controllers": arguments.controller,
    }
    return {"about": about, "runs": [kept.runs[job] for job in jobs]}


def wanted(arguments: argparse.Namespace):
    """The slowest first."""
    for trace in sorted(arguments.trace, key=lambda name: not name.startswith("noise")):
        for name in arguments.controller:
            for seed in range(arguments.first_seed, arguments.first_seed + seeds_of(trace, name, arguments.seeds)):
                yield name, trace, seed


def seeds_of(trace: str, name: str, seeds: int) -> int:
    """All for ours and for what a goal compares it with; a part elsewhere, and none for a yardstick that would answer each tremble all day."""
    noisy, knows_all = trace.startswith("noise"), name in controllers.KNOW_ALL
    if noisy and knows_all:
        return 0
    if name != controllers.OURS and (noisy or (knows_all and trace not in goals.WITH_YARDSTICK)):
        return max(1, seeds // FEWER)
    return seeds


def one(name: str, trace: str, seed: int, folder: str | None) -> dict:
    """One run's figures; and the jumps that it had, for the rate of deaths."""
    scenario = traces.make(trace, seed, folder)
    result = Host(scenario).run(controllers.make(name)).result
    result["jumps"] = sum(
        1
        for each in scenario.machines
        for (since, low), (until, high) in zip(each.need, each.need[1:])
        if since == until and high > low and since < scenario.seconds
    )
    return result


def write(output: Path, result: dict, times: dict, judged: list[dict], arguments: argparse.Namespace) -> None:
    (output / "simulation.json").write_text(
        json.dumps(result, indent=None, separators=(",", ":")).replace('{"trace"', '\n{"trace"') + "\n"
    )
    (output / "planning_times.json").write_text(json.dumps(times, indent=1) + "\n")
    pictures = []
    if not arguments.no_pictures:
        from bench.balance.pictures import draw_all  # matplotlib: only the bench's environment has it

        pictures = draw_all(output, [name for name in controllers.SHOWN if name in result["about"]["controllers"]])
    (output / "simulation.md").write_text(report.page(result, times, judged, pictures))
    print(f"Written to {output}.", file=sys.stderr)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=traces.WHERE)
    parser.add_argument("--trace", default=None, type=lambda text: text.split(","), help="some traces, not all")
    parser.add_argument(
        "--controller", default=controllers.NAMES, type=lambda text: text.split(","), help="some controllers, not all"
    )
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument(
        "--traces", default=os.environ.get(traces.FOLDER), help=f"folder with recorded traces, also as {traces.FOLDER}"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--output", default=str(OUTPUT))
    parser.add_argument(
        "--plot", metavar="FILE.json", help="tables and pictures anew from such a file, nothing simulated"
    )
    parser.add_argument("--no-pictures", action="store_true")
    arguments = parser.parse_args()
    if arguments.trace is None:
        arguments.trace = [name for name in traces.NAMES if arguments.traces or name not in traces.RECORDED]
        if not arguments.traces:
            print(f"Without recorded traces. {traces.WHERE}", file=sys.stderr)
    return arguments


if __name__ == "__main__":
    sys.exit(main())
