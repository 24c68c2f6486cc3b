# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Balance between two real guests, on the live host: one starts to need what the other has to spare."""

from __future__ import annotations

import threading

import pytest
from support.live import GUESTS, again_if_it_fell_by_itself, info, policy_for, unharmed, wait_until

BUDGET = 1100  # MB for two machines of 768
NEEDS, RATE = 350, 10  # MB that a program takes, and MB a second


def balanced(host, given, seconds):
    result, _calls = host.module("vbox_memory_balance", {"policy": given, "duration": seconds})
    assert not result.get("failed"), result
    story = [
        (step["seconds"], step["name"], step["was_mb"], step["request_mb"], step["code"]) for step in result["steps"]
    ]
    print("rounds", result["rounds"], "in", result["seconds"], "s:", story, result["moved"], result["events"])
    return result


@pytest.mark.parametrize("host", ["api", "vboxmanage"], indirect=True)
@again_if_it_fell_by_itself
def test_a_program_gets_the_memory_that_the_other_gave(host):
    host.vbox("controlvm", "web02", "resume")
    wait_until(lambda: all(host.facts(name)["guest"] for name in GUESTS))
    given = policy_for(host, BUDGET)

    first = balanced(host, given, 240)
    requested = sum(int(info(host, name)["GuestMemoryBalloon"]) for name in GUESTS)
    assert 2 * 768 - requested <= BUDGET + 64, (requested, first["machines"])
    unharmed(host, *GUESTS)

    done = []
    second = threading.Thread(target=lambda: done.append(balanced(host, given, 240)))
    second.start()
    wait_until(
        lambda: host.live("ssh", "pgrep", "-f", "run_module.py vbox_memory_balance", must_succeed=False).returncode == 0
    )
    host.guest("web01", "sh", "-c", f"eat {NEEDS} {RATE} > /dev/null 2>&1 &")
    second.join()
    unharmed(host, *GUESTS)
    assert f"eat {NEEDS} {RATE}" in host.guest("web01", "ps"), done
    [result] = done
    machines = {machine["name"]: machine for machine in result["machines"]}
    before, after = (int(machines["web01"][when]["balloon_current_mb"]) for when in ("before", "after"))
    assert machines["web01"]["got_mb"] > 0 and after < before, result["steps"]
    assert host.memory("web01")["MemFree"] > 50 and not result["events"], result["events"]
