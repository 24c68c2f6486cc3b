# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vbox_machines
short_description: The machines of VirtualBox hosts as inventory hosts
description:
  - Reads the machines of VirtualBox hosts, and makes each an inventory host, in groups by its state, its type of operating system, its
    groups in VirtualBox, its host, and the rules of a policy that match it.
  - A host is read once, with what M(vbox.memory.vbox_memory_facts) gathers. A remote host is read by C(ssh), with the code sent to its Python.
    Nothing is written there. Ansible's own connections are not to be had in an inventory plugin.
  - The file's name has to end in C(vbox_machines.yml) or C(vbox_machines.yaml).
  - Each machine has the variables C(vbox_machine), its entry in RV(vbox.memory.vbox_memory_facts#module:ansible_facts.vbox_memory.machines),
    C(vbox_host), the name of its host, and with O(policy) C(vbox_policy), what that says of it.
  - The groups are C(vbox_machines) with all machines, C(vbox_state_STATE), C(vbox_os_TYPE), C(vbox_group_GROUP) (C(/a/b) is
    C(vbox_group_a_b), a child of C(vbox_group_a)), C(vbox_host_HOST) and C(vbox_rule_RULE).
    Whatever cannot be in the name of a group is an underscore there.
version_added: 0.1.0
author:
  - vbox.memory contributors (!UNKNOWN)
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [vbox.memory.vbox_machines]
  hosts:
    description: The VirtualBox hosts.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What to call the host. With its name in the rest of the inventory, tasks can be delegated to it.
        type: str
        required: true
      ssh:
        description:
          - How C(ssh) gets there. A string is the host, as V(me@office.example.org). A list are its arguments.
          - Without it, it is the machine that Ansible runs on.
        type: raw
      become_user:
        description: The user who owns the machines, if another. Taken on by C(sudo), without a password.
        type: str
      python:
        description: The Python there, 3.8 or later. C(python3) unless given; for the machine that Ansible runs on, Ansible's own.
        type: str
      vboxmanage:
        description: The program VBoxManage there, if it is in none of the usual places.
        type: path
  ssh_args:
    description: The first arguments of every C(ssh).
    type: list
    elements: str
    default: ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10']
  hostnames:
    description:
      - What the machines are called in the inventory.
      - V(uuid) is the UUID, which always is safe and never changes.
      - V(name) is the machine's name, and V(host_and_name) is that after its host's, with a hyphen between. What could be taken for a part of a
        pattern is an underscore there. Where two machines would be called the same, or one C(localhost), the host comes after it, and the UUID
        if need be.
      - The real name always is in C(vbox_machine.name).
    type: str
    choices: [uuid, name, host_and_name]
    default: uuid
  policy:
    description:
      - A policy or a list of policies, as P(vbox.memory.resolve#filter) takes them. Each rule gives a group.
      - Where it does not fit a host, that is warned of, and the host's machines are in no such group.
    type: raw
  metrics:
    description: Whether to read metrics too, as O(vbox.memory.vbox_memory_facts#module:metrics).
    type: bool
    default: false
  strict_hosts:
    description: Whether it is an error when a host cannot be read, or when O(policy) does not fit it. Such hosts are warned of and left out otherwise.
    type: bool
    default: false
  timeout:
    description: The seconds that the reading of a host may take.
    type: int
    default: 300
  forks:
    description: How many hosts are read at a time.
    type: int
    default: 10
notes:
  - A host is read by VirtualBox's Python bindings where they work and no O(hosts[].vboxmanage) is named, and by VBoxManage otherwise.
  - With O(cache=true), hosts that were read lately are not read again. Hosts that could not be read, and those whose entry has changed, are.
  - The machines' names come from their owners. They are never templates here.
"""

EXAMPLES = r"""
# fleet.vbox_machines.yml: `ansible-inventory -i fleet.vbox_machines.yml --graph`
plugin: vbox.memory.vbox_machines
hosts:
  - name: here
  - name: office
    ssh: me@office.example.org
  - name: lab
    ssh: [-p, '2222', -i, ~/.ssh/lab, admin@lab.example.org]
    become_user: vbox

# All of the rest can be left out. Names in place of UUIDs:
hostnames: name

# What was read is kept for ten minutes.
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/vbox_machines
cache_timeout: 600

# A group for each rule of a policy: vbox_rule_Windows
policy:
  rules:
    - name: Windows
      when: "starts_with(os_type, 'Windows')"
      balloon: 1G

# Further groups and variables
groups:
  large: vbox_machine.memory_mb >= 8192
keyed_groups:
  - key: vbox_machine.page_fusion | ternary('on', 'off')
    prefix: page_fusion
compose:
  ansible_host: vbox_machine.name ~ '.example.org'
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.group import to_safe_group_name
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.vbox.memory.plugins.plugin_utils.policy import PolicyError, resolve
from ansible_collections.vbox.memory.plugins.plugin_utils.remote import Facts, HostError, problems_of, read_hosts
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain

Machine = Mapping[str, Any]  # an entry of the facts

ENDINGS = ("vbox_machines.yml", "vbox_machines.yaml")
ALL_MACHINES = "vbox_machines"
# Names that mean something to Ansible.
RESERVED = ("localhost", "127.0.0.1", "::1", "all", "ungrouped")
# The groups that a value of a machine gives: prefix, and the value.
GROUPS = (
    ("vbox_state", lambda host, machine: machine["state"]),
    ("vbox_os", lambda host, machine: machine["os_type"]),
    ("vbox_host", lambda host, machine: host),
)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "vbox.memory.vbox_machines"
    inventory: InventoryData  # there is one from parse() on

    def verify_file(self, path: str) -> bool:
        """Whether the file's name is one for this plugin."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Put the machines into the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        self._sanitize_group_name = _safe_group
        hosts = plain(self.get_option("hosts"))
        problems = problems_of(hosts)
        if problems:
            raise AnsibleParserError("%s: %s" % (path, "; ".join(problems)))
        facts = self._facts(hosts, self.get_cache_key(path), cache)
        names = inventory_names(
            [(host, machine) for host, read in facts.items() for machine in read["machines"]],
            self.get_option("hostnames"),
        )
        for host, read in facts.items():
            policy = self._policy(host, read)
            for machine in read["machines"]:
                self._add(names[host, machine["uuid"]], host, machine, policy)

    def _facts(self, hosts: Sequence[Mapping[str, Any]], key: str, use_cache: bool) -> dict[str, Facts]:
        """The facts by host, of those that could be read. Only those that the cache does not have are read."""
        caching = self.get_option("cache")
        metrics = self.get_option("metrics")
        kept = plain(self._cache.get(key) or {}) if caching and use_cache else {}
        wanted = {host["name"]: dict(entry=host, metrics=metrics) for host in hosts}
        facts = {name: kept[name]["facts"] for name, how in wanted.items() if name in kept and kept[name]["how"] == how}
        missing = [host for host in hosts if host["name"] not in facts]
        read = read_hosts(
            missing, plain(self.get_option("ssh_args")), metrics, self.get_option("timeout"), self.get_option("forks")
        )
        for host, result in zip(missing, read):
            if isinstance(result, HostError):
                self._complain("host %r cannot be read: %s" % (host["name"], result))
            else:
                facts[host["name"]] = result
        if caching and missing:
            self._cache[key] = {name: dict(how=wanted[name], facts=facts[name]) for name in facts}
        return {host["name"]: facts[host["name"]] for host in hosts if host["name"] in facts}

    def _complain(self, message: str) -> None:
        message = "vbox.memory.vbox_machines: " + message
        if self.get_option("strict_hosts"):
            raise AnsibleParserError(message)
        self.display.warning(message)

    def _policy(self, host: str, facts: Facts) -> dict[str, Any]:
        """What the policy says of the machines of a host, as :func:`resolve` returns it; nothing where it does not fit."""
        policies = plain(self.get_option("policy"))
        several = isinstance(policies, list)
        try:
            return resolve(
                [
                    ("policy[%d]" % number if several else "policy", one)
                    for number, one in enumerate(policies if several else [policies])
                ],
                facts,
            )
        except PolicyError as error:
            self._complain("host %r: %s" % (host, error))
            return dict(explained=[], rules=[])

    def _add(self, name: str, host: str, machine: Machine, policy: Mapping[str, Any]) -> None:
        self.inventory.add_host(name)
        variables = dict(vbox_machine=machine, vbox_host=host)
        if self.get_option("policy") is not None:
            variables["vbox_policy"] = next(
                (one["settings"] for one in policy["explained"] if one["uuid"] == machine["uuid"]), {}
            )
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        for group in [ALL_MACHINES] + ["%s_%s" % (prefix, value(host, machine)) for prefix, value in GROUPS]:
            self._put(name, group)
        for path in machine["groups"]:
            self._put_in_group(name, path)
        for number, rule in enumerate(policy["rules"], 1):
            if machine["uuid"] in rule["machines"]:
                self._put(name, "vbox_rule_%s" % (number if rule["name"] is None else rule["name"]))
        self._construct(name, variables)

    def _put(self, name: str, group: str) -> None:
        self.inventory.add_child(self.inventory.add_group(_safe_group(group)), name)

    def _put_in_group(self, name: str, path: str) -> None:
        """Put a machine into the group for its group in VirtualBox, and that into those above."""
        steps = [step for step in path.split("/") if step]
        groups = [
            self.inventory.add_group(_safe_group("_".join(["vbox_group"] + steps[:count])))
            for count in range(1, len(steps) + 1)
        ]
        for above, below in zip(groups, groups[1:]):
            self.inventory.add_child(above, below)
        if groups:
            self.inventory.add_child(groups[-1], name)

    def _construct(self, name: str, variables: Mapping[str, Any]) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)


def inventory_names(machines: Sequence[tuple[str, Machine]], kind: str) -> dict[tuple[str, str], str]:
    """What machines are called in the inventory: ``{(host, UUID): name}``, all different and safe.

    :param machines: pairs of a host and a machine
    :param kind: one of the choices of the option `hostnames`
    """
    names = {(host, machine["uuid"]): _safe_name(_wanted_name(host, machine, kind)) for host, machine in machines}
    for which in (0, 1, 1):  # the host, and the UUID, and that again if somebody has called a machine just so
        taken = Counter(names.values())
        names = {
            key: "%s-%s" % (name, _safe_name(key[which])) if taken[name] > 1 or name in RESERVED else name
            for key, name in names.items()
        }
    return names


def _wanted_name(host: str, machine: Machine, kind: str) -> str:
    if kind == "uuid":
        return str(machine["uuid"])
    return str(machine["name"]) if kind == "name" else "%s-%s" % (host, machine["name"])


def _safe_name(text: str) -> str:
    """A name with nothing in it that Ansible's patterns, ranges, ports or a command line would take for something else."""
    return re.sub(r"^[-.]", "_", re.sub(r"[^\w.-]", "_", text)) or "_"


def _safe_group(name: str) -> str:
    return str(to_safe_group_name(name, force=True, silent=True))
