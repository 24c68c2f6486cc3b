# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What `metrics query` prints, whatever the object is called."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import (
    GUEST_METRICS,
    HOST_METRICS,
    PROCESS_METRICS,
    period_in,
    values_in,
    values_of_all,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

RECORDED = Path(__file__).resolve().parents[3] / "recorded"
HEAD = (
    "Object          Metric                                   Values\n"
    "--------------- ---------------------------------------- --------------------------------------------\n"
)
RULE = HEAD.splitlines()[1] + "\n"
USED, FREE, BALLOON = "RAM/Usage/Used", "Guest/RAM/Usage/Free", "Guest/RAM/Usage/Balloon"
NAMES = {
    "plain": "web01",
    "long": "a machine with a name that is longer than the column",
    "fifteen letters": "x" * 15,
    "metric": USED,
    "metric and values": USED + "     99 kB",
    "a row of its own": f"x\nhost            {USED}                           99 kB",
    "a row of its own, in full": f"x\nhost            {USED}                           99 kB\ny",
    "two rows of its own": f"{USED} 98 kB\n{FREE} 99 kB\n",
    "ends in a row": f"x\n{USED} 99 kB\n",
    "its own row, as it is printed": f"xxxxxxxxxxxxxxx {USED} 99 kB\nxxxxxxxxxxxxxxx",
    "the heading": HEAD,
    "a rule": "x\n" + RULE + f"y {USED} 99 kB\n",
    "a rule first": RULE,
    "spaces": "   ",
    "newline": "\n",
    "a pattern": "(.*)+$",
    "not ASCII": "ünïcødé-虚拟",
}


def printed(name, values):
    """As VBoxManage prints it (7.2.22)."""
    return HEAD + "".join("%-15s %-40s %s\n" % (name, metric, value) for metric, value in values.items())


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_no_name_fools_it(name):
    values = {USED: "158304 kB", BALLOON: "0 kB", FREE: ""}
    assert values_in(printed(name, values), [USED, FREE, BALLOON]) == {USED: 158304, FREE: None, BALLOON: 0}


@given(
    st.lists(st.sampled_from([*"x \n-0", USED, FREE, " 7 kB", " 8 kB\n", RULE]), min_size=1),
    st.permutations([USED, FREE, BALLOON]),
)
def test_no_mixture_of_rows_fools_it(parts, order):
    name = "".join(parts)
    values = {metric: "%d kB" % number for number, metric in enumerate(order, 1000)}
    assert values_in(printed(name, values), order) == {metric: number for number, metric in enumerate(order, 1000)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (printed("a", {USED: "5 kB"}), 5),
        (printed("a", {USED: "5 kB, 6 kB, 7 kB"}), 7),
        ("WARNING: no driver.\n\t Install it.\n\n" + printed("a", {USED: "5 kB"}), 5),
        (printed("a", {}), None),
        (printed("a", {USED: ""}), None),
        (printed("a", {USED: "0 kB"}), 0),
        (printed("a", {USED: "-5 kB"}), None),  # more than 2 TB, in 31 bits
        (HEAD, None),
    ],
)
def test_one_metric(text, value):
    assert values_in(text, [USED]) == {USED: value}


WHOLE = printed("a", {USED: "5 kB", FREE: "6 kB"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\ufffd garbage\n",
        printed("a", {USED: "12.00%"}),
        printed("a", {USED: "1_0 kB"}),
        printed("a", {USED: "\u0661\u0660 kB"}),
        printed("a", {USED: "9" * 5000 + " kB"}),
        WHOLE[:-1],
        WHOLE[:-5],
        WHOLE[: len(HEAD) - 1],
        WHOLE + "garbage\n",
        WHOLE.replace("a  ", "b  ", 1),
        WHOLE + WHOLE[len(HEAD) :],
    ],
)
def test_what_is_not_whole_or_not_of_the_known_form_is_an_error(text):
    with pytest.raises(VBoxMemoryError) as caught:
        values_in(text, [USED, FREE])
    assert caught.value.code == "vboxmanage_unreadable" and "metrics query" in caught.value.message


LIST_HEAD = (
    "Object          Metric                                   Unit    Minimum    Maximum     Period      Count Description\n"
    "--------------- ---------------------------------------- ---- ---------- ---------- ---------- ---------- -----------\n"
)
LIST_ROW = "%-15s %-40s kB            0 2147483647 %10d %10d Free physical memory.\n"


