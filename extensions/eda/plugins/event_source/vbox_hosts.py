# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vbox_hosts
short_description: Watch VirtualBox hosts, and tell when memory runs short
description:
  - Looks at VirtualBox hosts in turn, in the way of the inventory plugin P(vbox.memory.vbox_machines#inventory), and sends an event when something
    changes by the planner of P(vbox.memory.balance#filter). Nothing is changed on the hosts, but that VirtualBox's metrics are set up where they are not.
  - The events and their fields are on the page C(docs/event-driven.md).
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
options:
  hosts:
    description:
      - The VirtualBox hosts, as O(vbox.memory.vbox_machines#inventory:hosts). Their names have to be those of the inventory that ansible-rulebook is
        given, as playbooks that answer are limited to them.
    type: list
    elements: dict
    required: true
  interval:
    description: The seconds between two looks at a host, 1 to 3600.
    type: float
    default: 30
  repeat:
    description: After how many seconds what still holds is said again, 1 to 604800.
    type: float
    default: 600
  balance:
    description: Limits for the planner, as the dictionary O(vbox.memory.balance#filter:policy). The C(period) is O(interval) unless it is set.
    type: dict
    default: {}
  ssh_args:
    description: The first arguments of every C(ssh).
    type: list
    elements: str
    default: ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10']
  timeout:
    description: The seconds that a look may take, 1 to 3600. A host that takes longer is C(unreachable).
    type: int
    default: 60
  forks:
    description:
      - How many hosts are looked at a time, 1 to 1000. Hosts that could not be read at their last look have as many places of their own, and keep
        no others waiting.
    type: int
    default: 10
"""

EXAMPLES = r"""
- vbox.memory.vbox_hosts:
    interval: 60
    hosts:
      - name: office
        ssh: me@office.example.org
      - name: lab
        ssh: admin@lab.example.org
        become_user: vbox
    balance:
      reserve: 10%
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# ansible-rulebook runs this file by its path, and does not know where collections are: eight folders up from here. (Ansible's own loader of
# collections would do, but with it ansible-rulebook could not run the next such file.)
FOLDER = os.path.abspath(os.path.join(__file__, *[os.pardir] * 8))
sys.path.append(FOLDER)
import ansible_collections  # noqa: I001

COLLECTIONS = os.path.join(FOLDER, "ansible_collections")
if COLLECTIONS not in ansible_collections.__path__:  # there is a package of that name elsewhere
    ansible_collections.__path__.append(COLLECTIONS)

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean, printable
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import read
from ansible_collections.vbox.memory.plugins.plugin_utils.balancing import (
    BROKEN,
    BalanceError,
    inputs,
    planned,
    watched,
)
from ansible_collections.vbox.memory.plugins.plugin_utils.remote import HostError, problems_of, read_host
from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown
from ansible_collections.vbox.memory.plugins.plugin_utils.watch import Event, Watched, after_failure, after_look

NAME = "vbox.memory.vbox_hosts"
SSH_ARGS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
# Options: default, kinds, for numbers the least and the most, and what all that is called
OPTIONS: dict[str, tuple[Any, tuple[type, ...], tuple[float, ...], str]] = {
    "hosts": (None, (list,), (), "a list of hosts"),
    "interval": (30, (int, float), (1, 3600), "a number of seconds from 1 to 3600"),
    "repeat": (600, (int, float), (1, 604800), "a number of seconds from 1 to 604800"),
    "balance": ({}, (dict,), (), "a dictionary"),
    "ssh_args": (list(SSH_ARGS), (list,), (), "a list of arguments"),
    "timeout": (60, (int,), (1, 3600), "a whole number of seconds from 1 to 3600"),
    "forks": (10, (int,), (1, 1000), "a whole number from 1 to 1000"),
}
# A playbook that answers gets the name as `--limit`, which takes more than names.
ONE_HOST = re.compile(r"(?!all$)[A-Za-z0-9_][\w.-]*")


async def main(queue: Any, args: dict[str, Any]) -> None:
    """Watch all hosts until it is cancelled, each by itself.

    :raises ValueError: where an option is wrong, in one line
    """
    given = options(args)
    # Hosts that do not answer have threads of their own, so those that do never wait for them.
    with ThreadPoolExecutor(given["forks"]) as answering, ThreadPoolExecutor(given["forks"]) as silent:
        await asyncio.gather(*(_watch(host, given, queue, (answering, silent)) for host in given["hosts"]))


def options(args: Mapping[str, Any]) -> dict[str, Any]:
    """The options with their defaults.

    :raises ValueError: naming all that is wrong
    """
    problems = ["there is no option %s; %s" % (key, did_you_mean(key, OPTIONS)) for key in args if key not in OPTIONS]
    given = {key: args[key] if args.get(key) is not None else option[0] for key, option in OPTIONS.items()}
    for key, (_default, kinds, limits, words) in OPTIONS.items():
        value = given[key]
        right = isinstance(value, kinds) and not isinstance(value, bool)
        if not right or (limits and not limits[0] <= value <= limits[1]):
            problems.append("%s: %s is not %s" % (key, shown(value, 60), words))
    if not problems:
        problems += problems_of(given["hosts"]) or _problems_of_names(given["hosts"])
        problems += [] if given["hosts"] else ["hosts: there is none to watch"]
        given["balance"] = dict({"period": given["interval"]}, **given["balance"])
        try:
            read(given["balance"])
        except ValueError as error:
            problems += ["balance: %s" % line for line in str(error).splitlines()]
    if problems:
        raise ValueError(printable("%s: %s" % (NAME, "; ".join(problems))))
    return given


def _problems_of_names(hosts: list[Mapping[str, Any]]) -> list[str]:
    return [
        "hosts[%d].name: %r is not how one host can be called in an inventory" % (number, host["name"])
        for number, host in enumerate(hosts)
        if not ONE_HOST.fullmatch(host["name"])
    ]


async def _watch(
    host: Mapping[str, Any], given: Mapping[str, Any], queue: Any, pools: tuple[ThreadPoolExecutor, ThreadPoolExecutor]
) -> None:
    """Look at a host for ever."""
    loop = asyncio.get_running_loop()
    known, answers = Watched(), True
    while True:
        events, known, answers = await loop.run_in_executor(pools[not answers], _look, host, given, known)
        for event in events:
            await queue.put(event)
        await asyncio.sleep(given["interval"])  # a host that answers slowly has as long for others


def _look(host: Mapping[str, Any], given: Mapping[str, Any], known: Watched) -> tuple[list[Event], Watched, bool]:
    """Read a host and plan: the events, what is known then, and whether it answered."""
    try:
        facts = read_host(host, list(map(str, given["ssh_args"])), True, given["timeout"])
    except HostError as error:
        return (*after_failure(host["name"], known, str(error), time.monotonic(), given["repeat"]), False)
    return (*_told(host["name"], facts, given, known, time.monotonic()), True)


def _told(
    host: str, facts: dict[str, Any], given: Mapping[str, Any], known: Watched, now: float
) -> tuple[list[Event], Watched]:
    """The events of a look, and what is known then. A host whose answer makes no sense is one that cannot be read."""
    try:
        return after_look(host, known, facts, _plan(facts, given["balance"], known.history, now), now, given["repeat"])
    except (*BROKEN, BalanceError) as error:
        reason = "nothing can be planned from its answer: %s" % (str(error) or type(error).__name__)
        return after_failure(host, known, reason, now, given["repeat"])


def _plan(facts: dict[str, Any], settings: dict[str, Any], history: Any, now: float) -> dict[str, Any]:
    """What balance would do now; its history is that of one who watches, as nothing of it is carried out here."""
    given = inputs(facts, settings, [], history, now)
    return dict(planned(given), history=watched(given))
