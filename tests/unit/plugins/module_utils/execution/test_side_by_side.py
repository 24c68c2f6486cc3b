# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The balloons of several simulated guests at a time: each is guarded as if it were alone, and gets there beside others that are in need, stuck or gone."""

from __future__ import annotations

import time
from random import Random

import pytest
from support.servers import new_server
from support.simulated_guest import KILLED_BELOW, Life, SimulatedGuests

from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.execution import balloon, execute
from ansible_collections.vbox.memory.plugins.module_utils.execution.balloon import BalloonController
from ansible_collections.vbox.memory.plugins.module_utils.execution.guest_memory import BalloonRequests
from ansible_collections.vbox.memory.plugins.module_utils.execution.side_by_side import Ask, Balloon, Look, Seen, Turn
from ansible_collections.vbox.memory.plugins.module_utils.model.desired import DesiredState
from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import SLACK, SMALLEST_STEP, GuestMemory
from ansible_collections.vbox.memory.plugins.module_utils.run_module import converge

NEARLY_ALL = 683  # MB that are asked for, of 768
AS_FAR_AS_EVER = range(515, 546)  # MB that a steady guest gives of that, as one alone does
AGE = (1.0, 2.0)  # of two figures in a row: what is shown is up to twice as old


@pytest.fixture(autouse=True)
def own_locks(monkeypatch):
    monkeypatch.setenv("VBOX_IPC_SOCKETID", new_server())


@pytest.fixture
def inflate(monkeypatch):
    """A function that brings the balloons of all guests of a host towards a size each; gives back the results by name."""

    def run(host, target=NEARLY_ALL, at_once=execute.MOST_AT_ONCE, targets=None, **desired):
        monkeypatch.setattr(time, "sleep", host.sleep)
        monkeypatch.setattr(time, "monotonic", host.monotonic)
        monkeypatch.setattr(execute, "MOST_AT_ONCE", at_once)
        wanted = [
            DesiredState(name, balloon_current=(targets or {}).get(name, target), **dict({"partial": True}, **desired))
            for name in host.guests
        ]
        return {result.name: result.as_result() for result in converge(host, wanted)}

    return run


def guests(count, seed=1, **life):
    return {f"guest{number}": Life(seed * 100 + number, **life) for number in range(count)}


def current(result):
    return result["after"]["balloon_current_mb"]


@pytest.mark.parametrize(("count", "call", "share"), [(2, 0.05, 0.6), (2, 1.5, 0.7), (4, 0.05, 0.5), (4, 1.5, 0.75)])
def test_several_take_much_less_time_than_one_after_the_other(inflate, count, call, share):
    """Simulated seconds; docs/performance.md has them."""
    together, after_another = SimulatedGuests(call, **guests(count)), SimulatedGuests(call, **guests(count))
    results = inflate(together), inflate(after_another, at_once=1)
    for some in results:
        assert all(current(result) in AS_FAR_AS_EVER for result in some.values()), some
    assert together.now < share * after_another.now, (together.now, after_another.now)


def test_it_is_the_same_each_time(inflate):
    first, second = (inflate(SimulatedGuests(0.3, **guests(3, grows=(90, 5), starts=200))) for _time in range(2))
    assert first == second
    for result in first.values():
        seconds = [step["seconds"] for step in result["progress"]]
        assert seconds == sorted(seconds)


class Strict(SimulatedGuests):
    """It sees to it that a balloon is only raised while no other moves and its own last step has been given."""

    def change(self, uuid, values, live=False):
        name = self.machines[uuid].name
        if values["balloon_current"] > self.machines[uuid].balloon_current:
            for other, life in self._alive():
                behind = abs(self.machines[self.uuids[other]].balloon_current - life.given)
                assert behind <= 2 * SLACK, (self.now, name, values, other, life.given)
        super().change(uuid, values, live)


@pytest.mark.parametrize("seed", range(6))
def test_one_balloon_moves_at_a_time(inflate, seed):
    host = Strict(0.3, **guests(4, seed))
    inflate(host, target=300)
    assert {life.given for life in host.guests.values()} == {300}


def test_never_more_than_four_are_looked_after(inflate):
    host = SimulatedGuests(0.05, **guests(6))
    results = inflate(host, target=100)
    assert max(len(names) for _second, names in host.looks) == execute.MOST_AT_ONCE == 4
    assert list(results) == list(host.guests) and {current(result) for result in results.values()} == {100}


@pytest.mark.parametrize("starts", [460, 511, 545])
@pytest.mark.parametrize("call", [0.05, 0.3, 1.5])
def test_up_to_the_rate_of_the_page_nobody_is_killed_though_all_are_in_need_at_once(inflate, call, starts):
    """docs/how-it-works.md has the formula, under The guard: it is of one guest, and holds for four."""
    fastest = (128 - KILLED_BELOW - SMALLEST_STEP) / (2 * AGE[1] + 7 * call + 2)
    for seed in range(3):
        host = SimulatedGuests(call, **guests(4, seed, starts=starts, grows=(250, fastest), age=AGE))
        inflate(host)
        assert not host.harmed(), seed


