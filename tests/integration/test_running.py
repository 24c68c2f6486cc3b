# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Running machines on the fake: what the live host cannot show, or would take too long for. See tests/live for the real ones."""

from __future__ import annotations

import pytest
from support.hosts import FakeTestHost

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
