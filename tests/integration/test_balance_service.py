# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The service of balance, as the file that the role puts on a host, on the fake; with systemd it is in tests/live."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.fake_fleet import Fakes
from support.hosts import PATIENCE, FakeTestHost, wait_until
from support.plays import keep, kept

from ansible_collections.vbox.memory.plugins.module_utils.model.reservation import MARGIN
from ansible_collections.vbox.memory.plugins.plugin_utils.balance_program import program

pytestmark = pytest.mark.usefixtures("statuses_alone")

QUIET = {"rate": 60, "wobble_kb": 12}
POLICY = {"reserve": 0, "ready": 0, "window": 10}
WRONG, NOT_ALONE = 2, 3


@pytest.fixture
def path(tmp_path):
    name, content = program()
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


@pytest.fixture
def host(tmp_path):
    host = FakeTestHost(tmp_path / "fake")
    host.fake.add_guest("web01", memory=1024, **QUIET)
    host.fake.add_guest("db01", memory=1024, program_mb=450, **QUIET)
    host.fake.ok("controlvm", "db01", "guestmemoryballoon", "400")
    host.fake.advance(30)
    with host.fake.state() as state:
        state["host"]["available_mb"] = 1950
    return host


class Service:
    """The program as a process; what it says is in `lines`."""

    def __init__(self, host, path, configuration):
        self.host, self.output = host, path.with_suffix(".journal")
        target = path.with_suffix(".json")
        target.write_text(json.dumps(configuration))
        environment = host.environment()
        del environment["PYTHONPATH"]  # it needs nothing of ours, and no Ansible
        with self.output.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-I", str(path), str(target)], env=environment, stdout=stream, stderr=subprocess.STDOUT
            )

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.process.kill()
        self.process.wait()

    def said(self):
        return self.output.read_text()

    def until_said(self, words):
        wait_until(lambda: re.search(words, self.said()) or self.process.poll() is not None, 60)
        assert re.search(words, self.said()), self.said()


def status(host):
    facts, _calls = host.module("vbox_memory_facts", {"metrics": False, "details": False})
    return facts["ansible_facts"]["vbox_memory"]["balance_service"]


def test_the_same_code_is_the_same_file(path):
    name, content = program()
    assert path.name == name and path.read_bytes() == content
    assert re.fullmatch(r"vbox_memory_balance-[0-9a-f]{12}\.pyz", name)
    with zipfile.ZipFile(path) as archive:
        code = "\n".join(archive.read(each).decode() for each in archive.namelist())
    assert "from ansible." not in code and "import ansible\n" not in code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "no dictionary"),
        ('{"polcy": {}}', "'polcy' is no key"),
        ('{"policy": []}', "policy: [] is not a dictionary"),
        ('{"policy": {"reserve": "x"}, "backend": "ssh"}', "backend: 'ssh'"),
        ('{"policy": {"machines": 5}}', "machines: 5 is not a dictionary"),
        ('{"policy": {"defaults": {"floor": "1\\n2"}}}', "'1\\n2' is not a size"),
        ('{"vboxmanage": 5}', "vboxmanage: 5"),
    ],
)
def test_a_wrong_configuration_is_refused_before_anything_is_done(path, tmp_path, text, words):
    target = tmp_path / "c.json"
    target.write_text(text)
    for option in (["--check"], []):
        done = subprocess.run(
            [sys.executable, "-I", path, *option, target], capture_output=True, text=True, check=False
        )
        assert done.returncode == WRONG and words in done.stderr and "Traceback" not in done.stderr, done
        assert all(line.startswith(str(target)) for line in done.stderr.splitlines())


