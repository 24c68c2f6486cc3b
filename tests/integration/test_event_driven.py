# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Event-Driven Ansible on fake hosts: the source by itself, and the rulebook with the real ansible-rulebook, which runs real playbooks."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from support.event_source import event_source
from support.fake_fleet import Fakes
from support.hosts import PATIENCE, wait_until
from support.rulebook import running_rulebook
from support.servers import new_server
from support.testbeds import TESTS

PAGE = TESTS.parent / "docs" / "event-driven.md"
SECONDS = 120  # in which all has to come about, on an idle machine

RIGHT = {"defaults": {"large_pages": False, "balloon": 0}}  # a policy
# What answers to pressure here: it uses the event in templates, and then applies the policy.
ANSWER = """
- name: Write down what was told
  hosts: all
  gather_facts: false
  tasks:
    - name: Write the event
      ansible.builtin.copy:
        content: "{{ ansible_eda.event.name }} {{ ansible_eda.event.sentence }}"
        dest: "%s/told-{{ inventory_hostname }}"
        mode: "0600"
- name: Apply the policy
  ansible.builtin.import_playbook: vbox.memory.apply
"""


def entry(fakes, name):
    """A fake host as the source's `hosts` take it. Its Python has locks of its own, as on another machine."""
    python = fakes.folder / name / "python"
    python.write_text(f'#!/bin/sh\nVBOX_IPC_SOCKETID={new_server()} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return {
        "name": name,
        "python": str(python),
        "vboxmanage": fakes.inventory[name]["vbox_memory_vboxmanage"],
    }


class Events:
    """What a source sends, as a queue that never keeps it waiting."""

    def __init__(self):
        self.sent = []

    async def put(self, event):
        self.sent.append(event)

    def of(self, host, kind):
        return [event for event in self.sent if (event["host"], event["type"]) == (host, kind)]


def watched(options, until, meanwhile=lambda events: None, at_end=lambda: None):
    """Run the source until a condition of its events holds, which it must within SECONDS of an idle machine."""

    async def run():
        events = Events()
        source = asyncio.create_task(event_source().main(events, options))
        try:
            async with asyncio.timeout(SECONDS * PATIENCE):
                while not until(events):
                    if source.done():
                        source.result()
                    meanwhile(events)
                    await asyncio.sleep(0.1)
        finally:
            source.cancel()
            at_end()
            await asyncio.wait([source])
        return events

    with ThreadPoolExecutor(1) as pool:  # the browser's tests leave a loop running in this thread
        return pool.submit(asyncio.run, run()).result()


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path)


def starve(fakes, host, name, policy_balloon=0):
    """A host with a running guest that has 256 MB in its balloon, and nearly nothing free."""
    fake = fakes.host(host, vbox_memory_policy={"defaults": dict(RIGHT["defaults"], balloon=policy_balloon)})
    fakes.guest(host, name, balloon=256)
    fake.set_guest(name, program_mb=380)
    fake.advance(10)
    return fake


def test_need_is_told_once_again_after_a_while_and_when_it_is_over(fakes):
    fake = starve(fakes, "h1", "web")

    def stop(events):
        if len(events.of("h1", "pressure")) > 1 and fake.machine("web")["state"] == "running":
            fake.ok("controlvm", "web", "poweroff")

    events = watched(
        {"hosts": [entry(fakes, "h1")], "interval": 1, "repeat": 2}, lambda events: events.of("h1", "recovered"), stop
    )
    told = events.of("h1", "pressure")
    assert [event["repeated"] for event in told[:2]] == [False, True]
    assert (told[0]["machine"], told[0]["code"]) == ("web.h1.vbox", "starving")
    assert told[0]["figures"]["holds_mb"] == 512 and told[0]["figures"]["free_mb"] < 80
    assert events.sent[-1]["was"] == "pressure"
    assert events.sent[-1]["sentence"] == "web on h1: pressure is over: it does not run any more"


def test_hosts_that_do_not_answer_keep_nobody_waiting(fakes):
    """There is one place, and two hosts that fail at once at their first look and never end the second: a third is looked at all the same."""
    starve(fakes, "h1", "web")
    mute = [MuteHost(fakes.folder / name) for name in ("mute1", "mute2")]
    options = {"hosts": [mute[0].entry, entry(fakes, "h1"), mute[1].entry], "interval": 1, "repeat": 1, "forks": 1}

    def seen(events):
        return mute[0].hangs() and len(events.of("h1", "pressure")) > 3

    events = watched(options, seen, at_end=lambda: [each.release() for each in mute])
    assert events.of("mute1", "unreachable")[0]["sentence"] == "mute1 cannot be read: out of order (exit status 1)"
    assert not events.of("h1", "unreachable")