def test_without_looking_ahead_they_would_be_killed(inflate, monkeypatch):
    """The simulation can kill."""
    monkeypatch.setattr(balloon, "growth_rate", lambda *_arguments: 0.0)
    host = SimulatedGuests(0.3, **guests(4, starts=500, grows=(250, 20)))
    inflate(host)
    assert host.harmed()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("starts", "rate"), [(50, 40), (300, 10), (300, 20), (300, 40)])
def test_one_grows_while_both_are_raised(inflate, seed, starts, rate):
    host = SimulatedGuests(0.05, grows=Life(seed, starts=starts, grows=(250, rate)), steady=Life(seed + 50))
    results = inflate(host)
    grows = host.guests["grows"]
    assert not host.harmed() and grows.program == 250 and grows.left >= 124, results["grows"]["limited_by"]
    assert starts < 300 or "its programs grew by" in results["grows"]["limited_by"]
    assert current(results["steady"]) in AS_FAR_AS_EVER and "grew" not in results["steady"]["limited_by"]
    assert host.guests["steady"].given == current(results["steady"])


@pytest.mark.parametrize("seed", range(4))
def test_who_is_in_need_gets_memory_back_while_another_balloon_moves(inflate, seed):
    """Its request does not wait until the other one has been given."""
    host = SimulatedGuests(0.05, grows=Life(seed, starts=200, grows=(400, 40)), steady=Life(seed + 50))
    moving = []

    def look(backend):
        grows, steady = (backend.machines[backend.uuids[name]] for name in ("grows", "steady"))
        name, values = backend.log[-1]
        if name == "change" and values["balloon_current"] < grows.balloon_current:
            moving.append(steady.balloon_current - host.guests["steady"].given > 2)

    host.before_change = look
    results = inflate(host)
    assert not host.harmed() and any(moving), moving
    assert current(results["steady"]) in AS_FAR_AS_EVER


@pytest.mark.parametrize("order", [("stuck", "serves"), ("serves", "stuck")])
def test_one_is_stuck_beside_one_that_serves(inflate, order):
    lives = {"stuck": Life(1, stuck_at=140), "serves": Life(2)}
    host = SimulatedGuests(0.05, **{name: lives[name] for name in order})
    results = inflate(host, target=400, partial=False)
    assert results["stuck"]["code"] == "not_following" and "has not moved for 60 s" in results["stuck"]["msg"]
    assert results["stuck"]["given_mb"] == 140 == current(results["stuck"])
    assert "code" not in results["serves"] and current(results["serves"]) == 400 == lives["serves"].given
    assert host.now < 60 + 90


def test_time_in_which_it_was_another_s_turn_does_not_count(inflate):
    """Alone, the guest that serves takes 40 s; beside three that are stuck it has to wait for them."""
    stuck = {f"stuck{number}": Life(number, stuck_at=0) for number in range(3)}
    host = SimulatedGuests(0.05, **stuck, serves=Life(9))
    results = inflate(host, target=300, partial=False, timeout=70)
    assert host.now > 180
    assert "code" not in results["serves"] and current(results["serves"]) == 300
    assert {result["code"] for name, result in results.items() if name != "serves"} == {"not_following"}


@pytest.mark.parametrize("second", range(3, 36, 3))
def test_one_is_powered_off_in_the_middle(inflate, second):
    def power_off(host):
        host.set("falls", state="poweroff", balloon_current=None)

    host = Strict(0.05, [(second, power_off)], falls=Life(1), stays=Life(2))
    results = inflate(host, target=400, partial=False)
    assert results["falls"]["code"] == "state_blocks_change" and "became poweroff" in results["falls"]["msg"]
    assert "code" not in results["stays"] and current(results["stays"]) == 400 == host.guests["stays"].given
    assert host.now < 120


@pytest.mark.parametrize("second", [6, 20])
def test_one_is_paused_in_the_middle(inflate, second):
    host = Strict(0.05, [(second, lambda host: host.set("pauses", state="paused"))], pauses=Life(1), runs=Life(2))
    results = inflate(host, target=300, partial=False)
    assert results["pauses"]["code"] == "state_blocks_change" and "became paused" in results["pauses"]["msg"]
    assert "code" not in results["runs"] and host.guests["runs"].given == 300


