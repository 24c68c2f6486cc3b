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
    C(vbox_host), the name of its host, C(vbox_hostname), its own name in small letters if that is a host name without dots (RFC 1123) and null
    otherwise, and with O(policy) C(vbox_policy), what that says of it.
  - The groups are C(vbox_machines) with all machines, C(vbox_state_STATE), C(vbox_os_TYPE), C(vbox_group_GROUP) (a machine of
    C(/a/b) is in C(vbox_group_a_b) and in C(vbox_group_a)), C(vbox_host_HOST) and C(vbox_rule_RULE).
    Whatever cannot be in the name of a group is an underscore there. So C(/a_b) is C(vbox_group_a_b), too; it is not in C(vbox_group_a).
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
        description:
          - What to call the host. With its name in the rest of the inventory, tasks can be delegated to it.
          - Two hosts whose names are the same in the names of groups, as V(a b) and V(a_b), are refused. In several inventory files, give each host
            a name of its own.
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
      - What the machines are called in the inventory. V(uuid) makes it C(UUID.HOST.vbox), and V(name) C(NAME.HOST.vbox), where C(HOST) is
        O(hosts[].name).
      - Whoever owns a machine chooses its name, and whoever owns a host what it answers. With these endings no machine can be called like a group,
        like C(localhost), like a host of another source or like a machine of another host, whatever is read first. So let no other source have
        names that end in C(.vbox), but to say more of these machines; what is called so there is the machine.
      - What is no letter, digit, hyphen or underscore in a name is an underscore, and it ends after 80 characters. A name that this changes, one that
        two machines of the host have, and one that ends in a UUID itself, are followed by a hyphen and the UUID.
      - The real name always is in C(vbox_machine.name).
    type: str
    choices: [uuid, name]
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
  - The machines' names come from their owners, and all else that a host answers from the owner of the host. Nothing of it is a template here.
    An answer that is not as it has to be costs its own host only, with a warning.
  - Do not build C(ansible_host) or other variables of connections from C(vbox_machine). An owner who chooses C(-oProxyCommand=…) as a name would
    run commands on the machine that Ansible runs on, and any other name decides where Ansible connects to. C(vbox_hostname) is safe as an
    argument and has no dots. Use it, with a domain of your own after it, only where each owner may have any name of that domain.
  - Give each of O(keyed_groups) a C(prefix). Without one, an owner who chooses the value chooses any group.
  - The entries of O(hosts) may hold values that are encrypted by Ansible Vault. They are decrypted, and are not written to the cache.
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

# All of the rest can be left out. web01.office.vbox in place of its UUID:
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
  memory_gb: vbox_machine.memory_mb / 1024
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable
from ansible_collections.vbox.memory.plugins.plugin_utils.naming import group_name, host_name, machine_names
from ansible_collections.vbox.memory.plugins.plugin_utils.policy import PolicyError, resolve
from ansible_collections.vbox.memory.plugins.plugin_utils.remote import Facts, HostError, problems_of, read_hosts
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import KEPT, problem_of, problem_of_facts
from ansible_collections.vbox.memory.plugins.plugin_utils.values import plain, untrusted

Machine = Mapping[str, Any]  # an entry of the facts

