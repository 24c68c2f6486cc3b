# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Plans are carried out on machines that change meanwhile: by a backend in memory, which shows what no real machine does on command."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.memory_backend import WEB01, MemoryBackend

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution import restart
from ansible_collections.vbox.memory.plugins.module_utils.execution.execute import MAX_REPLANS
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.run_module import converge

U = WEB01.uuid
OFF = replace(WEB01, state="poweroff", balloon_current=None, additions_run_level=None)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(restart, "POLL_INTERVAL", 0)


def bring(backend, leave_waiting=False, **desired):
    desired = DesiredState(name="web01", **dict({"wait": False, "guard": False}, **desired))
    return converge(backend, [desired], leave_waiting=leave_waiting)[0].as_result()


def flaps(backend):
    """The machine is started or stopped just before whatever is to change, as it is planned for the other state."""
    machine = backend.machines[U]
    live = not machine.live
    backend.machines[U] = replace(machine, state="running" if live else "poweroff", balloon_current=0 if live else None)
    raise VBoxMemoryError("machine_locked", "The machine is already locked")


def test_a_machine_whose_state_flaps_ends_in_a_clear_error():
    backend = MemoryBackend(replace(OFF, balloon_default=64), before_change=flaps)
    result = bring(backend, balloon_default=32)
    assert result["code"] == "state_blocks_change" and "changed its state 4 times" in result["msg"]
    assert len(backend.log) == MAX_REPLANS + 1
    assert result["before"] == {"balloon_default_mb": 64} and result["changed"] is False


def once(trouble):
    """Trouble at the first change only."""
    done = []

    def act(backend):
        if not done:
            done.append(True)
            trouble(backend)

    return act


def test_a_machine_that_is_started_meanwhile_is_planned_anew_and_warned_of_once():
    backend = MemoryBackend(
        replace(OFF, balloon_default=64, large_pages=True, page_fusion=True), before_change=once(flaps)
    )
    result = bring(backend, page_fusion=False, on_blocked="defer")
    assert (result["state"], result["pending"]) == ("running", {"page_fusion": False})
    assert result["warnings"] == ["it has a balloon and large pages, which exclude each other: turn one of them off"]


def test_a_restart_changes_and_starts_as_it_was():
    backend = MemoryBackend(replace(WEB01, frontend="GUI/Qt"), capabilities=())
    result = bring(backend, balloon_default=64, large_pages=False, on_blocked="shutdown")
    assert backend.log == [("acpipowerbutton", None), ("change", {"balloon_default": 64}), ("start", "GUI/Qt")]
    assert result["after"] == {"balloon_default_mb": 64, "large_pages": False} and "code" not in result
    assert [command.split()[1] for command in result["commands"]] == ["controlvm", "modifyvm", "startvm"]


class GoesOffByItself(MemoryBackend):
    """The machine goes off just before its shutdown is requested, as at the request of a run that was killed."""

    def power(self, uuid, action, frontend=None):
        if action == "acpipowerbutton":
            super().power(uuid, "poweroff")
            raise VBoxMemoryError("vboxmanage_failed", "it is not currently running")
        super().power(uuid, action, frontend)


def test_a_machine_that_goes_off_while_that_is_requested_is_started_again():
    backend = GoesOffByItself(WEB01, capabilities=())
    result = bring(backend, large_pages=True, on_blocked="shutdown")
    assert "code" not in result and result["after"] == {"large_pages": True}
    assert backend.machines[U].state == "running" and backend.extra == {}


class Refuses(MemoryBackend):
    """VirtualBox does not press the power button."""

    def power(self, uuid, action, frontend=None):
        raise VBoxMemoryError("vboxmanage_failed", "no")


def test_a_shutdown_that_was_never_requested_leaves_no_note():
    backend = Refuses(WEB01, capabilities=())
    result = bring(backend, large_pages=True, on_blocked="shutdown")
    assert result["code"] == "vboxmanage_failed" and backend.machines[U].state == "running" and backend.extra == {}


def test_a_guest_is_restarted_once_whatever_the_guard_says_of_its_default():
    backend = MemoryBackend(WEB01, capabilities=(), free=400)
    result = bring(backend, balloon_default=900, guard=True, partial=True, on_blocked="shutdown")
    assert [name for name, _what in backend.log].count("start") == 1
    assert (result["after"], result["limited"], result["pending"]) == ({"balloon_default_mb": 272}, True, {})


def test_a_guest_is_restarted_once_when_its_setting_does_not_stick():
    backend = MemoryBackend(WEB01, capabilities=(), sticks=False)
    result = bring(backend, large_pages=True, on_blocked="shutdown")
    assert result["code"] == "change_did_not_stick"
    assert [name for name, _what in backend.log].count("start") == 1 and backend.machines[U].state == "running"


def refuses(backend):
    raise VBoxMemoryError("change_refused", "No")


def test_what_ran_runs_again_though_the_change_was_refused():
    backend = MemoryBackend(WEB01, capabilities=(), before_change=refuses)
    result = bring(backend, large_pages=True, on_blocked="shutdown")
    assert (result["code"], result["state"], backend.machines[U].state) == ("change_refused", "running", "running")
    assert result["after"] == {"large_pages": False}


@pytest.mark.parametrize(
    ("machine", "desired"),
    [(WEB01, {"balloon_current": 64}), (WEB01, {"large_pages": True, "on_blocked": "shutdown"})],
)
def test_what_waits_for_a_guest_can_be_left_alone(machine, desired):
    backend = MemoryBackend(machine, capabilities=())
    result = bring(backend, leave_waiting=True, **desired)
    assert result["waiting"] is True and result["changed"] is False and backend.log == []
    assert "waiting" not in bring(backend, **desired) and backend.log


@pytest.mark.parametrize(
    ("machine", "desired"), [(OFF, {"balloon": 64}), (WEB01, {"balloon_current": 0, "wait": True})]
)
def test_what_waits_for_no_guest_is_done_at_once(machine, desired):
    assert "waiting" not in bring(MemoryBackend(machine, capabilities=()), leave_waiting=True, **desired)


@pytest.mark.parametrize("page_fusion", [True, False, None])
def test_the_type_of_the_system_is_read_where_page_fusion_depends_on_it(page_fusion):
    backend = MemoryBackend()
    converge(backend, [DesiredState("web01", balloon=0), DesiredState("web02", page_fusion=page_fusion)])
    assert backend.details is (page_fusion is True)


def test_a_machine_that_does_not_stop_when_it_is_powered_off_is_neither_changed_nor_started():
    class Stuck(MemoryBackend):
        def power(self, uuid, action, frontend=None):
            self.log.append((action, frontend))

    backend = Stuck(WEB01, capabilities=())
    result = bring(backend, balloon_default=64, on_blocked="shutdown", power_off=True, shutdown_timeout=0)
    assert result["code"] == "shutdown_timeout" and "was powered off" in result["msg"] and "run again" in result["msg"]
    assert [entry[0] for entry in backend.log] == ["acpipowerbutton", "poweroff"] and result["changed"] is False
