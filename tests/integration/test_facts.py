# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""vbox_memory_facts, on the fake and on the real VirtualBox of the sandbox."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from support.hosts import FakeTestHost, SandboxTestHost, wait_until
from support.plays import fake_host, keep, kept, play, sandbox_host

USER, OTHER_USER = "vbox34", "vbox35"  # of the tests' sandbox
MODULE = "vbox_memory_facts"
HOST_FIGURES = [
    "memory_total_kb",
    "memory_used_kb",
    "memory_free_kb",
    "vmm_used_kb",
    "vmm_free_kb",
    "vmm_ballooned_kb",
    "vmm_shared_kb",
]
GUEST_FIGURES = ["total_kb", "free_kb", "balloon_kb", "shared_kb", "cache_kb", "pagefile_kb"]
ODD_NAMES = [
    'quo"te',
    "a=b",
    "back\\slash",
    "end\\",
    "new\nline",
    "tab\tx",
    "$(id);",
    "-leading",
    "名前",
    "{{ 1 + 1 }}",
    "host",
    "00000000-0000-4000-8000-00000000beef",
    'x"\nmemory=7\nGuestMemoryBalloon=9\ny="',
]
ODD_DESCRIPTION = 'first\nmemory=3\nGuestMemoryBalloon=4\nVMState="running"\npagefusion="on"'


@pytest.fixture(params=["fake", pytest.param("sandbox", marks=pytest.mark.sandbox)])
def host(request, tmp_path):
    """A host without machines: the fake, or a user of the sandbox."""
    return FakeTestHost(tmp_path / "fake") if request.param == "fake" else request.getfixturevalue("our_user")


@pytest.fixture
def our_user(sandbox):
    host = SandboxTestHost(sandbox, USER)
    host.forget_machines()
    return host


@pytest.fixture
def held(host):
    """The same, whose server stays until the test is over, and so the metrics that are set up in it."""
    with host.server_held() if host.kind == "sandbox" else contextlib.nullcontext():
        yield host


@pytest.fixture
def fresh(host):
    """The same, where no metrics are set up."""
    wait_for_the_server_s_end(host)
    with host.server_held() if host.kind == "sandbox" else contextlib.nullcontext():
        yield host


@pytest.fixture
def on_fake(tmp_path):
    """The fake, as a host whose time is the real one."""
    return FakeTestHost(tmp_path / "fake")


def wait_for_the_server_s_end(host):
    """Wait until the user's VBoxSVC has stopped, as it does some time after its last client."""
    wait_until(lambda: not server_of(host), 30)


def server_of(host):
    """Which VBoxSVC of the user runs: its process's number, or nothing. The fake has none."""
    return (
        host.kind == "sandbox"
        and host.sandbox("exec", "--user", "root", "pgrep", "-u", host.user, "VBoxSVC", must_succeed=False).stdout
    )


def facts(host, **parameters):
    """The facts, and the calls that it took to gather them. Figures have the time that a busy machine takes, unless told."""
    result, calls = host.module(MODULE, dict({"metrics_wait": 60}, **parameters))
    assert not result.get("failed"), result
    assert not result.get("changed")
    assert list(result["ansible_facts"]) == ["vbox_memory"]
    return result["ansible_facts"]["vbox_memory"], calls


def make(host, name, ostype="Debian_64", memory=1024, *options, groups="/"):
    """Make a machine with plain VBoxManage; gives back its UUID."""
    uuid = host.create(name, "--groups", groups, ostype=ostype)
    host.vbox("modifyvm", uuid, "--memory", str(memory), *options)
    return uuid


def entry(**values):
    """A stopped machine as the facts have it, but for these values."""
    return dict(
        {
            "state": "poweroff",
            "groups": ["/"],
            "os_type": "Debian_64",
            "os_description": "Debian (64-bit)",
            "memory_mb": 1024,
            "balloon_default_mb": 0,
            "balloon_current_mb": None,
            "interrupted_restart": None,
            "last_balance": None,
            "balloon_followed": None,
            "page_fusion": False,
            "large_pages": False,
            "guest_additions_run_level": None,
            "process_kb": None,
            "guest": None,
        },
        **values,
    )


