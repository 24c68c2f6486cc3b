# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Many hosts over SSH, whose machines are all right already: ours against a loop, at the same forks."""

from __future__ import annotations

import statistics
import time

from hosts import AS_WRITTEN, STATES
from support.testbeds import VBOX
from timing import ONCE_FROM, say

FORKS = 10
POLICY = {"defaults": dict(balloon=STATES[0].balloon, large_pages=STATES[0].large_pages, page_fusion=False)}
WAYS = {
    "api": ("ours_converge.yml", {"backend": "api"}),
    "vboxmanage": ("ours_converge.yml", {"backend": "vboxmanage"}),
    "apply": ("vbox.memory.apply", {"vbox_memory_policy": POLICY}),
    "loop": ("loop_converge.yml", {"vboxmanage": AS_WRITTEN}),
}
LABELS = {
    "api": "vbox_memory, backend: api",
    "vboxmanage": "vbox_memory, backend: vboxmanage",
    "apply": "playbook vbox.memory.apply, backend: auto",
    "loop": "a loop of command tasks",
}


def measure_fleet(play, hosts, repeats):
    """What a no-change run takes over these hosts; no server runs at its beginning.

    :returns: ``{way: {"seconds": median, "runs": […]}}`` with ``hosts``, ``machines`` of each and ``forks`` beside them
    """
    variables = dict(
        vboxmanage=VBOX,
        machines=[{"name": name} for name in hosts[0].names],
        balloon=STATES[0].balloon,
        large_pages=STATES[0].large_pages,
    )
    play.inventory(hosts)
    play("empty.yml", calls=1, forks=FORKS)  # connections are there from now on
    runs = {way: [] for way in WAYS}
    for number in range(repeats):
        for way, (playbook, more) in WAYS.items():
            if number and runs[way][0] >= ONCE_FROM:
                continue
            for host in hosts:
                host.cool()
            started = time.monotonic()
            changed = play(playbook, forks=FORKS, **dict(variables, **more))
            runs[way].append(round(time.monotonic() - started, 3))
            if changed:
                raise SystemExit(f"{way} changed something on {changed} hosts, and was to change nothing")
    measured = {way: {"seconds": statistics.median(seconds), "runs": seconds} for way, seconds in runs.items()}
    for way, found in measured.items():
        say(f"fleet, {way}: {found['seconds']:.1f} s")
    return dict(hosts=len(hosts), machines=hosts[0].machines, forks=FORKS, ways=measured)
