# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What plugins/module_utils/backends/base.py promises, through every method and by every backend: the fake, the real command line, the
real bindings, and one in memory, which shows that the contract is all that a backend needs."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace

import pytest
from support.hosts import FakeTestHost, SandboxTestHost
from support.memory_backend import WEB01, MemoryBackend
from support.run_backend import call

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend

UNKNOWN = "12345678-4321-4321-4321-123456789abc"
HOST_FIGURES = {"host": {"memory_total_kb": "RAM/Usage/Total", "ballooned_kb": "RAM/VMM/Ballooned"}}
BACKENDS = [
    "memory",
    "fake",
    pytest.param("sandbox, vboxmanage", marks=pytest.mark.sandbox),
    pytest.param("sandbox, api", marks=pytest.mark.sandbox),
]
ANY_TEXT = "any text"
# Methods in order, on a stopped machine `web01` (<0>) with all settings off and 1024 MB, and what each gives back: a code for an error, None for
# nothing, a dictionary for what a machine or a sample holds at least.
CALLS = [
    (
        ["find", ["web01", "<0>", "nothing", UNKNOWN]],
        [{"name": "web01"}, {"uuid": "<0>"}, "machine_not_found", "machine_not_found"],
    ),
    (["find", ["web01"], False], [{"groups": [], "os_type": None, "os_description": None, "memory": 1024}]),
    (
        ["read", "<0>"],
        {"uuid": "<0>", "state": "poweroff", "balloon_default": 0, "balloon_current": None, "groups": ["/"]},
    ),
    (["read", UNKNOWN], "machine_not_found"),
    (["read_all"], [[{"name": "web01", "os_type": "Debian_64"}], {}]),
    (["read_all", False], [[{"name": "web01", "os_type": None}], {}]),
    (["read_live"], []),
    (["settings_file", "<0>"], ANY_TEXT),
    (["change", "<0>", {"balloon_default": 512, "large_pages": False}], None),
    (["read", "<0>"], {"balloon_default": 512, "large_pages": False}),
    (["change", "<0>", {"balloon_default": 0, "large_pages": True}], None),
    (["read", "<0>"], {"balloon_default": 0, "large_pages": True}),
    (["change", "<0>", {"balloon_current": 64}], "vboxmanage_failed"),
    (["change", UNKNOWN, {"balloon_default": 64}], "machine_not_found"),
    (["power", UNKNOWN, "acpipowerbutton"], "machine_not_found"),
    (["extra_data", "vbox.memory/"], {}),
    (["set_extra_data", "vbox.memory/restart/<0>", "headless 1 1"], None),
    (["set_extra_data", "other", "no row:\nKey: vbox.memory/x, Value: a"], None),
    (["extra_data", "vbox.memory/"], {"vbox.memory/restart/<0>": "headless 1 1"}),
    (["set_extra_data", "vbox.memory/restart/<0>", None], None),
    (["set_extra_data", "vbox.memory/restart/<0>", None], None),
    (["extra_data", "vbox.memory/"], {}),
    (["metrics_period", "<0>"], 0),
    (["setup_metrics", "host", ["RAM/Usage", "RAM/VMM"]], None),
    (["sample", HOST_FIGURES, 0], {"host": {}}),
    (["sampled", HOST_FIGURES], {"host": {"ballooned_kb": 0}}),
    (["query_metrics", "host", ["RAM/VMM/Ballooned"]], {"RAM/VMM/Ballooned": 0}),
    (
        ["query_each", {"host": ["RAM/VMM/Ballooned"], "<0>": ["Guest/RAM/Usage/Free"]}, {"<0>": "web01"}],
        {"host": {"RAM/VMM/Ballooned": 0}, "<0>": {}},
    ),
    (["query_each", {UNKNOWN: ["Guest/RAM/Usage/Free"]}, {}], {UNKNOWN: {}}),
    (["close"], None),
    (["read", "<0>"], {"name": "web01"}),
]


class InMemory:
    """The backend in memory, as the other hosts are."""

    def create(self, name):
        machine = replace(WEB01, name=name, state="poweroff", balloon_current=None, groups=["/"], os_type="Debian_64")
        self.backend = MemoryBackend(machine)
        return machine.uuid

    def results(self, calls):
        return [call(self.backend, *one) for one in calls]


