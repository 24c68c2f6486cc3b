# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the planner is given: the same of a host by its facts as by what was observed there, and nothing while VirtualBox has no figures."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from support.hosts import FakeTestHost
from support.servers import new_server

from ansible_collections.vbox.memory.plugins.filter.balance import balance_filter
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import HOST_METRICS
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution.observer import HostObserver
from ansible_collections.vbox.memory.plugins.module_utils.execution.processes import Processes
from ansible_collections.vbox.memory.plugins.module_utils.facts import gather
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.inputs import planner_input

RECORDED = Path(__file__).resolve().parents[3] / "recorded" / "7.2.22"
WEB01 = "a69b7f61-93f7-4b1e-a2e3-91302e8bc5ff"  # in the recordings
# What only the host itself can say, or is of another clock.
OF_THE_HOST_ONLY = {"time", "other_controller", "users", "started", "request_time"}


@pytest.fixture(autouse=True)
def own_locks(monkeypatch):
    monkeypatch.setenv("VBOX_IPC_SOCKETID", new_server())


def comparable(host, machines):
    """The planner's input without what the facts cannot say, machines by their names."""
    rows = [{key: value for key, value in row.items() if key not in OF_THE_HOST_ONLY} for row in machines]
    for row in rows:
        row["sample"] = row["sample"] and {key: value for key, value in row["sample"].items() if key != "time"}
    return {key: value for key, value in host.items() if key not in OF_THE_HOST_ONLY}, {
        row["name"]: row for row in rows
    }


def both(backend, processes=Processes):
    """The planner's input by the facts, and by observing."""
    facts = gather(backend, None, True, 60, False)
    seen = HostObserver(backend, processes=processes).observe(60)
    return comparable(*planner_input(facts, 0)), comparable(seen.host, seen.machines)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A fake host whose time stands still but for what is waited, so that nothing changes between two looks."""
    host = FakeTestHost(tmp_path / "fake", clock_rate=0)
    for key, value in host.fake.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(time, "sleep", lambda _seconds: host.fake.advance(1))
    return host


def test_a_host_by_its_facts_is_what_is_observed_there(fake):
    web = fake.fake.add_guest("web01", memory=768, rate=1000)
    fake.fake.add_guest("desk", memory=2048, ostype="Windows10_64", reports_balloon=True, rate=1000)
    fake.fake.add_guest("mute", additions=False)
    fake.fake.add_guest("asleep", state="paused")
    fake.fake.add_guest("large")
    fake.fake.change("large", large_pages=True)
    fake.fake.add_machine("off", memory=512)
    fake.vbox("controlvm", web, "guestmemoryballoon", "100")
    fake.fake.advance(10)
    with select_backend("vboxmanage", fake.fake.program) as backend:
        by_facts, observed = both(backend)
    assert by_facts == observed
    host, machines = by_facts
    assert sorted(machines) == ["asleep", "desk", "large", "mute", "web01"]
    assert host["ballooned_kb"] == 100 * 1024 and host["vmm_used_kb"] > 0
    assert [name for name in sorted(machines) if machines[name]["sample"]] == ["desk", "large", "web01"]
    assert machines["web01"]["request_mb"] == 100 and machines["large"]["large_pages"] is True


# Prints what the real VBoxManage was recorded to print of a host with one running machine.
RECORDED_VBOXMANAGE = r"""#!%s
import sys
folder, uuid, words = %r, %r, sys.argv[1:]
HEAD = "Object          Metric                                   Values\n--------------- ---------------------------------------- ---\n"
if words[0] == "--version":
    print("7.2.22r175245")
elif words[0] == "list":
    print('"web01" {%%s}' %% uuid)
elif words[0] == "showvminfo":
    print(open(folder + "/running.txt").read(), end="")
elif words[:2] == ["metrics", "query"]:
    rows = open(folder + "/running-metrics.txt").read().splitlines()[2:]
    names = {"*": ("host", "web01"), "host": ("host",), uuid: ("web01",)}[words[2]]
    rows = [row for row in rows if row.split()[0] in names and row.split()[1] in words[3].split(",")]
    print(HEAD + "".join(row + "\n" for row in rows), end="")
elif words[:2] == ["metrics", "list"]:
    print(HEAD + "web01           %%s kB            0 2147483647          1          1 Free." %% words[3])
elif words[0] != "getextradata":
    sys.exit("not recorded: %%r" %% words)
