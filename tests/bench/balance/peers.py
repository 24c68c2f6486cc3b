# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What others do, rebuilt from what they publish; each rule with its source beside it.

A rule is a pure function of figures in MB, so that a test can hold it against an example worked by hand. The classes below drive the rules, each at
its own period. VirtualBox gives balloon memory to other machines and not back to the host; oVirt and Proxmox were made for hosts where it does go
back. So that they are not judged by that, their host counts as used what its machines may hold, and everything else as free.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from bench.balance.host import Host, View

FLOOR = 10  # a tenth of a machine's memory is its guaranteed minimum, where a peer has such a setting: as with ours

# --- VBoxBalloonCtrl -------------------------------------------------------------------------------------------------------------------------------
# VirtualBox's sources, src/VBox/Frontends/VBoxBalloonCtrl/VBoxModBallooning.cpp, revision 106320 (7.1 and 7.2), github.com/VirtualBox/virtualbox
VBOX_PERIOD = 30  # s, g_cMsMemoryBalloonTimeout
VBOX_STEP_DOWN = 256  # MB, g_cMbMemoryBalloonIncrement: a guest gives that much at once
VBOX_STEP_UP = 128  # MB, g_cMbMemoryBalloonDecrement
VBOX_LOW = 128  # MB free in the guest, g_cMbMemoryBalloonLowerLimit
VBOX_SAFETY = 1024  # MB of the host, g_cbMemoryBalloonSafety
UNSIGNED = 2**32


def vbox_delta(free: int, balloon: int, most: int, available: int) -> int:
    """MB by which VBoxBalloonCtrl changes a balloon (balloonGetDelta): `most` is the BalloonSizeMax that the user has set for the machine."""
    if free < VBOX_LOW:
        delta = -VBOX_STEP_UP if balloon >= VBOX_STEP_UP else 0  # a balloon under 128 MB is never given back
    elif most > balloon:
        step = VBOX_STEP_DOWN
        while (
            step >= 16 and (free - step) % UNSIGNED < VBOX_LOW
        ):  # unsigned: where more than all is to be taken, a lot seems to be left
            step //= 2
        delta = step if (free - step) % UNSIGNED > VBOX_LOW else 0
        if balloon + delta > most:
            delta = min(VBOX_STEP_DOWN, most - balloon)
    else:
        delta = -min(VBOX_STEP_UP, balloon - most)
    if delta < 0:  # only what the host has, less the safety margin
        delta = -min(-delta, max(0, available - VBOX_SAFETY))
    return delta


