# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The numbers of a report, against the facts they are from."""

from __future__ import annotations

import copy
import json

import pytest
from support.report_fleet import READ_AT, fleet

from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import SUMS, figures
from ansible_collections.vbox.memory.plugins.plugin_utils.report.findings import CODES

MACHINE = dict(
    name="web01",
    uuid="0b4ee9d2-1f2c-4a5e-9d3a-2f6f1c1e0a01",
    state="running",
    os_type="Windows11_64",
    memory_mb=4096,
    balloon_default_mb=0,
    balloon_current_mb=512,
    balloon_followed=True,
    page_fusion=False,
    large_pages=False,
    guest_additions_run_level=2,
    process_kb=3 * 1024**2,
    guest=dict(total_kb=4194304, free_kb=2097152, balloon_kb=0, shared_kb=0, cache_kb=409600, pagefile_kb=0),
)
YES = {"supported": True, "reason": None}
HOST = dict(
    vbox_version="7.1.12",
    features={"balloon": YES, "page_fusion": YES, "large_pages": YES},
    memory_total_kb=16777216,
    memory_used_kb=8388608,
    memory_free_kb=8388608,
    vmm_used_kb=4194304,
    vmm_free_kb=524288,
    vmm_ballooned_kb=524288,
    vmm_shared_kb=0,
)


def one(machine=None, host=None, **entry):
    """The figures of a fleet of one host with one machine."""
    facts = dict(host=dict(HOST, **(host or {})), machines=[dict(MACHINE, **(machine or {}))], unreadable=[])
    return figures({"office": dict(dict(facts=facts), **entry)}, READ_AT)


def codes(told):
    return [finding["code"] for finding in told["findings"]]


LAST = dict(balloon_mb=512, was_mb=448, since=1764100000, code="gives_to")


@pytest.mark.parametrize(("since", "at"), [(1764100000, "2025-11-25 19:46 UTC"), (2**62, "an unknown time")])
def test_what_balance_asked_last_is_told_without_a_plan_too(since, at):
    machine = one(machine=dict(last_balance=dict(LAST, since=since)))["hosts"][0]["machines"][0]
    assert (machine["balance_code"], machine["target_mb"]) == ("gives_to", None)
    assert machine["balance_sentence"] == f"it was asked for a balloon of 512 MB (before: 448 MB) at {at} (gives_to)"


def test_a_machine_of_which_all_is_known():
    machine = one()["hosts"][0]["machines"][0]
    assert machine["balloon_given_mb"] == 512
    assert machine["used_kb"] == 4194304 - 2097152 - 512 * 1024
    # free 2048 MB, less half of 400 MB of cache, less a tenth of 4096 MB
    assert machine["room_mb"] == 2048 - 200 - 409


def test_a_guests_own_count_of_its_balloon_wins():
    machine = one({"guest": dict(MACHINE["guest"], balloon_kb=300 * 1024)})["hosts"][0]["machines"][0]
    assert machine["balloon_given_mb"] == 300
    assert machine["used_kb"] == 4194304 - 2097152 - 300 * 1024


@pytest.mark.parametrize(
    ("machine", "room"),
    [
        ({"large_pages": True}, 0),
        ({"state": "poweroff"}, None),
        ({"guest": None}, None),
        ({"guest": dict(MACHINE["guest"], free_kb=100)}, 0),
        # VirtualBox takes 920 MB of 1024 at most.
        ({"memory_mb": 1024, "guest": dict(MACHINE["guest"], free_kb=9**9, cache_kb=0)}, 920 - 512),
    ],
)
def test_what_a_balloon_could_take(machine, room):
    assert one(machine)["hosts"][0]["machines"][0]["room_mb"] == room


def test_what_is_not_known_is_not_zero():
    machine = one({"balloon_followed": None, "guest": None, "process_kb": None})["hosts"][0]["machines"][0]
    assert [machine[key] for key in ("balloon_given_mb", "used_kb", "free_kb", "cache_kb", "process_kb")] == [None] * 5
    host = figures({"office": dict(facts=dict(machines=[], host={}))}, READ_AT)["hosts"][0]
    assert [host[key] for key in ("memory_total_kb", "reserve_kb", "bar", "overcommit_ratio", "cache_kb")] == [None] * 5


def test_a_hypervisor_that_has_counted_nothing_yet_is_not_known():
    figures_of_it = ("vmm_used_kb", "vmm_free_kb", "vmm_ballooned_kb", "vmm_shared_kb")
    host = one(host=dict.fromkeys(figures_of_it))["hosts"][0]
    assert [host[key] for key in ("vmm_used_kb", "ballooned_kb", "other_kb", "bar")] == [None] * 4
    off = {"state": "poweroff", "balloon_current_mb": None}
    host = one(off, host=dict.fromkeys(figures_of_it, 0))["hosts"][0]
    assert (host["vmm_used_kb"], host["other_kb"]) == (0, HOST["memory_used_kb"])  # here 0 is right


