# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Running machines on the fake: what the live host cannot show, or would take too long for. See tests/live for the real ones."""

from __future__ import annotations

import threading

import pytest
from support.hosts import FakeTestHost, wait_until

RATE = 20  # the guests live so much faster


@pytest.fixture
def host(tmp_path):
    return FakeTestHost(tmp_path, clock_rate=RATE)


@pytest.fixture
def web01(host):
    """A function that adds a running guest of 768 MB, and lets it boot."""

    def add(**values):
        host.fake.add_guest("web01", memory=768, **values)
        host.fake.advance(60)

    return add


def balloon(host, **parameters):
    result, calls = host.module("vbox_balloon", dict({"name": "web01"}, **parameters))
    return result, [call for call in calls if call[0] in ("controlvm", "modifyvm", "startvm")], host.fake.guest("web01")


def test_a_request_is_followed_and_a_second_run_sends_nothing(host, web01):
    web01()
    result, calls, guest = balloon(host, balloon=100)
    assert result["changed"] and guest["balloon"] == 100
    assert result["pending"] == [{"name": "web01", "balloon_default_mb": 100}]
    again, calls, _guest = balloon(host, balloon=100)
    assert not again["changed"] and calls == []


def test_more_than_the_guest_can_spare_is_refused_before_anything_is_sent(host, web01):
    web01(program_mb=400)
    result, calls, _guest = balloon(host, balloon_current=300)
    assert result["code"] == "unsafe_balloon" and calls == []
    assert "'web01'" in result["msg"] and "300 MB" in result["msg"] and "guard: false" in result["msg"]


@pytest.mark.parametrize(
    ("values", "why"), [({"additions": False}, "no Guest Additions"), ({"large_pages": True}, "large_pages: false")]
)
def test_what_nobody_can_tell_or_what_would_crash_is_refused(host, web01, values, why):
    web01(**{key: value for key, value in values.items() if key != "large_pages"})
    host.fake.change("web01", large_pages=values.get("large_pages", False))
    result, calls, _guest = balloon(host, balloon_current=100)
    assert result["code"] in ("unsafe_balloon", "large_pages_conflict") and why in result["msg"] and calls == []


def test_without_the_guard_it_is_asked_at_once(host, web01):
    web01(additions=False)
    result, calls, _guest = balloon(host, balloon_current=100, guard=False)
    assert "failed" not in result and [call[-1] for call in calls] == ["100"]


def test_a_program_that_grows_gets_its_memory_back(host, web01):
    web01(program_mb=10, program_rate=3, program_max_mb=500)
    result, _calls, guest = balloon(host, balloon_current=400)
    assert result["code"] in ("balloon_limited", "unsafe_balloon"), result
    assert not guest["panicked"] and guest["oom_kills"] == 0 and guest["balloon"] < 400


def test_a_guest_whose_reserve_is_reached_on_the_way_ends_the_raise(host, web01):
    web01(program_mb=10, program_rate=1, program_max_mb=200)
    result, calls, guest = balloon(host, balloon_current=500, partial=True)
    assert "failed" not in result and result["machines"][0]["limited"], result
    assert len(calls) == len({call[-1] for call in calls}) and guest["balloon"] < 500 and guest["oom_kills"] == 0


def test_a_raise_that_takes_too_long_is_told(host, web01):
    web01()
    result, _calls, guest = balloon(host, balloon_current=500, timeout=4)
    assert result["code"] == "not_following" and "within 4 s" in result["msg"]
    assert guest["balloon"] == result["machines"][0]["after"]["balloon_current_mb"] < 500


def test_a_guest_that_stands_still_is_told_and_not_left_with_the_request(host, web01):
    web01(stuck_at=40)
    result, calls, _guest = balloon(host, balloon_current=100, timeout=20)
    assert result["code"] == "not_following" and result["machines"][0]["given_mb"] == 40
    assert calls[-1][-1] == "40" and result["machines"][0]["after"] == {"balloon_current_mb": 40}


def test_a_windows_guest_says_itself_what_it_gave(host, web01):
    web01(reports_balloon=True)
    result, _calls, guest = balloon(host, balloon_current=200)
    assert result["changed"] and guest["balloon"] == 200


def test_after_a_restore_another_size_is_asked_first(host, web01):
    web01()
    balloon(host, balloon_current=150)
    for command in (
        ("controlvm", "web01", "savestate"),
        ("startvm", "web01"),
        ("controlvm", "web01", "guestmemoryballoon", "0"),
    ):
        host.vbox(*command)
        host.fake.advance(30)
    assert host.fake.guest("web01")["balloon"] == 150
    result, calls, guest = balloon(host, balloon_current=0)
    assert result["changed"] and guest["balloon"] == 0
    assert [call[-1] for call in calls] == ["1", "0"]
    again, calls, _guest = balloon(host, balloon_current=0)
    assert not again["changed"] and calls == []


def test_a_default_by_restart(host, web01):
    web01()
    result, calls, guest = balloon(host, balloon=64, on_blocked="shutdown")
    assert [call[0] for call in calls] == ["controlvm", "modifyvm", "startvm"] and calls[0][-1] == "acpipowerbutton"
    assert calls[2][-2:] == ["--type", "headless"]
    assert (
        result["machines"][0]["after"] == {"balloon_default_mb": 64, "balloon_current_mb": 64}
        and result["pending"] == []
    )
    assert guest["balloon"] == 64


