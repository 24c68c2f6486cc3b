#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation; the work is done on the controller, by plugins/action/vbox_memory_policy.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: vbox_memory_policy
short_description: Bring the machines of a host to its memory policy
description:
  - Reads the machines of a host with M(vbox.memory.vbox_memory_facts), finds out what each is to have with P(vbox.memory.resolve#filter), and
    changes what differs with M(vbox.memory.vbox_memory).
  - Costs one module call where nothing differs and no machine runs, and two otherwise, however many machines there are.
  - A policy is a dictionary with the keys C(defaults), C(rules) and C(machines), see P(vbox.memory.resolve#filter). It may hold any
    per-machine option of M(vbox.memory.vbox_memory). What it says of balance is for M(vbox.memory.vbox_memory_balance_plan), and changes nothing here.
  - A machine that fails does not stop the others. A mistake in a policy stops all, and then nothing is changed.
version_added: 0.1.0
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
      - The policies, as a list of which later ones win, as a dictionary of such by name, or one policy alone.
      - Without it, every variable of the host that is named C(vbox_memory_policy) or whose name begins with C(vbox_memory_policy_)
        is a policy, in the order of their names.
    type: raw
  mode:
    description:
      - V(apply) changes what can change in the machines' states, and does with the rest what O(on_blocked) says.
      - V(audit) changes nothing, and reports what V(apply) would change. It does not count as changed.
      - V(maintain) does also what needs a restart. It changes first what needs none. Then it shuts down each running or paused machine for
        which a setting has to change that cannot while it runs, changes it and starts it, batch by batch. Machines whose policy says V(defer)
        or V(fail) as C(on_blocked) are not restarted.
      - When a machine is not recovered (RV(not_recovered)), V(maintain) restarts no further one of that host. It does not begin hosts
        whose turn comes later in the play, either. It finds that out from the result of the other hosts, so the task has to C(register) it.
    type: str
    choices: [apply, audit, maintain]
    default: apply
  on_blocked:
    description:
      - What to do about a setting that cannot change in the machine's state, see O(vbox.memory.vbox_memory#module:on_blocked).
        A policy can say so itself for some machines.
      - Not used with O(mode=maintain).
    type: str
    choices: [fail, defer, shutdown]
    default: defer
  batch:
    description:
      - How many machines of a host O(mode=maintain) restarts, one after another, before it looks whether all of them came back.
    type: int
    default: 1
  metrics:
    description:
      - Whether to read the metrics too, which are the facts C(guest), C(balloon_followed) and all that end in C(_kb). It takes some seconds.
      - Without it, they are read if a condition of a policy names one of them.
    type: bool
  facts:
    description:
      - Whether to read all that M(vbox.memory.vbox_memory_facts) reads, metrics included, and to return it as RV(ansible_facts), also where a policy is wrong.
    type: bool
    default: false
    version_added: 1.0.0
notes:
  - What takes longer than some seconds, such as a balloon being raised or a restart, shows at least every 10 seconds where it is, in a line with
    the host, the machine and the seconds so far. M(vbox.memory.vbox_memory) and M(vbox.memory.vbox_balloon) do so, too.
  - Progress is shown only where people read along, which is with Ansible's callback C(default) (with any C(result_format)) and the callbacks
    C(debug), C(yaml), C(unixy) and C(default_without_diff) of other collections. With all others, and for the command C(ansible), there is none.
  - What waits for guests runs in the background then, as C(async) does. An interrupted play leaves it to its end.
seealso:
  - module: vbox.memory.vbox_memory
  - module: vbox.memory.vbox_memory_facts
  - module: vbox.memory.vbox_memory_balance_plan
  - plugin: vbox.memory.resolve
    plugin_type: filter
  - plugin: vbox.memory.summary
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Bring each host to the policy in its variables
  vbox.memory.vbox_memory_policy:

- name: A policy of this task alone
  vbox.memory.vbox_memory_policy:
    policies:
      defaults:
        large_pages: false
      rules:
        - name: Large Windows machines
          when: "starts_with(os_type, 'Windows') && memory_mb >= `4096`"
          balloon: 1G
  register: outcome

- name: Show what changed, and which part of the policy asked for it
  ansible.builtin.debug:
    msg: "{{ outcome.differences | vbox.memory.table(['machine', 'setting', 'before', 'after', 'outcome', 'source']) }}"

- name: Do what has to wait for a shutdown, two machines at a time
  vbox.memory.vbox_memory_policy:
    mode: maintain
    batch: 2
  register: outcome
"""

RETURN = r"""
machines:
  description:
    - One entry for each machine that a policy asks something of, as M(vbox.memory.vbox_memory) returns it.
    - Machines that cannot be read are among them, as failures. The others go on.
    - Machines that were not restarted, because an earlier one was not recovered, have all of it under C(pending).
  returned: always
  type: list
  elements: dict
explained:
  description: For each machine each value with its C(source), as P(vbox.memory.resolve#filter) returns it.
  returned: always
  type: list
  elements: dict
differences:
  description:
    - A row for each setting that changed, would change, or is pending, and for each failure, as P(vbox.memory.differences#filter) returns it,
      with the C(host). A host that failed as a whole has one row, whose C(machine) is null.
  returned: always
  type: list
  elements: dict
  sample:
    - host: office
      machine: anna
      uuid: a69b7f61-93f7-4b1e-a2e3-91302e8bc5ff
      state: poweroff
      setting: balloon_default_mb
      before: 0
      after: 1024
      outcome: changed
      source: "vbox_memory_policy: rule 'Large Windows machines'"
      msg: null
policies:
  description: The names of the policies, in the order in which they act.
  returned: always
  type: list
  elements: str
  sample: [vbox_memory_policy, vbox_memory_policy_host]
ansible_facts:
  description: What M(vbox.memory.vbox_memory_facts) returns under this name.
  returned: with O(facts=true), when the host's machines could be read
  type: dict
balance:
  description: What the policies say for P(vbox.memory.balance#filter), as P(vbox.memory.resolve#filter) returns it. Null where the host failed as a whole.
  returned: always
  type: dict
not_recovered:
  description:
    - The names of the machines that were shut down and did not come back, or of which that is not known, with O(mode=maintain).
    - These failed with V(guest_not_back), V(start_failed), V(shutdown_timeout), V(interrupted), V(server_unavailable),
      V(settings_not_saved), V(vboxmanage_failed), V(vboxmanage_timeout) or V(vboxmanage_unreadable), or the host did not answer any more.
  returned: always
  type: list
  elements: str
pending:
  description: The machines of which something could not change yet, by name, with what is to change.
  returned: always
  type: list
  elements: dict
commands:
  description: The C(VBoxManage) commands of all machines, machine by machine. Only those that change something.
  returned: always
  type: list
  elements: str
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