@pytest.mark.parametrize("seed", range(20))
def test_sums_and_bars_add_up(seed):
    told = figures(fleet(4, 12, seed=seed), READ_AT)
    for key in SUMS:
        assert told["fleet"][key] == sum(host[key] for host in told["hosts"] if host[key] is not None)
    for host in told["hosts"]:
        assert sum(part["kb"] for part in host["bar"]) == host["memory_total_kb"]
        assert all(part["kb"] >= sum(piece["kb"] for piece in part["parts"]) >= 0 for part in host["bar"])
        assert host["room_mb"] == sum(machine["room_mb"] or 0 for machine in host["machines"])


@pytest.mark.parametrize(
    ("machine", "host", "code"),
    [
        ({"state": "aborted"}, {}, "machine_broken"),
        ({"state": "gurumeditation"}, {}, "machine_broken"),
        ({"interrupted_restart": 1795637520}, {}, "interrupted_restart"),
        ({"guest": dict(MACHINE["guest"], free_kb=408 * 1024)}, {}, "guest_short"),
        ({"balloon_followed": False}, {}, "not_following"),
        ({"large_pages": True}, {}, "balloon_with_large_pages"),
        ({"guest": None, "guest_additions_run_level": 0}, {}, "no_figures"),
        ({}, {"memory_free_kb": 1023 * 1024}, "host_short"),
        ({"memory_mb": 17000}, {}, "overcommitted"),
    ],
)
def test_what_stands_out(machine, host, code):
    assert code not in codes(one())
    told = one(machine, host)
    assert code in codes(told)
    of_machine = [finding for finding in told["findings"] if finding["code"] == code and finding["uuid"]]
    assert not of_machine or code in told["hosts"][0]["machines"][0]["found"]


def test_the_reserve_is_the_policys():
    assert "host_short" in codes(one(reserve_mb=8193))
    assert "host_short" not in codes(one(reserve_mb=8192))


def test_what_cannot_be_read_comes_first():
    facts = dict(
        host=HOST, machines=[MACHINE], unreadable=[dict(uuid="u", name=None, code="machine_inaccessible", msg="gone")]
    )
    told = figures({"office": dict(facts=facts), "lab": dict(facts=None, msg="no route to host")}, READ_AT)
    assert [(one["code"], one["host"]) for one in told["findings"][:2]] == [
        ("host_not_read", "lab"),
        ("unreadable", "office"),
    ]
    assert told["fleet"]["hosts_unread_count"] == 1
    assert told["fleet"]["memory_total_kb"] == HOST["memory_total_kb"]


def test_the_policy_and_balance():
    uuid = MACHINE["uuid"]
    row = dict(
        machine="web01", uuid=uuid, setting="balloon_default_mb", before=0, after=64, source="p: defaults", msg=None
    )
    settings = {"balloon": dict(value=64, source="p: defaults"), "timeout": dict(value=8, source="p: defaults")}
    policy = dict(
        explained=[dict(name="web01", uuid=uuid, settings=settings)],
        differences=[dict(row, outcome="pending"), dict(row, outcome="failed", setting=None, msg="it is locked")],
    )
    entry = dict(uuid=uuid, target_mb=3000, code="steady", sentence="has what it is to have")
    plan = dict(host=dict(codes=[], sentence=""), machines=[entry])
    told = one(policy=policy, plan=plan)
    machine = told["hosts"][0]["machines"][0]
    assert machine["wants"] == [dict(setting="balloon", value=64, source="p: defaults")]  # how it is done is no wish
    assert machine["pending_count"] == told["fleet"]["pending_count"] == 1
    assert (machine["target_mb"], machine["balance_code"]) == (3000, "steady")
    assert {"pending", "policy_failed"} <= set(machine["found"])


def test_page_fusion_is_an_upper_bound_and_only_where_the_host_has_it():
    machines = [dict(MACHINE, uuid=f"{number}", name=f"w{number}") for number in range(3)]
    facts = dict(host=HOST, machines=machines)
    told = figures({"office": dict(facts=facts)}, READ_AT)
    saving = [one for one in told["savings"] if one["kind"] == "page_fusion"]
    used = told["hosts"][0]["machines"][0]["used_kb"]
    assert [(one["kb"], one["machines"]) for one in saving] == [(2 * used, ["w0", "w1", "w2"])]
    facts = dict(facts, host=dict(HOST, features={"page_fusion": {"supported": False, "reason": "built without"}}))
    assert [one["kind"] for one in figures({"office": dict(facts=facts)}, READ_AT)["savings"]] == ["balloons"]


def test_findings_are_in_order_and_known():
    told = figures(fleet(6, 20), READ_AT)
    order = [list(CODES).index(code) for code in codes(told)]
    assert order == sorted(order)
    assert len(set(codes(told))) > 6  # or this fleet shows little


def test_nothing_is_changed_and_all_is_plain():
    entries = fleet(2, 5)
    before = copy.deepcopy(entries)
    told = figures(entries, READ_AT)
    assert entries == before
    assert json.loads(json.dumps(told)) == told
