# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Measure, and tell: the bench from its arguments to its files."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path

import ansible.release
from calls import count_calls
from fleet import measure_fleet
from hosts import FLEET_USERS, Sandbox
from payload import measure_payloads
from playing import Playing
from plot import draw
from report import HEAD, tables
from required import check
from support.testbeds import TESTS, VBOX
from timing import Row, measure, measure_memory, say
from ways import COLD, JOBS, WAYS

OUTPUT = TESTS.parent / ".build" / "bench"
COUNTED = 3  # machines among which the commands are counted


def main():
    arguments = parse()
    results = [json.loads(Path(arguments.plot).read_text())] if arguments.plot else run(arguments)
    for result in results:
        write(result, Path(arguments.output))
    print((Path(arguments.output) / "bench.md").read_text())


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument(
        "--sizes",
        type=lambda text: list(map(int, text.split(","))),
        default=[10, 50, 200, 1000],
        help="numbers of machines (10,50,200,1000)",
    )
    parser.add_argument(
        "--jobs", type=lambda text: text.split(","), default=list(JOBS), help="some of " + ",".join(JOBS)
    )
    parser.add_argument(
        "--ways", type=lambda text: text.split(","), default=list(WAYS), help="some of " + ",".join(WAYS)
    )
    parser.add_argument("--cold-at", type=int, default=200, help="the size for jobs without a running server (200)")
    parser.add_argument(
        "--repeats",
        type=int,
        default=3,
        help="runs of each, of which the median counts (3); of what takes less than 5 s twice as many",
    )
    parser.add_argument(
        "--too-long",
        type=int,
        default=600,
        help="seconds from which on a way is extrapolated from fewer machines (600)",
    )
    parser.add_argument("--fleet", default="50x20", help="hosts x machines (50x20); 0 for none")
    parser.add_argument(
        "--output", default=str(OUTPUT), help="a folder for bench.json, bench.md and bench.svg (.build/bench)"
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="measure nothing: write the table and the plot of this bench.json"
    )
    return parser.parse_args()


def run(arguments):
    """Measure what is asked for; yields the result so far, after each size: the last ones take long."""
    started, rows, measured = time.monotonic(), [], commit()
    hosts, each = ([int(part) for part in arguments.fleet.split("x")] + [0])[:2]
    with Sandbox(FLEET_USERS + len(arguments.sizes) + 1) as sandbox, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        play = Playing(folder)
        few = sandbox.make_host("vbox%d" % (FLEET_USERS + 1), COUNTED)
        play.inventory([few])
        calls = dict(machines=COUNTED, commands=count_calls(play, few))
        result = dict(calls=calls, payloads=measure_payloads(few), fleet=None)
        if hosts:
            result["fleet"] = measure_fleet(
                play,
                [sandbox.make_host("vbox%02d" % number, each) for number in range(1, hosts + 1)],
                arguments.repeats,
            )
        for number, size in enumerate(sorted(arguments.sizes), FLEET_USERS + 2):
            host = sandbox.make_host("vbox%d" % number, size)
            play.inventory([host])
            play("empty.yml", calls=1)  # the connection is there from now on
            for job in arguments.jobs:
                if job not in COLD or size == arguments.cold_at:
                    with contextlib.nullcontext() if job in COLD else host.warm():
                        measure(play, host, job, arguments.ways, arguments.repeats, arguments.too_long, rows)
                        measure_memory(play, host, job, rows)
            yield dict(result, about=describe(few, arguments, started, measured), rows=[row.as_dict() for row in rows])


def commit():
    """What is measured."""
    return subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=TESTS, capture_output=True, text=True, check=False
    ).stdout.strip()


def describe(host, arguments, started, measured):
    """On what this was measured."""
    with open("/proc/cpuinfo") as file:
        processor = next(
            (line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine()
        )
    return dict(
        date=time.strftime("%Y-%m-%d"),
        commit=measured,
        virtualbox=host.run(VBOX, "--version").strip(),
        ansible_core=ansible.release.__version__,
        python=platform.python_version(),
        host_python=host.run("python3", "-V").split()[1],
        processors="%d × %s" % (os.cpu_count(), processor),
        load_at_the_end="%.1f" % os.getloadavg()[0],
        repeats=arguments.repeats,
        extrapolated_from="%d s on" % arguments.too_long,
        minutes=round((time.monotonic() - started) / 60),
    )


def write(result, folder):
    """Write the figures, the tables and the plot."""
    result["required"] = check([Row(**row) for row in result["rows"]], result["fleet"], result["payloads"])
    text = tables(result)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    (folder / "bench.md").write_text(HEAD + text + "\n")
    draw(result, folder / "bench.svg")
    say(f"bench: written to {folder}")


if __name__ == "__main__":
    main()
