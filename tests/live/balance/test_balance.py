# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balance between two real guests, on the live host: one starts to need what the other has, and one is disturbed in mid-round."""

from __future__ import annotations

import pytest
from support import scenario
from support.live import FellByItself, again_if_it_fell_by_itself, info, unharmed, wait_until
from support.scenario import Running, Scenario, needs_of
from support.testbeds import LIVE_NAME

LONG = 900  # seconds: the host is emulated
ROUNDS = 5


@pytest.fixture(scope="module")
def stage(live):
    """The live host with guests that have given half of their memory."""
    made = Scenario(live, LIVE_NAME)
    made.prepare()
    return made


@pytest.fixture
def host(stage):
    stage.host.start_afresh()
    return stage.host


@pytest.mark.parametrize("way", ["api", "vboxmanage"])
@again_if_it_fell_by_itself
def test_a_program_gets_what_the_other_guest_gave_and_gives_it_back(host, stage, way):
    # how long it takes, make bench-balance-live says: the emulator's speed decides of that
    events = stage.play(way, LONG)
    rows = needs_of(events)
    if any(row["alive"] is False for row in rows) and any(one["triple_fault"] for one in host.health().values()):
        raise FellByItself(rows)
    assert [row["guest"] for row in rows] == ["web01", "web02"], events[-40:]
    for row in rows:
        said = "\n".join(map(str, [row, host.health(), *events[-200:]]))
        assert row["alive"] and row["held"] and row["served"] and row["gave"] > 0, said
    unharmed(host, "web01", "web02")


# What happens to web02 while it gives, and what is said of it then; without a code it holds no memory any more.
DISTURBED = {
    "paused": (("controlvm", "web02", "pause"), ["paused"]),
    "reset": (("controlvm", "web02", "reset"), ["guest_restarted", "booting", "no_additions", "no_statistics"]),
    "saved": (("controlvm", "web02", "savestate"), []),
    "asked by its user": (("controlvm", "web02", "guestmemoryballoon", "300"), ["changed_by_others"]),
}


@pytest.mark.parametrize("what", [*DISTURBED, "killed", "stuck"])
@again_if_it_fell_by_itself
def test_a_donor_that_is_disturbed_in_mid_round_holds_nobody_up(host, what):
    balance = Running(host, "tight")
    balance.until_said("machine 'web02': gives .* is requested")
    codes = disturb(host, what)
    wait_until(lambda: balance.codes().get("web02") in codes if codes else list(balance.codes()) == ["web01"], LONG)
    rounds = balance.status()["rounds"]
    wait_until(lambda: balance.status()["rounds"] >= rounds + ROUNDS, LONG)
    assert balance.runs() and "Traceback" not in balance.said(), balance.said()
    assert balance.status()["problem"] is None, balance.status()
    if codes:  # alone, or beside one that cannot be asked, it does what there is to do
        wait_until(
            lambda: balance.codes()["web01"] in ("at_floor", "over_budget", "in_flight", "steady", "dead_band"), LONG
        )
    else:
        wait_until(
            lambda: int(info(host, "web01")["GuestMemoryBalloon"]) < scenario.MEMORY - scenario.BUDGET // 2, LONG
        )
    unharmed(host, "web01")


def disturb(host, what):
    """Do it; gives back the codes that are to follow."""
    if what == "killed":
        host.live("ssh", "sudo", "pkill", "-KILL", "-f", "VBoxHeadles[s] --comment web02")  # not the shell that says so
        return []
    if what == "stuck":
        host.guest("web02", "killall", "VBoxService")
        return ["stale_statistics", "no_statistics", "no_additions", "not_following"]
    command, codes = DISTURBED[what]
    host.vbox(*command)
    return codes
