# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The action vbox_memory_policy without our role, and what a person sees while modules wait for guests: on fake hosts."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading

import pytest
from support.fake_fleet import QUICK, Fakes, commands, report
from support.hosts import wait_until
from support.plays import keep, kept

from ansible_collections.vbox.memory.plugins.plugin_utils.running import ENDED

OWN = {"vboxmanage": "{{ vbox_memory_vboxmanage }}"}
KEEP = dict(keep("outcome", "outcome"), check_mode=False)
ALL_64 = {"defaults": {"balloon": 64}}


@pytest.fixture
def fakes(tmp_path):
    return Fakes(tmp_path)


def policy(**options):
    return {"vbox.memory.vbox_memory_policy": dict(OWN, **options), "register": "outcome"}


def outcome(fakes, host="h1"):
    return kept(fakes.folder, "outcome")[host]


def balloon_of(host, name):
    return host.machine(name)["balloon"]


def test_in_anybodys_play(fakes):
    """Check mode says what happens, in its result and as a diff; what is in sync costs one call; a handler and a test work as ever."""
    host = fakes.host("h1")
    for name in ("a", "b"):
        host.add_machine(name, memory=1024)
    tasks = [dict(policy(policies=[ALL_64]), notify="Told"), KEEP]
    handlers = [{"name": "Told", "ansible.builtin.debug": {"msg": "a handler ran"}}]

    status, output = fakes.tasks(*tasks, handlers=handlers, arguments=("--check", "--diff"))
    said = outcome(fakes)
    assert (status, said["changed"], said["failed"]) == (0, True, False), output
    assert output.count("-balloon_default_mb: 0\n+balloon_default_mb: 64\n") == 2
    assert [(row["machine"], row["outcome"], row["source"]) for row in said["differences"]] == [
        ("a", "would change", "policies[0]: defaults"),
        ("b", "would change", "policies[0]: defaults"),
    ]
    assert balloon_of(host, "a") == 0

    status, output = fakes.tasks(*tasks, handlers=handlers)
    done = outcome(fakes)
    assert (status, done["changed"], done["commands"]) == (0, True, said["commands"]), output
    assert "a handler ran" in output and (balloon_of(host, "a"), balloon_of(host, "b")) == (64, 64)
    assert [machine["after"] for machine in done["machines"]] == [{"balloon_default_mb": 64}] * 2
    assert done["backend"] == "vboxmanage" and len(done["explained"]) == 2

    host.forget_calls()
    status, output = fakes.tasks(*tasks, arguments=("-vvv",))
    again = outcome(fakes)
    assert (status, again["changed"], again["differences"], again["commands"]) == (0, False, [], []), output
    assert len(re.findall("Using module file.*vbox_memory", output)) == 1


def test_policies_by_name_and_machines_in_their_order(fakes):
    host = fakes.host("h1")
    for name in ("a", "b", "c"):
        host.add_machine(name, memory=1024)
    host.change("b", balloon=64)
    own = {"base": ALL_64, "own": {"machines": {"c": {"balloon": 65}}}}
    status, output = fakes.tasks(policy(policies=own), KEEP)
    said = outcome(fakes)
    assert status == 0, output
    assert [(machine["name"], machine["changed"]) for machine in said["machines"]] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]
    assert [row["source"] for row in said["differences"]] == ["base: defaults", "own: machine 'c'"]


def test_one_machine_that_fails(fakes):
    host = fakes.host("h1")
    host.add_machine("small", memory=32)
    host.add_machine("large", memory=1024)
    status, output = fakes.tasks(
        dict(policy(policies=ALL_64), ignore_errors=True),
        KEEP,
    )
    said = outcome(fakes)
    assert (said["failed"], said["code"], said["changed"]) == (True, "balloon_out_of_range", True), output
    assert said["msg"].startswith("1 of 2 machines failed. machine 'small': ")
    assert [(row["machine"], row["outcome"]) for row in said["differences"]] == [
        ("small", "failed"),
        ("large", "changed"),
    ]


def test_audit_counts_as_no_change(fakes):
    host = fakes.host("h1")
    host.add_machine("a", memory=1024)
    status, output = fakes.tasks(policy(policies=ALL_64, mode="audit"), KEEP)
    said = outcome(fakes)
    assert (status, said["changed"], balloon_of(host, "a")) == (0, False, 0), output
    assert [row["outcome"] for row in said["differences"]] == ["would change"]


