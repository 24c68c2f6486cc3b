# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Starts machines of the demo on its fake hosts, with guests that use memory: a report of machines that are off shows little.

usage: guests.py FOLDER      as made by `connections.py fake FOLDER HOST…`
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake.vboxfake.fakehost import FakeHost  # noqa: E402

# Host and machine, what its programs and its cache take, and other rows of the fake's GUEST.
GUESTS = (
    ("office", "anna", 3900, 1900, {"reports_balloon": True}),
    ("office", "bert", 2300, 2600, {"reports_balloon": True}),
    ("office", "carl", 1500, 700, {"reports_balloon": True}),
    ("office", "kiosk", 1850, 90, {}),
    ("office", "files", 900, 2700, {}),
    ("lab", "build01", 9300, 4100, {"stuck_at": 1500, "reports_balloon": True}),
    ("lab", "build02", 1200, 2400, {}),
    ("lab", "db01", 5100, 1800, {}),
    ("lab", "web01", 700, 600, {"additions": False}),
)
MEMORY = {"office": (32768, 30500), "lab": (49152, 47000)}  # MB of the host, and what other programs leave


def main(folder):
    for name, (memory, available) in MEMORY.items():
        host = FakeHost(Path(folder, name, "state"), release="7.1")
        with host.state() as state:
            state["host"].update(memory_mb=memory, available_mb=available)
        for machine, used, cache, figures in [row[1:] for row in GUESTS if row[0] == name]:
            host.set_guest(machine, used_mb=used, cache_mb=cache, boot_seconds=0, rate=2000, **figures)
            host.ok("startvm", machine, "--type", "headless")


main(sys.argv[1])
