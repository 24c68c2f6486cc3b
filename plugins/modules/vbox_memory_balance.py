#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vbox_memory_balance
short_description: Move memory between the running machines of a VirtualBox host
description:
  - Watches the running machines of a host for a while, and moves memory from those that have plenty to those that need it, by their balloons.
  - Works in rounds. A round looks at all guests at once, plans, and asks what is planned. Who needs memory gets it at once from what is free. Who has plenty
    gives it in steps that are harmless by themselves. No round waits for a guest.
  - A machine is asked to give only after it was watched for the policy's C(window) (300 seconds unless given), so a single round gives memory and takes none.
  - A machine that cannot follow, or whose figures cannot be trusted, is left alone, and RV(machines[].code) says why.
  - The default balloons of the machines are not changed. What is asked for is gone when a machine stops.
  - It may be ended at any moment.
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
extends_documentation_fragment:
  - vbox.memory.options
  - vbox.memory.options.attributes
  - vbox.memory.options.action_group
attributes:
  check_mode:
    description: Can run in C(check_mode). It then looks once and shows the steps that the first round would take.
  idempotent:
    support: partial
    description: What is asked depends on what the guests use. Where every machine has what it is to have, nothing is asked.
options:
  policy:
    description:
      - Limits and preferences, as the filter P(vbox.memory.balance#filter) takes them.
      - Of the host, C(reserve) is what other programs keep, C(share) the per cent of the rest that the machines of this user get, C(ready)
        what stays free for the next in need, C(window) the seconds for which a machine is watched before it may give, and C(period) the seconds from
        one round to the next. C(defaults) are settings of all machines, and C(machines) are settings by UUID.
      - Of a machine, C(floor), C(ceiling), C(hard_reserve) and C(comfort_reserve) are sizes in MB or in per cent of its memory such as V(25%), C(weight) and
        C(priority) say whom to prefer, and C(balance=false) leaves it alone.
    type: dict
    default: {}
  rounds:
    description:
      - How many rounds to make. One, unless given.
      - V(0) only looks and plans. It can run beside another balance, and answers O(what_if).
      - Mutually exclusive with O(duration).
    type: int
  duration:
    description:
      - For how many seconds to make rounds, up to 30 days.
      - Longer than the C(window) of the policy for machines to give anything.
    type: float
  reserve_mb:
    description:
      - The memory of a machine that is about to start, as a size such as V(2048) or V(2G). Room is made for it before all else.
      - The rounds end as soon as there is room. RV(reserve.lacks_mb) is what is missing then.
      - The room is kept until the task ends, or for as long as O(until) says. Start the machine in the next task.
    type: raw
  until:
    description:
      - Until how many seconds from now the room is kept, up to 86400, by whoever balances this user's machines then.
      - With it the task can run beside the service of the role P(vbox.memory.balance#role). That makes the room, and the task waits for it.
      - What a machine that starts meanwhile has is taken off the room.
      - It is noted in VirtualBox's global extra data. Nothing has to be taken back. Nothing is noted with O(rounds=0).
    type: float
  reserve_for:
    description:
      - Whom the room is for, which can be any text. Room for the same one replaces what was kept for it before, and is never counted twice.
    type: str
    default: ""
  what_if:
    description:
      - Also say what the start of a machine with so much memory would cost, and whom, as a size like O(reserve_mb). Nothing is done for it.
    type: raw
  wait:
    description:
      - Whether to wait up to 60 seconds after the last round, until the guests have followed what they were asked. Nothing new is asked then.
    type: bool
    default: true
notes:
  - Refuses to run beside VBoxBalloonCtrl of the same user, and beside another balance of the same user, as two controllers fight. RV(code) is then
    V(balloon_busy). With O(until) it waits for what another balance does.
    While another task changes a balloon, nothing is asked, and the code C(other_controller) of RV(host) says so.
  - Machines of other users are not seen. They count as other programs.
seealso:
  - plugin: vbox.memory.balance
    plugin_type: filter
  - module: vbox.memory.vbox_memory_facts
  - module: vbox.memory.vbox_balloon
"""

EXAMPLES = r"""
- name: Say what would be done now, and why
  vbox.memory.vbox_memory_balance:
  check_mode: true

- name: Balance for an hour
  vbox.memory.vbox_memory_balance:
    duration: 3600
    policy:
      reserve: 10%
      defaults:
        floor: 25%

- name: May a machine of 4 GB start, and who would give for it?
  vbox.memory.vbox_memory_balance:
    rounds: 0
    what_if: 4G
  register: balance

- name: Make room for a machine of 2 GB, and keep it for another ten minutes
  vbox.memory.vbox_memory_balance:
    reserve_mb: 2G
    reserve_for: db02
    duration: 600
    until: 1200
  register: balance
  failed_when: balance.failed | default(false) or balance.reserve.lacks_mb > 0
"""

RETURN = r"""
machines:
  description: The machines that hold memory, as the last look saw them. These are all but those that are off or saved.
  returned: when the host could be looked at
  type: list
  elements: dict
  contains:
    name:
      description: The machine's name.
      type: str
      returned: always
    uuid:
      description: The machine's UUID.
      type: str
      returned: always
    state:
      description: The machine's state, as C(VMState) of C(VBoxManage showvminfo --machinereadable). Only V(running) ones are asked for anything.
      type: str
      returned: always
    changed:
      description: Whether it was asked for another balloon, or would be in check mode.
      type: bool
      returned: always
    managed:
      description: Whether it takes part. C(code) says why not.
      type: bool
      returned: always
    code:
      description:
        - Why it gets memory, gives some, or neither.
        - Left alone are C(large_pages), C(large_pages_unknown), C(no_additions), C(no_statistics), C(stale_statistics), C(implausible_statistics), C(paused),
          C(booting), C(guest_restarted), C(restored), C(not_following), C(changed_by_others) and C(unmanaged).
        - C(starving), C(below_need), C(rising), C(cache), C(surplus) and C(unsure) get memory, and C(waits_for_donor) and C(waits_for_budget) are to get some.
        - C(gives_to), C(over_budget), C(makes_room) and C(above_ceiling) give.
        - Nothing is asked of C(steady), C(dead_band), C(window_not_full), C(grown_recently), C(in_flight), C(at_floor), C(at_ceiling) and C(no_beneficiary).
      type: str
      returned: always
      sample: gives_to
    sentence:
      description: The same in words, with the figures.
      type: str
      returned: always
      sample: could give, but has got memory a short while ago
    target_mb:
      description: What it is to hold in the end, which is its memory less its balloon.
      type: int
      returned: always
    before:
      description: The balloon that was asked for, and what the machine held, at the first look.
      type: dict
      returned: always
      sample: {balloon_current_mb: 0, holds_mb: 4096}
    after:
      description: The same at the last look, or as the plan would have it in check mode.
      type: dict
      returned: always
      sample: {balloon_current_mb: 512, holds_mb: 3584}
    gave_mb:
      description: What it was asked to give in all.
      type: int
      returned: always
    got_mb:
      description: What it got in all.
      type: int
      returned: always
    figures:
      description: The figures from which the decision can be recomputed.
      type: dict
      returned: always
host:
  description: The host at the last look. Its C(codes) are C(infeasible), C(host_pressure), C(other_controller) and C(shared_by_users).
  returned: when the host could be looked at
  type: dict
  contains:
    codes:
      description: What is the matter with the host as a whole.
      type: list
      elements: str
      returned: always
    sentence:
      description: The same in words.
      type: str
      returned: always
    figures:
      description: Budget, charge and pool, in MB.
      type: dict
      returned: always
plan:
  description: What the first look led to, which is the C(host) then, and the C(steps) of the first round, as in RV(steps).
  returned: when the host could be looked at
  type: dict
steps:
  description: What was asked, in order. Of very many, the last 1000.
  returned: when the host could be looked at
  type: list
  elements: dict
  contains:
    name:
      description: The machine's name.
      type: str
      returned: always
    uuid:
      description: The machine's UUID.
      type: str
      returned: always
    round:
      description: The number of the round.
      type: int
      returned: always
    seconds:
      description: The seconds since the first round.
      type: float
      returned: always
    request_mb:
      description: The balloon that was asked for.
      type: int
      returned: always
    was_mb:
      description: The balloon that was asked for before.
      type: int
      returned: always
    code:
      description: Why.
      type: str
      returned: always
    sentence:
      description: The same in words.
      type: str
      returned: always
    gives_to:
      description: For whom a machine gives, with C(name), C(uuid) and C(mb). C(pool) is what is free for all.
      type: list
      elements: dict
      returned: always
    takes_from:
      description: From where a machine gets.
      type: list
      elements: dict
      returned: always
    failed:
      description: Whether it could not be asked. The next round plans anew.
      type: bool
      returned: when it could not
    error:
      description: The kind of that error.
      type: str
      returned: when it could not
      sample: state_blocks_change
    msg:
      description: That error in words.
      type: str
      returned: when it could not
moved:
  description: Who gave whom how much, in all. What nobody was named for went to the C(pool), from where others got theirs.
  returned: when the host could be looked at
  type: list
  elements: dict
  contains:
    giver:
      description: The machine's name, or C(pool).
      type: str
      returned: always
    taker:
      description: The machine's name, or C(pool).
      type: str
      returned: always
    mb:
      description: How much.
      type: int
      returned: always
events:
  description:
    - What was noticed on the way. C(guest_lost_a_program) is a guest in which memory was short while it gave, and in which much is free all at once.
      It is asked for nothing more for five minutes.
  returned: when the host could be looked at
  type: list
  elements: dict
  contains:
    code:
      description: The kind of event.
      type: str
      returned: always
    uuid:
      description: The machine's UUID.
      type: str
      returned: always
    name:
      description: The machine's name.
      type: str
      returned: always
    sentence:
      description: The same in words.
      type: str
      returned: always
reserve:
  description: What became of O(reserve_mb).
  returned: with O(reserve_mb)
  type: dict
  contains:
    memory_mb:
      description: What was to be reserved.
      type: int
      returned: always
    lacks_mb:
      description: What is missing.
      type: int
      returned: always
    until:
      description: Until when it is kept, in seconds since 1970. Null without O(until).
      type: int
      returned: always
what_if:
  description:
    - For O(what_if), the C(verdict) (V(now), V(after_steps) or V(never)), the C(seconds) that it would take, what the pool lacks (C(lacks_mb)), who would give
      (C(gives)), by how much it fails (C(fails_by_mb)), and a C(sentence).
  returned: with O(what_if)
  type: dict
rounds:
  description: How many looks there were.
  returned: when the host could be looked at
  type: int
seconds:
  description: The seconds from the first look to the last.
  returned: when the host could be looked at
  type: float
commands:
  description: The C(VBoxManage) commands that were run, or that the bindings did the same as. Only those that change something.
  returned: when the host could be looked at
  type: list
  elements: str
  sample:
    - VBoxManage controlvm a69b7f61-93f7-4b1e-a2e3-91302e8bc5ff guestmemoryballoon 512
backend:
  description: The backend that was used, V(api) or V(vboxmanage).
  returned: when the host could be looked at
  type: str
  sample: api
backend_fallback:
  description: Why V(vboxmanage) was taken for O(backend=auto). Null if V(api) was, or if O(backend) named it.
  returned: when the host could be looked at
  type: str
differences:
  description: A row that says why it failed, as P(vbox.memory.differences#filter) returns it.
  returned: on failure
  type: list
  elements: dict
code:
  description: The kind of the error.
  returned: on failure
  type: str
  sample: balloon_busy
"""

from ansible_collections.vbox.memory.plugins.module_utils.run_balance import run_balance


def main() -> None:
    run_balance()


if __name__ == "__main__":
    main()