def metrics_calls(calls, verb):
    return [call for call in calls if call[:2] == ["metrics", verb]]


def set_up(host, groups):
    """Set up metrics of the host as a user would, and wait for the first sample. On a loaded machine one set-up in many is lost."""

    def sampled():
        host.vbox("metrics", "setup", "--period", "2", "--samples", "3", "host", groups)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if "kB" in host.vbox("metrics", "query", "host", groups.partition(",")[0] + "/*"):
                return True
            time.sleep(0.1)
        return False

    wait_until(sampled, 15)


def set_up_rows(host):
    """What is set up, by metric: its period and the number of its samples."""
    listing = host.vbox("metrics", "list", "host", "RAM/*")
    return {
        name: (int(period), int(count))
        for name, period, count in re.findall(r"^host +(RAM/[\w/]+) +kB +\d+ +\d+ +(\d+) +(\d+)", listing, re.MULTILINE)
    }


# -- what they say -------------------------------------------------------------------------------------------------------


def test_everything_is_as_virtualbox_was_told(held):
    web = make(held, "web01", "Debian_64", 2048, "--guestmemoryballoon", "512")
    win = make(
        held,
        "win",
        "Windows10_64",
        4096,
        "--largepages",
        "on",
        "--description",
        ODD_DESCRIPTION,
        groups="/lab,/lab/desks",
    )
    found, calls = facts(held)
    assert found["machines"] == [
        entry(name="web01", uuid=web, memory_mb=2048, balloon_default_mb=512, os_type="Debian_64"),
        entry(
            name="win",
            uuid=win,
            memory_mb=4096,
            large_pages=True,
            os_type="Windows10_64",
            os_description="Windows 10 (64-bit)",
            groups=["/lab", "/lab/desks"],
        ),
    ]
    host = found["host"]
    assert sorted(host) == sorted(HOST_FIGURES + ["vbox_version", "features"])
    assert host["vbox_version"].startswith("7.2.")
    assert host["features"]["balloon"] == host["features"]["large_pages"] == {"supported": True, "reason": None}
    assert (
        host["features"]["page_fusion"]["supported"] is False
        and host["vbox_version"] in host["features"]["page_fusion"]["reason"]
    )
    assert abs(host["memory_total_kb"] - host["memory_used_kb"] - host["memory_free_kb"]) < 4
    assert host["memory_total_kb"] > host["memory_used_kb"] > 0
    # No machine runs, and VirtualBox itself says 0 then (measured on 7.2.22).
    assert [host[name] for name in HOST_FIGURES if name.startswith("vmm_")] == [0, 0, 0, 0]
    assert found["unreadable"] == []
    assert found["totals"] == {
        "configured_mb": 6144,
        "running_mb": 0,
        "ballooned_kb": 0,
        "shared_kb": 0,
        "overcommit_ratio": 0.0,
    }
    assert [call[0] for call in calls if call[0] != "metrics"] == [
        *("list", "showvminfo", "showvminfo"),
        *("getextradata", "--version"),
    ]


def test_a_host_without_machines(host):
    found, _calls = facts(host)
    assert found["machines"] == found["unreadable"] == []
    assert found["totals"]["configured_mb"] == 0


def test_any_name_and_description(host):
    uuids = [
        make(host, name, "Debian_64", 64 + number, "--description", ODD_DESCRIPTION)
        for number, name in enumerate(ODD_NAMES)
    ]
    found, _calls = facts(host, metrics=False)
    assert [
        (one["name"], one["uuid"], one["memory_mb"], one["balloon_default_mb"], one["state"])
        for one in found["machines"]
    ] == [(name, uuid, 64 + number, 0, "poweroff") for number, (name, uuid) in enumerate(zip(ODD_NAMES, uuids))]
    only, calls = facts(host, metrics=False, machines=ODD_NAMES)
    assert only["machines"] == found["machines"]


