# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The role `balance` as a service: put there, run again, changed and taken away. The service really runs, on the fake; systemd is a stand-in that starts and
ends it, with folders of the test's own. With the real one it is in tests/live."""

from __future__ import annotations

import getpass
import json
import os
import sys
from pathlib import Path

import pytest
from support.fake_fleet import Fakes
from support.hosts import wait_until
from support.plays import recap
from support.testbeds import TESTS

pytestmark = pytest.mark.usefixtures("statuses_alone")

USER = getpass.getuser()
UNIT = f"vbox-memory-balance-{USER}.service"
POLICY = {"reserve": 0, "window": 10}


class Host:
    """A fake host, and the folders that the role works in."""

    def __init__(self, folder):
        self.fakes, self.units, self.programs, self.etc = (
            Fakes(folder),
            folder / "units",
            folder / "lib",
            folder / "etc",
        )
        self.units.mkdir()
        self.fake = self.fakes.host(
            "h1",
            clock_rate=1,
            balance_units=str(self.units),
            balance_programs=str(self.programs),
            balance_folder=str(self.etc),
            vbox_memory_balance_user=USER,
            vbox_memory_balance_python=sys.executable,
            ansible_python_interpreter=sys.executable,
        )
        self.fake.add_guest("web01", memory=1024, wobble_kb=12)

    def play(self, *arguments, **variables):
        """Run the role; gives back the counters of the recap, and what was printed."""
        role = {"ansible.builtin.include_role": {"name": "vbox.memory.balance"}}
        extra = {
            key: self.fakes.inventory["h1"][key] for key in ("balance_units", "balance_programs", "balance_folder")
        }
        path = f"{TESTS / 'support' / 'systemd'}{os.pathsep}{os.environ['PATH']}"
        settings = {"PATH": path, "SYSTEMD_FOLDER": str(self.units), "VBOX_MEMORY_BACKEND": "vboxmanage"}
        _status, output = self.fakes.tasks(
            role, arguments=("--diff", "-e", json.dumps(extra), *arguments), settings=settings, vars=variables
        )
        assert "Traceback" not in output, output
        return recap(output)["h1"], output

    def pid(self):
        path = self.units / f"{UNIT}.pid"
        return int(path.read_text()) if path.exists() else None

    def journal(self):
        return (self.units / f"{UNIT}.journal").read_text()

    def calls(self):
        """What systemctl was asked to do since this was asked last, without what only looks."""
        path = self.units / "calls"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        path.unlink(missing_ok=True)
        verbs = [next((word for word in call if not word.startswith("-")), "") for call in calls]
        return [verb for verb in verbs if verb in ("start", "stop", "restart", "enable", "disable")]

    def made(self):
        return sorted(path.name for folder in (self.programs, self.etc) for path in folder.glob("*"))


@pytest.fixture
def host(tmp_path, need_testbed):
    if os.getuid() != 0:
        need_testbed("the role gives files to root, which only root can")
    host = Host(tmp_path)
    yield host
    if host.pid():
        host.play(vbox_memory_balance_state="absent")


def test_it_comes_stays_changes_and_goes(host):
    service = {"vbox_memory_balance_state": "service", "vbox_memory_balance_policy": POLICY}
    counted, output = host.play("--check", **service)
    assert (counted["failed"], host.made(), host.pid(), host.calls()) == (0, [], None, []), output
    assert counted["changed"] >= 4, output

    counted, output = host.play(**service)
    assert counted["failed"] == 0 and sorted(host.calls()) == ["enable", "start"], output
    [configuration, program] = host.made()
    assert configuration == f"balance-{USER}.json" and program.startswith("vbox_memory_balance-")
    assert json.loads((host.etc / configuration).read_text())["policy"] == POLICY
    unit = (host.units / UNIT).read_text()
    for row in (f"User={USER}", "KillMode=process", "Restart=always", "WantedBy=multi-user.target"):
        assert f"\n{row}\n" in unit, unit
    pid = host.pid()
    wait_until(lambda: "web01" in json.dumps(status_of(pid)), 60)

    counted, output = host.play(**service)
    assert (counted["changed"], host.calls(), host.pid()) == (0, [], pid), output
    counted, output = host.play("--check", **service)
    assert (counted["changed"], host.calls()) == (0, []), output

    # Wrong: not put in place, and the service goes on by what it had.
    wrong = dict(service, vbox_memory_balance_policy=dict(POLICY, windw=3))
    counted, output = host.play(**wrong)
    assert counted["failed"] == 1 and "'windw' is no key" in output and (host.calls(), host.pid()) == ([], pid), output
    assert json.loads((host.etc / configuration).read_text())["policy"] == POLICY

    # Changed: one restart. A program of before, which no unit names any more, goes.
    (host.programs / "vbox_memory_balance-0123456789ab.pyz").touch()
    other = dict(service, vbox_memory_balance_policy=dict(POLICY, window=30))
    counted, output = host.play("--check", **other)
    assert '+        "window": 30' in output and (host.calls(), host.pid()) == ([], pid), output
    counted, output = host.play(**other)
    assert host.calls() == ["restart"] and host.pid() != pid and host.made() == [configuration, program], output
    assert counted["changed"] == 3, output  # the configuration, the restart and the old program

    counted, output = host.play("--check", vbox_memory_balance_state="absent")
    assert counted["changed"] >= 2 and counted["failed"] == 0 and host.calls() == [] and host.made(), output
    counted, output = host.play(vbox_memory_balance_state="absent")
    assert sorted(host.calls()) == ["disable", "stop"] and counted["failed"] == 0, output
    assert not (host.units / UNIT).exists() and not host.programs.exists() and not host.etc.exists()
    counted, output = host.play(vbox_memory_balance_state="absent")
    assert (counted["changed"], counted["failed"], host.calls()) == (0, 0, []), output
    (host.units / f"{UNIT}.pid").unlink()


def test_programs_and_folders_stay_while_another_user_s_service_needs_them(host):
    service = {"vbox_memory_balance_state": "service", "vbox_memory_balance_policy": POLICY}
    host.play(**service)
    old = host.programs / "vbox_memory_balance-0123456789ab.pyz"
    old.touch()
    (host.units / "vbox-memory-balance-other.service").write_text(f"ExecStart=python3 -I {old} x.json\n")
    counted, output = host.play(**service)
    assert counted["changed"] == 0 and old.exists(), output
    counted, output = host.play(vbox_memory_balance_state="absent")
    assert counted["failed"] == 0 and old.exists() and not (host.etc / f"balance-{USER}.json").exists(), output
    (host.units / f"{UNIT}.pid").unlink()


def status_of(pid):
    """The status that the service with this process has written."""
    for path in Path.home().glob(".vbox-memory/balance-*.json"):
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError, RecursionError):  # another test's, which has to be none
            continue
        if isinstance(found, dict) and found.get("pid") == pid:
            return found
    return None
