# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A program that needs memory in one guest, then one in the other, beside a controller that moves memory: played inside the live host.

usage: python3 scenario_inside.py '{"controller": [argv], "needs": MB, "rate": MB a second, "limit": seconds, "reserve": MB, "ours": true, "rest": seconds}'
Standard output: a JSON object a line, with `at` (seconds of this host) and `kind`.
"""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
import time

GUESTS = ("web01", "web02")
LOG, FOLDER = "/home/vbox/controller.log", "/home/vbox/guests"
STATUS = "/home/vbox/.vbox-memory/balance-*.json"
NOT_READY = (
    "window_not_full",
    "booting",
    "no_statistics",
    "stale_statistics",
    "in_flight",
    "grown_recently",
    "over_budget",
)


def main(given):
    play = Play(given)
    try:
        if play.wait_for(play.ready, "ready"):
            play.need(*GUESTS)
            play.rest()
            play.need(*reversed(GUESTS))
    finally:
        play.end()


class Play:
    def __init__(self, given):
        self.given = given
        self.read = {name: os.path.getsize(f"{FOLDER}/{name}.serial") for name in GUESTS}
        self.read_log, self.since, self.last_request = 0, time.time(), time.monotonic()
        self.free, self.held, self.killed = {}, set(), set()
        with open(LOG, "w") as log:
            argv = given["controller"]
            self.controller = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL) if argv else None
        say("started", argv=argv)

    def need(self, taker, giver):
        """A program in `taker` takes memory, holds it, and ends."""
        self.held.discard(taker)
        self.free.pop(taker, None)
        subprocess.run(
            ["live-guest", taker, "sh", "-c", "eat %(needs)d %(rate)d > /dev/ttyS0 2>&1 &" % self.given], check=True
        )
        say("begins", guest=taker, giver=giver)
        self.wait_for(
            lambda: taker in self.killed or (taker in self.held and self.free.get(taker, 0) >= self.given["reserve"]),
            "served",
        )
        status = subprocess.run(
            ["live-guest", taker, "killall", "-0", "eat"], stderr=subprocess.DEVNULL, check=False
        ).returncode
        say(
            "outcome",
            guest=taker,
            giver=giver,
            held=taker in self.held,
            killed=taker in self.killed,
            alive=status == 0,
            free=self.free.get(taker),
        )
        subprocess.run(["live-guest", taker, "killall", "eat"], stderr=subprocess.DEVNULL, check=False)
        say("ends", guest=taker)

    def rest(self):
        """Until nothing has been asked for a while, and whoever balances is ready again."""
        self.last_request = time.monotonic()
        self.wait_for(lambda: time.monotonic() - self.last_request > self.given["rest"] and self.ready(), "rested")

    def ready(self):
        """Whether whoever balances has watched both guests for as long as it wants to."""
        if not self.given["ours"]:
            return all(name in self.free for name in GUESTS)
        try:
            with open(glob.glob(STATUS)[0]) as stream:
                status = json.load(stream)
        except (OSError, ValueError, IndexError):
            return False
        codes = [machine["code"] for machine in status["machines"]]
        return status["since"] >= int(self.since) and len(codes) == len(GUESTS) and not set(codes) & set(NOT_READY)

    def wait_for(self, condition, what):
        until = time.monotonic() + self.given["limit"]
        while not condition():
            if time.monotonic() > until or (self.controller and self.controller.poll() is not None):
                say("not_" + what)
                return False
            self.look()
            time.sleep(0.5)
        say(what)
        return True

    def look(self):
        """Pass on what the guests and the controller have said since the last look."""
        for name in GUESTS:
            text, self.read[name] = lines_since(f"{FOLDER}/{name}.serial", self.read[name])
            for line in text.splitlines():
                tick = re.match(r"tick (\d+) (\d+) (\d+) (\d+)", line)
                if tick:
                    self.free[name] = (int(tick[2]) + int(tick[4])) // 1024
                    say(
                        "tick",
                        guest=name,
                        uptime=int(tick[1]),
                        free=int(tick[2]) // 1024,
                        available=int(tick[3]) // 1024,
                    )
                elif "holding" in line:
                    self.held.add(name)
                    self.free.pop(name, None)  # what is free from now on counts
                    say("holds", guest=name)
                elif "Out of memory: Killed" in line or "Kernel panic" in line:
                    self.killed.add(name)
                    say("killed", guest=name, line=line.strip())
        text, self.read_log = lines_since(LOG, self.read_log)
        for line in text.splitlines():
            if "is requested" in line:
                self.last_request = time.monotonic()
            say("said", line=line)

    def end(self):
        if self.controller:
            self.controller.kill()
            self.controller.wait()
        self.look()
        say("end")


def lines_since(path, offset):
    """Whole lines since an offset, and the offset after them."""
    with open(path, "rb") as stream:
        stream.seek(offset)
        new = stream.read()
    whole = new[: new.rfind(b"\n") + 1]
    return whole.decode(errors="replace"), offset + len(whole)


def say(kind, **more):
    print(json.dumps(dict(kind=kind, at=round(time.monotonic(), 2), **more)), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
