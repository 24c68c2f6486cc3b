#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation; the work is done on the controller, by plugins/action/vbox_memory_balance_plan.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: vbox_memory_balance_plan
short_description: Plan how memory moves between the running machines of a host
description:
  - Reads the machines of a host with M(vbox.memory.vbox_memory_facts), finds out with P(vbox.memory.resolve#filter) what its policies say of
    balance, and plans with P(vbox.memory.balance#filter) who is to have how much memory, and the next steps there.
  - Only plans, in check mode or out of it. M(vbox.memory.vbox_memory_balance) carries out, with RV(balance) as its policy.
  - A machine is planned for where a policy says C(balance=true) of it, or of the whole host. The others are left as they are, and charged.
  - One look says who needs memory now. Who may give it is known only of machines that were watched for as long as the policy's C(window), 300
    seconds unless it says another. Set O(watch) to that for a whole plan.
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
extends_documentation_fragment:
  - vbox.memory.options
  - vbox.memory.options.attributes
  - vbox.memory.options.action_group
attributes:
  action:
    description: Has a corresponding action plugin, so some parts of the options are done on the controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
options:
  policies:
    description:
      - The policies, as O(vbox.memory.vbox_memory_policy#module:policies) has them.
      - Without it, every variable of the host that is named C(vbox_memory_policy) or whose name begins with C(vbox_memory_policy_)
        is a policy, in the order of their names.
    type: raw
  watch:
    description:
      - For how many seconds to look at the machines again and again before the plan is made, each time after the C(period) of the policy, 10
        seconds unless it says another. With V(0) there is one look.
      - Meanwhile it shows at least every 10 seconds how far it is, where people read along, see the notes of M(vbox.memory.vbox_memory_policy).
      - What was seen is kept while the task runs, and forgotten then.
    type: int
    default: 0
notes:
  - Metrics are set up where they are not, as M(vbox.memory.vbox_memory_facts) does.
seealso:
  - module: vbox.memory.vbox_memory_facts
  - plugin: vbox.memory.balance
    plugin_type: filter
  - plugin: vbox.memory.balance_summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Who needs memory now
  vbox.memory.vbox_memory_balance_plan:
  check_mode: true
  register: outcome

- name: Show it
  ansible.builtin.debug:
    msg: "{{ outcome.plan.machines | vbox.memory.table(['name', 'holds_mb', 'target_mb', 'code', 'sentence']) }}"

- name: Who could give, too, by a window and a policy of this task alone
  vbox.memory.vbox_memory_balance_plan:
    watch: 10
    policies:
      balance:
        reserve: 4G
        window: 10
        period: 2
      defaults:
        floor: 25%
      machines:
        db01:
          floor: 50%
          priority: 1
          optional: true
  check_mode: true
"""

RETURN = r"""
plan:
  description: The plan, as P(vbox.memory.balance#filter) returns it. Null where the host failed as a whole.
  returned: always
  type: dict
input:
  description:
    - What the plan was made from, C(host), C(machines), C(policy), C(reservations), C(history) and C(now), for P(vbox.memory.balance_summary#filter).
    - As the steps of the plan were not carried out, a further plan goes on from this C(history), and not from that of the plan.
  returned: always
  type: dict
balance:
  description: What the policies say of balance, as O(vbox.memory.vbox_memory_balance#module:policy) takes it. Null where the host failed as a whole.
  returned: always
  type: dict
looks:
  description: How many times the machines were read.
  returned: always
  type: int
watched_s:
  description: The seconds from the first look to the last.
  returned: always
  type: int
explained:
  description: For each machine each value of its policy with its C(source), as P(vbox.memory.resolve#filter) returns it.
  returned: always
  type: list
  elements: dict
balance_explained:
  description: For each limit of the host its value with its C(source), as P(vbox.memory.resolve#filter) returns it.
  returned: always
  type: dict
  sample:
    reserve: {value: 4096, source: "vbox_memory_policy: balance"}
differences:
  description: A row for each machine that could not be read, or one for a host that failed, as P(vbox.memory.differences#filter) returns it.
  returned: always
  type: list
  elements: dict
changed:
  description: In check mode, whether a balloon would be asked for. Otherwise V(false), as nothing is carried out.
  returned: always
  type: bool
msg:
  description: What went wrong, and the remedy.
  returned: on failure
  type: str
backend:
  description: The backend that was used, V(api) or V(vboxmanage).
  returned: when the host's machines could be read
  type: str
  sample: api
backend_fallback:
  description: Why V(vboxmanage) was taken for O(backend=auto). Null if V(api) was, or if O(backend) named it.
  returned: when the host's machines could be read
  type: str
code:
  description: The kind of the first error, as for M(vbox.memory.vbox_memory). A policy with a mistake is V(invalid_parameters).
  returned: on failure, where it is known
  type: str
  sample: invalid_parameters
"""
