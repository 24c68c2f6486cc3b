# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The report of apply and audit on a terminal: plain text under every callback and format, as wide as the terminal, each error once."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from support.fake_fleet import Fakes

TYPO = {"defaults": {"baloon": 1}}
LONG = "a machine with a name that is quite a bit longer than people think that it should be"


@pytest.fixture
def fakes(tmp_path):
    """A host where something differs, and two with the same typo in their policies."""
    fakes = Fakes(tmp_path)
    for name in ("good", "typo1", "typo2"):
        fakes.host(name, **({} if name == "good" else {"vbox_memory_policy": TYPO}))
        fakes.hosts[name].add_machine(LONG, memory=1024)
    return fakes


def test_each_error_is_printed_once(fakes):
    status, output = fakes.play(playbook="vbox.memory.apply")
    assert status == 2
    assert output.count("did you mean balloon?") == 1
    assert "FAILED: typo1; typo2: 1 problem with the policy, and nothing was changed:\n" in output
    assert output.index("FAILED: typo1") > output.index(LONG)
    assert "1 machine on 3 hosts: 1 setting changed, 0 have to wait for a shutdown, 2 failures.\n" in output


@pytest.mark.parametrize(
    "settings",
    [
        {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        {"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"},
        {"ANSIBLE_STDOUT_CALLBACK": "minimal"},
        {"ANSIBLE_STDOUT_CALLBACK": "oneline"},
    ],
    ids=lambda settings: "-".join(settings.values()),
)
def test_it_is_plain_text_under_every_callback_and_format(fakes, monkeypatch, settings):
    output = on_a_terminal(fakes, 200, settings)
    lines = output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Host "))
    assert re.fullmatch(r"-[ -]+", lines[start + 1])
    assert lines[start + 2].startswith("good  " + LONG)
    assert lines[start + 3].startswith("FAILED: typo1; typo2: ")


@pytest.mark.parametrize("playbook", ["apply", "audit", "maintain", "balance", "report"])
def test_the_machines_of_the_inventory_plugin_are_no_hosts(fakes, playbook):
    """Unless somebody says so: a machine has no VirtualBox."""
    (fakes.folder / "machines.json").write_text(json.dumps({"vbox_machines": {"hosts": {"web01.good.vbox": {}}}}))
    arguments = ("-i", "machines.json", "--list-hosts")
    status, output = fakes.play(*arguments, playbook=f"vbox.memory.{playbook}")
    assert status == 0 and "web01.good.vbox" not in output and "\n      good\n" in output, output
    _status, output = fakes.play(*arguments, "-e", "vbox_memory_hosts=all", playbook=f"vbox.memory.{playbook}")
    assert "\n      web01.good.vbox\n" in output, output


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_the_terminal_and_v_shows_all(fakes, width):
    output = on_a_terminal(fakes, width)
    table = re.search(r"^Host .*\n-.*\ngood .*$", output, re.MULTILINE).group().splitlines()
    assert max(map(len, table)) < width and "…" in table[2] and LONG not in table[2]
    table = re.search(r"^Host .*\n-.*\ngood .*$", on_a_terminal(fakes, width, {}, "-v"), re.MULTILINE).group()
    assert LONG in table


def on_a_terminal(fakes, width, settings=None, *arguments):
    """What `ansible-playbook vbox.memory.audit` prints on a terminal of so many columns."""
    (fakes.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": fakes.inventory}}))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = dict(os.environ, ANSIBLE_HOME=str(fakes.folder / "a"), ANSIBLE_NOCOLOR="true", **(settings or {}))
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.json", "vbox.memory.audit", *arguments]
    with subprocess.Popen(
        argv, cwd=fakes.folder, env=environment, stdin=theirs, stdout=theirs, stderr=subprocess.STDOUT
    ) as play:
        os.close(theirs)
        output = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed: the play has ended
                break
            if not part:
                break
            output += part
        play.wait()
    os.close(ours)
    return output.decode().replace("\r\n", "\n")


def test_a_program_that_reads_the_output_still_can(fakes):
    """The callback json writes one document; the lines are in it, and on the standard error for people."""
    task = {"vbox.memory.vbox_memory_print": {"lines": ["a", "b\x1b[31m"]}, "run_once": True}
    callback = fakes.folder / "callbacks"
    callback.mkdir()
    # A callback of this name, as ansible.posix has it, which is not installed here.
    (callback / "jsonl.py").write_text(
        "from ansible.plugins.callback import CallbackBase\n"
        "class CallbackModule(CallbackBase):\n"
        "    CALLBACK_VERSION = 2.0\n"
        "    CALLBACK_TYPE = 'stdout'\n"
        "    CALLBACK_NAME = 'jsonl'\n"
        "    def v2_runner_on_ok(self, result):\n"
        "        self._display.display('OUT ' + self._dump_results(result._result).replace(chr(10), ' '))\n"
    )
    (fakes.folder / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    (fakes.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": fakes.inventory}}))
    environment = dict(os.environ, ANSIBLE_HOME=str(fakes.folder / "a"), ANSIBLE_STDOUT_CALLBACK="jsonl")
    environment["ANSIBLE_CALLBACK_PLUGINS"] = str(callback)
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.json", "play.json"]
    done = subprocess.run(argv, cwd=fakes.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("OUT ") for line in done.stdout.splitlines() if line.strip()), done.stdout
    assert "a\nb\\x1b[31m\n" in done.stderr and '"lines"' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"lines": "a"}, "lines: it is a string, and has to be a list of strings"),
        ({"lines": [1]}, "lines: it is a list, and has to be a list of strings"),
        ({}, "lines: it is null, and has to be a list of strings"),
        ({"line": []}, "there is no option line; did you mean lines?"),
    ],
)
def test_wrong_arguments(fakes, arguments, problem):
    status, output = fakes.tasks({"vbox.memory.vbox_memory_print": arguments, "run_once": True})
    assert status == 2 and "vbox.memory.vbox_memory_print: " + problem in re.sub(r"\s+", " ", output)