def test_some_machines_alone_are_read(host):
    uuids = [make(host, name, "Debian_64", memory) for name, memory in (("a", 128), ("b", 256), ("c", 512))]
    found, calls = facts(host, metrics=False, machines=["c", uuids[0].upper()])
    assert [machine["name"] for machine in found["machines"]] == ["c", "a"]
    assert found["totals"]["configured_mb"] == 640
    assert calls == [
        ["list", "vms"],
        ["showvminfo", uuids[2], "--machinereadable"],
        ["showvminfo", uuids[0], "--machinereadable"],
        ["getextradata", "global", "enumerate"],
        ["--version"],
    ]


def test_a_machine_that_is_asked_for_must_be_there(host):
    make(host, "a")
    result, _calls = host.module(MODULE, {"machines": ["a", "nosuch"]})
    assert (result["failed"], result["code"]) == (True, "machine_not_found")
    assert "'nosuch'" in result["msg"]


def test_check_mode_says_the_same(host):
    make(host, "a")
    assert host.module(MODULE, {"metrics": False}, check=True) == host.module(MODULE, {"metrics": False})


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"machines": ["a"], "wiat": 1}, "wiat"),
        ({"metrics_wait": "long"}, "metrics_wait"),
        ({"metrics": "perhaps"}, "metrics"),
    ],
    ids=["unknown option", "no number", "no boolean"],
)
def test_wrong_parameters(on_fake, parameters, words):
    result, calls = on_fake.module(MODULE, parameters)
    assert result["failed"] is True
    assert words in result["msg"]
    assert calls == []


# -- metrics -------------------------------------------------------------------------------------------------------------


def test_without_metrics_nothing_is_set_up_and_figures_are_null(fresh):
    make(fresh, "a")
    found, calls = facts(fresh, metrics=False)
    assert {found["host"][name] for name in HOST_FIGURES} == {None}
    assert [found["totals"][name] for name in ("ballooned_kb", "shared_kb", "overcommit_ratio")] == [None] * 3
    assert [call for call in calls if call[0] == "metrics"] == []
    assert {period for period, _count in set_up_rows(fresh).values()} == {0}


def test_metrics_are_set_up_once(fresh):
    first, calls = facts(fresh, metrics_wait=60)
    assert metrics_calls(calls, "setup") == [
        ["metrics", "setup", "--period", "1", "--samples", "1", "host", "RAM/Usage,RAM/VMM"]
    ]
    second, calls = facts(fresh)
    assert len(metrics_calls(calls, "query")) == 1
    assert metrics_calls(calls, "setup") == []
    assert first["host"]["memory_total_kb"] == second["host"]["memory_total_kb"] > 0


def test_what_has_not_come_in_time_is_null(fresh):
    found, calls = facts(fresh, metrics_wait=0)
    assert len(metrics_calls(calls, "setup")) == 1
    assert {found["host"][name] for name in HOST_FIGURES} == {None}
    assert found["totals"]["overcommit_ratio"] is None


def test_a_set_up_that_somebody_made_is_used_as_it_is(fresh):
    set_up(fresh, "RAM/Usage,RAM/VMM")
    found, calls = facts(fresh)
    assert metrics_calls(calls, "setup") == []
    assert found["host"]["memory_total_kb"] > 0
    assert set(set_up_rows(fresh).values()) == {(2, 3)}


def test_only_what_is_missing_of_a_set_up_is_added(fresh):
    set_up(fresh, "RAM/Usage")
    found, calls = facts(fresh)
    assert [call[-1] for call in metrics_calls(calls, "setup")] == ["RAM/VMM"]
    assert None not in [found["host"][name] for name in HOST_FIGURES]
    assert {name.rpartition("/")[0]: row for name, row in set_up_rows(fresh).items()} == {
        "RAM/Usage": (2, 3),
        "RAM/VMM": (1, 1),
    }


