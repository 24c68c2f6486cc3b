# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The peers' rules against small examples that were worked by hand from what they publish."""

from __future__ import annotations

import pytest
from bench.balance.peers import PveMachine, mom_size, pve_goal, pve_sizes, vbox_delta


@pytest.mark.parametrize(
    ("free", "balloon", "most", "available", "delta"),
    [
        (1000, 0, 3072, 9000, 256),  # 744 would be left
        (300, 0, 3072, 9000, 128),  # 256 would leave 44; 128 leave 172
        (256, 0, 3072, 9000, 0),  # 256 leave 0; 128 leave 128, which is not more than 128
        (200, 0, 3072, 9000, 256),  # 200 - 256 is -56, and unsigned 4294967240: it takes more than the guest has
        (100, 512, 3072, 9000, -128),
        (100, 100, 3072, 9000, 0),  # a balloon under 128 MB is never given back
        (100, 512, 3072, 1100, -76),  # the host has 76 MB above the safety margin
        (100, 512, 3072, 900, 0),
        (1000, 200, 300, 9000, 100),  # no more than the BalloonSizeMax
        (1000, 500, 300, 9000, -128),
        (1000, 400, 300, 9000, -100),
    ],
)
def test_vboxballoonctrl(free, balloon, most, available, delta):
    assert vbox_delta(free, balloon, most, available) == delta


@pytest.mark.parametrize(
    ("holds", "used", "host_free", "size"),
    [
        # The host is short: 5 % less, down to what is used and 20 % × (host free / 20 %) of what it holds
        (4000, 1000, 0.10, 3800),
        (4000, 3500, 0.10, 3900),  # 3500 + 10 % of 4000
        (4000, 3700, 0.10, None),  # 4100 would be right, but who shrinks does not grow
        (4000, 3700, 0.02, 3800),  # critical: 3700 - 3 % of 4000 is 3580, so 5 % less, whatever is left
        (1000, 500, 0.10, 1024),  # never under the guaranteed minimum
        # The host has enough: 5 % more, or up to what is used and 30 % of what it holds at once
        (2000, 500, 0.30, 2100),
        (2000, 1900, 0.30, 2500),
        (4000, 1000, 0.30, 4096),
        (4090, 1000, 0.30, None),  # 6 MB are less than 0.25 %
        (4096, 1000, 0.30, None),
    ],
)
def test_mom(holds, used, host_free, size):
    assert mom_size(holds, used, 1024, 4096, host_free) == pytest.approx(size) if size else True
    assert (mom_size(holds, used, 1024, 4096, host_free) is None) == (size is None)


def test_proxmox_goal():
    assert pve_goal(16384, 14000) == -892  # 80 % are 13107.2
    assert pve_goal(16384, 12000) == 1107


def machine(holds, free, memory=4096):
    return PveMachine(holds, 1024, memory, free)


@pytest.mark.parametrize(
    ("machines", "goal", "sizes"),
    [
        # The relaxed one alone: 2976 - 500 above its minimum is 3500, and 100 a round: 3900
        ([machine(4000, 1000), machine(3000, 100)], -500, {0: 3900}),
        # None is relaxed: all, 4952 - 500 above both minimums is 3250 each; the second would grow, so it stays; the first loses though it is in need
        ([machine(4000, 100), machine(3000, 100)], -500, {0: 3900}),
        # Who is under pressure first: 976 + 150 above its minimum is 2150, and 100 a round: 2100; the other gets nothing
        ([machine(2000, 1000), machine(2000, 100)], 150, {1: 2100}),
        # None under pressure: 2 × 976 + 150 above both minimums is 2075 each
        ([machine(2000, 1000), machine(2000, 1000)], 150, {0: 2075, 1: 2075}),
        # Growing evens out: (2976 + 0 + 150) / 2 above the minimum is 2587 each, so the first loses 100 and the second gains 100, then nothing moves
        ([machine(4000, 1000), machine(1024, 1000)], 150, {0: 3900, 1: 1124}),
        ([machine(2000, 1000)], 10, {}),  # 10 MB are no reason
        ([machine(2000, 1000)], -10, {}),
        ([machine(4096, 1000)], 500, {}),
    ],
)
def test_proxmox(machines, goal, sizes):
    assert pve_sizes(machines, goal) == sizes
