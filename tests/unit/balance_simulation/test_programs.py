# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The programs of the simulation, short: figures and goals that a person can check, and a long run that goes on where it was ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.balance import goals, report

PROGRAMS = Path(__file__).resolve().parents[2] / "bench" / "balance"


def run(*arguments, said=False):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VBOX_MEMORY_TRACES": ""},
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stderr if said else done.stdout


def test_judge_gives_the_same_bytes_for_the_same_seed(tmp_path):
    for name in ("one", "two"):
        run(
            PROGRAMS / "judge.py",
            "--seeds",
            2,
            "--trace",
            "step,burst",
            "--controller",
            "nobody,mom,proxmox",
            "--no-pictures",
            "--output",
            tmp_path / name,
        )
    assert (tmp_path / "one" / "simulation.json").read_bytes() == (tmp_path / "two" / "simulation.json").read_bytes()
    assert "| oVirt MOM |" in (tmp_path / "one" / "simulation.md").read_text()
    assert len(json.loads((tmp_path / "one" / "simulation.json").read_text())["runs"]) == 2 * 3 * 2


def test_a_long_run_goes_on_where_it_was_ended(tmp_path):
    arguments = [PROGRAMS / "long.py", "--controller", "nobody", "--output", tmp_path, "--processes", 2]
    run(*arguments, "--days", 3)
    record = tmp_path / "days.jsonl"
    first = sorted(record.read_text().splitlines())
    record.write_text("\n".join([*first[:2], first[2][:20]]))  # ended in the middle of a line
    said = run(*arguments, "--days", 4)
    assert "2 of 4 host-days are done already" in said
    whole = [json.loads(line)[0] for line in record.read_text().splitlines()]
    assert sorted(whole) == [["nobody", "long", day] for day in range(100000, 100004)]
    assert json.loads((tmp_path / "summary.json").read_text())["host_days"] == 4


def test_the_judge_goes_on_where_it_was_ended_and_counts_no_run_of_another_law(tmp_path):
    arguments = [PROGRAMS / "judge.py", "--trace", "burst", "--no-pictures", "--seeds", 1, "--output", tmp_path]
    run(*arguments, "--controller", "nobody,mom")
    record = tmp_path / "runs.jsonl"
    first = [json.loads(line) for line in record.read_text().splitlines()]
    assert "2 of 3 runs are done already" in run(*arguments, "--controller", "nobody,mom,proxmox", said=True)
    record.write_text(
        "".join(json.dumps([key, "another law", dict(each, dead=99)]) + "\n" for key, _law, each in first)
    )
    assert "0 of 2 runs are done already" in run(*arguments, "--controller", "nobody,mom", said=True)
    assert not any(each["dead"] == 99 for each in json.loads((tmp_path / "simulation.json").read_text())["runs"])


def figures(trace, controller, starved, seed=1, **more):
    base = dict.fromkeys(
        "dead dead_past_room dead_liars dead_unseen dead_by_others over_s over_reserve_s over_excused_s requests reversals jumps".split(),
        0,
    )
    return {
        **base,
        **{key: [] for key in ("served_by_pool_s", "served_by_donor_s", "infeasible_s")},
        **{"trace": trace, "controller": controller, "seed": seed, "starved_mb_min": starved, "machines": 8},
        **more,
    }


def judged(*runs, times=None):
    return {each["goal"]: (each["reached"], each["holds"]) for each in goals.judge(list(runs), times or {})}


def test_a_peer_that_kills_is_no_measure():
    told = judged(
        figures("step", "ours", 10),
        figures("step", "mom", 100, dead=1),
        figures("step", "proxmox", 400),
        figures("step", "vboxballoonctrl", 90, over_s=1),
    )
    reached, holds = told["starved, step: at most 1/30 of the best peer that kills nobody and is never over budget"]
    assert reached.startswith("1/40.0 (proxmox; 0 of 1 seeds") and holds


def test_where_a_peer_starves_nobody_ours_must_not_either():
    told = judged(figures("cache", "ours", 1.5), figures("cache", "mom", 0))
    assert told["starved, cache: at most 1 MB × min where that peer has none"][1] is False


def test_the_better_yardstick_counts_and_a_goal_can_fail():
    told = judged(
        figures("step", "ours", 40), figures("step", "all_seeing_spread", 10), figures("step", "all_seeing_pool", 20)
    )
    assert told["starved, step: at most 3 × the all-seeing"] == ("4.00 × (4.00 to 4.00)", False)


def test_deaths_seconds_and_times_are_judged():
    told = judged(
        figures("step", "ours", 0, dead=1, served_by_pool_s=[3] * 99 + [16], served_by_donor_s=[161]),
        figures("adversarial", "ours", 0, over_s=2, served_by_pool_s=[99]),
        figures("jumps", "ours", 0, dead=1, jumps=100),
        times={"one_host_s": 0.31, "fleet_s": 0.2},
    )
    assert told["dead by our act, all traces but jumps and adversarial: 0"] == ("1 in 1 runs", False)
    assert told["dead by our act, jumps: at most 1 in 100 jumps at once"][1] is True
    assert told["seconds over budget, adversarial: 0"] == ("2 s (1 of 1 runs: adversarial 1)", False)
    assert told["seconds over budget, all traces but adversarial: 0"][1] is True
    assert told["seconds starved where the pool has it, p99: at most 15"] == ("3 (100 times, worst 16)", True)
    assert told["seconds starved where a donor must give, step, worst: at most 160"][1] is False
    assert told["planning 10,000 machines on one host: under 0.3 s"][1] is False
    assert told["planning 1,000 hosts × 10 machines: under 0.5 s"][1] is True


def test_the_goals_are_told_in_words():
    text = report.goals_table(
        [{"goal": "a", "reached": "b", "holds": None}, {"goal": "c", "reached": "d", "holds": False}]
    )
    assert "| a | b | not said by this run |" in text and "| c | d | **does not hold** |" in text
