# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""All controllers, by name."""

from __future__ import annotations

from bench.balance.host import Controller, Host, View
from bench.balance.peers import Mom, Proxmox, VBoxBalloonCtrl, VBoxBalloonCtrlLinux
from bench.balance.yardsticks import AllSeeing, AllSeeingPool, LateSeeing, LateSeeingPool


class Nobody:
    """Balloons stay as they are."""

    name = "nobody"
    period = 60
    looks = False
    settles = 0

    def act(self, now: int, host: Host, view: View | None) -> list[tuple[int, int]]:
        return []


PEERS = [VBoxBalloonCtrl, Mom, Proxmox]
YARDSTICKS = {"all_seeing": [AllSeeing, AllSeeingPool], "late_seeing": [LateSeeing, LateSeeingPool]}
KNOW_ALL = [each.name for both in YARDSTICKS.values() for each in both]
OURS = "ours"
SHOWN = {  # in the pictures
    OURS: "vbox.memory",
    "vboxballoonctrl": "VBoxBalloonCtrl",
    "vboxballoonctrl_linux": "VBoxBalloonCtrl with the Linux kernel's driver",
    "mom": "oVirt MOM",
    "proxmox": "Proxmox",
    "all_seeing_spread": "the all-seeing yardstick",
}
CONTROLLERS = {each.name: each for each in (Nobody, *PEERS, VBoxBalloonCtrlLinux, *sum(YARDSTICKS.values(), []))}
NAMES = [OURS, *CONTROLLERS]


def make(name: str) -> Controller:
    """A controller of that name, with no memory yet."""
    if name == OURS:
        from bench.balance.ours import Ours  # the collection is not needed for the others

        return Ours()
    return CONTROLLERS[name]()