@pytest.mark.parametrize("second", [4, 9, 14, 19])
def test_one_that_gives_no_figures_for_a_while_holds_nobody_up_that_can_go_on(inflate, second):
    events = [(second, lambda host: host.silent.add("quiet")), (second + 50, lambda host: host.silent.clear())]
    host = Strict(0.05, events, quiet=Life(1), talks=Life(2), talks_too=Life(3))
    results = inflate(host, target=300, partial=False)
    assert {current(result) for result in results.values()} == {300} and second + 50 < host.now < second + 80
    assert not host.harmed()


def test_some_get_memory_back_while_others_give(inflate):
    host = SimulatedGuests(0.05, **guests(4))
    inflate(host, target=200)
    host.requests.clear()
    targets = {"guest0": 350, "guest1": 0, "guest2": 350, "guest3": 64}
    results = inflate(host, targets=targets)
    assert {name: current(result) for name, result in results.items()} == targets
    assert {name: life.given for name, life in host.guests.items()} == targets
    asked = [name for _second, name, _size in host.requests]
    assert asked[:4] == ["guest1", "guest1", "guest3", "guest3"] and set(asked[4:]) == {"guest0", "guest2"}


def test_an_error_of_virtualbox_is_of_one_guest(inflate):
    host = SimulatedGuests(0.05, **guests(3))

    def refuses(backend):
        if backend.refused is None and len(backend.requests) > 4:
            backend.refused = backend.requests[-1][1]
            raise VBoxMemoryError("change_refused", "No")

    host.refused, host.before_change = None, refuses
    results = inflate(host, target=300, partial=False)
    assert host.refused and [result.get("code") for result in results.values()].count("change_refused") == 1
    assert [current(result) for result in results.values() if "code" not in result] == [300, 300]


def test_a_server_that_is_gone_ends_them_all_with_a_clear_error(inflate):
    def gone(host):
        def fails(_wanted, _names):
            host.sleep(0.05)
            raise VBoxMemoryError("server_unavailable", "VirtualBox's server does not answer")

        host.query_each = fails

    host = SimulatedGuests(0.05, [(15, gone)], **guests(2))
    results = inflate(host, target=300)
    assert {result["code"] for result in results.values()} == {"server_unavailable"}
    assert all(0 < current(result) < 300 for result in results.values())


class Killed(BaseException):
    """The end of a process, at any moment."""


@pytest.mark.parametrize("chance", range(50))
def test_killed_at_any_call_nobody_is_harmed_and_the_next_run_gets_there(inflate, chance):
    def story():
        return SimulatedGuests(
            0.3, one=Life(chance), two=Life(chance + 100, starts=150, grows=(150, 10)), three=Life(chance + 200)
        )

    host = story()
    inflate(host, target=350)
    ends_at = Random(chance).randint(1, len(host.log))
    host = story()

    def ends(backend):
        if len(backend.log) >= ends_at:
            raise Killed

    host.before_change = ends
    with pytest.raises(Killed):
        inflate(host, target=350)
    host.sleep(20)  # until somebody runs it again
    host.before_change = None
    results = inflate(host, target=350)
    assert not any(life.killed for life in host.guests.values()), ends_at
    assert [current(results[name]) for name in ("one", "three")] == [350, 350]
    assert all(life.given == current(results[name]) for name, life in host.guests.items())


def test_what_a_guest_is_to_do_is_a_step_for_each_look():
    """No clock, no sleep and no VirtualBox: it is sent what was seen, and says what it wants."""
    host = SimulatedGuests(0, one=Life(1))
    machine = host.read(host.uuids["one"])
    controller = BalloonController(
        host, BalloonRequests(host), machine, DesiredState("one", balloon_current=100, guard=False)
    )
    steps = controller.task(100).steps

    def seen(given):
        return Seen(
            GuestMemory(free=600 - given, cached=0, given=given, total=700, ballooned=given), 0, 0, given, True, True
        )

    assert next(steps) == Turn()
    assert steps.send(None) == Look(0, Balloon.MOVES)
    assert steps.send(seen(0)) == Look(1, Balloon.MOVES)  # until the sum of all balloons stands still
    assert steps.send(seen(0)) == Ask(100)
    assert steps.send(None) == Look(0, Balloon.MOVES)
    assert steps.send(seen(40)) == Look(0.5, Balloon.MOVES)
    with pytest.raises(StopIteration):
        steps.send(seen(100))
    assert host.requests == []


def test_a_name_that_could_forge_figures_is_looked_after_alone(inflate):
    """Its guest has to be asked for by itself, and a look at four would take too long."""
    odd = "x\nhost            RAM/VMM/Ballooned                        0 kB\ny"
    host = SimulatedGuests(0.05, **{"one": Life(1), odd: Life(2), "two": Life(3)})
    results = inflate(host, target=100)
    assert {current(result) for result in results.values()} == {100} and list(results) == ["one", odd, "two"]
    together = {frozenset(names) for _second, names in host.looks}
    assert {"one", "two"} in together and not any(odd in names and len(names) > 1 for names in together)
