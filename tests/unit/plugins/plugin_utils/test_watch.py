# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What is told of a watched host: with plans of the real planner, and with rows made by hand where only one figure matters."""

from __future__ import annotations

import json

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.plugins.module_utils.planning.balance_world import Guest, World

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance
from ansible_collections.vbox.memory.plugins.plugin_utils.watch import Watched, after_failure, after_look, inert

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19 each string is a template

    def trust_as_template(text):
        return text


REPEAT = 600
KEYS = ["code", "figures", "host", "machine", "meta", "name", "repeated", "sentence", "type", "uuid", "was"]


class Watch:
    """A host of the planner's tests, looked at as the event source does."""

    def __init__(self, *guests, budget=8000, **policy):
        self.world = World(list(guests), budget, policy)
        self.known = Watched()

    def look(self, seconds=30, gone=(), unreadable=()):
        """The events of a look so many seconds after the last."""
        world = self.world
        world.now += seconds
        for guest in world.guests:
            guest.move(10**6)
        machines = [machine for machine in world.machines() if machine["uuid"] not in (*gone, *unreadable)]
        arguments = (machines, dict(world.full_policy(), period=30), [], self.known.history, world.now)
        plan = balance.plan(world.host(), *arguments)
        plan["history"] = balance.plan(dict(world.host(), other_controller="watching"), *arguments)["history"]
        facts = {"machines": machines, "unreadable": [{"uuid": uuid} for uuid in unreadable]}
        events, self.known = after_look("office", self.known, facts, plan, world.now, REPEAT)
        return events

    def fail(self, reason="it is down", seconds=30):
        self.world.now += seconds
        events, self.known = after_failure("office", self.known, reason, self.world.now, REPEAT)
        return events


def brief(events):
    return [(event["type"], event["was"], event["uuid"]) for event in events]


def test_a_host_where_all_is_well_says_nothing():
    watch = Watch(Guest(2048, 700, 0), Guest(2048, 500, 512))
    assert [watch.look() for _each in range(30)] == [[]] * 30


def test_need_is_told_when_it_begins_and_again_after_a_while():
    watch = Watch(Guest(2048, 500, 0), Guest(2048, 900, 1024))
    looks = [watch.look() for _each in range(41)]
    assert [number for number, events in enumerate(looks) if events] == [0, 20, 40]
    (first,), (second,) = looks[0], looks[20]
    assert sorted(first) == KEYS and first["meta"] == {"hosts": ["office"]}
    assert (first["type"], first["host"], first["uuid"], first["name"]) == ("pressure", "office", "vm1", "machine 1")
    assert (first["code"], first["repeated"], second["repeated"]) == ("starving", False, True)
    assert first["machine"] == "machine_1-vm1.office.vbox"
    assert first["sentence"].startswith("machine 1 on office: by the plan it gets ")
    assert first["figures"]["holds_mb"] == 1024
    json.dumps(first)


def test_need_that_ends_is_told_with_what_it_was():
    watch = Watch(Guest(2048, 900, 1024), window=10)
    assert brief(watch.look()) == [("pressure", None, "vm0")]
    watch.world.guests[0].use = 860
    assert watch.look() == []
    watch.world.guests[0].use = 300
    events = [event for _each in range(4) for event in watch.look() if event["type"] != "guest_lost_a_program"]
    assert brief(events) == [("recovered", "pressure", "vm0")]
    assert events[0]["sentence"].startswith("machine 0 on office: pressure is over: it ")


def test_of_a_machine_that_is_left_alone_nothing_is_known():
    watch = Watch(Guest(2048, 900, 1024))
    watch.look()
    watch.world.guests[0].state = "paused"
    assert [watch.look() for _each in range(30)] == [[]] * 30
    assert brief(watch.look(gone=["vm0"])) == [("recovered", "pressure", "vm0")]


def test_a_machine_that_cannot_be_read_is_not_gone():
    watch = Watch(Guest(2048, 900, 1024), Guest(2048, 500, 0))
    watch.look()
    assert watch.look(unreadable=["vm0"]) == []
    (event,) = watch.look(gone=["vm0"])
    assert (event["was"], event["name"], event["machine"]) == ("pressure", "machine 0", "machine_0-vm0.office.vbox")
    assert event["sentence"] == "machine 0 on office: pressure is over: it does not run any more"


def test_a_guest_that_does_not_follow():
    stuck = Guest(2048, 300, 0)
    watch = Watch(stuck, Guest(2048, 500, 0))
    watch.look()
    stuck.shown = 256  # somebody asks for it, and nothing moves
    events = [event for _each in range(8) for event in watch.look()]
    assert brief(events)[:1] == [("not_following", None, "vm0")]
    assert events[0]["sentence"].startswith("machine 0 on office: by the plan it is fixed for a while")


def test_floors_that_cannot_be_met_are_the_hosts():
    watch = Watch(Guest(4096, 300, 1024), Guest(4096, 300, 1024), defaults={"floor": 3000}, budget=5000)
    (event,) = [event for event in watch.look() if event["type"] == "infeasible"]
    assert (event["host"], event["machine"], event["uuid"], event["name"]) == ("office", None, None, None)
    assert event["figures"]["missing_mb"] > 0 and event["sentence"].startswith("office: the floors and fixed machines")
    watch.world.budget = 9000
    assert ("recovered", "infeasible", None) in brief(watch.look())


