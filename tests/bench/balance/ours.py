# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Our planner, driven as a service would: it sees what VirtualBox says, 5 s late, and its steps are asked at once."""

from __future__ import annotations

from bench.balance.host import Host, View

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance

FLOOR = "10%"  # as the peers' minimum: recorded machines use that little of their memory, and no balloon takes more
CALM = 900  # s: three windows, more than any time limit of the law but the next
STUCK = 2100  # s: so long may a guest that does not follow be left alone before it is asked once more


class Ours:
    name = "ours"
    period = 1  # the planner's own default
    looks = True
    settles = CALM

    def __init__(self) -> None:
        self.history = None
        self.indexes: dict[str, int] = {}

    def act(self, now: int, host: Host, view: View) -> list[tuple[int, int]]:
        policy = {"reserve": host.reserve, "period": self.period, "defaults": {"floor": FLOOR}}
        plan = balance.plan(view.host, view.machines, policy, [], self.history, now)
        self.history = plan["history"]
        self.settles = STUCK if any(machine["code"] == "not_following" for machine in plan["machines"]) else CALM
        if not self.indexes:
            self.indexes = {machine["uuid"]: index for index, machine in enumerate(view.machines)}
        return [(self.indexes[step["uuid"]], step["request_mb"]) for step in plan["steps"]]
