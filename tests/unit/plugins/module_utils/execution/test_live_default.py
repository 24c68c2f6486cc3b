# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The default balloon of a running machine, by a backend that can change it without a shutdown. (Real guests are in tests/live.)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.memory_backend import WEB01, MemoryBackend

from ansible_collections.vbox.memory.plugins.module_utils.backends.select import FallbackBackend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.run_module import converge

U = WEB01.uuid
MODIFY, CONTROL = f"VBoxManage modifyvm {U} --guestmemoryballoon %d", f"VBoxManage controlvm {U} guestmemoryballoon %d"


def change(backend, check_mode=False, **desired):
    desired = DesiredState(name="web01", **dict({"wait": False, "guard": False}, **desired))
    return converge(backend, [desired], check_mode)[0].as_result()


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
    backend = MemoryBackend(WEB01)
    planned, result = change(backend, check_mode=True, **wanted), change(backend, **wanted)
    for one in (planned, result):
        assert (one["commands"], one["after"], one["pending"], one["changed"]) == (commands, after, {}, True)
    assert all(call[0] == "live" or set(call[1]) == {"balloon_current"} for call in backend.log)
    assert change(backend, **wanted)["commands"] == []


def test_what_cannot_change_waits_for_itself_alone():
    result = change(
        MemoryBackend(replace(WEB01, balloon_default=32, large_pages=True)),
        balloon_default=0,
        large_pages=False,
        on_blocked="defer",
    )
    assert (result["commands"], result["pending"]) == ([MODIFY % 0], {"large_pages": False})


def test_without_such_a_backend_the_default_is_pending():
    result = change(MemoryBackend(WEB01, capabilities=()), balloon=64)
    assert (result["commands"], result["pending"]) == ([CONTROL % 64], {"balloon_default_mb": 64})


def test_a_default_that_did_not_stick_is_told():
    assert change(MemoryBackend(WEB01, sticks=False), balloon_default=64)["code"] == "change_did_not_stick"


def test_the_guard_hears_the_guest_about_a_default_too():
    result = change(MemoryBackend(WEB01, free=200), balloon_default=500, guard=True)
    assert result["code"] == "unsafe_balloon" and result["commands"] == []
    partly = change(MemoryBackend(WEB01, free=200), balloon_default=500, guard=True, partial=True)
    assert partly["limited"] and partly["after"] == {"balloon_default_mb": 72}
    assert (
        change(
            MemoryBackend(replace(WEB01, balloon_default=64), free=200), balloon_default=500, guard=True, partial=True
        )["commands"]
        == []
    )


@pytest.mark.parametrize("silent", [{"additions_run_level": 0}, {"state": "paused"}])
def test_a_guest_that_says_nothing_has_nothing_against_a_default(silent):
    assert change(MemoryBackend(replace(WEB01, **silent), free=0), balloon_default=500, guard=True)["after"] == {
        "balloon_default_mb": 500
    }


def stops(backend):
    if backend.machines[U].live:
        backend.machines[U] = replace(backend.machines[U], state="poweroff", balloon_current=None)
        raise VBoxMemoryError("vboxmanage_failed", "Machine 'web01' is not currently running.")


def test_a_machine_that_stops_meanwhile_is_changed_as_a_stopped_one():
    backend = MemoryBackend(WEB01, before_change=stops)
    result = change(backend, balloon_default=64)
    assert (result["after"], result["state"]) == ({"balloon_default_mb": 64}, "poweroff")
    assert backend.log[-1] == ("change", {"balloon_default": 64})


def locked(backend):
    if backend.log[-1][0] == "live":
        raise VBoxMemoryError("machine_locked", "Another program holds the machine")


def test_what_goes_wrong_is_told():
    result = change(MemoryBackend(WEB01, before_change=locked), balloon=64)
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
def test_bindings_that_go_away_leave_the_default_as_vboxmanage_would(wanted, expected):
    first = MemoryBackend(WEB01, before_change=lambda backend: backend.log[-1][0] == "live" and gone(backend))
    other = MemoryBackend(WEB01, capabilities=())
    other.machines = first.machines
    backend = FallbackBackend(first, other)
    result = change(backend, **wanted)
    assert {key: result.get(key) for key in expected} == expected
    assert (backend.capabilities, backend.fallback_reason) == ((), "the process ended")