def test_a_host_without_memory_for_others_is_under_pressure_too():
    watch = Watch(Guest(2048, 300, 0), reserve=20000)
    told = [(event["type"], event["code"], event["machine"]) for event in watch.look()]
    assert ("pressure", "host_pressure", None) in told


def test_a_host_that_cannot_be_read_keeps_what_was_known_of_it():
    watch = Watch(Guest(2048, 900, 1024))
    assert brief(watch.look()) == [("pressure", None, "vm0")]
    (event,) = watch.fail()
    assert sorted(event) == KEYS
    assert (event["type"], event["code"]) == ("unreachable", "unreachable")
    assert event["sentence"] == "office cannot be read: it is down" and event["figures"] == {}
    assert watch.fail() == []
    assert [event["repeated"] for event in watch.fail(seconds=REPEAT)] == [True]
    events = watch.look()
    assert brief(events)[-1] == ("recovered", "unreachable", None)
    assert ("recovered", "pressure", "vm0") not in brief(events)
    assert events[-1]["sentence"] == "office can be read again"


def test_a_guest_that_was_short_and_suddenly_is_not_has_lost_a_program():
    watch = Watch(Guest(2048, 1940, 0))
    watch.look()
    watch.world.guests[0].use = 500
    (event,) = [event for event in watch.look() if event["type"] == "guest_lost_a_program"]
    assert (event["uuid"], event["code"], event["repeated"]) == ("vm0", "guest_lost_a_program", False)
    assert "its use fell by 1440 MB at once, after only 28 MB were free in it" in event["sentence"]
    assert watch.look() == []


def test_what_happened_while_a_host_could_not_be_read_is_not_known():
    watch = Watch(Guest(2048, 1940, 0))
    watch.look()
    watch.fail()
    watch.world.guests[0].use = 500
    assert brief(watch.look()) == [("recovered", "unreachable", None)]


def row(free, given=(0, 0), managed=True, memory=2048):
    figures = {
        "memory_mb": memory,
        "free_mb": free,
        "given_least_mb": given[0],
        "given_most_mb": given[1],
        "band_mb": 64,
        "hard_reserve_mb": 160,
    }
    return {
        "uuid": "u",
        "name": "web",
        "managed": managed,
        "code": "steady" if managed else "paused",
        "sentence": "x",
        "figures": figures if managed else {"memory_mb": memory},
    }


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (row(50), row(400), "after only 50 MB were free"),
        (row(159), row(223), "after only 159 MB were free"),
        (row(159), row(222), None),  # within the noise
        (row(161), row(900), None),  # a program that ended in a guest that had enough
        (row(50, (256, 256)), row(306, (0, 0)), None),  # it has got its balloon back
        (row(50, (256, 256)), row(306, (0, 256)), None),  # nobody knows how much of it it has
        (row(900, (0, 0)), row(1100, (0, 128)), "while its balloon was filling"),
        (row(900, (0, 0)), row(880, (128, 128)), "while its balloon was filling"),
        (row(900, (0, 0)), row(800, (128, 128)), None),
        (row(900, (128, 128)), row(1000, (128, 128)), None),
        (row(50), row(0, managed=False), None),  # it has restarted, for example
        (row(0, managed=False), row(400), None),
    ],
)
def test_when_a_guest_has_lost_a_program(before, now, words):
    def look(known, machine):
        plan = {"host": {"codes": [], "sentence": "", "figures": {}}, "machines": [machine], "history": None}
        facts = {"machines": [{"uuid": "u", "name": "web"}], "unreadable": []}
        return after_look("office", known, facts, plan, 0, REPEAT)

    events, _known = look(look(Watched(), before)[1], now)
    assert [event["type"] for event in events] == (["guest_lost_a_program"] if words else [])
    assert not words or words in events[0]["sentence"]


HOSTILE = st.lists(
    st.sampled_from(
        [
            "{",
            "%",
            "#",
            "}",
            "{{",
            "{%",
            "$ANSIBLE_VAULT;1.1;AES256",
            "#jinja2:",
            "x",
            " ",
            "\n",
            "\x1b[2J",
            "\u202e",
            "名",
        ]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(HOSTILE | st.text(max_size=40))
def test_whatever_somebody_is_called_is_no_template(text):
    shown = inert(text)
    assert shown.isprintable() and not shown.startswith("$ANSIBLE_VAULT")
    assert Templar(DataLoader()).template(trust_as_template(shown)) == shown


def test_a_template_is_one_until_it_is_told():
    """So that the test above can fail."""
    assert str(Templar(DataLoader()).template(trust_as_template("{{ 6 * 7 }}"))) == "42"
    assert inert("{{ 6 * 7 }}{{{%{#") == "{ { 6 * 7 }}{ { { %{ #"
    assert inert("a" * 2000)[-1] == "…" and len(inert("{" * 2000)) <= 2 * 700
    assert inert("web01 (new): 50 % {a}") == "web01 (new): 50 % {a}"