class MuteHost:
    """A host whose Python fails once, and then says nothing until it is released."""

    def __init__(self, folder):
        folder.mkdir()
        self.second, self.gate = folder / "second", folder / "gate"
        os.mkfifo(self.gate)
        python = folder / "python"
        python.write_text(
            f"#!/bin/sh\nif mkdir {folder}/once 2>&-; then echo out of order >&2; exit 1; fi\n"
            f": >{self.second}; read -r line <{self.gate}\n"
        )
        python.chmod(0o755)
        self.entry = {"name": folder.name, "python": str(python)}

    def hangs(self):
        return self.second.exists()

    def release(self):
        try:
            os.close(os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            assert error.errno == errno.ENXIO  # it has not got there


def test_the_rulebook_answers_once_for_each_host(fakes, tmp_path, need_testbed):
    """One host that the answer heals, one that it does not, one whose floors cannot be met, and one that is no VirtualBox host at all."""
    hostile = "{{ lookup('pipe', 'echo owned') }}"
    healed = starve(fakes, "healed", hostile)
    starve(fakes, "starved", "-web", policy_balloon=256)
    fakes.host("large", vbox_memory_policy=RIGHT).add_guest("vast", memory=1024 * 1024, additions=False)
    fakes.guest("large", "small")
    dead = {"name": "dead", "vboxmanage": "/nowhere/VBoxManage"}
    (tmp_path / "answers").mkdir()
    (tmp_path / "answers" / "answer.yml").write_text(ANSWER % tmp_path)
    variables = {
        "vbox_hosts": [*(entry(fakes, host) for host in fakes.inventory), dead],
        "vbox_interval": 2,
        "vbox_repeat": 2,
        "vbox_balance": {"period": 60},  # the fake's guests have figures that stand still
        "vbox_on_pressure": "answers/answer.yml",
    }
    with running_rulebook(tmp_path, fakes.inventory, variables, need_testbed) as run:
        wait_until(lambda: run.said() and healed.guest(hostile)["balloon"] == 0, SECONDS)
        wait_until(lambda: len(run.runs()) == 3, SECONDS)
        # It goes on to be told, and nobody answers again.
        wait_until(lambda: len(run.repeats("starved", "pressure")) > 2, SECONDS)
        assert sorted(run.runs()) == ["healed", "large", "starved"]
        said = run.said()
    assert "dead cannot be read: VBoxManage was not found" in said
    assert re.search(r"^large: the floors and fixed machines are \d+ MB more than the budget", said, re.MULTILINE)
    told = (tmp_path / "told-healed").read_text()
    assert told.startswith(
        "{ { lookup('pipe', 'echo owned') }} { { lookup('pipe', 'echo owned') }} on healed: by the plan it gets "
    )


VALIDATE = (
    "import sys, yaml; from ansible_rulebook.validators import Validate; Validate.rulebook(yaml.safe_load(sys.stdin))"
)


def test_the_examples_of_the_page_are_as_they_have_to_be():
    examples = [yaml.safe_load(text) for does, language, text in parts(PAGE) if language == "yaml"]
    variables = next(example for example in examples if isinstance(example, dict))
    own = next(example for example in examples if isinstance(example, list))
    checked = subprocess.run(
        [str(TESTS / "tools" / "with"), "eda", "python", "-c", VALIDATE],
        input=yaml.safe_dump(own),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    arguments = own[0]["sources"][0]["vbox.memory.vbox_hosts"]
    event_source().options(dict(arguments, hosts=variables["vbox_hosts"]))
    rulebook = (TESTS.parent / "extensions" / "eda" / "rulebooks" / "watch.yml").read_text()
    assert (
        set(variables)
        <= set(re.findall(r"\{\{ (vbox_\w+)", rulebook))
        == set(re.findall(r"^#   (vbox_\w+)", rulebook, re.M))
    )


def parts(page):
    """The examples of a page: the words of test_docs.py, the language and the text."""
    return re.findall(r"^<!-- test: (.+?) -->\n```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
