# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Water-filling, and the policy of balance."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.model.desired import balloon_limit
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import policy
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.waterfill import fill

CAPS = st.lists(st.tuples(st.integers(0, 20000), st.integers(1, 500)), min_size=1, max_size=12)


def exact(amount: int, caps: list[int], weights: list[int]) -> list[int]:
    """By definition: freeze who is full, share the rest by weight, until nobody more is full; in fractions."""
    left, open_ones, shares = Fraction(max(0, amount)), set(range(len(caps))), [Fraction(0)] * len(caps)
    while open_ones:
        level = left / sum(weights[index] for index in open_ones)
        full = {index for index in open_ones if caps[index] <= level * weights[index]}
        if not full:
            for index in open_ones:
                shares[index] = level * weights[index]
            break
        for index in full:
            shares[index] = Fraction(caps[index])
            left -= caps[index]
        open_ones -= full
    return [int(share) for share in shares]


@given(st.integers(-10, 100000), CAPS)
def test_it_is_exact(amount, machines):
    caps, weights = map(list, zip(*machines))
    assert fill(amount, caps, weights) == exact(amount, caps, weights)


@given(st.integers(0, 100000), CAPS)
def test_all_is_given_out_but_for_one_mb_each(amount, machines):
    caps, weights = zip(*machines)
    given_out = sum(fill(amount, caps, weights))
    assert min(amount, sum(caps)) - len(caps) < given_out <= amount


@given(st.integers(0, 100000), st.integers(0, 1000), CAPS, st.integers(1, 50))
def test_more_for_all_and_more_weight(amount, more, machines, heavier):
    caps, weights = map(list, zip(*machines))
    before = fill(amount, caps, weights)
    assert all(new >= old for new, old in zip(fill(amount + more, caps, weights), before))
    after = fill(amount, caps, [weights[0] + heavier] + weights[1:])
    assert after[0] >= before[0]
    assert all(new <= old for new, old in zip(after[1:], before[1:]))


@given(st.integers(0, 100000), CAPS, st.integers(2, 9), st.randoms())
def test_scale_and_order_change_nothing(amount, machines, scale, random):
    caps, weights = map(list, zip(*machines))
    before = fill(amount, caps, weights)
    assert fill(amount, caps, [weight * scale for weight in weights]) == before
    order = list(range(len(caps)))
    random.shuffle(order)
    assert fill(amount, [caps[index] for index in order], [weights[index] for index in order]) == [
        before[index] for index in order
    ]


@given(st.integers(0, 100000), CAPS, st.integers(0, 10**6))
def test_nobody_gets_less_than_its_share_whatever_others_claim(amount, machines, claim):
    caps, weights = map(list, zip(*machines))
    fair = amount * weights[-1] // sum(weights)
    caps[:-1] = [claim] * (len(caps) - 1)
    assert fill(amount, caps, weights)[-1] >= min(caps[-1], fair)


@pytest.mark.parametrize(
    "settings, memory, floor, ceiling, hard, comfort",
    [
        ({}, 4096, 411, 4096, 209, 418),
        ({}, 1024, 256, 1024, 148, 296),
        ({"floor": (0, 50), "ceiling": (3000, 0)}, 4096, 2048, 3000, 209, 418),
        ({"floor": (9999, 0)}, 4096, 4096, 4096, 209, 418),
        ({"floor": (3000, 0), "ceiling": (0, 50)}, 4096, 2048, 2048, 209, 418),
        ({"hard_reserve": (300, 0), "comfort_reserve": (100, 0)}, 4096, 411, 4096, 300, 300),
    ],
)
def test_limits(settings, memory, floor, ceiling, hard, comfort):
    assert policy.limits(settings, memory)[:4] == (floor, ceiling, hard, comfort)


@given(st.integers(4, 2**20))
def test_a_floor_is_a_balloon_that_virtualbox_takes(memory):
    assert memory - policy.limits({"floor": (0, 0)}, memory).floor <= balloon_limit(memory)


def test_own_settings_go_before_defaults():
    read = policy.read({"defaults": {"floor": "30%", "weight": 7}, "machines": {"a": {"floor": 512}}})
    assert policy.limits(read.machines["a"], 2048)[0] == 512
    assert policy.limits(read.machines["a"], 2048).weight == 7
    assert policy.limits(read.defaults, 2048).floor == 614


@pytest.mark.parametrize(
    "key, value, said",
    [
        ("floor", 512, 512),
        ("floor", "1.5G", 1536),
        ("ceiling", " 75 % ", "75%"),
        ("reserve", "4G", 4096),
        ("weight", "7", 7),
        ("balance", "yes", True),
        ("period", "0.5", 0.5),
        ("period", 10, 10),
    ],
)
def test_values_as_users_write_them(key, value, said):
    assert policy.written(key, value) == said
    assert policy.written(key, said) == said  # and once more


@pytest.mark.parametrize(
    "settings, memory, they_do",
    [
        ({"floor": 2048, "ceiling": "25%"}, 4096, True),
        ({"floor": 2048, "ceiling": "50%"}, 4096, False),
        ({"floor": 2048, "ceiling": 4096}, 1024, False),  # both are all of its memory
        ({"floor": 2048}, 1024, False),
        ({"ceiling": "1%"}, 1024, False),
    ],
)
def test_a_floor_above_the_ceiling(settings, memory, they_do):
    assert policy.exclude_each_other(settings, memory) is they_do


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"reserv": 1}, "policy: 'reserv' is no key"),
        ({"share": 0}, "policy: share: 0 is not a whole number from 1 to 100"),
        ({"share": True}, "policy: share: True"),
        ({"window": "x"}, "policy: window: 'x'"),
        ({"period": 0}, "policy: period: 0"),
        ({"reserve": "lots"}, "policy: reserve: 'lots' is not a size"),
        ({"defaults": {"floor": "110%"}}, "defaults: floor: '110%' is not a size"),
        ({"defaults": {"balance": "perhaps"}}, "defaults: balance: 'perhaps' is not a boolean: give true or false"),
        ({"defaults": {"floor": "1.5 %"}}, "defaults: floor: '1.5 %' is not a size: per cent are a whole number"),
        ({"defaults": {"ceiling": "4 GW"}}, "defaults: ceiling: '4 GW' is not a size: .*per cent such as '25%'"),
        ({"machines": [1]}, r"machines: \[1\] is not a dictionary of settings by UUID"),
        ({"defaults": []}, "defaults: .* is not a dictionary"),
        ({"machines": {"a": {"weight": 0}}}, "machines: a: weight: 0 is not a whole number from 1"),
        ({"machines": {"a": {"color": 1}}}, "machines: a: 'color' is no setting"),
    ],
)
def test_wrong_policies(wrong, words):
    with pytest.raises(ValueError, match=words):
        policy.read(wrong)


def test_all_problems_are_told_at_once():
    with pytest.raises(ValueError) as error:
        policy.read({"share": 0, "window": 0, "machines": {"a": {"floor": -1, "priority": "x"}}})
    assert len(str(error.value).splitlines()) == 4
