# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The fake's own clock, and how the program writes a time."""

import time


def now(state):
    """Seconds on the fake's clock: wall clock times `clock_rate`, without a jump where the rate changes.

    `clock` in the state is (wall clock, fake clock) at one moment; `FakeHost.advance` moves the second.
    """
    wall, fake = state.setdefault("clock", [time.time()] * 2)
    return fake + (time.time() - wall) * state["clock_rate"]


def stamp(seconds):
    """2026-11-23T11:24:50.484000000"""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".%03d000000" % int(seconds % 1 * 1000)
