# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What playbooks do with the modules: the targets beside this file, and every example of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from support.hosts import FakeTestHost, SandboxTestHost
from support.plays import ROLES, fake_host, play, sandbox_host

MODULES = Path(__file__).resolve().parents[2] / "plugins" / "modules"
NAMES = sorted(path.stem for path in MODULES.glob("vbox_*.py"))
USERS = {
    "one": ("vbox36", "vbox37"),
    "two": ("vbox38", "vbox39"),
}  # of the tests' sandbox: the host's user, and another


def test_every_module_has_a_target():
    assert NAMES == sorted(path.parent.name for path in ROLES.glob("*/aliases"))


@pytest.mark.sandbox
@pytest.mark.parametrize("target", NAMES)
def test_target(sandbox, tmp_path, target):
    hosts = {name: dict(sandbox_host(sandbox, user), other_user=other) for name, (user, other) in USERS.items()}
    play(tmp_path, hosts, roles=[target])


def examples():
    """All tasks of the modules' examples."""
    for module in NAMES:
        text = re.search(
            r'^EXAMPLES = r"""\n(.*?)^"""',
            (MODULES / (module + ".py")).read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        ).group(1)
        yield module, yaml.safe_load(text)


def machines_of(tasks):
    """The names of all machines in the tasks, in order."""
    names = []
    for task in tasks:
        options = next((value for key, value in task.items() if key.startswith("vbox.memory.")), None) or {}
        listed = [one["name"] if isinstance(one, dict) else one for one in options.get("machines", [])]
        names += [name for name in [options.get("name"), *listed] if name and name not in names]
    return names


def needs_a_running_machine(task):
    return "running machine" in task["name"]


def in_short(task):
    """A task whose module goes on for so many seconds, with fewer of them."""
    return {
        key: dict(value, duration=min(value["duration"], 3))
        if isinstance(value, dict) and "duration" in value
        else value
        for key, value in task.items()
    }


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("module", "tasks"),
    [pytest.param(*example, id=example[0]) for example in examples() if example[0] != "vbox_pagefusion"],
)
def test_examples_with_stopped_machines(sandbox, tmp_path, module, tasks):
    policy = {"defaults": {"large_pages": False}}  # for the example that takes the host's own
    hosts = {"one": dict(sandbox_host(sandbox, USERS["one"][0]), vbox_memory_policy=policy)}
    host = SandboxTestHost(sandbox, USERS["one"][0])
    tasks = [in_short(task) for task in tasks if not needs_a_running_machine(task)]
    for name in machines_of(tasks):
        host.create(name)
        host.vbox("modifyvm", name, "--memory", "4096")
    play(tmp_path, hosts, tasks)


def test_examples_of_page_fusion(tmp_path):
    """On a release that has it."""
    host = FakeTestHost(tmp_path / "fake", release="7.1")
    tasks = dict(examples())["vbox_pagefusion"]
    for name in machines_of(tasks):
        host.create(name, ostype="Windows10_64")
    play(tmp_path, {"here": fake_host(host.fake)}, tasks)
    assert {name: host.fake.machine(name)["page_fusion"] for name in machines_of(tasks)} == {
        "desktop01": True,
        "desktop02": True,
        "tenant01": False,
    }


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, id=task["name"])
        for _module, tasks in examples()
        for task in tasks
        if needs_a_running_machine(task)
    ],
)
def test_examples_with_running_machines(tmp_path, task):
    """On the fake: the sandbox cannot run any."""
    host = FakeTestHost(tmp_path / "fake", clock_rate=20)
    for name in machines_of([task]):
        host.fake.add_guest(name, memory=4096, rate=100)
    play(tmp_path, {"here": fake_host(host.fake)}, [task])
