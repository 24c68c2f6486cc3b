# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: balance
short_description: Plan how memory moves between the running machines of a host
description:
  - Takes the facts of a host, read with their metrics, and gives a plan, which says what each running machine is to hold, the next steps
    there, and one code and one sentence for each machine. Nothing is changed.
  - What a machine holds is its memory less what its balloon holds.
  - Machines that cannot follow, or whose figures cannot be trusted, are left alone, and charged.
  - A machine is asked to give memory only after it was watched for a while, so one look at a host plans what machines get, and says of others
    that C(window_not_full). Hand the V(history) of a plan to the next one to go on from it.
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
positional: policy
options:
  _input:
    description:
      - The facts of the host, RV(vbox.memory.vbox_memory_facts#module:ansible_facts.vbox_memory), read with
        O(vbox.memory.vbox_memory_facts#module:metrics=true).
    type: dict
    required: true
  policy:
    description:
      - What P(vbox.memory.resolve#filter) returns, or a dictionary of settings. The first leaves alone each machine that no policy says
        C(balance=true) of, the second takes all.
      - Limits of the host are C(reserve) (what other programs keep), C(share) (per cent of the rest that the machines of this user get), C(ready)
        (what stays free for the next in need), C(window) and C(period) in seconds. C(defaults) are settings of all machines, and C(machines)
        are settings by UUID.
      - The settings of a machine are C(floor), C(ceiling), C(hard_reserve) and C(comfort_reserve), in MB or as in V(25%) of the machine's
        memory, C(weight), C(priority), and C(balance=false) for one that is to be left alone. Sizes may have a unit, as in V(2G).
    type: dict
    default: {}
  reservations:
    description: What is kept for machines about to start, each with C(name), C(memory_mb) and C(until), in seconds of the same clock as O(now).
    type: list
    elements: dict
    default: []
  history:
    description: The RV(_value.history) of the plan before.
    type: dict
  now:
    description: When the facts were read, in seconds on any one clock.
    type: float
    default: 0
  start_mb:
    description: Say also what the start of a machine of so many MB would cost, and whom.
    type: int
seealso:
  - module: vbox.memory.vbox_memory_facts
  - plugin: vbox.memory.table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the host with its metrics
  vbox.memory.vbox_memory_facts:
    metrics: true

- name: Show what would be done, and why
  ansible.builtin.debug:
    msg: "{{ plan.machines | vbox.memory.table(['name', 'holds_mb', 'target_mb', 'code', 'sentence']) }}"
  vars:
    plan: "{{ ansible_facts.vbox_memory | vbox.memory.balance({'reserve': '10%'}) }}"

- name: The same by the host's policy
  ansible.builtin.debug:
    msg: "{{ (facts | vbox.memory.balance(vbox_memory_policy | vbox.memory.resolve(facts))).steps }}"
  vars:
    facts: "{{ ansible_facts.vbox_memory }}"

- name: Say whether a machine of 4 GB may start
  ansible.builtin.debug:
    msg: "{{ (ansible_facts.vbox_memory | vbox.memory.balance({}, start_mb=4096)).start.sentence }}"
"""

RETURN = r"""
_value:
  description: The plan. Sizes are in MB.
  type: dict
  contains:
    host:
      description: The C(codes) of the host (C(infeasible), C(host_pressure), C(other_controller), C(shared_by_users)), a C(sentence), and C(figures).
      type: dict
    machines:
      description:
        - The machines that hold memory, which are all but those that are off or saved, each with C(name), C(uuid), C(managed), C(holds_mb),
          C(target_mb), C(request_mb), C(code), C(sentence), C(gives_to), C(takes_from), and the C(figures) from which the decision can be
          recomputed.
      type: list
      elements: dict
    steps:
      description: The requests to make now, in order, each with C(uuid), C(request_mb) (the balloon), C(was_mb), C(code) and C(sentence).
      type: list
      elements: dict
    history:
      description: What the next plan needs to know of this one.
      type: dict
    start:
      description: With O(start_mb), C(verdict) (V(now), V(after_steps) or V(never)), C(seconds), C(lacks_mb), C(gives), C(fails_by_mb) and C(sentence).
      type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.plugin_utils.balancing import BalanceError, inputs, planned, start_of
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain


def balance_filter(
    facts: Any,
    policy: Any = None,
    reservations: Any = None,
    history: Any = None,
    now: Any = 0,
    start_mb: int | None = None,
) -> dict[str, Any]:
    if start_mb is not None and (isinstance(start_mb, bool) or not isinstance(start_mb, int) or start_mb < 1):
        raise AnsibleFilterError("vbox.memory.balance: start_mb: %r is not a whole number of MB" % (start_mb,))
    try:
        given = inputs(plain(facts), plain(policy), plain(reservations), plain(history), plain(now))
        plan = planned(given)
        if start_mb is not None:
            plan["start"] = start_of(given, start_mb)
    except BalanceError as error:
        raise AnsibleFilterError("vbox.memory.balance: %s" % error) from None
    return plan


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"balance": balance_filter}