def test_what_is_neither_true_nor_false_as_audit_changes_nothing(fakes):
    host = fakes.host("h1", vbox_memory_audit="perhaps")
    host.add_machine("a", memory=1024)
    _status, output = fakes.play(playbook="vbox.memory.apply")
    assert (balloon_of(host, "a"), [row[6] for row in report(output)]) == (0, ["would change"]), output


# what is wrong with the variables of a host, and what the report says of it
MISTAKES = {
    "undefined": ({"vbox_memory_policy_x": {"defaults": {"balloon": "{{ nowhere }}"}}}, "vbox_memory_policy_x: 'nowhere' is undefined"),
    "omitted": ({"vbox_memory_policy_x": "{{ omit }}"}, "vbox_memory_policy_x: it is omitted"),
    "template": ({"vbox_memory_policy_x": "{{ 1 + }}"}, "vbox_memory_policy_x: "),
    "key": ({"vbox_memory_policy_x": {"default": {}}}, "vbox_memory_policy_x.default: there is no such key; did you mean defaults?"),
    "metrics": ({"vbox_memory_metrics": "perhaps"}, "metrics"),
    "batch": ({"vbox_memory_batch": 0}, "batch: 0 is not a whole number from 1 to"),
    "condition": ({"vbox_memory_policy_x": {"rules": [{"when": "memory_mb"}]}}, "vbox_memory_policy_x.rules[0].when: memory_mb alone is no condition"),
    "depth": ({"vbox_memory_policy_x": {"rules": [{"when": " || ".join(["page_fusion"] * 500)}]}}, "vbox_memory_policy_x.rules[0].when: it is nested more"),
    "argument": ({"vbox_memory_on_blocked": "{{ nowhere }}"}, "'nowhere' is undefined"),
}  # fmt: skip


@pytest.mark.parametrize("playbook", ["vbox.memory.apply", "vbox.memory.maintain"])
def test_a_mistake_in_a_hosts_variables_is_in_the_report_and_stops_nobody(fakes, playbook):
    for name, (variables, _message) in MISTAKES.items():
        fakes.host(f"a_{name}", **variables)
    good = fakes.host("b_good")
    good.add_machine("a", memory=1024)
    status, output = fakes.play("-e", "vbox_memory_serial=1", playbook=playbook)
    assert status == 2, output
    flat = re.sub(r"\s+", " ", output)
    for name, (_variables, message) in MISTAKES.items():
        assert re.search(f"FAILED: a_{name}: .{{0,250}}{re.escape(message)}", flat), (name, output)
    assert balloon_of(good, "a") == 64
    assert [row[:2] for row in report(output)] == [["b_good", "a"]]


def test_the_entry_points_that_keep_going_do_so_in_anybodys_play(fakes):
    """Also where the role's own check of its arguments would fail; a mistake is no failure of the task then."""
    fakes.host("h1", vbox_memory_metrics="perhaps", vbox_memory_policy_x={"defaults": "{{ nowhere }}"})
    fakes.host("h2").add_machine("a", memory=1024)
    tasks = [
        {"ansible.builtin.import_role": {"name": "vbox.memory.policy", "tasks_from": entry_point}}
        for entry_point in ("contained", "maintain")
    ]
    keep_result = dict(keep("vbox_memory_result", "outcome"))
    status, output = fakes.tasks(*tasks, keep_result, serial=1)
    said = kept(fakes.folder, "outcome")
    assert (status, said["h1"]["failed"], said["h2"]["failed"]) == (0, True, False), output