"""


def test_a_recorded_host_by_its_facts_is_what_is_observed_there(tmp_path):
    program = tmp_path / "VBoxManage"
    program.write_text(RECORDED_VBOXMANAGE % (sys.executable, str(RECORDED), WEB01))
    program.chmod(0o755)
    with select_backend("vboxmanage", str(program)) as backend:
        by_facts, observed = both(backend)
    assert by_facts == observed
    host, machines = by_facts
    assert (host["total_mb"], host["available_mb"], host["ballooned_kb"]) == (5929, 5638, 153600)
    assert machines["web01"]["sample"] == dict(total_kb=725760, free_kb=545836, cache_kb=5000, balloon_kb=0)


def test_while_the_hypervisor_has_counted_nothing_nothing_is_planned(fake):
    """VirtualBox says 0 for some seconds then, and by that the machines would hold nothing."""
    fake.fake.add_guest("web01", memory=768)
    with fake.fake.state() as state:
        state["host"]["vmm_counts_after"] = 100000
    with select_backend("vboxmanage", fake.fake.program) as backend:
        with pytest.raises(VBoxMemoryError, match="no figures of the host yet .*RAM/VMM/Used.*: run again") as raised:
            HostObserver(backend, processes=Processes).observe(0)
        assert raised.value.code == "server_unavailable"
        facts = gather(backend, None, True, 0, False)
        with pytest.raises(AnsibleFilterError, match="the facts have no .*vmm_used_kb, .* of the host"):
            balance_filter(facts)
        with fake.fake.state() as state:
            state["host"]["vmm_counts_after"] = 0
        assert both(backend)[0] == both(backend)[1]
        assert both(backend)[0][0]["vmm_used_kb"] > 0


def test_where_nothing_runs_the_hypervisor_holds_nothing(fake):
    fake.fake.add_machine("off", memory=512)
    with select_backend("vboxmanage", fake.fake.program) as backend:
        by_facts, observed = both(backend)
    assert by_facts == observed
    assert (by_facts[0]["vmm_used_kb"], by_facts[1]) == (0, {})


def test_metrics_that_somebody_set_up_are_not_set_up_again_while_nothing_is_counted(fake):
    fake.fake.add_guest("mute", additions=False)
    with fake.fake.state() as state:
        state["host"]["vmm_counts_after"] = 100000
    fake.vbox("metrics", "setup", "--period", "1", "--samples", "1", "host", "RAM/Usage,RAM/VMM")
    fake.fake.advance(2)
    with select_backend("vboxmanage", fake.fake.program) as backend:
        assert gather(backend, None, True, 3, False)["host"]["vmm_used_kb"] is None
        with pytest.raises(VBoxMemoryError, match="RAM/VMM/Used"):
            HostObserver(backend, processes=Processes).observe(3)
    assert [call for call in fake.fake.calls("metrics") if call[1] == "setup" and call[6] == "host"][1:] == []


# A Python whose bindings see one running machine, and a hypervisor that has counted nothing.
BINDINGS = r"""#!%s
import json, sys
MACHINE = dict(uuid=%r, name="web01", state="running", memory=768, balloon_default=0, page_fusion=None, large_pages=False,
               balloon_current=0, additions_run_level=2, frontend="headless")
def figures(metrics):
    return {metric: 0 if "/VMM/" in metric else 2048 for metric in metrics}
ANSWERS = {
    "hello": lambda _params: {"version": "7.2.22"},
    "list": lambda _params: [MACHINE["uuid"]],
    "read": lambda _params: [{"machine": MACHINE}],
    "extra_data": lambda _params: {},
    "metrics_period": lambda _params: 1,
    "query_metrics": lambda params: figures(params["metrics"]),
    "query_each": lambda params: [figures(metrics) for _uuid, metrics in params["objects"]],
}
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"id": request["id"], "result": ANSWERS[request["method"]](request["params"])}), flush=True)
"""


def test_by_the_bindings_the_same_figures_are_not_known_either(tmp_path):
    """No metric is set up again, which these bindings could not do."""
    python, program = tmp_path / "python", tmp_path / "VBoxManage"
    python.write_text(BINDINGS % (sys.executable, WEB01))
    program.write_text(RECORDED_VBOXMANAGE % (sys.executable, str(RECORDED), WEB01))
    for file in (python, program):
        file.chmod(0o755)
    with select_backend("api", str(program), str(python)) as backend:
        host = gather(backend, None, True, 0, False)["host"]
        assert {key: host[key] for key in HOST_METRICS} == {
            key: None if key.startswith("vmm_") else 2048 for key in HOST_METRICS
        }
        with pytest.raises(VBoxMemoryError, match="RAM/VMM/Used"):
            HostObserver(backend, processes=Processes).observe(0)
