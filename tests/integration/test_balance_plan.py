# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The playbook balance and the action that plans, on fake hosts with running guests."""

from __future__ import annotations

import json
import re

import pytest
from support.fake_fleet import Fakes
from support.plays import AWAY, keep, kept, recap

PLAYBOOK = "vbox.memory.balance"
OWN = {"vboxmanage": "{{ vbox_memory_vboxmanage }}"}
QUICKLY = {"balance": {"window": 10, "period": 1}}  # a window as short as may be
NEEDY = {"memory": 2048, "balloon": 1000, "program_mb": 805}  # of which 60 MB are free


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path)


def tight(fakes, name, **variables):
    """A host with a guest in need and one with plenty, and nothing else that could be given."""
    host = fakes.host(name, **dict({"vbox_memory_policy": QUICKLY}, **variables))
    with host.state() as state:
        state["host"].update(memory_mb=8192, available_mb=2048 - 1000 + 4096 + 1024)
    fakes.guest(name, "short", **NEEDY)
    fakes.guest(name, "idle", memory=4096)
    host.forget_calls()
    return host


def rows(output):
    """The report's rows of machines: name, next balloon, code and reason."""
    cells = [re.split(r"  +", line.strip()) for line in re.findall(r"^ +.* {2}\w+_?\w* {2}.*$", output, re.MULTILINE)]
    return {row[0]: (row[6], row[7], row[8]) for row in cells if len(row) == 9 and row[0] != "Machine"}


def changes(host):
    return [argv for argv in host.calls() if argv[0] in ("controlvm", "modifyvm", "startvm")]


def test_one_look_and_a_watch(fakes):
    """One look says who is in need, and after a window it is known who can give; check mode and diff show the balloon that would be asked for."""
    host = tight(fakes, "h1")
    status, output = fakes.play("--check", "--diff", playbook=PLAYBOOK)
    assert (status, recap(output)["h1"]["changed"]) == (0, 0), output
    found = rows(output)
    assert found["short"][:2] == ("-", "waits_for_budget") and found["idle"][:2] == ("-", "window_not_full"), output
    assert "Watch for 10 s (-e vbox_memory_watch=10)." in output and "h1: watched for" not in output

    status, output = fakes.play("--check", "--diff", "-e", "vbox_memory_watch=11", playbook=PLAYBOOK)
    assert (status, recap(output)["h1"]["changed"]) == (0, 1), output
    found = rows(output)
    assert found["short"][:2] == ("-", "waits_for_donor") and found["idle"][1] == "gives_to", output
    assert re.search(r'\(\d+ MB for "short"\)', found["idle"][2]), output
    assert (
        f"--- before: idle\n+++ after: idle\n@@ -1 +1 @@\n-balloon_current_mb: 0\n+balloon_current_mb: {found['idle'][0]}\n"
        in output
    )
    assert re.search(r"^h1: watched for \d+ s of 11 s$", output, re.MULTILINE), output
    assert changes(host) == []


def test_who_is_in_need_gets_what_the_host_has(fakes):
    host = tight(fakes, "h1")
    with host.state() as state:
        state["host"]["available_mb"] += 2048
    status, output = fakes.play("--check", playbook=PLAYBOOK)
    found = rows(output)
    assert (status, found["short"][1], int(found["short"][0]) < 1000) == (0, "starving", True), output
    assert "1 would get memory now, 0 would give" in output and changes(host) == []


def test_what_the_hypervisor_has_not_counted_yet_is_waited_for(fakes):
    host = tight(fakes, "h1")
    with host.state() as state:
        state["host"].update(available_mb=state["host"]["available_mb"] + 2048, vmm_counts_after=9)
    status, output = fakes.play("--check", playbook=PLAYBOOK)
    assert (status, rows(output)["short"][1]) == (0, "starving"), output


def test_out_of_check_mode_it_is_carried_out(fakes):
    """By the policy of each host; a host that has none for its machines is left alone, and so is one that is balanced already."""
    needy = tight(fakes, "h1")
    idle = tight(fakes, "h2", vbox_memory_policy={})
    for host in (needy, idle):
        with host.state() as state:
            state["host"]["available_mb"] += 2048
    status, output = fakes.play("--diff", playbook=PLAYBOOK)
    assert (status, recap(output)["h1"]["changed"], recap(output)["h2"]["changed"]) == (0, 1, 0), output
    held = re.search(r"^  short +(\d+) +(\d+) ", output, re.MULTILINE)
    assert int(held[1]) == 1048 < int(held[2]) and "-balloon_current_mb: 1000\n" in output, output
    assert "4 machines on 2 hosts: 1 got memory, 0 gave, 3 kept theirs; 0 failures." in output
    assert "No policy lets any machine of h2 be balanced" in output
    assert {argv[0] for argv in changes(needy)} == {"controlvm"} and changes(idle) == []


