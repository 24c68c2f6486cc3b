#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The documentation; the work is done on the controller, by plugins/action/vbox_memory_report.py.

from __future__ import annotations

DOCUMENTATION = r"""
module: vbox_memory_report
short_description: Write the report of a fleet's memory
description:
  - Takes the facts of many hosts and writes, on the controller, one page that shows where their memory is, what stands out, and what could be won.
    The same figures are written for programs, as JSON, CSV and Markdown and for Prometheus' textfile collector.
  - The page needs no network. A Content-Security-Policy in it forbids all that it does not need.
  - Nothing is done on a host. Run it once for all hosts (C(run_once)). The role P(vbox.memory.report#role) does all of it.
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
attributes:
  action:
    description: Has a corresponding action plugin, so all of it is done on the controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying anything.
    support: full
  diff_mode:
    description: Returns how the Markdown changes, or would change in C(check_mode).
    support: full
  idempotent:
    description: The same facts give the same files but for the date, and do not count as changed. A new sample for O(history) does.
    support: full
  platform:
    description: Operating systems that the controller runs on.
    support: full
    platforms: posix
options:
  facts:
    description:
      - The registered results of M(vbox.memory.vbox_memory_facts) by host, also of hosts that failed or could not be reached.
      - A host without facts is in the report as one that could not be read.
    type: raw
    required: true
  policies:
    description:
      - The registered results of M(vbox.memory.vbox_memory_policy) by host, of O(vbox.memory.vbox_memory_policy#module:mode=audit).
      - Without it, the report does not say what the policy wants.
    type: raw
  plans:
    description:
      - The plans of P(vbox.memory.balance#filter) by host.
      - Without one for a host, it is planned from its facts, by what its policy says for balance, where they have metrics.
    type: raw
  dest:
    description:
      - The folder on the controller for C(vbox-memory.html), C(vbox-memory.json), C(vbox-memory.csv) and C(vbox-memory.md).
      - It is made if it is not there.
    type: path
    required: true
  formats:
    description: Which of these are written.
    type: list
    elements: str
    choices: [html, json, csv, markdown]
    default: [html, json, csv, markdown]
  textfile_dir:
    description: The folder of Prometheus' textfile collector on the controller, for C(vbox_memory.prom).
    type: path
  history:
    description:
      - A folder on the controller in which the figures of each report are kept, as one file each. The page then shows lines over time.
      - What is there and is no sample is left alone, or left out with a warning.
    type: path
  history_keep:
    description: How many samples are kept. The oldest are deleted.
    type: int
    default: 200
  title:
    description: What the page is called.
    type: str
    default: Memory of the VirtualBox fleet
  read_at:
    description: When the facts were read, in UTC, as V(2026-11-25T20:12:00Z). It is now without it.
    type: str
seealso:
  - module: vbox.memory.vbox_memory_facts
  - module: vbox.memory.vbox_memory_policy
"""

EXAMPLES = r"""
- name: Read the hosts
  vbox.memory.vbox_memory_facts:
  register: read

- name: Write the report
  vbox.memory.vbox_memory_report:
    facts: "{{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars) | map(attribute='read') | map('default', none))) }}"
    dest: reports
    history: reports/history
    textfile_dir: reports/textfiles # of Prometheus' node exporter
  run_once: true
"""

RETURN = r"""
files:
  description: The files of the report.
  returned: success
  type: list
  elements: str
  sample: [/srv/reports/vbox-memory.html]
fleet:
  description: The sums over all hosts. Their names say the unit; null is what is not known.
  returned: success
  type: dict
findings:
  description: How many C(error), C(warning) and C(note) there are in what stands out.
  returned: success
  type: dict
  sample: {error: 1, warning: 4, note: 0}
msg:
  description: The counts in words, or what went wrong.
  returned: always
  type: str
  sample: 2 hosts, 10 machines, 1 error
"""
