# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The table of cases (tests/cases/*.yml), each on the fake and, where it can show it, on the real VirtualBox.

A case is run three times: in check mode, for real, and again. Check mode must say what the real run then does and change
nothing; the second run must change nothing and send nothing. Where a case runs on both kinds of host, the results must be equal.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from support.hosts import FakeTestHost, SandboxTestHost

FILES = sorted((Path(__file__).resolve().parents[1] / "cases").glob("*.yml"))
CASES = {f"{file.stem}: {case['id']}": case for file in FILES for case in yaml.safe_load(file.read_text())}
EVERYWHERE = ["7.2", "sandbox"]
BINDINGS = "sandbox, api"  # the sandbox once more, by VirtualBox's bindings: for every case that it runs
REAL = ("sandbox", BINDINGS)
CHANGING = ("modifyvm", "controlvm", "startvm")


def pairs():
    for name, case in CASES.items():
        places = [str(place) for place in case.get("runs_on", EVERYWHERE)]
        for place in places + ([BINDINGS] if "sandbox" in places else []):
            yield pytest.param(
                name, place, id=f"{name} [{place}]", marks=[pytest.mark.sandbox] if place in REAL else []
            )


@pytest.mark.parametrize(("name", "where"), list(pairs()))
def test_case(name, where, host_for, results):
    case = CASES[name]
    host = host_for(where, case)
    uuids = [make(host, machine) for machine in case.get("machines", [])]
    set_up_fake(host, case, uuids)
    parameters = filled(case["with"], uuids)
    before = states(host, uuids, case)

    if not case.get("fault_changes"):
        checked, check_calls = host.module(case["module"], parameters, check=True)
        assert states(host, uuids, case) == before, "check mode changed something"
        set_up_fake(host, case, uuids)
    result, calls = host.module(case["module"], parameters)

    assert_matches(named(result, uuids), case["result"], "result")
    if "calls" in case and where != BINDINGS:
        assert named(calls, uuids) == case["calls"]
    if not (case.get("check_differs") or case.get("fault_changes")):
        assert without_output(checked) == without_output(result), "check mode said something else"
        assert check_calls == without_changes(calls), "check mode read something else"
    if not (result.get("changed") or case.get("fault_changes")):
        assert states(host, uuids, case) == before, "changed without saying so"
    if not result.get("failed"):
        again, calls = host.module(case["module"], parameters)
        assert again.get("changed", False) is False  # facts say nothing of it
        assert [call for call in calls if call[0] in CHANGING] == []
    results.setdefault(name, {})[where] = named(without_output(result), uuids)
    assert result.get("backend", host.backend) == host.backend
    alike = [one for place, one in results[name].items() if place in EVERYWHERE or place == BINDINGS]
    assert all(one == alike[0] for one in alike), alike


@pytest.fixture(scope="module")
def results():
    """What each case gave in each place: they must be equal."""
    return {}


@pytest.fixture
def host_for(tmp_path, request):
    def choose(where, case):
        if where not in REAL:
            return FakeTestHost(tmp_path, release=where, kind=case.get("host", "linux"))
        host = request.getfixturevalue("fresh_user")()
        host.backend = "api" if where == BINDINGS else host.backend
        return host

    return choose


@pytest.fixture(scope="module")
def fresh_user(sandbox):
    """A function that gives a user of the sandbox who has no machines yet: not those of other files that ran before, whichever those were."""
    users = iter(())

    def next_user():
        nonlocal users
        user = next(users, None)
        if user is None:
            sandbox("down")
            sandbox("up")
            users = iter(json.loads(sandbox("info").stdout)["users"])
            user = next(users)
        return SandboxTestHost(sandbox, user)

    return next_user


def make(host, machine):
    """Make a machine with plain VBoxManage, and say its UUID."""
    uuid = host.create(machine["name"], *machine.get("create", []), ostype=machine.get("ostype", "Debian_64"))
    options = ["--memory", str(machine.get("memory", 1024)), *machine.get("modify", [])]
    host.vbox("modifyvm", uuid, *options)
    for later in machine.get("then", []):
        host.vbox("modifyvm", uuid, *later)
    for snapshot in machine.get("snapshots", []):
        host.vbox("snapshot", uuid, "take", snapshot)
    return uuid


def set_up_fake(host, case, uuids):
    """What only the fake can show: states, and faults, which are used up by a run."""
    if host.kind == "fake":
        for index, values in case.get("fake_state", {}).items():
            host.fake.change(uuids[index], **values)
        with host.fake.state() as state:
            state["host"].update(case.get("fake_host", {}))
        host.fake.faults(*filled(case.get("faults", []), uuids))


def states(host, uuids, case):
    if host.kind == "fake":
        compared = ("balloon", "current", "page_fusion", "large_pages", "memory", "state")
        with host.fake.state() as state:
            return [{key: machine[key] for key in compared} for machine in state["machines"]]
    # A server that has just started reads machines from their files, which round the time and keep another localhostReachable (measured).
    return [
        re.sub(
            "(VMStateChangeTime|localhostReachable)=.*", "", host.vbox("showvminfo", uuid, "--machinereadable")
        ).splitlines()
        for uuid in uuids
    ]


def filled(value, uuids):
    """A value of the table with `<0>`, `<1>`, … replaced by the machines' UUIDs."""
    text = json.dumps(value)
    for index, uuid in enumerate(uuids):
        text = text.replace(f"<{index}>", uuid)
    return json.loads(text)


def named(value, uuids):
    """The reverse of :func:`filled`."""
    text = json.dumps(value)
    for index, uuid in enumerate(uuids):
        text = text.replace(uuid, f"<{index}>")
    return json.loads(text)


def without_output(result):
    """A result without what no two runs share, or that differs because a command was run."""
    return {
        key: value
        for key, value in result.items()
        if key not in ("invocation", "exception", "backend", "backend_fallback")
    }


def without_changes(calls):
    """The calls of a real run, less the changes and the reads that follow them."""
    kept, after_change = [], False
    for call in calls:
        if call[0] in CHANGING:
            after_change = True
        elif after_change and call[0] == "showvminfo":
            after_change = False
        else:
            kept.append(call)
    return kept


def assert_matches(actual, expected, where):
    """Expected dictionaries may leave keys out; `msg` is a list of what must stand in it, or one such text."""
    if where.endswith(".msg"):
        for part in [expected] if isinstance(expected, str) else expected:
            assert part in actual, f"{where}: {part!r} is not in {actual!r}"
    elif isinstance(expected, dict):
        for key, value in expected.items():
            if value == "ABSENT":
                assert key not in actual, f"{where}.{key}"
            else:
                assert key in actual, f"{where} has no {key}: {actual}"
                assert_matches(actual[key], value, f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        assert len(actual) == len(expected), f"{where}: {actual}"
        for index, (one, other) in enumerate(zip(actual, expected)):
            assert_matches(one, other, f"{where}[{index}]")
    else:
        assert actual == expected, where