def test_for_a_while(fakes):
    """Who has plenty gives, once it was watched for a window."""
    tight(fakes, "h1")
    status, output = fakes.play("-e", "vbox_memory_balance_duration=20", playbook=PLAYBOOK)
    assert status == 0 and re.search(
        r"^2 machines on 1 host: \d got memory, 1 gave, \d kept theirs", output, re.MULTILINE
    ), output


def test_room_for_a_machine_is_a_variable_too(fakes):
    host = tight(fakes, "h1")
    room = {"reserve_mb": "100M", "reserve_for": "db02, 'x'", "until": 3600}
    wanted = [word for key, value in room.items() for word in ("-e", json.dumps({f"vbox_memory_balance_{key}": value}))]
    status, output = fakes.play(*wanted, "--diff", playbook=PLAYBOOK)
    assert status == 0 and "+reserve_mb: 100\n" in output, output
    assert [argv[:2] for argv in host.calls() if argv[0] == "setextradata"] == [["setextradata", "global"]]


def test_what_cannot_be_carried_out_is_in_the_report(fakes):
    """The host fails, the others do not, and its plan is shown."""
    tight(fakes, "h1", vbox_memory_balance_duration="long")
    tight(fakes, "h2")
    status, output = fakes.play(playbook=PLAYBOOK)
    assert status == 2 and "FAILED: h1: " in output and "vbox_memory_balance_duration" not in recap(output), output
    assert (recap(output)["h1"]["failed"], recap(output)["h2"]["failed"]) == (1, 0)
    assert "1 failure." in output and "h1: the machines may hold" in output


def test_over_the_fleet(fakes):
    """Where a machine could start, and what helps a host that cannot meet its floors."""
    tight(fakes, "h1", vbox_memory_policy={"balance": True, "rules": [{"when": "name == 'short'", "floor": "100%"}]})
    with fakes.hosts["h1"].state() as state:
        state["host"]["available_mb"] -= 4096
    fakes.host("h2", vbox_memory_policy={})
    status, output = fakes.play("--check", "-e", "vbox_memory_start=3G", playbook=PLAYBOOK)
    assert status == 0, output
    assert "h1 (infeasible): the floors and fixed machines are" in output
    places = output[output.index("Where a machine of 3072 MB could start:") :]
    assert re.findall(r"^ +(h\d) +(now|never|in \d+ s) ", places, re.MULTILINE) == [("h2", "now"), ("h1", "never")]
    assert "3072 MB cannot start: the machines may hold " in places
    assert re.search(r'h1 lacks \d+ MB for its floors: move "(short|idle)" \(\d+ MB.* to h2, where', output), output