# -- running guests ------------------------------------------------------------------------------------------------------


def test_running_guests(on_fake):
    web = on_fake.fake.add_guest("web01", memory=768, rate=1000)
    desk = on_fake.fake.add_guest("desk", memory=2048, ostype="Windows10_64", reports_balloon=True, rate=1000)
    on_fake.vbox("controlvm", web, "guestmemoryballoon", "100")
    on_fake.vbox("controlvm", desk, "guestmemoryballoon", "300")
    on_fake.fake.advance(5)
    found, calls = facts(on_fake)
    machines = {machine["name"]: machine for machine in found["machines"]}
    for name, uuid, memory, balloon, reported in (("web01", web, 768, 100, 0), ("desk", desk, 2048, 300, 300)):
        machine = machines[name]
        assert (machine["uuid"], machine["state"], machine["memory_mb"]) == (uuid, "running", memory)
        assert (machine["balloon_current_mb"], machine["guest_additions_run_level"]) == (balloon, 2)
        assert sorted(machine["guest"]) == sorted(GUEST_FIGURES)
        assert machine["guest"]["balloon_kb"] == reported * 1024
        assert (
            abs(machine["guest"]["free_kb"] - on_fake.fake.guest(name)["free_mb"] * 1024) < 8192
        )  # the sample is a second old
        assert machine["process_kb"] > 0 and machine["balloon_followed"] is True
    assert found["host"]["vmm_ballooned_kb"] == found["totals"]["ballooned_kb"] == 400 * 1024
    assert found["totals"]["running_mb"] == found["totals"]["configured_mb"] == 768 + 2048
    assert found["totals"]["overcommit_ratio"] == round((768 + 2048) * 1024 / found["host"]["memory_total_kb"], 3)
    assert sorted(call[6:] for call in metrics_calls(calls, "setup")) == sorted(
        [
            ["host", "RAM/Usage,RAM/VMM"],
            [web, "RAM/Usage,Guest/RAM/Usage,Guest/Pagefile/Usage"],
            [desk, "RAM/Usage,Guest/RAM/Usage,Guest/Pagefile/Usage"],
        ]
    )


@pytest.mark.parametrize("reports_balloon", [False, True])
def test_a_guest_that_does_not_follow(on_fake, reports_balloon):
    on_fake.fake.add_guest("deaf", memory=768, rate=1, reports_balloon=reports_balloon)
    on_fake.vbox("controlvm", "deaf", "guestmemoryballoon", "400")
    on_fake.fake.advance(20)
    assert facts(on_fake)[0]["machines"][0]["balloon_followed"] is False
    on_fake.fake.advance(400)
    assert facts(on_fake)[0]["machines"][0]["balloon_followed"] is True


def test_a_guest_without_additions_says_nothing(on_fake):
    uuid = on_fake.fake.add_guest("mute", additions=False)
    found, calls = facts(on_fake, metrics_wait=60)
    machine = found["machines"][0]
    assert machine["guest"] is None and machine["balloon_followed"] is None
    assert machine["process_kb"] > 0
    assert (machine["state"], machine["balloon_current_mb"]) == ("running", 0)
    assert [call[6:] for call in metrics_calls(calls, "setup")] == [["host", "RAM/Usage,RAM/VMM"], [uuid, "RAM/Usage"]]


def test_a_paused_guest_counts_as_running(on_fake):
    on_fake.fake.add_guest("paused", memory=1024, state="paused")
    found, _calls = facts(on_fake, metrics=False)
    assert found["totals"]["running_mb"] == 1024
    assert found["machines"][0]["balloon_current_mb"] == 0


