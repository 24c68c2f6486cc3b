# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Samples that were kept, and what is made of them."""

from __future__ import annotations

import copy
import json

import pytest
from support.report_fleet import READ_AT, days, fleet

from ansible_collections.vbox.memory.plugins.plugin_utils.report import history
from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import figures


def write(folder, samples):
    for one in samples:
        (folder / history.file_name(one["read_at"])).write_text(json.dumps(one))


def test_what_was_kept_is_read_again(tmp_path):
    samples = days(fleet(2, 3), 5)
    write(tmp_path, samples)
    assert history.read(tmp_path, 10) == (samples, [])
    assert history.read(tmp_path, 2) == (samples[-2:], [])
    assert history.read(tmp_path / "none", 2) == ([], [])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"version": 2, "hosts": {}, "read_at": "2026-11-25T20:12:00Z"}',
        '{"version": 1, "hosts": {}, "read_at": "yesterday"}',
        '{"version": 1, "hosts": {"a": 1}, "read_at": "2026-11-25T20:12:00Z"}',
        '{"version": 1, "hosts": {"a": {"machines": {"u": {"used_kb": "<b>"}}}}, "read_at": "2026-11-25T20:12:00Z"}',
    ],
)
def test_what_is_no_sample_is_left_out_and_said(tmp_path, content):
    write(tmp_path, days(fleet(1, 1), 1))
    (tmp_path / "20261101T000000Z.json").write_text(content)
    (tmp_path / "notes.txt").write_text("not ours")
    samples, problems = history.read(tmp_path, 10)
    assert len(samples) == 1
    assert len(problems) == 1 and "20261101T000000Z.json is no sample" in problems[0]


def test_lines_hold_the_figures_of_each_sample():
    entries = fleet(2, 3)
    told = figures(entries, READ_AT)
    samples = [*days(entries, 5), history.sample(told)]
    lines = history.lines(samples, told)
    for host in told["hosts"]:
        assert lines["hosts"][host["name"]]["memory_used_kb"] == [
            one["hosts"][host["name"]]["memory_used_kb"] for one in samples
        ]
        for machine in host["machines"]:
            line = lines["machines"][host["name"]][machine["uuid"]]["used_kb"]
            assert len(line) == 6 and line[-1] == machine["used_kb"]
    assert lines["times"][-1] == history.seconds(READ_AT)


def test_a_machine_that_was_not_there_has_gaps():
    entries = fleet(1, 2)
    told = figures(entries, READ_AT)
    before = copy.deepcopy(entries)
    gone = before["host00"]["facts"]["machines"].pop()
    samples = [*days(before, 2), history.sample(told)]
    lines = history.lines(samples, told)
    assert lines["machines"]["host00"][gone["uuid"]]["used_kb"][:2] == [None, None]
    assert not lines["events"]  # that it is new is no event of its settings


def test_many_samples_are_thinned_and_the_newest_stays():
    entries = fleet(1, 1)
    told = figures(entries, READ_AT)
    samples = [
        dict(history.sample(told), read_at=f"2026-11-{day:02}T{hour:02}:00:00Z")
        for day in range(1, 25)
        for hour in range(24)
    ]
    samples.append(history.sample(told))
    lines = history.lines(samples, told)
    assert len(lines["times"]) == history.MOST_POINTS
    assert (lines["times"][0], lines["times"][-1]) == tuple(
        history.seconds(samples[place]["read_at"]) for place in (0, -1)
    )
    assert lines["samples"] == len(samples)


def test_changes_and_requests_are_events():
    entries = fleet(1, 4)
    machine = next(one for one in entries["host00"]["facts"]["machines"] if one["balloon_current_mb"] is not None)
    before = dict(history.sample(figures(entries, "2026-11-25T19:12:00Z")))
    after = copy.deepcopy(entries)
    changed = next(one for one in after["host00"]["facts"]["machines"] if one["uuid"] == machine["uuid"])
    changed.update(
        balloon_current_mb=machine["balloon_current_mb"] + 64, page_fusion=not machine["page_fusion"], state="saved"
    )
    told = figures(after, READ_AT)
    events = history.lines([before, history.sample(told)], told)["events"]
    assert {(one["setting"], one["kind"], one["before"], one["after"]) for one in events} == {
        ("balloon_asked_mb", "request", machine["balloon_current_mb"], machine["balloon_current_mb"] + 64),
        ("page_fusion", "change", machine["page_fusion"], not machine["page_fusion"]),
        ("state", "state", machine["state"], "saved"),
    }
    assert {one["uuid"] for one in events} == {machine["uuid"]}
