#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vbox_memory_facts
short_description: Gather facts about the memory of a VirtualBox host and its machines
description:
  - Reads what the host has and can do, what each machine of this user is set to, and what the running ones use.
  - What VirtualBox does not say is null, never 0.
  - Metrics are set up where they are not (C(VBoxManage metrics setup --period 1 --samples 1)). Nothing else is changed.
    A set-up that exists already is used as it is.
  - Also works through C(gather_facts), when listed in the setting C(FACTS_MODULES) of Ansible
    (environment variable E(ANSIBLE_FACTS_MODULES)).
version_added: 0.1.0
author:
  - vbox.memory contributors (!UNKNOWN)
extends_documentation_fragment:
  - vbox.memory.options
  - vbox.memory.options.attributes
  - vbox.memory.options.facts_attributes
  - vbox.memory.options.action_group
options:
  machines:
    description:
      - The names or UUIDs of the machines to read. All machines of this user without it.
      - RV(ansible_facts.vbox_memory.totals) are then of these machines only.
    type: list
    elements: str
    aliases: [name]
  metrics:
    description:
      - Whether to read metrics, which are all values that end in C(_kb).
      - For some seconds after their set-up VirtualBox says 0 of C(RAM/VMM) though machines run. These figures are null then, not 0.
    type: bool
    default: true
  metrics_wait:
    description:
      - The seconds to wait for the first values of metrics that were set up lately. What is missing then is null.
    type: float
    default: 5.0
  details:
    description:
      - Whether to read what few tasks need, and costs time, too. These are RV(ansible_facts.vbox_memory.machines[].groups),
        RV(ansible_facts.vbox_memory.machines[].os_type) and RV(ansible_facts.vbox_memory.machines[].os_description).
      - Without it, they are empty or null.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Gather the facts of a host
  vbox.memory.vbox_memory_facts:

- name: Show what can be won
  ansible.builtin.debug:
    msg: >-
      {{ ansible_facts.vbox_memory.totals.running_mb }} MB run on {{ inventory_hostname }},
      of which balloons hold {{ ansible_facts.vbox_memory.totals.ballooned_kb }} kB.

- name: The settings of two machines, without metrics
  vbox.memory.vbox_memory_facts:
    metrics: false
    machines:
      - web01
      - web02