@pytest.fixture
def host(request, tmp_path):
    kind = request.param
    if kind == "memory":
        return InMemory()
    if kind == "fake":
        host, backend = FakeTestHost(tmp_path), "vboxmanage"
    else:
        host, backend = SandboxTestHost(request.getfixturevalue("sandbox"), "vbox45"), kind.split(", ")[1]
        host.forget_machines()

    def results(calls):
        done = host.python("run_backend.py", backend, given=json.dumps(calls))
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])["results"]

    host.results = results
    return host


@pytest.mark.parametrize("host", BACKENDS, indirect=True)
def test_every_method(host):
    with host.server_held() if isinstance(host, SandboxTestHost) else contextlib.nullcontext():
        every_method(host)


def every_method(host):
    uuid = host.create("web01")

    def filled(value):
        return json.loads(json.dumps(value).replace("<0>", uuid))

    calls, expected = filled([list(one) for one, _expected in CALLS]), filled([expected for _call, expected in CALLS])
    results = host.results(calls)
    for one, result, wanted in zip(calls, results, expected, strict=True):
        assert_matches(result, wanted, one)


FORGED = 'x"\nGuestMemoryBalloon=777\nGuestOSType="x"\nGuestAdditionsRunLevel=9\nGuestAdditionsVersion="1\nmemory=5\nVMState="poweroff"\nz="'


@pytest.mark.parametrize("release", ["6.1", "7.0", "7.1", "7.2"])
def test_no_snapshot_s_name_stands_for_a_value_of_a_running_machine(tmp_path, release):
    host = FakeTestHost(tmp_path, release=release)
    host.fake.add_guest("db", memory=2048)

    def read():
        done = host.python("run_backend.py", "vboxmanage", given=json.dumps([["find", ["db"]], ["read_live"]]))
        return json.loads(done.stdout.splitlines()[-1])["results"]

    before = read()
    assert before[0][0]["state"] == "running" and len(before[1]) == 1
    host.vbox("snapshot", "db", "take", FORGED)
    assert "\nGuestAdditionsRunLevel=9\n" in host.vbox("showvminfo", "db", "--machinereadable")
    if release == "6.1":  # where a guest could do the like, too
        assert [one["code"] for one in read()[0]] == ["vboxmanage_unreadable"]
    else:
        assert read() == before


def test_live_machines_that_are_known_are_not_read_again_and_those_that_stopped_are_not_there(tmp_path):
    host = FakeTestHost(tmp_path)
    for name in ("one", "two"):
        host.fake.add_guest(name, memory=1024)
    (gone,) = re.findall(r'"two" \{(.*)\}', host.vbox("list", "vms"))
    host.forget_calls()
    done = host.python("run_backend.py", "vboxmanage", given=json.dumps([["live_by_known", gone]]))
    (live,) = json.loads(done.stdout.splitlines()[-1])["results"]
    assert [machine["name"] for machine in live] == ["one"]
    assert [call[0] for call in host.calls()].count("showvminfo") == 2, "both once"


def test_where_the_server_does_not_answer_the_list_is_not_asked_for_again(tmp_path):
    """It is where a machine seems to be locked only: the list tells whether it is lost."""
    host = FakeTestHost(tmp_path)
    uuid = host.create("web01")
    host.fake.faults({"kind": "server_failure", "command": "showvminfo", "count": None})
    host.forget_calls()
    done = host.python("run_backend.py", "vboxmanage", given=json.dumps([["find", [uuid]]]))
    ((error,),) = json.loads(done.stdout.splitlines()[-1])["results"]
    assert error["code"] == "server_unavailable"
    assert host.calls().count(["list", "vms"]) == 1


def test_the_table_has_every_method():
    promised = {name for name in vars(Backend) if not name.startswith("_")}
    assert promised - {"version", "capabilities", "fallback_reason", "name"} == {one[0] for one, _expected in CALLS} - {
        "sampled"
    }


def assert_matches(result, wanted, where):
    if isinstance(wanted, str) and isinstance(result, dict):
        assert result.get("code") == wanted and result["msg"], (where, result)
    elif wanted == ANY_TEXT:
        assert isinstance(result, str), (where, result)
    elif isinstance(wanted, dict):
        assert isinstance(result, dict) and result.keys() >= wanted.keys(), (where, result)
        for key, value in wanted.items():
            assert_matches(result[key], value, (where, key))
    elif isinstance(wanted, list):
        assert len(result) == len(wanted), (where, result)
        for one, value in zip(result, wanted, strict=True):
            assert_matches(one, value, where)
    else:
        assert result == wanted, (where, result)
