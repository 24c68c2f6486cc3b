# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What must hold, as a table: each goal with what was reached in this run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from bench.balance.controllers import OURS, PEERS, YARDSTICKS

LITTLE = 1.0  # MB × minutes: what counts as none where the other has none
QUIET = ("noise_0", "noise_64", "noise_256", "noise_0_tight", "noise_64_tight")
AGAINST_YARDSTICKS = (
    ("all_seeing", "step", 3),
    ("all_seeing", "step_slow", 1.5),
    ("all_seeing", "burst", 6),
    ("late_seeing", "step", 3),
    ("late_seeing", "burst", 3),
)
WITH_YARDSTICK = {trace for _first, trace, _other in AGAINST_YARDSTICKS}
PEER_NAMES = [each.name for each in PEERS]

Runs = dict[tuple[str, str], dict[int, dict]]  # by trace and controller, then by seed
Row = tuple[str, str, bool | None]  # goal, what was reached, whether it holds


def judge(runs: list[dict], times: dict) -> list[dict]:
    """Each goal: {"goal", "reached", "holds"}; holds is None where this run says nothing about it."""
    by: Runs = {}
    for each in runs:
        by.setdefault((each["trace"], each["controller"]), {})[each["seed"]] = each
    if not any(name == OURS for _first, name in by):
        return []
    return [
        {"goal": goal, "reached": reached, "holds": holds}
        for part in (_deaths, _budgets, _against_peers, _against_yardsticks, _times_to_serve, _quiet)
        for goal, reached, holds in part(by)
    ] + list(_planning(times))


def _ours(by: Runs, traces: tuple[str, ...] | None = None, but: tuple[str, ...] = ()) -> list[dict]:
    return [
        each
        for (trace, name), seeds in by.items()
        if name == OURS and (traces is None or trace in traces) and trace not in but
        for each in seeds.values()
    ]


def _sum(runs: list[dict], key: str) -> int:
    return sum(each[key] for each in runs)


def _deaths(by: Runs) -> Iterator[Row]:
    calm = _ours(by, but=("jumps", "adversarial"))
    yield (
        "dead by our act, all traces but jumps and adversarial: 0",
        f"{_sum(calm, 'dead')} in {len(calm)} runs",
        _sum(calm, "dead") == 0,
    )
    bad = _ours(by, ("adversarial",))
    if bad:
        apart = f"liars {_sum(bad, 'dead_liars')}, emptied unseen {_sum(bad, 'dead_unseen')}, past their room {_sum(bad, 'dead_past_room')}"
        text = f"{_sum(bad, 'dead')} in {len(bad)} runs; {apart}"
        yield "dead by our act, adversarial, use rising by at most 20 MB/s: 0", text, _sum(bad, "dead") == 0
    jumps = _ours(by, ("jumps",))
    if jumps:
        dead, count = _sum(jumps, "dead"), _sum(jumps, "jumps")
        yield (
            "dead by our act, jumps: at most 1 in 100 jumps at once",
            f"{dead} in {count}; past their room {_sum(jumps, 'dead_past_room')}",
            dead * 100 <= count,
        )


def _budgets(by: Runs) -> Iterator[Row]:
    for label, runs in (
        ("all traces but adversarial", _ours(by, but=("adversarial",))),
        ("adversarial", _ours(by, ("adversarial",))),
    ):
        for key, what in (("over_s", "over budget"), ("over_reserve_s", "over budget and host reserve")):
            bad = sorted({f"{each['trace']} {each['seed']}" for each in runs if each[key]})
            text = f"{_sum(runs, key)} s" + (
                f" ({len(bad)} of {len(runs)} runs: {', '.join(bad[:6])})" if bad else f" in {len(runs)} runs"
            )
            yield f"seconds {what}, {label}: 0", text, _sum(runs, key) == 0 if runs else None


def _against_peers(by: Runs) -> Iterator[Row]:
    least = {
        "step": 30,
        "step_slow": 15,
        "burst": 3,
        "recorded": 100,
        "recorded_x10": 100,
        "jumps": 10,
        "adversarial": 10,
    }
    for trace in dict.fromkeys(trace for trace, _other in by):
        ours = by.get((trace, OURS), {})
        parts, little, names = [], [], set()
        asked = [seed for seed in ours if any(seed in by.get((trace, name), {}) for name in PEER_NAMES)]
        for seed in asked:
            run, best = ours[seed], best_peer(by, trace, seed)
            if best is None:
                continue
            names.add(best["controller"])
            if best["starved_mb_min"] == 0:
                little.append(run["starved_mb_min"])
            else:
                parts.append(run["starved_mb_min"] / best["starved_mb_min"])
        left_out = len(asked) - len(parts) - len(little)
        note = f" ({', '.join(sorted(names))}; {left_out} of {len(asked)} seeds without such a peer)" if names else ""
        if parts:
            part = median(parts)
            goal = f"at most 1/{least[trace]}" if trace in least else "no more"
            text = f"{'0' if part == 0 else f'1/{1 / part:.1f}'}{note}"
            yield (
                f"starved, {trace}: {goal} of the best peer that kills nobody and is never over budget",
                text,
                part * least.get(trace, 1) <= 1,
            )
        elif not little and asked:
            yield (
                f"starved, {trace}: of the best peer that kills nobody and is never over budget",
                "every peer kills or is over budget",
                None,
            )
        if little:
            yield (
                f"starved, {trace}: at most {LITTLE:g} MB × min where that peer has none",
                f"at most {max(little):g}{note}",
                max(little) <= LITTLE,
            )


