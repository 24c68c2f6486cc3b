# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The filter resolve: the cases of test_resolve.yml, odd names, and how long it takes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.vbox.memory.plugins.filter.resolve import resolve_filter
from ansible_collections.vbox.memory.plugins.plugin_utils import selector

TABLE = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
HOST = {"features": {name: {"supported": True, "reason": None} for name in ("balloon", "page_fusion", "large_pages")}}
ODD_NAMES = (
    "a b",
    'quo"te',
    "it's",
    "back\\slash",
    "new\nline",
    "tab\t",
    "semi;colon",
    "$(id)",
    "-leading",
    "ümläut",
    "名前",
    "a=b",
    "{{ 1 + 1 }}",
    "{% raw %}",
    "00000000-0000-0000-0000-00000000beef",
    "host",
    "007",
    "null",
)


def facts_of(machines, **others):
    return dict(
        {"host": HOST, "machines": [dict(TABLE["machine"], **machine) for machine in machines], "unreadable": []},
        **others,
    )


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["case"])
def test_case(case):
    facts = facts_of(case.get("machines", TABLE["machines"]), unreadable=case.get("unreadable", []))
    policy = case["policies"] if "policies" in case else case["policy"]
    if "problems" in case:
        with pytest.raises(AnsibleFilterError) as caught:
            resolve_filter(policy, facts, case.get("names"))
        found = [line[2:] for line in str(caught.value).splitlines()[1:]]
        wanted = case["problems"]
        assert [line[: len(start)] for line, start in zip(found, wanted)] + found[len(wanted) :] == wanted
        return
    resolved = resolve_filter(policy, facts, case.get("names"))
    names = {machine["uuid"]: machine["name"] for machine in facts["machines"]}
    assert {names[machine.pop("name")]: machine for machine in resolved["machines"]} == case["wanted"]
    sources = {
        machine["name"]: {option: given["source"] for option, given in machine["settings"].items()}
        for machine in resolved["explained"]
    }
    if "balance" in case:
        policy = dict(
            resolved["balance"], machines={names[uuid]: own for uuid, own in resolved["balance"]["machines"].items()}
        )
        assert policy == case["balance"]
    if "host_sources" in case:
        found = {option: given["source"] for option, given in resolved["balance_explained"].items()}
        assert found == case["host_sources"]
    for result, wanted in zip(resolved["unreadable"], case.get("unreadable_results", []), strict=True):
        assert {key: result[key] for key in wanted} == wanted
    for name, wanted in case.get("sources", {}).items():
        assert {option: sources[name][option] for option in wanted} == wanted


# facts of a machine, what it is to have, and whether it has that already
IN_SYNC = [
    ({}, {"balloon": 0, "large_pages": False, "page_fusion": False}, True),
    ({"balloon_default_mb": 512}, {"balloon": "512M"}, True),
    ({"balloon_default_mb": 512}, {"balloon_leave": "1.5G"}, True),
    ({"balloon_default_mb": 512}, {"balloon": 511}, False),
    ({"large_pages": True}, {"balloon": 0, "large_pages": False}, False),
    ({"large_pages": None}, {"large_pages": False}, True),
    ({"large_pages": None}, {"large_pages": True}, False),
    ({"state": "saved"}, {"balloon": 0}, True),
    ({"state": "saved"}, {"balloon": 1}, False),
    (
        {"state": "running", "balloon_current_mb": 0},
        {"balloon": 0},
        False,
    ),  # the module looks whether its guest follows
    ({}, {"balloon_current": 0}, False),  # it does not run
    ({"memory_mb": 64, "balloon_default_mb": 100}, {"balloon": 100}, False),  # too large for its memory: an error
    ({"large_pages": True, "balloon_default_mb": 100}, {"balloon": 100}, False),  # a warning
]


@pytest.mark.parametrize(("own", "wanted", "is_in_sync"), IN_SYNC, ids=str)
def test_what_has_all_of_it_already_is_in_sync(own, wanted, is_in_sync):
    facts = facts_of([dict(own, name="web01", uuid="00000000-0000-0000-0000-000000000001")])
    resolved = resolve_filter({"defaults": wanted}, facts)
    assert resolved["to_apply"] == ([] if is_in_sync else resolved["machines"])
    assert [
        (result["uuid"], result["changed"], result["before"] == result["after"]) for result in resolved["in_sync"]
    ] == [("00000000-0000-0000-0000-000000000001", False, True)] * is_in_sync


def test_a_machine_of_which_the_facts_say_too_little_is_to_apply():
    facts = facts_of([{"name": "web01", "uuid": "00000000-0000-0000-0000-000000000001"}])
    del facts["machines"][0]["state"]
    resolved = resolve_filter({"defaults": {"balloon": 0}}, facts)
    assert (resolved["to_apply"], resolved["in_sync"]) == (resolved["machines"], [])


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_any_name_is_a_name(name):
    facts = facts_of([{"name": name, "uuid": "00000000-0000-0000-0000-000000000001"}])
    resolved = resolve_filter({"machines": {name: {"balloon": 1}}}, facts)
    assert resolved["machines"] == [{"name": "00000000-0000-0000-0000-000000000001", "balloon": 1}]
    assert resolved["explained"][0]["name"] == name