def test_a_paused_guest_s_figures_are_not_waited_for(on_fake):
    uuid = on_fake.fake.add_guest("paused", memory=1024, state="paused")
    found, calls = facts(on_fake, metrics_wait=60)
    assert found["machines"][0]["guest"] is None and found["machines"][0]["process_kb"] > 0
    assert len([call for call in metrics_calls(calls, "query") if call[2] == uuid and "Guest/" in call[3]]) == 1


@pytest.mark.parametrize(
    "name", ["host", "RAM/Usage/Used", "x\nhost            RAM/Usage/Total                          7 kB\ny"]
)
def test_a_running_guest_s_name_fools_no_figure(on_fake, name):
    on_fake.fake.add_guest(name, memory=768)
    found, _calls = facts(on_fake)
    assert found["machines"][0]["name"] == name
    assert found["machines"][0]["guest"]["total_kb"] > 700000
    assert found["host"]["memory_total_kb"] > 20000000


def test_metrics_are_set_up_again_after_a_machine_s_start(on_fake):
    uuid = on_fake.fake.add_guest("web01")
    facts(on_fake)
    on_fake.vbox("controlvm", uuid, "poweroff")
    on_fake.vbox("startvm", uuid, "--type", "headless")
    on_fake.fake.advance(5)
    found, calls = facts(on_fake)
    assert [call[6] for call in metrics_calls(calls, "setup")] == [uuid]
    assert found["machines"][0]["guest"]["total_kb"] > 0


# -- machines that cannot be read ----------------------------------------------------------------------------------------


def take_away(host, uuid):
    """Take a machine's settings file away, and wait until VirtualBox has noticed."""
    if host.kind == "fake":
        host.fake.change(uuid, accessible=False)
        return
    path = re.search(r'^CfgFile="(.+)"$', host.vbox("showvminfo", uuid, "--machinereadable"), re.MULTILINE).group(1)
    host.run("mv", path, path + ".away")
    wait_for_the_server_s_end(host)
    assert "<inaccessible>" in host.vbox("list", "vms")


def test_a_machine_that_cannot_be_read(host):
    gone, web = make(host, "gone"), make(host, "web01", "Debian_64", 512)
    take_away(host, gone)

    found, calls = facts(host, metrics=False)
    assert [machine["name"] for machine in found["machines"]] == ["web01"]
    assert [(one["uuid"], one["name"], one["code"]) for one in found["unreadable"]] == [
        (gone, None, "machine_inaccessible")
    ]
    assert "VERR_FILE_NOT_FOUND" in found["unreadable"][0]["msg"] and gone in found["unreadable"][0]["msg"]
    assert found["totals"]["configured_mb"] == 512
    assert calls.count(["showvminfo", gone, "--machinereadable"]) == 1, "tried again, though it cannot pass"
    assert [machine["uuid"] for machine in facts(host, metrics=False, machines=["web01"])[0]["machines"]] == [web]

    result, _calls = host.module(MODULE, {"machines": ["web01", gone]})
    assert (result["failed"], result["code"]) == (True, "machine_inaccessible")
    assert gone in result["msg"] and ".vbox" in result["msg"]

    result, calls = host.module("vbox_balloon", {"balloon": 64, "machines": [{"name": gone}, {"name": "web01"}]})
    assert [machine.get("code") for machine in result["machines"]] == ["machine_inaccessible", None]
    assert (result["failed"], result["changed"], result["machines"][1]["changed"]) == (True, True, True)
    assert [call[:2] for call in calls if call[0] == "modifyvm"] == [["modifyvm", web]]
    result, _calls = host.module("vbox_balloon", {"balloon": 64, "name": "web01"})
    assert (result.get("failed"), result["changed"]) == (None, False)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "garbage"}, "vboxmanage_unreadable"),
        ({"kind": "garbage", "text": 'name="x"\nUUID="y"\nmemory=lots\n'}, "vboxmanage_unreadable"),
        ({"kind": "empty"}, "vboxmanage_unreadable"),
        ({"kind": "locked", "count": None}, "machine_locked"),
        ({"kind": "not_ready", "count": None}, "machine_locked"),
    ],
    ids=["garbage", "nonsense for values", "empty", "locked", "not ready"],
)
def test_a_machine_of_which_nothing_can_be_read_stops_no_other(on_fake, fault, code):
    odd, web = make(on_fake, "odd"), make(on_fake, "web01", "Debian_64", 512)
    on_fake.fake.faults(dict({"count": 1, "command": "showvminfo", "machine": odd}, **fault))
    found, _calls = facts(on_fake, metrics=False)
    assert [machine["uuid"] for machine in found["machines"]] == [web] and found["totals"]["configured_mb"] == 512
    assert [(one["uuid"], one["name"], one["code"]) for one in found["unreadable"]] == [(odd, None, code)]
    assert found["unreadable"][0]["msg"]


