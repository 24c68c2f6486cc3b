# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: differences
short_description: List what a run of vbox_memory changed, left pending or failed at
description:
  - Takes the result of M(vbox.memory.vbox_memory) and gives one row for each setting that differed, and one for each
    machine that failed.
  - In check mode, these are the settings that differ from what was asked for.
version_added: 0.1.0
author:
  - vbox.memory contributors (!UNKNOWN)
positional: explained
options:
  _input:
    description: The registered result of M(vbox.memory.vbox_memory), also of one that failed.
    type: dict
    required: true
  explained:
    description: The C(explained) of P(vbox.memory.resolve#filter), from which the rows take their C(source).
    type: list
    elements: dict
  check_mode:
    description: Whether the result is of check mode, in which nothing changed yet.
    type: bool
    default: false
seealso:
  - plugin: vbox.memory.resolve
    plugin_type: filter
  - plugin: vbox.memory.table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compare the machines with what they are to have
  vbox.memory.vbox_memory:
    machines:
      - name: web01
        balloon: 512
  check_mode: true
  register: compared

- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ compared | vbox.memory.differences(check_mode=true) }}"
"""

RETURN = r"""
_value:
  description: The rows, machine by machine.
  type: list
  elements: dict
  contains:
    machine:
      description: The machine's name.
      type: str
    uuid:
      description: The machine's UUID; null if it was not found.
      type: str
    state:
      description: The machine's state; null if it was not found.
      type: str
    setting:
      description: The setting, as it is called in results; null for a machine that failed.
      type: str
      sample: balloon_default_mb
    before:
      description: What the machine had.
      type: raw
    after:
      description: What the machine is to have.
      type: raw
    outcome:
      description:
        - V(changed) if it changed.
        - V(would change) if it can change now, with O(check_mode=true).
        - V(pending) if it has to wait until the machine's state allows it.
        - V(failed) if the machine failed.
      type: str
    source:
      description: The part of the policy that the value comes from; null if it is not known.
      type: str
    msg:
      description: What is wrong with a machine that failed.
      type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.plugin_utils.results import differences
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import EXPLAINED, RESULT, problem_of
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain


def differences_filter(result: Any, explained: Any = None, check_mode: bool = False) -> list[dict[str, Any]]:
    result, explained = plain(result), plain(explained)
    problem = problem_of(result, RESULT, "the input") or problem_of(explained, EXPLAINED, "explained")
    if problem:
        raise AnsibleFilterError(
            "vbox.memory.differences: %s: give the result of vbox.memory.vbox_memory, and explained of vbox.memory.resolve"
            % problem
        )
    return list(differences(result.get("machines") or [], explained or [], check_mode))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"differences": differences_filter}