@pytest.mark.parametrize(
    "name", [*NAMES.values(), f"x\nhost {FREE} kB 0 1 77 1 y", f"fifteen letters {FREE} kB 1 2 77 4"]
)
def test_no_name_fools_the_period(name):
    assert period_in(LIST_HEAD + LIST_ROW % (name, FREE, 0, 0), FREE) == 0
    assert period_in(LIST_HEAD + LIST_ROW % (name, FREE, 5, 1), FREE) == 5
    assert period_in(LIST_HEAD, FREE) == 0


@pytest.mark.parametrize(
    "text", ["", "garbage\n", LIST_HEAD[:-9], (LIST_HEAD + LIST_ROW % ("a", FREE, 1, 1))[:-1], LIST_HEAD + "garbage\n"]
)
def test_a_list_of_metrics_that_is_not_whole_is_an_error(text):
    with pytest.raises(VBoxMemoryError) as caught:
        period_in(text, FREE)
    assert caught.value.code == "vboxmanage_unreadable" and "metrics list" in caught.value.message


def test_figures_of_a_real_guest():
    text = only(recording(), "web01", [*GUEST_METRICS.values(), *PROCESS_METRICS.values()])
    values = values_in(text, list(GUEST_METRICS.values()) + list(PROCESS_METRICS.values()))
    assert values[USED] == 158304
    assert values["Guest/RAM/Usage/Total"] == 725760
    assert values["Guest/Pagefile/Usage/Total"] == 0


def test_figures_of_a_real_host():
    values = values_in(only(recording(), "host", HOST_METRICS.values()), list(HOST_METRICS.values()))
    assert values["RAM/VMM/Ballooned"] == 153600
    assert None not in values.values()


def recording():
    return (RECORDED / "7.2.22" / "running-metrics.txt").read_text()


def only(text, name, metrics):
    """The rows that a query for this object and these metrics would have printed."""
    return HEAD + "".join(
        line + "\n" for line in text.splitlines() if line.split()[:1] == [name] and line.split()[1] in metrics
    )


@given(st.text())
def test_anything_is_read_or_is_our_error(text):
    with contextlib.suppress(VBoxMemoryError):
        assert set(values_in(text, [USED, FREE])) == {USED, FREE}
    with contextlib.suppress(VBoxMemoryError):
        assert period_in(text, FREE) >= 0


ALL = {"host": ["RAM/VMM/Ballooned"], "u1": [USED, FREE], "u2": [USED, FREE]}


def printed_all(first, second):
    """What `metrics query '*'` prints of the host and of two machines; also what nobody has asked for."""
    text = HEAD + "%-15s %-40s %s\n" % ("host", "RAM/VMM/Ballooned", "2048 kB")
    for name, values in ((first, ("10 kB", "11 kB")), (second, ("20 kB, 21 kB", "")), ("unknown", ("30 kB", "31 kB"))):
        for metric, value in zip((USED, FREE), values, strict=True):
            text += "%-15s %-40s %s\n" % (name, metric, value)
    return text


TRUE = {"host": {"RAM/VMM/Ballooned": 2048}, "u1": {USED: 10, FREE: 11}, "u2": {USED: 21, FREE: None}}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_of_all_objects_no_name_fools_it(name):
    for names in ({"u1": name, "u2": "other"}, {"u1": "other", "u2": name}):
        found = values_of_all(printed_all(names["u1"], names["u2"]), ALL, names)
        assert found == (None if "\n" in name else TRUE), names


@pytest.mark.parametrize(
    ("first", "second"),
    [("same", "same"), ("same", "same "), ("host", "a"), ("host ", "a"), ("a\r", "b"), ("unknown", "a")],
)
def test_names_that_leave_open_whose_a_row_is(first, second):
    assert values_of_all(printed_all(first, second), ALL, {"u1": first, "u2": second}) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_of_all_objects_whatever_their_names(first, second):
    found = values_of_all(printed_all(first, second), ALL, {"u1": first, "u2": second})
    assert found in (None, TRUE)


def test_a_machine_that_is_gone_has_no_values():
    found = values_of_all(
        printed_all("web01", "web02"), dict(ALL, u3=[USED]), {"u1": "web01", "u2": "web02", "u3": "web03"}
    )
    assert found == dict(TRUE, u3={USED: None})


def test_what_is_not_whole_is_no_answer_of_all():
    with pytest.raises(VBoxMemoryError):
        values_of_all(printed_all("web01", "web02")[:-3], ALL, {"u1": "web01", "u2": "web02"})