def test_a_server_that_does_not_answer_is_an_error_of_the_host(on_fake):
    make(on_fake, "web01")
    on_fake.fake.faults({"kind": "server_failure", "command": "showvminfo", "count": None})
    result, _calls = on_fake.module(MODULE, {"metrics": False})
    assert (result["failed"], result["code"]) == (True, "server_unavailable")


def test_a_uuid_in_the_braces_of_list_vms(host):
    uuid = make(host, "web01")
    assert [machine["name"] for machine in facts(host, metrics=False, machines=["{%s}" % uuid])[0]["machines"]] == [
        "web01"
    ]


# -- gather_facts --------------------------------------------------------------------------------------------------------

THROUGH_GATHER_FACTS = {"ANSIBLE_FACTS_MODULES": "vbox.memory.vbox_memory_facts"}


def test_gather_facts_beside_the_fake(on_fake, tmp_path):
    make(on_fake, "web01", "Debian_64", 2048)
    play(
        tmp_path,
        {"here": fake_host(on_fake.fake)},
        [keep("ansible_facts", "facts")],
        gather_facts=True,
        settings=THROUGH_GATHER_FACTS,
    )
    gathered = kept(tmp_path, "facts")["here"]["vbox_memory"]
    assert [machine["memory_mb"] for machine in gathered["machines"]] == [2048]
    assert gathered["host"]["memory_total_kb"] > 0


@pytest.mark.sandbox
def test_gather_facts_over_ssh(sandbox, tmp_path):
    hosts = {"one": sandbox_host(sandbox, USER), "two": sandbox_host(sandbox, OTHER_USER)}
    make(SandboxTestHost(sandbox, USER), "web01", "Debian_64", 2048)
    make(SandboxTestHost(sandbox, OTHER_USER), "名前", "Debian_64", 512)
    both = {"ANSIBLE_FACTS_MODULES": "ansible.builtin.setup,vbox.memory.vbox_memory_facts"}
    patient = {"vbox.memory.vbox_memory_facts": {"metrics_wait": 60}}
    with SandboxTestHost(sandbox, USER).server_held(), SandboxTestHost(sandbox, OTHER_USER).server_held():
        play(
            tmp_path,
            hosts,
            [keep("ansible_facts", "facts")],
            gather_facts=True,
            gather_timeout=300,
            module_defaults=patient,
            settings=both,
        )
    gathered = kept(tmp_path, "facts")
    for host, name in (("one", "web01"), ("two", "名前")):
        assert [machine["name"] for machine in gathered[host]["vbox_memory"]["machines"]] == [name]
        assert gathered[host]["vbox_memory"]["host"]["memory_total_kb"] > 0
        assert gathered[host]["system"] == "Linux"


@pytest.mark.sandbox
def test_metrics_are_set_up_again_where_the_server_ended(our_user):
    wait_for_the_server_s_end(our_user)
    program = our_user.ending_after("metrics setup ")
    told, _calls = facts(our_user, vboxmanage=program, metrics_wait=120)
    assert None not in [told["host"][figure] for figure in HOST_FIGURES], told["host"]
    assert our_user.has_ended(program)