def best_peer(by: Runs, trace: str, seed: int) -> dict | None:
    """The peer that starved least among those that killed nobody and were never over budget, with that seed."""
    fit = [
        by[trace, name][seed]
        for name in PEER_NAMES
        if seed in by.get((trace, name), {})
        and not by[trace, name][seed]["dead"]
        and not by[trace, name][seed]["over_s"]
    ]
    return min(fit, key=lambda each: each["starved_mb_min"], default=None)


def _against_yardsticks(by: Runs) -> Iterator[Row]:
    for yardstick, trace, most in AGAINST_YARDSTICKS:
        parts = [
            run["starved_mb_min"] / best
            for seed, run in by.get((trace, OURS), {}).items()
            if (best := yardstick_starved(by, yardstick, trace, seed))
        ]
        if parts:
            yield (
                f"starved, {trace}: at most {most} × the {yardstick.replace('_', '-')}",
                f"{median(parts):.2f} × ({min(parts):.2f} to {max(parts):.2f})",
                median(parts) <= most,
            )


def yardstick_starved(by: Runs, yardstick: str, trace: str, seed: int) -> float | None:
    """Of the better of its two variants; None where neither was run."""
    names = [each.name for each in YARDSTICKS[yardstick]]
    return min(
        (by[trace, name][seed]["starved_mb_min"] for name in names if seed in by.get((trace, name), {})), default=None
    )


def _times_to_serve(by: Runs) -> Iterator[Row]:
    pool = [seconds for each in _ours(by, but=("step_slow", "adversarial")) for seconds in each["served_by_pool_s"]]
    if pool:
        reached = percentile(pool, 99)
        yield (
            "seconds starved where the pool has it, p99: at most 15",
            f"{reached} ({len(pool)} times, worst {max(pool)})",
            reached <= 15,
        )
    checks: list[tuple[str, str, Callable[[list[int]], float], float]] = [
        ("burst", "median", median, 50),
        ("burst", "worst", max, 75),
        ("step", "worst", max, 160),
        ("recorded", "worst", max, 50),
        ("recorded_x10", "worst", max, 50),
    ]
    for trace, label, measure, most in checks:
        seconds = _all(by, trace, OURS, "served_by_donor_s")
        if seconds:
            yield (
                f"seconds starved where a donor must give, {trace}, {label}: at most {most}",
                f"{measure(seconds):g} ({len(seconds)} times)",
                measure(seconds) <= most,
            )
        elif (trace, OURS) in by:
            yield f"seconds starved where a donor must give, {trace}, {label}: at most {most}", "never", True
    yield from _slow_host(by)


def _slow_host(by: Runs) -> Iterator[Row]:
    ours = _all(by, "step_slow", OURS, "served_by_donor_s") + _all(by, "step_slow", OURS, "served_by_pool_s")
    worst = []
    for each in YARDSTICKS["all_seeing"]:
        served = [
            *_all(by, "step_slow", each.name, "served_by_donor_s"),
            *_all(by, "step_slow", each.name, "served_by_pool_s"),
        ]
        if served and not _dead(by, "step_slow", each.name):
            worst.append(max(served))
    if ours and worst:
        yield (
            "worst seconds starved, step_slow: at most 1.2 × the all-seeing's worst",
            f"{max(ours)} s, {max(ours) / min(worst):.2f} × {min(worst)} s",
            max(ours) <= 1.2 * min(worst),
        )


def _all(by: Runs, trace: str, name: str, key: str) -> list[int]:
    return [seconds for each in by.get((trace, name), {}).values() for seconds in each[key]]


def _dead(by: Runs, trace: str, name: str) -> int:
    return sum(each["dead"] + each["dead_past_room"] for each in by.get((trace, name), {}).values())


def _quiet(by: Runs) -> Iterator[Row]:
    for trace in QUIET:
        runs = _ours(by, (trace,))
        if runs:
            text = f"{_sum(runs, 'requests')} requests, {_sum(runs, 'reversals')} reversals in {len(runs)} days"
            yield f"requests and reversals a day at constant demand, {trace}: none", text, _sum(runs, "requests") == 0
    runs = _ours(by, ("noise_256_tight",))
    if runs:
        worst = max(each["reversals"] / each["machines"] for each in runs)
        yield (
            "reversals a machine and day, noise_256_tight: at most 2",
            f"{worst:.2f} in the worst of {len(runs)} days",
            worst <= 2,
        )


def _planning(times: dict) -> Iterator[dict]:
    for key, goal, most in (
        ("one_host_s", "planning 10,000 machines on one host: under 0.3 s", 0.3),
        ("fleet_s", "planning 1,000 hosts × 10 machines: under 0.5 s", 0.5),
    ):
        if key in times:
            yield {"goal": goal, "reached": f"{times[key]:.2f} s", "holds": times[key] < most}


def percentile(values: list[int], percent: int) -> int:
    """The smallest value that so many per cent do not exceed."""
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]