ENDINGS = ("vbox_machines.yml", "vbox_machines.yaml")
ALL_MACHINES = "vbox_machines"
# The groups that a value of a machine gives: prefix, and the value; none where that is null.
GROUPS: tuple[tuple[str, Callable[[str, Machine], str | None]], ...] = (
    ("vbox_state", lambda host, machine: machine["state"]),
    ("vbox_os", lambda host, machine: machine.get("os_type")),
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
        self._sanitize_group_name = group_name
        hosts = self._plain_option("hosts")
        problems = problems_of(hosts)
        if problems:
            raise AnsibleParserError(printable("%s: %s" % (path, "; ".join(problems))))
        for host, read in self._facts(hosts, self.get_cache_key(path), cache).items():
            policy = self._policy(host, read)
            names = machine_names(host, read["machines"], self.get_option("hostnames"))
            for lost in read["unreadable"]:
                self._warn("host %r: a machine is left out: %s" % (host, lost["msg"]))
            for machine in read["machines"]:
                self._add(names[machine["uuid"]], host, machine, policy)

    def _plain_option(self, name: str) -> Any:
        """An option in Python's own types, decrypted."""
        try:
            return plain(self.get_option(name))
        except AnsibleError as error:
            raise AnsibleParserError("vbox.memory.vbox_machines: %s: %s" % (name, error)) from None

    def _facts(self, hosts: Sequence[Mapping[str, Any]], key: str, use_cache: bool) -> dict[str, Facts]:
        """The facts by host, of those that could be read. Only those that the cache does not have are read."""
        caching = self.get_option("cache")
        metrics = self.get_option("metrics")
        how = {host["name"]: _fingerprint(host, metrics) for host in hosts}
        facts = self._kept(key, how) if caching and use_cache else {}
        missing = [host for host in hosts if host["name"] not in facts]
        read = read_hosts(
            missing,
            list(map(str, self._plain_option("ssh_args"))),
            metrics,
            self.get_option("timeout"),
            self.get_option("forks"),
        )
        for host, result in zip(missing, read):
            if isinstance(result, HostError):
                self._complain("host %r cannot be read: %s" % (host["name"], result))
            else:
                facts[host["name"]] = result
        if caching and missing:
            self._cache[key] = {name: dict(how=how[name], facts=facts[name]) for name in facts}
        return {host["name"]: facts[host["name"]] for host in hosts if host["name"] in facts}

    def _kept(self, key: str, how: Mapping[str, str]) -> dict[str, Facts]:
        """The facts that the cache has, of hosts that would be read in the same way; none that are not as they have to be."""
        try:
            kept = plain(self._cache.get(key) or {})
        except Exception as error:  # there are many cache plugins
            self._warn("the cache cannot be read: %s" % error)
            return {}
        return {
            name: kept[name]["facts"]
            for name in how
            if isinstance(kept, dict)
            and not problem_of(kept.get(name), KEPT, name)
            and not problem_of_facts(kept[name]["facts"])
            and kept[name]["how"] == how[name]
        }

    def _complain(self, message: str) -> None:
        if self.get_option("strict_hosts"):
            raise AnsibleParserError(printable("vbox.memory.vbox_machines: " + message))
        self._warn(message)

    def _warn(self, message: str) -> None:
        self.display.warning(printable("vbox.memory.vbox_machines: " + message))

    def _policy(self, host: str, facts: Facts) -> dict[str, Any]:
        """What the policy says of the machines of a host, as :func:`resolve` returns it; nothing where it does not fit."""
        policies = self._plain_option("policy")
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
            self._complain("host %r: %s" % (host, "; ".join(error.problems)))
            return dict(explained=[], rules=[])

    def _add(self, name: str, host: str, machine: Machine, policy: Mapping[str, Any]) -> None:
        if name in self.inventory.groups:
            self._complain("%r is a group of another source of the inventory, and the machine is left out" % name)
            return
        self.inventory.add_host(name)
        variables = dict(vbox_machine=machine, vbox_host=host, vbox_hostname=host_name(machine["name"]))
        if self.get_option("policy") is not None:
            variables["vbox_policy"] = next(
                (one["settings"] for one in policy["explained"] if one["uuid"] == machine["uuid"]), {}
            )
        variables = untrusted(variables)
        for key, value in variables.items():
            self.inventory.set_variable(name, key, value)
        for group in self._groups(host, machine, policy):
            self.inventory.add_child(self.inventory.add_group(group_name(group)), name)
        self._construct(name, variables)

    def _groups(self, host: str, machine: Machine, policy: Mapping[str, Any]) -> list[str]:
        """The groups of a machine. All begin with a word of ours, so none is anybody else's."""
        groups = [ALL_MACHINES]
        for prefix, value in GROUPS:
            if value(host, machine) is not None:
                groups.append("%s_%s" % (prefix, value(host, machine)))
        for path in machine["groups"]:
            steps = [step for step in path.split("/") if step]
            groups += ["_".join(["vbox_group", *steps[:count]]) for count in range(1, len(steps) + 1)]
        for number, rule in enumerate(policy["rules"], 1):
            if machine["uuid"] in rule["machines"]:
                groups.append("vbox_rule_%s" % (number if rule["name"] is None else rule["name"]))
        return groups

    def _construct(self, name: str, variables: Mapping[str, Any]) -> None:
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)


def _fingerprint(host: Mapping[str, Any], metrics: bool) -> str:
    """What tells whether a host would be read in the same way again. What is secret in its entry is not to be in the cache."""
    return hashlib.sha256(json.dumps([host, metrics], sort_keys=True, default=str).encode()).hexdigest()