class VBoxBalloonCtrl:
    """With the balloon that the guest really gave, as Oracle's own Guest Additions tell it."""

    name = "vboxballoonctrl"
    period = VBOX_PERIOD
    looks = True
    settles = 3 * VBOX_PERIOD
    tells = True

    def act(self, now: int, host: Host, view: View) -> list[tuple[int, int]]:
        asked = []
        for index, machine in enumerate(view.machines):
            balloon = view.balloons[index] if self.tells else 0
            if machine["state"] != "running" or not machine["sample"]["free_kb"]:
                continue
            most = (
                machine["memory_mb"] - machine["memory_mb"] // FLOOR
            )  # BalloonSizeMax: nothing happens unless the user sets it
            delta = vbox_delta(machine["sample"]["free_kb"] // 1024, balloon, most, view.host["available_mb"])
            if delta:
                asked.append((index, balloon + delta))
        return asked


class VBoxBalloonCtrlLinux(VBoxBalloonCtrl):
    """With the Linux kernel's own driver: the balloon is told as 0 for ever (virtualbox-facts, Metrics)."""

    name = "vboxballoonctrl_linux"
    tells = False


# --- oVirt's MOM -----------------------------------------------------------------------------------------------------------------------------------
# The policy: github.com/oVirt/vdsm, static/etc/vdsm/mom.d/02-balloon.policy (doc/balloon.rules of github.com/oVirt/mom is its older form).
# The periods: github.com/oVirt/mom, doc/mom-balloon.conf: samples each 5 s, the policy each 10 s, averages over the last 10 samples.
MOM_SAMPLES_EACH = 5  # s, guest-monitor-interval
MOM_PERIOD = 10  # s, policy-engine-interval
MOM_HISTORY = 10  # samples, sample-history-length
MOM_PRESSURE = 0.20  # of the host free, pressure_threshold
MOM_CRITICAL = 0.05  # pressure_critical
MOM_GUEST_FREE = 0.20  # of the guest, min_guest_free_percent
MOM_STEP = 0.05  # max_balloon_change_percent
MOM_LEAST_STEP = 0.0025  # min_balloon_change_percent


def mom_size(holds: float, used: float, minimum: float, memory: float, host_free: float) -> float | None:
    """MB that MOM lets a guest hold, or None for no change.

    `holds` is balloon_cur, `used` the average of balloon_cur less that of mem_unused (free without cache), `host_free` a part of the host.
    """
    if host_free <= MOM_CRITICAL:
        guest_free = host_free - 0.05  # below 0: into the guest's swap
    else:
        guest_free = MOM_GUEST_FREE * host_free / MOM_PRESSURE
    least = max(minimum, used + guest_free * holds)
    if host_free < MOM_PRESSURE:  # shrink_guest
        size = max(holds * (1 - MOM_STEP), least)
        wanted = size <= holds
    else:  # grow_guest
        size = min(max(holds * (1 + MOM_STEP), least), memory)
        wanted = holds < memory
    if wanted and abs(size - holds) > MOM_LEAST_STEP * holds:
        return size
    return minimum if holds < minimum else None  # guest_qos


class Mom:
    name = "mom"
    period = MOM_SAMPLES_EACH
    looks = True
    settles = 3 * MOM_HISTORY * MOM_SAMPLES_EACH

    def __init__(self) -> None:
        self.samples: deque[tuple[float, list[int], list[int]]] = deque(maxlen=MOM_HISTORY)
        self.turn = 0

    def act(self, now: int, host: Host, view: View) -> list[tuple[int, int]]:
        holds = [machine["memory_mb"] - balloon for machine, balloon in zip(view.machines, view.balloons)]
        unused = [(machine["sample"]["free_kb"] - machine["sample"]["cache_kb"]) // 1024 for machine in view.machines]
        self.samples.append((_free_of(host, view), holds, unused))
        self.turn += 1
        if self.turn % (MOM_PERIOD // MOM_SAMPLES_EACH):
            return []
        count = len(self.samples)
        host_free = sum(sample[0] for sample in self.samples) / count / host.total
        asked = []
        for index, machine in enumerate(view.machines):
            if machine["state"] != "running":
                continue
            used = sum(sample[1][index] - sample[2][index] for sample in self.samples) / count
            memory = machine["memory_mb"]
            size = mom_size(holds[index], used, memory // FLOOR, memory, host_free)
            if size is not None:
                asked.append((index, memory - int(size)))
        return asked


def _free_of(host: Host, view: View) -> int:
    """MB of the host that no machine may hold and no other program uses, when the view was made (other programs: now)."""
    may_hold = sum(machine["memory_mb"] - balloon for machine, balloon in zip(view.machines, view.balloons))
    return host.total - host.other - may_hold


# --- Proxmox VE ------------------------------------------------------------------------------------------------------------------------------------
# github.com/proxmox/pve-manager, PVE/AutoBalloon.pm (compute_alg1) and PVE/Service/pvestatd.pm (auto_balloning, $updatetime);
# the manual, pvenode(1): 'RAM usage target for ballooning', 80 % unless set otherwise
PVE_PERIOD = 10  # s, $updatetime
PVE_TARGET = 80  # % of the host's memory in use, ballooning-target
PVE_STEP = 100  # MB a machine and round, $maxchange
PVE_DEAD_BAND = 10  # MB that are not worth a change
PVE_PLENTY = 0.25  # of a machine's minimum is free in it: it is not under pressure
PVE_SHARES = 1000


class PveMachine(NamedTuple):
    holds: int
    minimum: int
    memory: int
    free: int
    shares: int = PVE_SHARES


def pve_goal(total: int, used: int) -> int:
    """MB by which the machines may grow, or are to shrink, for the host's use to be at the target."""
    return int(total * PVE_TARGET / 100 - used)


def pve_sizes(machines: list[PveMachine], goal: int) -> dict[int, int]:
    """MB that Proxmox lets each machine hold, by index, where that is not what it holds: first those that need it most, then all."""
    relaxed = [
        index
        for index, each in enumerate(machines)
        if each.free > each.minimum * PVE_PLENTY and each.holds >= each.minimum
    ]
    pressed = [index for index in range(len(machines)) if index not in relaxed]
    sizes: dict[int, int] = {}
    if goal > PVE_DEAD_BAND:
        if _pve_spread(machines, pressed, goal, sizes) >= goal:
            _pve_spread(machines, list(range(len(machines))), goal, sizes)
    elif goal < -PVE_DEAD_BAND:
        if _pve_spread(machines, relaxed, goal, sizes) <= goal:
            _pve_spread(machines, list(range(len(machines))), goal, sizes)
    return {index: size for index, size in sizes.items() if size != machines[index].holds}


def _pve_spread(machines: list[PveMachine], among: list[int], goal: int, sizes: dict[int, int]) -> int:
    """Spread the goal over some machines by their shares of what lies above the minimums, at most PVE_STEP each; what is left of it."""
    left, taking_part, moved = goal, list(among), True
    while left and moved:
        above = left + sum(sizes.get(index, machines[index].holds) - machines[index].minimum for index in taking_part)
        shares = sum(machines[index].shares for index in taking_part)
        moved = False
        for index in list(taking_part):
            each = machines[index]
            wanted = min(max(each.minimum + int(above / shares * each.shares), each.minimum), each.memory)
            if wanted == each.holds or (wanted > each.holds and goal < 0):
                taking_part.remove(index)
                continue
            size = min(wanted, each.holds + PVE_STEP) if wanted > each.holds else max(wanted, each.holds - PVE_STEP)
            change = size - sizes.get(index, each.holds)
            sizes[index] = size
            left -= change
            moved = moved or change != 0
    return left


class Proxmox:
    name = "proxmox"
    period = PVE_PERIOD
    looks = True
    settles = 3 * PVE_PERIOD

    def act(self, now: int, host: Host, view: View) -> list[tuple[int, int]]:
        goal = pve_goal(host.total, host.total - _free_of(host, view))
        running = [index for index, machine in enumerate(view.machines) if machine["state"] == "running"]
        machines = [self._machine(view, index) for index in running]
        sizes = pve_sizes(machines, goal)
        return [(running[index], machines[index].memory - size) for index, size in sorted(sizes.items())]

    def _machine(self, view: View, index: int) -> PveMachine:
        machine = view.machines[index]
        memory, sample = machine["memory_mb"], machine["sample"]
        return PveMachine(
            memory - view.balloons[index], memory // FLOOR, memory, (sample["free_kb"] - sample["cache_kb"]) // 1024
        )
