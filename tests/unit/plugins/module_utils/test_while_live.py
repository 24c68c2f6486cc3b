# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The default balloon of a running machine, by a backend that can change it without a shutdown. (Real guests are in tests/live.)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.arguments import Wanted
from ansible_collections.vbox.memory.plugins.module_utils.backends import AutoBackend
from ansible_collections.vbox.memory.plugins.module_utils.converge import converge
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.machines import Machine

GUEST = Machine(
    uuid="U",
    name="web01",
    state="running",
    os_description="Debian (64-bit)",
    memory=1024,
    balloon_default=0,
    balloon_current=0,
    page_fusion=False,
    large_pages=False,
    additions_run_level=2,
)
MODIFY, CONTROL = "VBoxManage modifyvm U --guestmemoryballoon %d", "VBoxManage controlvm U guestmemoryballoon %d"


class Backend:
    """One machine in memory; what is done to it is in `log`. `trouble` is called before a default changes."""

    name, version, fallback, period = "api", "7.2.22", None, staticmethod(lambda _uuid: 0)

    def __init__(self, machine=GUEST, free=900, trouble=lambda _backend: None, sticks=True):
        self.machine, self.free, self.trouble, self.sticks, self.log = machine, free, trouble, sticks, []

    def find_many(self, wanted, details):
        return [self.machine for _name in wanted]

    def read(self, _uuid):
        return self.machine

    def read_live(self):
        return [self.machine]

    def sample(self, objects, _wait):
        figures = dict(
            total_kb=1024 * 1024,
            free_kb=self.free * 1024,
            cache_kb=0,
            balloon_kb=self.machine.balloon_current * 1024,
            ballooned_kb=0,
        )
        return {name: {key: figures.get(key, 0) for key in metrics} for name, metrics in objects.items()}

    def run(self, *command):
        self.log.append(command)
        key = "balloon_current" if command[0] == "controlvm" else "balloon_default"
        self.machine = replace(self.machine, **{key: int(command[-1])})

    def set_default_while_live(self, uuid, size):
        self.log.append(("while live", uuid, size))
        self.trouble(self)
        if self.sticks:
            self.machine = replace(self.machine, balloon_default=size)


class CannotLive(Backend):
    name, set_default_while_live = "vboxmanage", None


def change(backend, check_mode=False, **wanted):
    return converge(backend, [Wanted(name="web01", **dict({"wait": False, "guard": False}, **wanted))], check_mode)[0]


@pytest.mark.parametrize(
    ("wanted", "commands", "after"),
    [
        ({"balloon": 64}, [CONTROL % 64, MODIFY % 64], {"balloon_default_mb": 64, "balloon_current_mb": 64}),
        ({"balloon_leave": 1000}, [CONTROL % 24, MODIFY % 24], {"balloon_default_mb": 24, "balloon_current_mb": 24}),
        ({"balloon_default": 64}, [MODIFY % 64], {"balloon_default_mb": 64}),
        ({"balloon_default": 64, "on_blocked": "shutdown"}, [MODIFY % 64], {"balloon_default_mb": 64}),
        ({"balloon_current": 64}, [CONTROL % 64], {"balloon_current_mb": 64}),
    ],
)
def test_nothing_of_the_balloon_waits_for_a_shutdown(wanted, commands, after):
    backend = Backend()
    planned, result = change(backend, check_mode=True, **wanted), change(backend, **wanted)
    for one in (planned, result):
        assert (one["commands"], one["after"], one["pending"], one["changed"]) == (commands, after, {}, True)
    assert all(call[0] != "modifyvm" for call in backend.log)
    assert change(backend, **wanted)["commands"] == []


def test_what_cannot_change_waits_for_itself_alone():
    result = change(
        Backend(replace(GUEST, balloon_default=32, large_pages=True)),
        balloon_default=0,
        large_pages=False,
        on_blocked="defer",
    )
    assert (result["commands"], result["pending"]) == ([MODIFY % 0], {"large_pages": False})


def test_without_such_a_backend_the_default_is_pending():
    result = change(CannotLive(), balloon=64)
    assert (result["commands"], result["pending"]) == ([CONTROL % 64], {"balloon_default_mb": 64})


def test_a_default_that_did_not_stick_is_told():
    assert change(Backend(sticks=False), balloon_default=64)["code"] == "change_did_not_stick"


def test_the_guard_hears_the_guest_about_a_default_too():
    result = change(Backend(free=200), balloon_default=500, guard=True)
    assert result["code"] == "unsafe_balloon" and result["commands"] == []
    partly = change(Backend(free=200), balloon_default=500, guard=True, partial=True)
    assert partly["limited"] and partly["after"] == {"balloon_default_mb": 72}
    assert (
        change(Backend(replace(GUEST, balloon_default=64), free=200), balloon_default=500, guard=True, partial=True)[
            "commands"
        ]
        == []
    )


@pytest.mark.parametrize("silent", [{"additions_run_level": 0}, {"state": "paused"}])
def test_a_guest_that_says_nothing_has_nothing_against_a_default(silent):
    assert change(Backend(replace(GUEST, **silent), free=0), balloon_default=500, guard=True)["after"] == {
        "balloon_default_mb": 500
    }


def stops(backend):
    if backend.machine.live:
        backend.machine = replace(backend.machine, state="poweroff", balloon_current=None)
        raise VBoxMemoryError("vboxmanage_failed", "Machine 'web01' is not currently running.")


def test_a_machine_that_stops_meanwhile_is_changed_as_a_stopped_one():
    backend = Backend(trouble=stops)
    result = change(backend, balloon_default=64)
    assert (result["after"], result["state"]) == ({"balloon_default_mb": 64}, "poweroff")
    assert backend.log[-1] == ("modifyvm", "U", "--guestmemoryballoon", "64")


def locked(_backend):
    raise VBoxMemoryError("machine_locked", "Another program holds the machine")


def test_what_goes_wrong_is_told():
    result = change(Backend(trouble=locked), balloon=64)
    assert result["code"] == "machine_locked" and result["after"] == {"balloon_default_mb": 0, "balloon_current_mb": 64}


def gone(_backend):
    raise VBoxMemoryError("backend_unavailable", "the process ended")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"balloon": 64}, {"pending": {"balloon_default_mb": 64}}),
        ({"balloon_default": 64}, {"code": "state_blocks_change"}),
    ],
)
def test_bindings_that_go_away_leave_the_default_as_vboxmanage_would(monkeypatch, wanted, expected):
    backend = Backend(trouble=gone)
    command = CannotLive()
    auto = AutoBackend.__new__(AutoBackend)
    auto._command, auto._current, auto.fallback = command, backend, None
    monkeypatch.setattr(command, "read", lambda _uuid: backend.machine)
    result = change(auto, **wanted)
    assert {key: result.get(key) for key in expected} == expected
    assert (auto.name, auto.fallback) == ("vboxmanage", "the process ended")
