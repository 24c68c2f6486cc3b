#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vbox_pagefusion
short_description: Turn Page Fusion of VirtualBox machines on or off
description:
  - Turns Page Fusion on or off for one machine or for many, and changes only what differs.
  - Page Fusion lets machines of one host share identical memory pages, without the guests knowing.
  - It can change only while a machine is stopped.
version_added: 0.1.0
author:
  - vbox.memory contributors (!UNKNOWN)
extends_documentation_fragment:
  - vbox.memory.options
  - vbox.memory.options.name
  - vbox.memory.options.page_fusion
  - vbox.memory.options.on_blocked
  - vbox.memory.options.attributes
  - vbox.memory.options.action_group
options:
  machines:
    description:
      - The machines to manage, each a dictionary with its O(machines[].name) and the options that are its own.
      - What an entry leaves out is taken from the option of the same name of the task.
      - An entry that is empty, that has an unknown key or that stands twice is an error, and then no machine is changed.
      - One of O(name) and O(machines) is required. An empty list changes nothing.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name or the UUID of the machine.
        type: str
        required: true
      page_fusion:
        description: Like O(page_fusion), for this machine.
        type: bool
      acknowledge_side_channel:
        description: Like O(acknowledge_side_channel), for this machine.
        type: bool
      on_blocked:
        description: Like O(on_blocked), for this machine.
        type: str
      shutdown_timeout:
        description: Like O(shutdown_timeout), for this machine.
        type: int
      power_off:
        description: Like O(power_off), for this machine.
        type: bool
"""

EXAMPLES = r"""
- name: Two Windows machines that trust each other share identical pages
  vbox.memory.vbox_pagefusion:
    page_fusion: true
    acknowledge_side_channel: true
    machines:
      - name: desktop01
      - name: desktop02

- name: No Page Fusion for the machine of a tenant
  vbox.memory.vbox_pagefusion:
    name: tenant01
    page_fusion: false
"""

RETURN = r"""
machines:
  description:
    - One entry for each machine asked for, in that order.
    - On failure too, with C(failed), C(code) and C(msg) in the entries of the machines that failed.
  returned: always, unless a parameter was wrong
  type: list
  elements: dict
  contains:
    name:
      description: The machine's name.
      type: str
      returned: always
    uuid:
      description: The machine's UUID; null if the machine was not found.
      type: str
      returned: always
    state:
      description: The machine's state, as C(VBoxManage showvminfo --machinereadable) calls it in C(VMState).
      type: str
      returned: always
      sample: poweroff
    changed:
      description: Whether something of this machine changed, or would change in check mode.
      type: bool
      returned: always
    before:
      description: What the machine had, of what was asked for.
      type: dict
      returned: always
      sample: {page_fusion: false}
    after:
      description: What the machine has now, read back, of what was asked for. In check mode, what it would have.
      type: dict
      returned: always
      sample: {page_fusion: true}
    pending:
      description: What was asked for and cannot change before the machine's state does.
      type: dict
      returned: always
      sample: {page_fusion: true}
    commands:
      description: The C(VBoxManage) commands run that change something. In check mode, those that would be run.
      type: list
      elements: str
      returned: always
    code:
      description:
        - The kind of the error, for playbooks to decide on.
        - One of V(invalid_parameters), V(vboxmanage_not_found), V(vboxmanage_failed), V(vboxmanage_timeout), V(backend_unavailable),
          V(vboxmanage_unreadable), V(lock_unusable), V(host_busy), V(server_unavailable), V(machine_not_found), V(machine_ambiguous),
          V(machine_inaccessible), V(machine_locked), V(state_blocks_change), V(setting_not_available), V(not_supported_by_host),
          V(not_supported_by_guest), V(side_channel_not_acknowledged), V(large_pages_conflict), V(balloon_out_of_range), V(balloon_exceeds_memory),
          V(unsafe_balloon), V(balloon_limited), V(balloon_busy), V(not_following), V(shutdown_timeout), V(start_failed), V(interrupted),
          V(guest_not_back), V(change_refused), V(disk_full), V(settings_not_saved), V(change_did_not_stick).
      type: str
      returned: when this machine failed
      sample: machine_not_found
    msg:
      description: What is wrong with which option and value, and the remedy.
      type: str
      returned: when this machine failed
    vbox_code:
      description: VirtualBox's own result code.
      type: str
      returned: when VBoxManage failed
      sample: VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)
    warnings:
      description: What is not wrong with what was asked, but with the machine.
      type: list
      elements: str
      returned: always
commands:
  description: The C(VBoxManage) commands of all machines, in order. Only those that change something.
  returned: always, unless a parameter was wrong
  type: list
  elements: str
  sample:
    - VBoxManage modifyvm a69b7f61-93f7-4b1e-a2e3-91302e8bc5ff --pagefusion on
pending:
  description: The machines of which something could not change yet, by name, with what is to change.
  returned: always, unless a parameter was wrong
  type: list
  elements: dict
  sample:
    - name: web01
      page_fusion: true
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
  description: The kind of the first error.
  returned: on failure
  type: str
  sample: state_blocks_change
"""

from ansible_collections.vbox.memory.plugins.module_utils.argument_spec import PAGE_FUSION
from ansible_collections.vbox.memory.plugins.module_utils.run_module import run_module


def main() -> None:
    run_module(PAGE_FUSION)


if __name__ == "__main__":
    main()