def test_a_uuid_comes_before_a_name_that_looks_like_it():
    uuid = "00000000-0000-0000-0000-000000000001"
    facts = facts_of([{"name": "real", "uuid": uuid}, {"name": uuid, "uuid": "00000000-0000-0000-0000-000000000002"}])
    assert [machine["name"] for machine in resolve_filter({"machines": {uuid: {"balloon": 1}}}, facts)["machines"]] == [
        uuid
    ]


def test_a_required_rule_and_a_host_without_machines():
    with pytest.raises(AnsibleFilterError, match="matches none of the 0 machines"):
        resolve_filter({"rules": [{"when": "page_fusion", "required": True}]}, facts_of([]))


def test_rules_say_what_they_match():
    resolved = resolve_filter(
        {"rules": [{"name": "Win", "when": "starts_with(os_type, 'Win')"}, {}]}, facts_of(TABLE["machines"])
    )
    uuids = [machine["uuid"] for machine in TABLE["machines"]]
    assert resolved["rules"] == [
        {"policy": "policy", "name": "Win", "machines": uuids[2:]},
        {"policy": "policy", "name": None, "machines": uuids},
    ]


def test_a_machine_by_a_number_and_by_the_same_as_a_string():
    facts = facts_of([{"name": "7", "uuid": "00000000-0000-0000-0000-000000000001"}])
    with pytest.raises(AnsibleFilterError, match="machines\\['7'\\]: '7' and '7' are the same machine, 0000"):
        resolve_filter({"machines": {7: {"balloon": 1}, "7": {"balloon": 1}}}, facts)


# 500 of each; Python's stack has room for 1000 calls, Ansible's own included.
DEEP = {
    "terms": " || ".join(f"name == 'web{number}'" for number in range(500)),
    "brackets": "(" * 500 + "page_fusion" + ")" * 500,
    "negations": "!" * 500 + "page_fusion",
    "functions": "not_null(" * 500 + "page_fusion" + ")" * 500,
}


@pytest.mark.parametrize("condition", DEEP.values(), ids=DEEP)
def test_an_expression_that_is_nested_too_deeply(condition):
    with pytest.raises(AnsibleFilterError) as caught:
        resolve_filter({"rules": [{"name": "Deep", "when": condition}]}, facts_of(TABLE["machines"]))
    assert "policy.rules[0] ('Deep').when: it is nested more than 150 levels deep: make several rules of it" in str(
        caught.value
    )


def test_an_expression_of_100_terms_and_a_list_of_500_names():
    terms = " || ".join(["name == 'web01'"] + [f"name == 'x{number}'" for number in range(99)])
    names = "contains(`[%s]`, name)" % ", ".join(f'"web{number:02}"' for number in range(500))
    for condition, matched in ((terms, 1), (names, 2)):
        rules = resolve_filter({"rules": [{"when": condition}]}, facts_of(TABLE["machines"]))["rules"]
        assert len(rules[0]["machines"]) == matched


def test_without_jmespath_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(selector, "jmespath", None)
    assert resolve_filter({"defaults": {"balloon": 1}}, facts_of(TABLE["machines"]))["machines"]
    with pytest.raises(AnsibleFilterError, match=f"{sys.executable} -m pip install jmespath"):
        resolve_filter({"rules": [{"when": "page_fusion"}]}, facts_of(TABLE["machines"]))


@pytest.mark.parametrize("facts", [None, [], {}, {"machines": None}], ids=str)
def test_facts_that_are_none(facts):
    with pytest.raises(AnsibleFilterError, match="facts.*: it is .*: give ansible_facts.vbox_memory"):
        resolve_filter({}, facts)


@pytest.mark.parametrize("names", [[], ["a", "b"], "a"], ids=str)
def test_as_many_names_as_policies(names):
    with pytest.raises(AnsibleFilterError, match="one name is needed for each of the 1 policies"):
        resolve_filter({}, facts_of([]), names)


def test_20_rules_over_1000_machines_take_less_than_a_second():
    machines = [
        {"name": f"m{number}", "uuid": f"00000000-0000-0000-0000-{number:012d}", "memory_mb": 1024 * (number % 20)}
        for number in range(1000)
    ]
    rule = "starts_with(os_type, 'Debian') && memory_mb >= `%d` && contains(groups, '/')"
    policy = {
        "rules": [
            {"name": f"rule {number}", "when": rule % (1024 * number), "balloon": number, "large_pages": False}
            | {"floor": f"{number}%", "ceiling": "90%", "weight": 1 + number, "priority": number, "hard_reserve": "1G"}
            for number in range(20)
        ],
        "balance": {"reserve": "4G"},
    }
    facts = facts_of(machines)
    started = time.process_time()
    resolved = resolve_filter(policy, facts)
    assert time.process_time() - started < 1
    assert [machine["balloon"] for machine in resolved["machines"]] == [number % 20 for number in range(1000)]