def test_a_host_without_a_policy_a_program_or_a_connection(fakes):
    fakes.host("a_none", vbox_memory_vboxmanage="/nowhere/VBoxManage")
    fakes.host("b_down", ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    fakes.host("c_bare")
    del fakes.inventory["c_bare"]["vbox_memory_policy"]
    status, output = fakes.tasks(
        dict(policy(), ignore_errors=True),
        KEEP,
        ignore_unreachable=True,
    )
    assert status == 0, output
    said = kept(fakes.folder, "outcome")
    assert said["a_none"]["code"] == "vboxmanage_not_found" and "/nowhere/VBoxManage" in said["a_none"]["msg"]
    assert said["b_down"]["unreachable"] and not said["b_down"].get("failed")
    assert said["c_bare"]["msg"].startswith("No policy is defined: set vbox_memory_policy")


def test_the_facts_are_in_the_result_if_asked_for(fakes):
    """Whole, as the module gives them, also where the policy is wrong; a name in them is data."""
    host = fakes.host("h1")
    host.add_guest("{{ 7 * 7 }}")
    facts = {"vbox.memory.vbox_memory_facts": OWN, "register": "outcome"}
    assert fakes.tasks(facts, KEEP)[0] == 0
    whole = outcome(fakes)["ansible_facts"]["vbox_memory"]
    for given, failed in (([], False), ([{"defaults": {"baloon": 1}}], True)):
        task = dict(policy(policies=given, mode="audit", facts=True), ignore_errors=True)
        status, output = fakes.tasks(task, KEEP)
        said = outcome(fakes)
        machine = said["ansible_facts"]["vbox_memory"]["machines"][0]
        assert (status, said["failed"], said["policies"], machine["name"]) == (0, failed, [], "{{ 7 * 7 }}"), output
        assert machine.keys() == whole["machines"][0].keys() and machine["guest"]["total_kb"]
    assert "ansible_facts" not in outcome_of(fakes, policy(policies=[], mode="audit"))


def outcome_of(fakes, task):
    assert fakes.tasks(task, KEEP)[0] == 0
    return outcome(fakes)


ANSWERS = {
    "none": {},
    "number": {"vbox_memory": 5},
    "machine": {"vbox_memory": {"host": {}, "machines": [{"uuid": "webservers"}], "unreadable": [], "totals": {}}},
}


def test_a_hosts_answer_that_cannot_be_used(fakes):
    """Its Python says something else than the module would; the other hosts go on."""
    for name, answer in ANSWERS.items():
        program = fakes.folder / f"{name}.sh"
        program.write_text("#!/bin/sh\necho '%s'\n" % json.dumps({"changed": False, "ansible_facts": answer}))
        program.chmod(0o755)
        fakes.host(name, ansible_python_interpreter=str(program))
    fakes.host("good").add_machine("a", memory=1024)
    status, output = fakes.play(playbook="vbox.memory.apply")
    flat = re.sub(r"\s+", " ", output)
    assert status == 2 and [row[1] for row in report(output)] == ["a"] and "Traceback" not in output, output
    for name, said in (
        ("none", "facts: it is null and has to be a dictionary"),
        ("number", "facts: it is a number and has to be a dictionary"),
        ("machine", 'facts.machines[0].uuid: "webservers" is not a UUID'),
    ):
        assert f"FAILED: {name}: The host's answer cannot be used: {said}" in flat, output


def test_an_option_that_there_is_not(fakes):
    fakes.host("h1")
    status, output = fakes.tasks(dict(policy(polices=[]), ignore_errors=True), KEEP)
    said = outcome(fakes)
    assert said["code"] == "invalid_parameters" and "there is no option polices; did you mean policies?" in said["msg"]


def test_maintenance_stops_where_a_machine_of_another_host_is_not_recovered(fakes):
    """By whatever name the result is registered."""
    soon = {"machines": {"a": {"shutdown_timeout": 2}}}
    first, second = fakes.host("h1", vbox_memory_policy_host=soon), fakes.host("h2")
    for name in ("a", "b"):
        fakes.guest("h1", name, **({"ignores_acpi": True} if name == "a" else {}))
    fakes.guest("h2", "c")
    status, output = fakes.tasks(dict(policy(mode="maintain"), ignore_errors=True), KEEP, serial=1)
    said = kept(fakes.folder, "outcome")
    assert said["h1"]["not_recovered"] == ["a"], output
    assert said["h1"]["pending"] == [{"name": "b", "balloon_default_mb": 64, "balloon_current_mb": 64}]
    assert said["h2"]["msg"] == 'Not begun, because of "a" on h1'
    assert {name for _command, name in commands(first)} == {"a"} and commands(second) == []


def files_of_progress(fakes):
    return list((fakes.folder / "async").glob("*.progress"))


# Callbacks, and whether lines of progress are among what they print
CALLBACKS = [
    ({}, True),
    ({"ANSIBLE_STDOUT_CALLBACK": "minimal"}, False),
    ({"ANSIBLE_STDOUT_CALLBACK": "oneline"}, False),
]


@pytest.mark.parametrize(("settings", "seen"), CALLBACKS, ids=str)
def test_progress_of_a_balloon_that_takes_its_time(fakes, settings, seen):
    host = fakes.host("h1", clock_rate=2)
    host.add_guest("slow", **dict(QUICK, rate=10))
    host.add_machine("stopped", memory=1024)
    host.advance(10)
    balloon = {
        "vbox.memory.vbox_memory": dict(
            OWN, balloon=128, machines=[{"name": "slow"}, {"name": "stopped"}, {"name": "nowhere"}]
        ),
        "register": "outcome",
        "ignore_errors": True,
    }
    status, output = fakes.tasks(balloon, KEEP, settings=settings)
    said = outcome(fakes)
    assert [machine["name"] for machine in said["machines"]] == ["slow", "stopped", "nowhere"], output
    assert said["machines"][0]["after"]["balloon_current_mb"] == 128 and not said["machines"][0].get("waiting")
    assert said["machines"][1]["after"] == {"balloon_default_mb": 128}
    assert (said["code"], said["changed"]) == ("machine_not_found", True)
    assert bool(re.search(r'^h1, machine "slow": .* \(\d+ s\)$', output, re.MULTILINE)) == seen, output
    assert files_of_progress(fakes) == []


def test_progress_of_a_restart(fakes):
    host = fakes.host("h1", clock_rate=2, vbox_memory_policy=ALL_64)
    host.add_guest("slow", **dict(QUICK, boot_seconds=40))
    host.advance(60)
    status, output = fakes.tasks(policy(mode="maintain"), KEEP)
    assert (status, balloon_of(host, "slow")) == (0, 64), output
    lines = re.findall(r"^h1(?::|,) .*", output, re.MULTILINE)
    assert lines[0] == 'h1: restarting "slow" (1 of 1)' and len(lines) >= 3, output
    seconds = [int(line.rpartition("(")[2].partition(" ")[0]) for line in lines[1:]]
    assert seconds == sorted(seconds)


def slow_guest(fakes, **variables):
    host = fakes.host("h1", clock_rate=2, **variables)
    host.add_guest("slow", **dict(QUICK, rate=20))
    host.advance(10)
    return host


def balloon(**keywords):
    return dict(
        {"vbox.memory.vbox_balloon": dict(OWN, name="slow", balloon_current=128), "register": "outcome"}, **keywords
    )


def test_where_async_does_not_work_there_is_no_progress_but_the_change(fakes):
    slow_guest(fakes, ansible_async_dir="/proc/nowhere")
    status, output = fakes.tasks(balloon(), KEEP)
    assert (status, outcome(fakes)["machines"][0]["after"]) == (0, {"balloon_current_mb": 128}), output
    assert "h1, machine" not in output


def kill_what_it_names(fakes, which, done):
    """Wait for a file of progress, and kill the processes that it names; adds what it did to a list."""

    def named():
        for file in files_of_progress(fakes):
            lines = file.read_text().splitlines()
            if len(lines) > 1:  # the balloon is on its way
                return json.loads(lines[0])["processes"]
        return []

    wait_until(named, 120)
    for process in named()[which]:
        os.kill(process, signal.SIGKILL)
        done.append(process)


@pytest.mark.parametrize(
    ("which", "count"), [(slice(None), 2), (slice(0, 1), 1)], ids=["the host restarts", "the module alone"]
)
def test_a_job_that_is_killed_ends_the_task(fakes, which, count):
    """Ansible's job file says for ever that it is not finished where what would have written the result is gone, too."""
    host = slow_guest(fakes)
    killed = []
    killer = threading.Thread(target=kill_what_it_names, args=(fakes, which, killed))
    killer.start()
    status, output = fakes.tasks(dict(balloon(), ignore_errors=True), KEEP)
    killer.join()
    said = outcome(fakes)
    assert len(killed) == count and said["failed"], output
    assert said["msg"].startswith(f"machine 'slow': {ENDED} It said last: machine \"slow\": "), output
    assert files_of_progress(fakes) == []
    host.advance(60)
    status, output = fakes.tasks(balloon(), KEEP)
    assert (status, outcome(fakes)["machines"][0]["after"]) == (0, {"balloon_current_mb": 128}), output


# What becomes of async_wrapper's child, which is to run the module, on a host that is very busy: in os.setsid, its first call
LATE = {
    "its parent has left": "while os.path.exists(f'/proc/{parent}'): time.sleep(0.05)",
    "it never comes": "os._exit(0)",
}


@pytest.mark.parametrize("becomes", LATE)
def test_a_job_that_never_begins_is_done_in_the_foreground(fakes, becomes):
    """async_wrapper waits for its child for 2.5 seconds, and closes the pipe then to which the child writes before it starts the module."""
    slow_guest(fakes)
    folder = fakes.folder / "late"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "def late(parent=os.getpid(), setsid=os.setsid):\n"
        f"    {LATE[becomes]}\n"
        "    setsid()\n"
        "if any('async_wrapper' in word for word in sys.orig_argv): os.setsid = late\n"
    )
    fakes.inventory["h1"]["ansible_python_interpreter"] = str(folder / "python")
    (folder / "python").write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
    (folder / "python").chmod(0o755)
    status, output = fakes.tasks(balloon(), KEEP, arguments=("-vvv",))
    said = outcome(fakes)
    assert (status, said["changed"], said["machines"][0]["after"]) == (0, True, {"balloon_current_mb": 128}), output
    assert "async did not begin within" in output
    assert [file.read_text() for file in files_of_progress(fakes)] == [""]


