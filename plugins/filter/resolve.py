# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: resolve
short_description: Turn memory policies into what each machine of a host is to have
description:
  - Takes policies and the facts of a host, and gives the list that O(vbox.memory.vbox_memory#module:machines) takes,
    with the part of the policy that each value comes from.
  - A policy is a dictionary with the keys C(defaults), C(rules), C(machines) and C(balance). All of them can be left out.
  - C(defaults) holds settings for all machines.
  - C(rules) is a list. Each rule holds settings, a C(name), and in C(when) a JMESPath expression over the facts of a
    machine. It is for all machines without C(when). With C(required=true) it is an error when it matches no machine.
  - C(machines) is a dictionary of settings by the name or the UUID of a machine. It is an error when the host has no
    such machine, unless C(optional=true) stands with the settings.
  - The settings are the per-machine options of M(vbox.memory.vbox_memory), such as C(balloon), C(balloon_leave),
    C(page_fusion), C(acknowledge_side_channel) and C(large_pages).
  - The settings of a machine for P(vbox.memory.balance#filter) stand beside them. They are C(balance), C(floor), C(ceiling), C(weight),
    C(priority), C(hard_reserve) and C(comfort_reserve). M(vbox.memory.vbox_memory) never sees them.
  - C(balance) of a policy holds limits of the host for P(vbox.memory.balance#filter), which are C(reserve), C(share), C(ready), C(window) and
    C(period), or just C(true). Either lets all machines be balanced that are not told otherwise. C(false) leaves all machines alone, whatever
    is said of them.
  - What is more specific wins, setting by setting. Named machines win over rules, a rule over the rules before it, and
    rules over defaults, in whichever policy they stand. Among the same, a later policy wins over an earlier one.
  - The ways to say the balloon are one setting. A C(balloon_leave) replaces an earlier C(balloon).
  - Null as a value leaves the machine as it is, whatever an earlier part says.
  - Machines that nothing is asked of are left out.
  - All problems of all policies are reported at once, and then there is no result.
version_added: 0.1.0
author:
  - vbox.memory contributors (!UNKNOWN)
requirements:
  - The Python library C(jmespath) on the controller, for rules with C(when).
positional: facts
options:
  _input:
    description: A policy, or a list of policies of which later ones win. Null is a policy that says nothing.
    type: raw
    required: true
  facts:
    description:
      - The facts of the host, RV(vbox.memory.vbox_memory_facts#module:ansible_facts.vbox_memory).
      - C(when) can use all that is known of a machine there, and RV(vbox.memory.vbox_memory_facts#module:ansible_facts.vbox_memory.host)
        as C(host).
    type: dict
    required: true
  names:
    description:
      - What to call the policies in results and messages, one name for each.
      - Without it, they are C(policy), or C(policies[0]) and so on.
    type: list
    elements: str
notes:
  - In JMESPath numbers stand in backquotes and strings in single quotes. A name in double quotes is a fact.
  - A comparison with null does not hold, and a function of null is an error.
seealso:
  - plugin: vbox.memory.differences
    plugin_type: filter
  - plugin: vbox.memory.table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the machines
  vbox.memory.vbox_memory_facts:

- name: Give them what the policy says
  vbox.memory.vbox_memory:
    machines: "{{ (my_policy | vbox.memory.resolve(ansible_facts.vbox_memory)).to_apply }}"
  vars:
    my_policy:
      defaults:
        large_pages: false
      rules:
        - name: Large Windows machines
          when: "starts_with(os_type, 'Windows') && memory_mb >= `4096`"
          balloon: 1G
        - name: What has Page Fusion
          when: "starts_with(os_type, 'Windows') && host.features.page_fusion.supported"
          page_fusion: true
          acknowledge_side_channel: true
      machines:
        db01:
          balloon: 0
          large_pages: true

- name: Plan how memory moves between the machines, but for the databases
  ansible.builtin.debug:
    msg: "{{ facts | vbox.memory.balance(my_policy | vbox.memory.resolve(facts)) }}"
  vars:
    facts: "{{ ansible_facts.vbox_memory }}"
    my_policy:
      balance:
        reserve: 4G
      rules:
        - name: Databases
          when: "contains(groups, '/databases')"
          balance: false

- name: Show which part of the policy each value is from
  ansible.builtin.debug:
    msg: "{{ ([base_policy, own_policy] | vbox.memory.resolve(ansible_facts.vbox_memory, names=['base', 'own'])).explained }}"
  vars:
    base_policy:
      defaults: {balloon: 0}
    own_policy:
      rules:
        - when: "memory_mb >= `8192`"
          balloon_leave: 6G
"""

RETURN = r"""
_value:
  description: What the machines are to have, and why.
  type: dict
  contains:
    machines:
      description:
        - The value for O(vbox.memory.vbox_memory#module:machines). Sizes are in MB.
        - C(name) is the machine's UUID, as some names cannot be addressed.
      type: list
      elements: dict
      sample:
        - {name: a69b7f61-93f7-4b1e-a2e3-91302e8bc5ff, balloon: 0, large_pages: true}
    to_apply:
      description:
        - Those of RV(_value.machines) that M(vbox.memory.vbox_memory) has to look at, as something differs by the facts, is wrong with
          them, or as they run or are paused. Whoever goes by it saves the module's reading of all others.
      type: list
      elements: dict
    in_sync:
      description:
        - The others, which have all that they are to have by the facts. Each is what M(vbox.memory.vbox_memory) would return for the
          machine, RV(vbox.memory.vbox_memory#module:machines).
      type: list
      elements: dict
    unreadable:
      description:
        - The machines of the host that cannot be read, so that nobody knows what they have. Each is what M(vbox.memory.vbox_memory) would
          return for the machine, with C(failed), C(code) and C(msg).
        - With them stand those that a policy names and that the host does not have, as they can be the ones whose names cannot be read. On a host
          where all machines can be read, such a name is an error.
      type: list
      elements: dict
    explained:
      description:
        - The machines of which a policy says something, with their C(name) and C(uuid), and in C(settings) each value with its C(source).
        - Those that it says something of for balance alone are in here, and not in RV(_value.machines).
      type: list
      elements: dict
      sample:
        - name: db01
          uuid: a69b7f61-93f7-4b1e-a2e3-91302e8bc5ff
          settings:
            balloon: {value: 0, source: "policy: machine 'db01'"}
    balance:
      description:
        - What P(vbox.memory.balance#filter) takes as its policy. Sizes are in MB, or as in V(25%).
        - A machine is left alone unless a policy says C(balance=true) of it, or of the host.
      type: dict
      sample:
        reserve: 4096
        defaults: {balance: false}
        machines:
          a69b7f61-93f7-4b1e-a2e3-91302e8bc5ff: {balance: true, floor: 25%}
    balance_explained:
      description: Each limit of the host for balance, with its C(value) and its C(source).
      type: dict
      sample:
        reserve: {value: 4096, source: "policy: balance"}
    rules:
      description: The rules in order, each with its C(policy), its C(name) (null if it has none) and the UUIDs of the C(machines) that it matches.
      type: list
      elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.plugin_utils.policy import PolicyError, resolve
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import problem_of_facts
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain


def resolve_filter(policies: Any, facts: Any, names: Any = None) -> dict[str, Any]:
    policies, facts, names = plain(policies), plain(facts), plain(names)
    several = isinstance(policies, list)
    policies = policies if several else [policies]
    if names is None:
        names = ["policies[%d]" % number for number in range(len(policies))] if several else ["policy"]
    if not isinstance(names, list) or len(names) != len(policies) or not all(isinstance(name, str) for name in names):
        raise AnsibleFilterError(
            "vbox.memory.resolve: names: one name is needed for each of the %d policies, not %r"
            % (len(policies), names)
        )
    problem = problem_of_facts(facts)
    if problem:
        raise AnsibleFilterError(
            "vbox.memory.resolve: %s: give ansible_facts.vbox_memory of vbox.memory.vbox_memory_facts" % problem
        )
    try:
        return resolve(list(zip(names, policies)), facts)
    except PolicyError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"resolve": resolve_filter}