# what is wrong with the variables of a host, and what the report says of it
MISTAKES = {
    "key": ({"vbox_memory_policy": {"balance": {"reserv": 1}}}, "vbox_memory_policy.balance.reserv: there is no such key; did you mean reserve?"),
    "value": ({"vbox_memory_policy": {"rules": [{"name": "DB", "floor": "much"}]}}, "vbox_memory_policy.rules[0] ('DB').floor: 'much' is not a size"),
    "pair": ({"vbox_memory_policy": {"defaults": {"floor": "90%", "ceiling": "50%"}}}, "'web01' would have floor: 90% (vbox_memory_policy: defaults) above"),
    "template": ({"vbox_memory_policy_x": {"balance": {"share": "{{ nowhere }}"}}}, "vbox_memory_policy_x: 'nowhere' is undefined"),
    "watch": ({"vbox_memory_watch": -1}, "watch: -1 is not a whole number from 0 to 86400"),
    "words": ({"vbox_memory_watch": "long"}, "watch"),
    "program": ({"vbox_memory_vboxmanage": "/nowhere/VBoxManage"}, "/nowhere/VBoxManage"),
    "down": ({"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}, AWAY),
}  # fmt: skip


def test_a_host_that_fails_is_in_the_report_and_stops_nobody(fakes):
    for name, (variables, _message) in MISTAKES.items():
        fakes.host(f"a_{name}", **variables).add_machine("web01", memory=1024)
    fakes.host("a_bare")
    del fakes.inventory["a_bare"]["vbox_memory_policy"]
    tight(fakes, "b_good")
    status, output = fakes.play("--check", "-e", "vbox_memory_serial=1", playbook=PLAYBOOK)
    assert status == 2 and "Traceback" not in output, output
    flat = re.sub(r"\s+", " ", output)
    for name, (_variables, message) in MISTAKES.items():
        assert re.search(
            f"FAILED: a_{name}: .{{0,250}}({message.pattern if message is AWAY else re.escape(message)})", flat
        ), (name, output)
    assert "FAILED: a_bare: No policy is defined: set vbox_memory_policy" in flat
    assert {host for host, counts in recap(output).items() if not counts["failed"]} == {"b_good"}
    assert {"short", "idle"} <= set(rows(output))


def test_a_host_that_fails_while_it_is_watched(fakes):
    """Its VirtualBox answers the first look only; the other host is watched to the end."""
    host = tight(fakes, "h1")
    tight(fakes, "h2")
    assert fakes.play("--check", "--limit", "h1", playbook=PLAYBOOK)[0] == 0
    one_look = len(host.calls("list"))
    host.faults({"kind": "garbage", "command": "list", "skip": one_look, "count": None})
    status, output = fakes.play("--check", "-e", "vbox_memory_watch=2", playbook=PLAYBOOK)
    assert status == 2 and "FAILED: h1: " in output and "1 failure." in output, output
    assert "h1: the machines may hold" not in output and "h2: the machines may hold" in output


def test_a_machine_that_cannot_be_read_is_a_failure_and_stops_no_other(fakes):
    host = tight(fakes, "h1")
    host.add_machine("gone", memory=1024)
    host.change("gone", accessible=False)
    uuid = host.machine("gone")["uuid"]
    status, output = fakes.play("--check", playbook=PLAYBOOK)
    assert status == 2 and {"short", "idle"} <= set(rows(output)), output
    assert f'FAILED: h1, machine "{uuid}": ' in output and "1 failure." in output


def test_odd_names(fakes):
    """Each is one row, whatever it holds; nothing in a name is a template, or a line of its own."""
    names = ['quo"te', "new\nline", "$(id);", "-leading", "{{ 1 + 1 }}", "FAILED: h1: forged"]
    host = fakes.host(
        "h1", vbox_memory_policy={"balance": True, "machines": {name: {"floor": "90%"} for name in names}}
    )
    for name in names:
        fakes.guest("h1", name, memory=1024)
    with host.state() as state:
        state["host"].update(memory_mb=4096, available_mb=1024)
    status, output = fakes.play("--check", "--diff", "-e", "vbox_memory_start=1", playbook=PLAYBOOK)
    assert (status, set(rows(output))) == (0, {name.replace("\n", "\\n") for name in names}), output
    assert not re.search(r"^ *FAILED", output[output.index("PLAY [Report]") :].replace("  FAILED: h1: forged  ", "")), (
        output
    )


def test_a_size_to_start_that_is_none(fakes):
    fakes.host("h1", vbox_memory_policy={})
    status, output = fakes.play("--check", "-e", "vbox_memory_start=much", playbook=PLAYBOOK)
    assert status == 2 and "start: 'much' is not a size: give whole megabytes" in re.sub(r"\s+", " ", output), output


def test_the_action_in_anybodys_play(fakes):
    """What it returns is what the report and the next plan take, and says where each value is from."""
    tight(fakes, "h1")
    own = {"balance": {"share": 90}, "machines": {"idle": {"floor": "2G"}}}
    task = {"vbox.memory.vbox_memory_balance_plan": dict(OWN, policies=own), "register": "outcome", "check_mode": True}
    again = "outcome.input.machines | length, (outcome | combine({'x': 1})).plan.history is mapping"
    status, output = fakes.tasks(
        task, keep("outcome", "outcome"), {"ansible.builtin.debug": {"msg": "{{ [%s] }}" % again}}
    )
    said = kept(fakes.folder, "outcome")["h1"]
    assert (status, said["looks"], said["watched_s"], said["failed"]) == (0, 1, 0, False), output
    assert said["balance_explained"] == {"share": {"value": 90, "source": "policy: balance"}}
    settings = {machine["name"]: machine["settings"] for machine in said["explained"]}
    assert settings["idle"]["floor"] == {"value": 2048, "source": "policy: machine 'idle'"}
    assert settings["short"] == {"balance": {"value": True, "source": "policy: balance"}}
    assert said["input"]["policy"]["machines"] and said["input"]["history"] is None
    assert [row["name"] for row in said["plan"]["machines"]] == ["short", "idle"]


def test_an_option_that_there_is_not(fakes):
    fakes.host("h1")
    status, output = fakes.tasks({"vbox.memory.vbox_memory_balance_plan": dict(OWN, wacth=1)})
    assert status == 2 and "there is no option wacth; did you mean watch?" in output, output


@pytest.mark.parametrize("mode", ["apply", "audit", "maintain"])
def test_what_a_policy_says_of_balance_changes_nothing_in_the_other_playbooks(fakes, mode):
    host = tight(
        fakes, "h1", vbox_memory_policy={"balance": {"share": 50}, "defaults": {"floor": "50%", "priority": 1}}
    )
    status, output = fakes.play(playbook=f"vbox.memory.{mode}")
    assert (status, changes(host)) == (0, []), output
    assert "0 machines on 1 host:" in output