def test_a_good_configuration_passes(path, tmp_path):
    target = tmp_path / "c.json"
    target.write_text(json.dumps({"policy": POLICY, "backend": "auto", "vboxmanage": None, "api_python": None}))
    done = subprocess.run([sys.executable, "-I", path, "--check", target], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for arguments in ([], [target, target]):
        done = subprocess.run([sys.executable, "-I", path, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == WRONG and "usage" in done.stderr


def test_it_balances_says_so_and_leaves_when_told(host, path):
    assert status(host) is None
    with Service(host, path, {"policy": POLICY, "backend": "vboxmanage"}) as service:
        service.until_said("machine 'db01': gets .* A balloon of ")
        wait_until(lambda: (status(host) or {}).get("rounds"), 30)
        found = status(host)
        assert found["running"] and found["problem"] is None and found["pid"] == service.process.pid, found
        assert found["version"] in path.name and found["last_round"] >= found["since"]
        assert [machine["name"] for machine in found["machines"]] == ["web01", "db01"]
        service.process.send_signal(signal.SIGTERM)
        service.process.wait()
    assert status(host)["running"] is False
    with Service(host, path, {"policy": POLICY}) as again:  # nothing that it left is in the way
        wait_until(lambda: status(host)["running"] and status(host)["pid"] == again.process.pid, 30)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_any_signal_ends_it_without_a_word_and_leaves_nothing_in_the_way(host, path, number):
    with Service(host, path, {"policy": POLICY, "backend": "vboxmanage"}) as service:
        service.until_said("machine 'db01': gets .* A balloon of ")
        service.process.send_signal(number)
        assert service.process.wait() == -number and "Traceback" not in service.said()
    with Service(host, path, {"policy": POLICY, "backend": "vboxmanage"}) as again:
        wait_until(lambda: status(host)["pid"] == again.process.pid and status(host)["rounds"], 60)


def test_it_refuses_a_second_one_and_the_controller_of_virtualbox_by_name(host, path, tmp_path):
    with Service(host, path, {"policy": POLICY}) as first:
        wait_until(lambda: (status(host) or {}).get("rounds"), 30)
        with Service(host, path.rename(tmp_path / "second.pyz"), {"policy": POLICY}) as second:
            assert second.process.wait(60 * PATIENCE) == NOT_ALONE
            assert "another balance of this user" in second.said() and "Traceback" not in second.said()
        refused, _calls = host.module("vbox_memory_balance", {"policy": POLICY})
        assert refused["code"] == "balloon_busy"
        assert first.process.poll() is None
        path = tmp_path / "second.pyz"
    other_program = tmp_path / "VBoxBalloonCtrl"
    shutil.copy(shutil.which("sleep"), other_program)
    other = subprocess.Popen([other_program, "600"], env=host.environment())
    try:
        with Service(host, path, {"policy": POLICY}) as service:
            assert service.process.wait(60 * PATIENCE) == NOT_ALONE
            assert f"VBoxBalloonCtrl (process {other.pid})" in service.said()
    finally:
        other.kill()
        other.wait()


def test_room_for_a_machine_is_asked_of_the_service_by_a_task(host, path):
    with Service(host, path, {"policy": POLICY, "backend": "vboxmanage"}) as service:
        wait_until(lambda: (status(host) or {}).get("rounds"), 30)
        wanted = {"policy": POLICY, "reserve_mb": 100, "reserve_for": "db02, 'x'", "until": 3600, "rounds": 2}
        planned, calls = host.module("vbox_memory_balance", wanted, check=True)
        assert planned["changed"] and not [call for call in calls if call[0] == "setextradata"], planned
        result, _calls = host.module("vbox_memory_balance", wanted)
        assert (result["changed"], result["steps"], result["commands"]) == (True, [], []), result
        assert {"before_header": "host", "after_header": "host", "before": "", "after": "reserve_mb: 100\n"} in result[
            "diff"
        ]
        service.until_said(f"{100 + MARGIN} MB are kept for machines that are about to start")


def test_the_controller_of_virtualbox_that_starts_later_stops_it_from_asking(host, path, tmp_path):
    other_program = tmp_path / "VBoxBalloonCtrl"
    shutil.copy(shutil.which("sleep"), other_program)
    with Service(host, path, {"policy": POLICY}) as service:
        wait_until(lambda: (status(host) or {}).get("rounds"), 30)
        other = subprocess.Popen([other_program, "600"], env=host.environment())
        try:
            service.until_said(f"the host: another controller .*VBoxBalloonCtrl .process {other.pid}")
            wait_until(lambda: status(host)["host"]["codes"] == ["other_controller"], 60)
        finally:
            other.kill()
            other.wait()
        service.until_said("all is well again")


def test_it_survives_the_end_of_the_server_and_machines_that_come_and_go(host, path):
    with Service(host, path, {"policy": POLICY, "backend": "vboxmanage"}) as service:
        wait_until(lambda: (status(host) or {}).get("rounds"), 30)
        host.fake.restart_server()
        host.vbox("controlvm", "web01", "poweroff")
        host.fake.add_guest("new", memory=512, **QUIET)
        wait_until(lambda: [machine["name"] for machine in status(host)["machines"]] == ["db01", "new"], 60)
        for name in ("db01", "new"):
            host.vbox("controlvm", name, "poweroff")
        wait_until(lambda: status(host)["machines"] == [], 60)
        assert service.process.poll() is None and "Traceback" not in service.said()


def test_a_status_that_is_none_says_nothing(host, path):
    with Service(host, path, {"policy": POLICY}):
        wait_until(lambda: (status(host) or {}).get("rounds"), 30)
    [written] = Path.home().glob(f".vbox-memory/balance-*{host.server}.json")
    for text in ("", "{", "[]", '{"pid": 1}', "\udcff", "[" * 100000):
        written.write_bytes(text.encode("utf-8", "surrogateescape"))
        assert status(host) is None, text


def test_the_role_balances_once(tmp_path):
    fakes = Fakes(tmp_path)
    fake = fakes.host("h1", vbox_memory_balance_policy=POLICY)
    fake.add_guest("db01", memory=1024, program_mb=450, **QUIET)
    fake.ok("controlvm", "db01", "guestmemoryballoon", "400")
    fake.advance(30)
    role = {"name": "Balance", "ansible.builtin.include_role": {"name": "vbox.memory.balance"}}
    status_, output = fakes.tasks(role, keep("vbox_memory_balance_result", "outcome"))
    outcome = kept(fakes.folder, "outcome")["h1"]
    assert status_ == 0 and outcome["changed"] and outcome["steps"][0]["name"] == "db01", output
    for variables, words in (
        ({"vbox_memory_balance_state": "sometimes"}, "sometimes"),
        ({"vbox_memory_balance_state": "service"}, "vbox_memory_balance_user"),
        (
            {"vbox_memory_balance_state": "absent", "vbox_memory_balance_user": "a; rm -rf /"},
            "vbox_memory_balance_user",
        ),
    ):
        status_, output = fakes.tasks(dict(role, vars=variables))
        assert status_ == 2 and words in output and "Traceback" not in output, output