def test_a_guest_that_does_not_shut_down_is_left_alone(host, web01):
    web01(ignores_acpi=True)
    result, calls, _guest = balloon(host, balloon=64, on_blocked="shutdown", shutdown_timeout=2)
    assert result["code"] == "shutdown_timeout" and [call[-1] for call in calls] == ["acpipowerbutton"]
    assert host.fake.machine("web01")["state"] == "running"


def test_a_guest_is_powered_off_only_when_asked_for_by_name(host, web01):
    web01(ignores_acpi=True)
    result, calls, _guest = balloon(host, balloon=64, on_blocked="shutdown", shutdown_timeout=2, power_off=True)
    assert "failed" not in result, result
    assert [call[-1] for call in calls][:2] == ["acpipowerbutton", "poweroff"]
    assert host.fake.machine("web01")["state"] == "running"


@pytest.fixture
def both(host):
    """A function that adds two running guests of 768 MB, with figures of their own, and lets them boot."""

    def add(**guests):
        for name, figures in guests.items():
            host.fake.add_guest(name, memory=768, **figures)
        host.fake.advance(60)

    return add


def balloons(host, *names, **parameters):
    """The results of one task for several machines, by name, and what was changed, in order, with the machines' names."""
    given = {"machines": [{"name": name} for name in names]}
    result, calls = host.module("vbox_balloon", dict(given, **parameters))
    named = {host.fake.machine(name)["uuid"]: name for name in names}
    changes = [(named[call[1]], int(call[-1])) for call in calls if call[-2] == "guestmemoryballoon"]
    assert [machine["name"] for machine in result["machines"]] == list(names)
    return {machine["name"]: machine for machine in result["machines"]}, changes


def test_two_are_raised_in_turns_by_one_look_at_both(host, both):
    both(web01={}, web02={})
    host.forget_calls()
    results, changes = balloons(host, "web01", "web02", balloon_current=300)
    assert [results[name]["after"] for name in results] == [{"balloon_current_mb": 300}] * 2
    assert [host.fake.guest(name)["balloon"] for name in results] == [300, 300]
    assert [name for name, _size in changes][:4] == ["web01", "web02"] * 2
    for name in results:
        sizes = [size for one, size in changes if one == name]
        assert sizes == sorted(sizes) and len(sizes) > 2
        assert results[name]["commands"] == [
            f"VBoxManage controlvm {results[name]['uuid']} guestmemoryballoon {size}" for size in sizes
        ]
    looks = [call for call in host.calls() if call[:2] == ["metrics", "query"]]
    assert [call[2] for call in looks].count("*") > len(looks) / 2
    again, changes = balloons(host, "web01", "web02", balloon_current=300)
    assert changes == [] and not any(machine["changed"] for machine in again.values())


def test_one_is_stuck_beside_one_that_serves(host, both):
    both(stuck={"stuck_at": 40}, serves={})
    results, changes = balloons(host, "stuck", "serves", balloon_current=200, timeout=20)
    assert results["stuck"]["code"] == "not_following" and results["stuck"]["given_mb"] == 40
    assert [size for name, size in changes if name == "stuck"][-1] == 40
    assert "code" not in results["serves"] and host.fake.guest("serves")["balloon"] == 200


def test_one_grows_beside_one_that_is_raised(host, both):
    both(grows={"program_mb": 10, "program_rate": 1, "program_max_mb": 200}, steady={})
    results, _changes = balloons(host, "grows", "steady", balloon_current=500, partial=True)
    assert results["grows"]["limited"] and results["steady"]["after"]["balloon_current_mb"] == 500, results
    for guest in (host.fake.guest(name) for name in results):
        assert not guest["panicked"] and guest["oom_kills"] == 0


def test_one_is_powered_off_while_both_are_raised(host, both):
    both(falls={}, stays={})
    done = {}
    task = threading.Thread(
        target=lambda: done.update(results=balloons(host, "falls", "stays", balloon_current=500)[0])
    )
    task.start()
    wait_until(lambda: host.fake.guest("falls")["balloon"] > 100, 60)
    host.vbox("controlvm", "falls", "poweroff")
    task.join()
    assert done["results"]["falls"]["code"] in ("state_blocks_change", "vboxmanage_failed"), done
    assert "code" not in done["results"]["stays"] and host.fake.guest("stays")["balloon"] == 500, done


def test_beside_a_machine_of_the_same_name_a_guest_is_asked_for_by_itself(host):
    """What VBoxManage prints of all does not tell then whose a row is: it is not asked for again at each look."""
    uuid = host.fake.add_guest("twin", memory=768)
    host.fake.add_guest("twin", memory=768)
    host.fake.advance(60)
    result, calls = host.module("vbox_balloon", {"name": uuid, "balloon_current": 100})
    assert "failed" not in result and host.fake.guest(uuid)["balloon"] == 100, result
    looks = [call[2] for call in calls if call[:2] == ["metrics", "query"]]
    assert looks.count("*") == 1 and looks.count(uuid) > 2
