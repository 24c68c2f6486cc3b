# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Event-Driven Ansible on the live host: a guest that runs short of memory is seen over SSH, and a playbook gives it its memory back."""

from __future__ import annotations

import json

import pytest
from support.live import again_if_it_fell_by_itself, balloon, unharmed, wait_until
from support.rulebook import running_rulebook
from support.testbeds import ssh_variables

ANSWER_SECONDS = 600
POLICY = {"machines": {"web01": {"balloon": 0}}}


@pytest.mark.parametrize("host", ["api"], indirect=True)
@again_if_it_fell_by_itself
def test_a_guest_in_need_is_seen_and_gets_its_memory_back(host, live, tmp_path, need_testbed):
    reach = json.loads(live("info").stdout)
    ssh = ["-p", str(reach["port"]), "-i", reach["key"], "-o", "UserKnownHostsFile=" + reach["known_hosts"]]
    variables = {
        "vbox_hosts": [{"name": "lab", "ssh": [*ssh, "vbox@" + reach["host"]], "python": reach["python"]}],
        "vbox_interval": 30,  # a look takes a while there, and what answers needs the processor, too
        "vbox_balance": {"reserve": 0},
        "vbox_on_pressure": "vbox.memory.apply",
    }
    inventory = {"lab": dict(ssh_variables(reach, "vbox"), vbox_memory_policy=POLICY)}
    balloon(host, "web01", balloon_current=300)
    with running_rulebook(tmp_path, inventory, variables, need_testbed) as run:
        wait_until(lambda: "Loading rulebook" in run.said())
        assert run.runs() == []
        host.guest("web01", "sh", "-c", "eat 260 10 > /dev/null 2>&1 &")
        wait_until(lambda: "web01 on lab: by the plan it " in run.said(), ANSWER_SECONDS)
        wait_until(lambda: run.runs() == ["lab"], ANSWER_SECONDS)
    wait_until(lambda: host.memory("web01")["MemFree"] > 330)
    unharmed(host, "web01")
