# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The case that balance is judged by, on the live host: a program in one guest needs what the other has, and then the other way round.

What counts is emulated time: the processor time that the emulator got. On a machine that others use, the host's own clock runs ahead of it.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import tarfile
import time
from pathlib import Path

from support.hosts import LiveTestHost
from support.live import GUESTS, policy_for
from support.testbeds import LIVE

from ansible_collections.vbox.memory.plugins.plugin_utils.balance_program import program

HERE = Path(__file__).resolve().parent
MEMORY = 768  # MB of each guest
TIGHT = 800  # MB: both guests have to give
BUDGET = 1080  # MB that both hold
NEEDS, RATE = 400, 10  # MB that a program takes, and MB a second
# MB: the hard reserve of 768 MB, less half of the band in which the law asks for nothing: who has so much free has what it needs.
RESERVE = 143 - 32
LONGEST = 120  # seconds of emulated time
FOLDER = "/home/vbox/scenario"
SNAPSHOT = "balanced"
REST = 80  # s without a request after a program has ended: who got memory gives none for a minute, and then has a window of 20 s
WAYS = ("api", "vboxmanage", "vboxballoonctrl", "nobody")
UNTIL_GIVEN = """
vbox=/usr/lib/virtualbox/VBoxManage
given() { $vbox metrics query host RAM/VMM/Ballooned | sed -n 's/.* \\([0-9]*\\) kB.*/\\1/p'; }
until [ "$(given)" -ge $((%d * 1024)) ]; do sleep 2; done
"""
START = "setsid python3 -I {folder}/balance.pyz {folder}/{name}.json > {log} 2>&1 < /dev/null & echo $!"
LOG = "/home/vbox/balance.log"
SPIN = "print(flush=True)\nfor _ in range(20000000): pass\nprint(flush=True)"


class BalancedHost(LiveTestHost):
    """The live host, which a test begins on with guests that have given already."""

    def start_afresh(self):
        self.live("reset", SNAPSHOT)