def test_a_module_that_comes_too_late_does_nothing(fakes):
    """Its controller has made the file by then, and does the work itself."""
    host = slow_guest(fakes)
    file = fakes.folder / "claimed.progress"
    file.touch()
    host.forget_calls()
    status, output = fakes.tasks(dict(balloon(environment={"VBOX_MEMORY_PROGRESS": str(file)}), **{"async": 60}), KEEP)
    assert (status, outcome(fakes)["changed"], host.calls()) == (0, False, []), output
    assert "nothing was done" in outcome(fakes)["not_begun"] and not file.exists()
    file.write_text("somebody's own")
    status, output = fakes.tasks(dict(balloon(environment={"VBOX_MEMORY_PROGRESS": str(file)}), **{"async": 60}), KEEP)
    assert (status, host.calls(), file.read_text()) == (0, [], "somebody's own"), output


def test_async_and_delegation_are_the_users_own(fakes):
    slow_guest(fakes)
    fakes.host("h2")
    delegated = balloon(delegate_to="h1", when="inventory_hostname == 'h2'")
    delegated["vbox.memory.vbox_balloon"] |= {"vboxmanage": fakes.inventory["h1"]["vbox_memory_vboxmanage"]}
    status, output = fakes.tasks(delegated, KEEP)
    assert (status, outcome(fakes, "h2")["machines"][0]["after"]) == (0, {"balloon_current_mb": 128}), output
    assert re.search(r'^h2, machine "slow": ', output, re.MULTILINE), output

    again = balloon(**{"async": 60, "poll": 1, "when": "inventory_hostname == 'h1'"})
    status, output = fakes.tasks(again, KEEP)
    said = outcome(fakes)
    assert (status, said["changed"], said["machines"][0]["after"]) == (0, False, {"balloon_current_mb": 128}), output