"""

RETURN = r"""
ansible_facts:
  description: The facts, for Ansible to keep.
  returned: success
  type: dict
  contains:
    vbox_memory:
      description: The memory of the host and its machines.
      returned: success
      type: dict
      contains:
        host:
          description: The host, as VirtualBox sees it, with what its hypervisor holds for all machines of this user.
          returned: success
          type: dict
          contains:
            vbox_version:
              description: The version of VirtualBox.
              returned: success
              type: str
              sample: 7.2.22
            features:
              description: C(balloon), C(page_fusion) and C(large_pages), each with C(supported) and, if it is not, the C(reason).
              returned: success
              type: dict
              sample:
                balloon: {supported: true, reason: null}
                page_fusion: {supported: false, reason: 'VirtualBox 7.2.22 is built without Page Fusion, as all releases from 7.2 on are'}
                large_pages: {supported: true, reason: null}
            memory_total_kb:
              description: The host's memory (C(RAM/Usage/Total)).
              returned: success
              type: int
            memory_used_kb:
              description: The host's memory in use (C(RAM/Usage/Used)).
              returned: success
              type: int
            memory_free_kb:
              description: The host's free memory (C(RAM/Usage/Free)).
              returned: success
              type: int
            vmm_used_kb:
              description: What the hypervisor uses for machines (C(RAM/VMM/Used)); null, as with the other three, while it has counted nothing yet.
              returned: success
              type: int
            vmm_free_kb:
              description: What is free within the hypervisor (C(RAM/VMM/Free)).
              returned: success
              type: int
            vmm_ballooned_kb:
              description: What is in balloons, of all machines together (C(RAM/VMM/Ballooned)).
              returned: success
              type: int
            vmm_shared_kb:
              description: What machines share by Page Fusion (C(RAM/VMM/Shared)).
              returned: success
              type: int
        machines:
          description: The machines, in VirtualBox's order.
          returned: success
          type: list
          elements: dict
          contains:
            name:
              description: The machine's name.
              returned: success
              type: str
            uuid:
              description: The machine's UUID.
              returned: success
              type: str
            state:
              description: The machine's state, as C(VMState) of C(VBoxManage showvminfo --machinereadable).
              returned: success
              type: str
              sample: running
            os_type:
              description: The ID of the type of the guest's operating system.
              returned: success
              type: str
              sample: Debian_64
            os_description:
              description: The description of that type.
              returned: success
              type: str
              sample: Debian (64-bit)
            groups:
              description: The machine's groups in VirtualBox.
              returned: success
              type: list
              elements: str
              sample: [/]
            memory_mb:
              description: The machine's memory.
              returned: success
              type: int
            balloon_default_mb:
              description: The default balloon, which is asked for at each start. Null if it cannot be read, of a running machine.
              returned: success
              type: int
            balloon_current_mb:
              description: The balloon asked for now. Null unless the machine runs or is paused.
              returned: success
              type: int
            interrupted_restart:
              description:
                - Since when the machine is off because a run of this collection shut it down for a change and was interrupted, in seconds since 1970.
                  The next run that is about it starts it again. Null for all others.
              returned: success
              type: int
            last_balance:
              description:
                - What M(vbox.memory.vbox_memory_balance) asked of this machine last. C(balloon_mb) and C(was_mb) are the balloon that it asked for and the one
                  before, C(since) is when, in seconds since 1970, and C(code) says why.
                - With another RV(ansible_facts.vbox_memory.machines[].balloon_current_mb) than this C(balloon_mb), somebody else has changed it since.
                - Null if that is not known, if no live machine has a balloon, and of machines that neither run nor are paused.
              returned: success
              type: dict
              sample: {balloon_mb: 512, was_mb: 448, since: 1764100000, code: gives_to}
            balloon_followed:
              description:
                - Whether the guest holds the balloon that it is asked for, by its own count if it gives one. The Linux kernel's own driver
                  gives none. Then V(false) is said when too little of the guest's memory is in use for such a balloon, as after a restart
                  of the guest or while it is on its way, and V(true) otherwise.
                - Null if the guest gives no figures, and of machines that neither run nor are paused.
              returned: success
              type: bool
            page_fusion:
              description: Whether Page Fusion is on.
              returned: success
              type: bool
            large_pages:
              description: Whether large pages are on. Null for a machine without this setting.
              returned: success
              type: bool
            guest_additions_run_level:
              description: How far the Guest Additions are up; guests give figures from 2 on. Null if VirtualBox does not say.
              returned: success
              type: int
            process_kb:
              description: The memory of the machine's process on the host (C(RAM/Usage/Used)). Null unless it runs or is paused.
              returned: success
              type: int
            guest:
              description:
                - The guest's own figures. Null if it gives none.
                - The Linux kernel's own C(vboxguest) driver leaves C(balloon_kb) at 0 whatever the balloon is.
              returned: success
              type: dict
              sample: {total_kb: 725760, free_kb: 545836, balloon_kb: 0, shared_kb: 0, cache_kb: 5000, pagefile_kb: 0}
        unreadable:
          description:
            - The machines that cannot be read, such as one whose settings file is gone, damaged or encrypted. They are in no other list and no sum.
            - Empty with O(machines), as what was asked for and cannot be read is an error.
          returned: success
          type: list
          elements: dict
          contains:
            uuid:
              description: The machine's UUID.
              returned: success
              type: str
            name:
              description: Null, as a machine that cannot be read does not say its name.
              returned: success
              type: str
            code:
              description: The kind of the error, such as V(machine_inaccessible), V(machine_locked) or V(vboxmanage_unreadable).
              returned: success
              type: str
              sample: machine_inaccessible
            msg:
              description: VirtualBox's reason, and what to do.
              returned: success
              type: str
        totals:
          description: Sums over the machines.
          returned: success
          type: dict
          contains:
            configured_mb:
              description: The memory of all machines.
              returned: success
              type: int
            running_mb:
              description: The memory of the running and paused machines.
              returned: success
              type: int
            ballooned_kb:
              description: What is in balloons.
              returned: success
              type: int
            shared_kb:
              description: What machines share by Page Fusion.
              returned: success
              type: int
            overcommit_ratio:
              description: RV(ansible_facts.vbox_memory.totals.running_mb) by the host's memory. Over 1, more was promised than there is.
              returned: success
              type: float
        balance_service:
          description: What the service of balance did last. Null if there is none.
          returned: success
          type: dict
          contains:
            running:
              description: Whether a balance of this user runs now.
              returned: success
              type: bool
            version:
              description: Which program it is.
              returned: success
              type: str
            pid:
              description: The process of the service that wrote this.
              returned: success
              type: int
            since:
              description: When it began, in seconds since 1970.
              returned: success
              type: int
            rounds:
              description: How many rounds it has made.
              returned: success
              type: int
            last_round:
              description: When the last one was, in seconds since 1970. Null before the first. It is up to 10 seconds behind while nothing changes.
              returned: success
              type: int
            problem:
              description: What is wrong, if the last round failed. Null otherwise.
              returned: success
              type: str
            host:
              description: The host's C(codes) and C(sentence) in the last round.
              returned: success
              type: dict
            machines:
              description:
                - The running machines in the last round, each with C(name), C(uuid), C(code), C(sentence), C(holds_mb), C(target_mb) and C(balloon_mb).
              returned: success
              type: list
              elements: dict
backend:
  description: The backend that was used, V(api) or V(vboxmanage).
  returned: always, unless a parameter was wrong
  type: str
  sample: api
backend_fallback:
  description: Why V(vboxmanage) was taken for O(backend=auto). Null if V(api) was, or if O(backend) named it.
  returned: always, unless a parameter was wrong
  type: str
code:
  description: The kind of the error.
  returned: on failure
  type: str
  sample: vboxmanage_not_found
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import BACKEND_OPTIONS
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.facts import gather


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            machines=dict(type="list", elements="str", aliases=["name"]),
            metrics=dict(type="bool", default=True),
            metrics_wait=dict(type="float", default=5.0),
            details=dict(type="bool", default=True),
            **BACKEND_OPTIONS,
        ),
        supports_check_mode=True,
    )
    given = module.params
    try:
        names = given["machines"]
        with select_backend(given["backend"], given["vboxmanage"], given["api_python"], len(names or ())) as backend:
            facts = gather(backend, names, given["metrics"], given["metrics_wait"], given["details"])
            used = dict(backend=backend.name, backend_fallback=backend.fallback_reason)
    except VBoxMemoryError as error:
        module.fail_json(**error.as_result())
    module.exit_json(ansible_facts=dict(vbox_memory=facts), **used)


if __name__ == "__main__":
    main()