class Scenario:
    """A live host at the state in which both guests have given so much that they hold :data:`BUDGET` together."""

    def __init__(self, live, name):
        """:param live: a function that runs `tests/testbed/live`, on the instance of this name"""
        self.host, self.name = BalancedHost(live, "api"), name
        self.policy = {}

    def prepare(self, anew=True):
        """Fresh guests, our program, and the balloons; kept under a name."""
        if not anew:
            self.policy = json.loads(self.host.live("ssh", "cat", f"{FOLDER}/api.json").stdout)["policy"]
            return
        self.host.live("reset")
        self.host.bring_code()
        self.policy = policy_for(self.host, BUDGET)
        del self.policy["ready"]  # as most people have it: some memory stays ready for the next in need
        tight = dict(self.policy, reserve=self.policy["reserve"] + BUDGET - TIGHT)
        files = {
            backend + ".json": json.dumps({"policy": self.policy, "backend": backend})
            for backend in ("api", "vboxmanage")
        }
        files["tight.json"] = json.dumps({"policy": tight, "backend": "api"})
        files.update({name: (HERE / name).read_text() for name in ("scenario_inside.py", "what_if_inside.py")})
        self._put(dict(files, **{"balance.pyz": program()[1]}))
        for name in GUESTS:
            self.host.vbox("controlvm", name, "guestmemoryballoon", str(MEMORY - BUDGET // 2))
        self.host.live("ssh", "sh", "-c", UNTIL_GIVEN % (2 * MEMORY - BUDGET))
        self.host.live("save", SNAPSHOT)

    def _put(self, files):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, content in files.items():
                content = content if isinstance(content, bytes) else content.encode()
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        self.host.live("ssh", "sh", "-c", f"mkdir -p {FOLDER} && tar -x -C {FOLDER}", given=packed.getvalue())

    def controller(self, way):
        if way == "nobody":
            return []
        if way == "vboxballoonctrl":  # its own defaults, but for what it does nothing without, and our reserve
            program_ = "/usr/lib/virtualbox/VBoxBalloonCtrl"
            return [program_, "-v", "--balloon-max=512", "--balloon-safety-margin=%d" % self.policy["reserve"]]
        return ["python3", "-I", f"{FOLDER}/balance.pyz", f"{FOLDER}/{way}.json"]

    def play(self, way, limit=None):
        """One play from the kept state, to which the host has been reset.

        :param limit: seconds of the host's clock for each need; else twice LONGEST of emulated time
        :returns: its events, each with the processor seconds `cpu` that the emulator had got by then
        """
        share = self.share()
        given = dict(
            controller=self.controller(way),
            needs=NEEDS,
            rate=max(1, round(RATE * share)),  # MB a second of emulated time
            limit=limit or 2 * LONGEST / share,
            reserve=RESERVE,
            ours=way in ("api", "vboxmanage"),
            rest=REST,
        )
        events = [dict(kind="share", share=round(share, 2), rate=given["rate"], way=way)]
        command = [str(LIVE), "ssh", "python3", f"{FOLDER}/scenario_inside.py", json.dumps(given)]
        with self._running(command) as running:
            for line in running.stdout:
                events.append(dict(json.loads(line), cpu=self._cpu()))
        return events

    def what_if(self, memory_mb, limit=600):
        """What-if's time for the start of a machine, and the real one, in the seconds of the host's clock."""
        given = dict(policy=self.policy, backend="api", memory_mb=memory_mb, limit=limit)
        inside = [
            "env",
            f"PYTHONPATH={FOLDER}/balance.pyz",
            "python3",
            f"{FOLDER}/what_if_inside.py",
            json.dumps(given),
        ]
        return [json.loads(line) for line in self.host.live("ssh", *inside).stdout.splitlines()]

    def share(self):
        """How much of a processor the emulator gets now: of one that spins."""
        with self._running([str(LIVE), "ssh", "python3", "-c", SPIN]) as running:
            running.stdout.readline()
            began, cpu = time.monotonic(), self._cpu()
            running.stdout.readline()
            return min(1.0, (self._cpu() - cpu) / (time.monotonic() - began))

    def _running(self, command):
        environment = dict(os.environ, VBOX_LIVE_NAME=self.name)
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def _cpu(self):
        console = json.loads(self.host.live("info").stdout)["host_console"] if not hasattr(self, "_pid") else None
        if console:
            self._pid = int((Path(console).parent / "pid").read_text())
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Running:
    """Balance at work in the background of the live host, as its service does it, but for systemd."""

    def __init__(self, host, configuration):
        self.host = host
        start = START.format(folder=FOLDER, name=configuration, log=LOG)
        self.pid = host.live("ssh", "sh", "-c", start).stdout.decode().strip()

    def until_said(self, pattern):
        """Wait, in the host, for a line."""
        self.host.live(
            "ssh", "bash", "-c", f"grep -q -m 1 -e {shlex.quote(pattern)} <(tail --pid={self.pid} -f -n +1 {LOG})"
        )

    def said(self):
        return self.host.live("ssh", "cat", LOG).stdout.decode(errors="replace")

    def status(self):
        """What it wrote last, if it is its own."""
        text = self.host.live("ssh", "sh", "-c", "cat ~/.vbox-memory/balance-*.json 2> /dev/null || true").stdout
        found = json.loads(text) if text.strip() else {}
        return found if str(found.get("pid")) == self.pid else {"rounds": 0, "machines": []}

    def codes(self):
        return {machine["name"]: machine["code"] for machine in self.status()["machines"]}

    def runs(self):
        return self.host.live("ssh", "kill", "-0", self.pid, must_succeed=False).returncode == 0


def needs_of(events):
    """What became of each need in a play, in its order."""
    rows, begun = [], None
    for event in events:
        if event["kind"] == "begins":
            begun, lowest, asked = event, None, []
        elif begun and event["kind"] == "tick" and event["guest"] == begun["guest"]:
            lowest = event["free"] if lowest is None else min(lowest, event["free"])
        elif begun and event["kind"] == "said" and "is requested" in event["line"]:
            asked.append(event["line"])
        elif begun and event["kind"] in ("served", "not_served"):
            end = event
        elif begun and event["kind"] == "outcome":
            row = dict(
                guest=begun["guest"],
                giver=begun["giver"],
                alive=event["alive"] and not event["killed"],
                held=event["held"],
            )
            row.update(
                seconds=round(end["at"] - begun["at"]),
                emulated_s=round(end["cpu"] - begun["cpu"]),
                lowest_free_mb=lowest,
            )
            row.update(free_mb=event["free"], served=end["kind"] == "served" and row["alive"], requests=len(asked))
            row["gave"] = sum(f"'{begun['giver']}': gives" in line for line in asked)
            rows.append(row)
            begun = None
    return rows
