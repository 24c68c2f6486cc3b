# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Inflate a running guest from 10 % to 89 % of its memory, again and again, idle and busy; then once by raw VBoxManage, as the control.

The idle guest and the busy one are on a live host each, at the same time.
Exit status 1 when a guest was harmed by us, or was not by the control: then this bench shows nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from report import HEAD
from support.hosts import LiveTestHost
from support.live import balloon, fell_by_itself, wait_until
from support.testbeds import TESTS, live_named

GUEST, MEMORY = "web01", 768
LITTLE, NEARLY_ALL = MEMORY * 10 // 100, MEMORY * 89 // 100
# What a guest does meanwhile; `eat` takes so many MB, touches them, and holds them.
WORK = {"idle": None, "busy": "eat 300 > /dev/null 2>&1 &"}
HARMS = ("panic", "oom_kill", "guru_meditation", "triple_fault")
CONTROL_SECONDS = 240  # to be panicked in; it takes about a minute on a quiet machine
COLUMNS = (
    "work",
    "number",
    "code",
    "reached_mb",
    "limited_by",
    "seconds",
    "requests",
    "lowest_free_mb",
    "mem_free_mb",
    "answers",
    "longest_silence_s",
    *HARMS,
)


def main():
    arguments = parse()
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    series = Series(folder)
    with ThreadPoolExecutor(len(WORK)) as pool:
        for one in [
            pool.submit(series.run, work, arguments.count, arguments.control and command is None)
            for work, command in WORK.items()
        ]:
            one.result()
    harmed = [
        row for row in series.rows if row["panic"] or row["oom_kill"] or not (row["answers"] or fell_by_itself(row))
    ]
    say("harmed by us: %d of %d" % (len(harmed), len(series.rows)))
    return 1 if harmed or (series.control and not series.control["panic"]) else 0


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/live", description=__doc__)
    parser.add_argument(
        "--count", type=int, default=20, help="inflations of an idle guest, and as many of a busy one (20)"
    )
    parser.add_argument(
        "--no-control", dest="control", action="store_false", help="leave out the guest that raw VBoxManage panics"
    )
    parser.add_argument(
        "--output", default=str(TESTS.parent / ".build" / "bench-live"), help="a folder for live.json and live.md"
    )
    return parser.parse_args()


class Series:
    """All inflations, and the control; what there is of them stands in the folder's files at any time, for a series is long."""

    def __init__(self, folder):
        self.rows, self.control = [], None
        self._folder, self._started = folder, time.monotonic()

    def run(self, work, count, control):
        """So many inflations of a guest at this work, on a live host of their own, and the control after them if wanted."""
        live = live_named("bench-" + work)
        host = LiveTestHost(live)
        live("up")
        try:
            host.prepare()
            begin(host, WORK[work])
            for number in range(1, count + 1):
                self.rows.append(inflate(host, work, number))
                self._write()
                if fell_by_itself(self.rows[-1]):
                    begin(host, WORK[work])
            if control:
                self.control = overfill(host)
                self._write()
        finally:
            live("down")

    def _write(self):
        """The figures as JSON, with each look on the way, and as a table."""
        rows = sorted(self.rows, key=lambda row: (list(WORK).index(row["work"]), row["number"]))
        result = dict(
            date=time.strftime("%Y-%m-%d"),
            processors=os.cpu_count(),
            minutes=round((time.monotonic() - self._started) / 60),
            rows=rows,
            control=self.control,
        )
        (self._folder / "live.json").write_text(json.dumps(result, indent=1) + "\n")
        (self._folder / "live.md").write_text(HEAD + table(rows) + ("\n" + told(self.control) if self.control else ""))


def begin(host, command):
    """Fresh guests, with the work in the one."""
    host.start_afresh()
    if command:
        host.guest(GUEST, "sh", "-c", command)
        wait_until(lambda: host.memory(GUEST)["MemFree"] < 400)


def inflate(host, work, number):
    """One inflation, from 10 % to 89 %: what was reached, why no more, and how the guest is."""
    balloon(host, GUEST, balloon_current=LITTLE)
    started, heard = time.monotonic(), len(ticks(host))
    result, _calls = host.module("vbox_balloon", {"name": GUEST, "balloon_current": NEARLY_ALL, "partial": True})
    seconds = round(time.monotonic() - started)
    machine = result["machines"][0]
    health = host.health()[GUEST]
    row = dict(
        work=work,
        number=number,
        code=result.get("code"),
        reached_mb=machine["after"].get("balloon_current_mb"),
        limited_by=machine.get("limited_by"),
        seconds=seconds,
        requests=len(machine["commands"]),
        progress=machine.get("progress", []),
        lowest_free_mb=min(
            (look["guest_free_mb"] for look in machine.get("progress", []) if look["guest_free_mb"] is not None),
            default=None,
        ),
        answers=answers(host),
        longest_silence_s=longest_gap(ticks(host)[max(0, heard - 1) :]),
        **{harm: health[harm] for harm in HARMS},
    )
    row["mem_free_mb"] = host.memory(GUEST)["MemFree"] if row["answers"] else None
    say("%(work)s %(number)d: %(reached_mb)s MB in %(seconds)d s, MemFree %(mem_free_mb)s, answers: %(answers)s" % row)
    return row


def answers(host):
    return host.live("guest", GUEST, "true", must_succeed=False).returncode == 0


def ticks(host):
    """The seconds of its uptime at which a guest gave a sign of life, which it is to do every 3 s."""
    return list(map(int, re.findall(r"^tick (\d+)", serial_log(host), re.MULTILINE)))


def serial_log(host):
    return host.live("ssh", "cat", f"guests/{GUEST}.serial").stdout.decode(errors="replace")


def longest_gap(seconds):
    return max((after - before for before, after in zip(seconds, seconds[1:])), default=None)


def overfill(host):
    """The same 89 % as people write it today, on a fresh guest: what it says of its end."""
    host.start_afresh()
    command = ["VBoxManage", "controlvm", GUEST, "guestmemoryballoon", str(NEARLY_ALL)]
    started = time.monotonic()
    status = host.live("ssh", *command, must_succeed=False).returncode
    while time.monotonic() - started < CONTROL_SECONDS and not host.health()[GUEST]["panic"]:
        time.sleep(5)
    health = host.health()[GUEST]
    lines = [line.strip() for line in serial_log(host).splitlines() if "Out of memory" in line or "panic" in line]
    say("control: exit %d, panic: %s" % (status, health["panic"]))
    return dict(
        command=" ".join(command),
        status=status,
        panic=health["panic"],
        oom_killed=health["oom_killed"],
        state=health["state"],
        seconds=round(time.monotonic() - started),
        serial=lines,
    )


def table(rows):
    lines = [COLUMNS, ["---"] * len(COLUMNS), *([row[key] for key in COLUMNS] for row in rows)]
    return "".join("| %s |\n" % " | ".join("" if cell is None else str(cell) for cell in line) for line in lines)


def told(control):
    return "Control: `%(command)s` (exit %(status)d), after %(seconds)d s:\n\n" % control + "".join(
        f"    {line}\n" for line in control["serial"]
    )


def say(message):
    print(f"bench-live: {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
