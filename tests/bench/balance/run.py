# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One trace with one controller, in seconds: for who works on a controller."""

from __future__ import annotations

import argparse
import json
import time
from statistics import median

import paths
from bench.balance import controllers, traces
from bench.balance.guest import Guest
from bench.balance.host import Host

ROOT = paths.ROOT  # importing it is what lets the rest be found


def main() -> None:
    arguments = parse()
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        for trace in arguments.trace:
            for name in arguments.controller:
                one(trace, name, seed, arguments)


def one(trace: str, name: str, seed: int, arguments: argparse.Namespace) -> None:
    scenario = traces.make(trace, seed, arguments.traces)
    began = time.perf_counter()
    watch = Story() if arguments.why else Log(arguments.log) if arguments.log else None
    figures = Host(scenario).run(controllers.make(name), watch=watch, skip=not arguments.no_skip)
    took = time.perf_counter() - began
    if arguments.json:
        print(json.dumps(figures.result))
        return
    print(f"{trace} {name} seed {seed} ({took:.1f} s): {brief(figures.result)}", flush=True)


def brief(result: dict) -> str:
    """The figures in a line: dead by our act, past their room, liars, emptied unseen, by others; over budget by us, by more than the reserve, excused."""
    dead = "/".join(
        str(result[key]) for key in ("dead", "dead_past_room", "dead_liars", "dead_unseen", "dead_by_others")
    )
    over = "/".join(str(result[key]) for key in ("over_s", "over_reserve_s", "over_excused_s"))
    parts = [
        f"starved {result['starved_mb_min']:,.0f} MB min",
        f"dead {dead}",
        f"over {over} s (most {result['over_most_mb']} MB)",
    ]
    parts.append(f"{result['requests']} requests, {result['reversals']} reversals, {result['refused']} refused")
    for key, label in (("served_by_pool_s", "pool"), ("served_by_donor_s", "donor"), ("infeasible_s", "infeasible")):
        if result[key]:
            parts.append(f"{label} {median(result[key]):.0f}..{max(result[key])} s × {len(result[key])}")
    return ", ".join(parts)


class Log:
    """A line for each second with a change of a balloon, to standard output."""

    def __init__(self, names: str) -> None:
        self.names = None if names == "all" else set(names.split(","))
        self.last: dict[str, tuple] = {}

    def __call__(self, second: int, host: Host) -> None:
        for guest in host.guests:
            if self.names and guest.name not in self.names:
                continue
            now = (guest.shown, guest.balloon, guest.starved > 0, guest.state)
            if self.last.get(guest.name, now) != now:
                print(
                    f"{second:6d} {guest.name} {guest.state} need {guest.need} balloon {guest.balloon} asked {guest.shown}"
                    f" free {guest.total - guest.balloon - guest.need} starved {guest.starved} | pool {host.budget - host.charge}"
                )
            self.last[guest.name] = now


class Story:
    """For each death, and each time that the host comes to be over its budget by our act: what the machine, or all, did before."""

    TOLD = 25  # changes

    def __init__(self) -> None:
        self.last: dict[str, tuple] = {}
        self.changes: list[tuple[str, str]] = []
        self.over = False

    def __call__(self, second: int, host: Host) -> None:
        for guest in host.guests:
            now = (guest.shown, guest.balloon, guest.state, bool(guest.lies), guest.obeys, guest.delay, guest.partial)
            before = self.last.get(guest.name, now)
            if before != now:
                self.changes.append((guest.name, f"{second:6d} {story_of(guest)} | pool {host.budget - host.charge}"))
            self.last[guest.name] = now
            if guest.died and before[2] != guest.state:
                self._tell(f"{guest.name} died: {guest.died}", faults_of(host, guest, second), guest.name)
        over = host.over(second)[1] if host.charge > host.budget else 0
        if over and not self.over:
            self._tell(f"over budget by our act: {over} MB, {host.excuse} MB excused", "", "")
        self.over = over > 0

    def _tell(self, what: str, why: str, name: str) -> None:
        print(f"--- {what} {why}")
        print("\n".join([line for whose, line in self.changes if name in ("", whose)][-self.TOLD :]))


def story_of(guest: Guest) -> str:
    asked = f"asked {guest.shown}, under way {guest.current}, waiting {guest.pending}"
    figures = "says the truth" if not guest.lies and guest.frozen is None else "says no truth"
    free = guest.total - guest.balloon - guest.need
    return f"{guest.name} {guest.state} need {guest.need} balloon {guest.balloon} ({asked}) free {free}, {figures}, {guest.down} MB/s"


def faults_of(host: Host, guest: Guest, second: int) -> str:
    """What went wrong with it until then."""
    faults = [fault for fault in host.scenario.machines[guest.index].faults if fault.at <= second]
    return ", ".join(f"{fault.at} {fault.kind} {fault.value:g}" for fault in faults[-8:])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=traces.WHERE)
    parser.add_argument(
        "--trace", default="step", type=lambda text: text.split(","), help=f"some of {', '.join(traces.NAMES)}, long"
    )
    parser.add_argument(
        "--controller",
        default="ours",
        type=lambda text: text.split(","),
        help=f"some of {', '.join(controllers.NAMES)}",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="that many, from --seed on")
    parser.add_argument("--traces", help="folder with recorded traces")
    parser.add_argument("--log", metavar="MACHINES", help="print each change of these machines (vm00,vm03; or all)")
    parser.add_argument("--why", action="store_true", help="tell the story of each death, and of each time over budget")
    parser.add_argument("--no-skip", action="store_true", help="look at every second, also where nothing changes")
    parser.add_argument("--json", action="store_true", help="all figures, one line of JSON a run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
