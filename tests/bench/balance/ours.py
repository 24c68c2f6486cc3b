# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Our planner, driven as a service would: it sees what VirtualBox says, 5 s late, and its steps are asked at once.

It looks each second, as VirtualBox's figures come; and where all is calm, no guest has become low and nothing was asked, it plans each fifth second only.
"""

from __future__ import annotations

from bench.balance.host import Host, View

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance

FLOOR = "10%"  # as the peers' minimum: recorded machines use that little of their memory, and no balloon takes more
EACH = 5  # s between two plans while all is calm
LOW = 256 * 1024  # kB of Free
SAME = 10  # plans, one a second, that say the same of the host: then all is calm, too, though somebody may be in want
CALM = 900  # s: three windows, more than any time limit of the law but the next
STUCK = 2100  # s: so long may a guest that does not follow be left alone before it is asked once more


class Ours:
    name = "ours"
    period = 1  # the planner's own default
    looks = True
    settles = CALM

    def __init__(self) -> None:
        self.history = None
        self.quiet = False
        self.low: set[int] = set()
        self.said: list[int] = []
        self.same = 0
        self.indexes: dict[str, int] = {}

    def act(self, now: int, host: Host, view: View) -> list[tuple[int, int]]:
        low = {index for index, machine in enumerate(view.machines) if machine["sample"]["free_kb"] < LOW}
        if self.quiet and now % EACH and low <= self.low:
            return []
        self.low = low if self.same >= SAME else set()
        policy = {"reserve": host.reserve, "period": self.period, "defaults": {"floor": FLOOR}}
        plan = balance.plan(view.host, view.machines, policy, [], self.history, now)
        self.history = plan["history"]
        said = [plan["host"]["figures"][key] for key in ("lack_mb", "under_way_mb", "may_take_mb", "charge_mb")]
        self.same = self.same + 1 if said == self.said and not plan["steps"] else 0
        self.said = said
        self.quiet = not plan["steps"] and (self.same >= SAME or not any(said[:3]))
        self.settles = STUCK if any(machine["code"] == "not_following" for machine in plan["machines"]) else CALM
        if not self.indexes:
            self.indexes = {machine["uuid"]: index for index, machine in enumerate(view.machines)}
        return [(self.indexes[step["uuid"]], step["request_mb"]) for step in plan["steps"]]