def test_check_mode_waits_for_nobody(fakes):
    slow_guest(fakes)
    status, output = fakes.tasks(balloon(check_mode=True), KEEP)
    said = outcome(fakes)
    assert (status, said["changed"], said["machines"][0]["after"]) == (0, True, {"balloon_current_mb": 128}), output
    assert "h1, machine" not in output


@pytest.mark.parametrize("mode", ["audit", "apply", "maintain"])
def test_machines_that_cannot_be_read_are_failures_and_stop_no_other(fakes, mode):
    """One whose settings file is gone, and one of which VBoxManage prints garbage. A policy may name one of them."""
    host = fakes.host("h1")
    for name in ("gone", "odd", "web01"):
        host.add_machine(name, memory=1024)
    gone, odd = (host.machine(name)["uuid"] for name in ("gone", "odd"))
    host.change("gone", accessible=False)
    host.faults({"kind": "garbage", "command": "showvminfo", "machine": odd, "count": None})
    named = {"machines": {gone: {"balloon": 65}, "gone": {"balloon": 65}}}
    status, output = fakes.tasks(dict(policy(policies=[ALL_64, named], mode=mode), ignore_errors=True), KEEP)
    said = outcome(fakes)
    failures = {row["machine"]: row for row in said["differences"] if row["outcome"] == "failed"}
    assert (said["failed"], said["code"], list(failures)) == (True, "machine_inaccessible", [gone, odd, "gone"]), output
    assert "VERR_FILE_NOT_FOUND" in failures[gone]["msg"] and "showvminfo" in failures[odd]["msg"]
    assert failures["gone"]["uuid"] is None and "2 other machines cannot be read" in failures["gone"]["msg"]
    assert balloon_of(host, "web01") == (0 if mode == "audit" else 64)
    assert [row["machine"] for row in said["differences"] if row["outcome"] != "failed"] == ["web01"]
