# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The result as a page of Markdown."""

from __future__ import annotations

from statistics import median

from bench.balance import parameters, traces
from bench.balance.goals import percentile

HEAD = "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n<!-- Copyright: vbox.memory contributors -->\n"
LABELS = {
    "ours": "**ours**",
    "nobody": "nobody (balloons stay as they are)",
    "vboxballoonctrl": "VBoxBalloonCtrl",
    "vboxballoonctrl_linux": "VBoxBalloonCtrl, told 0 by a Linux driver",
    "mom": "oVirt MOM",
    "proxmox": "Proxmox auto-ballooning",
    "all_seeing_spread": "all-seeing, rest spread",
    "all_seeing_pool": "all-seeing, rest in the pool",
    "late_seeing_spread": "late-seeing, rest spread",
    "late_seeing_pool": "late-seeing, rest in the pool",
}
HOLDS = {True: "holds", False: "**does not hold**", None: "not said by this run"}


def page(result: dict, times: dict, judged: list[dict], pictures: list[tuple[str, str]]) -> str:
    """All of it; `pictures` are pairs of a file name and what it shows."""
    parts = [f"{HEAD}# Balance, simulated", _about(result, times)]
    if judged:
        parts += ["## Goals", goals_table(judged)]
    parts += ["## One host over time", *(f"![{text}]({name})" for name, text in pictures)] if pictures else []
    parts += ["## Figures", _explained(), *_tables(result["runs"])]
    parts += ["## What the simulation takes from the world", parameters.as_markdown(), traces.WHERE]
    return "\n\n".join(parts) + "\n"


def goals_table(judged: list[dict]) -> str:
    return table(["goal", "reached", ""], [[each["goal"], each["reached"], HOLDS[each["holds"]]] for each in judged])


def _about(result: dict, times: dict) -> str:
    about = result["about"]
    lines = [
        f"Made by `make bench-balance`: {len(result['runs'])} runs, seeds {about['first_seed']} to {about['first_seed'] + about['seeds'] - 1}"
        " (a fifth of them where no goal compares ours with another). The same seeds give the same bytes.",
    ]
    if times:
        lines.append(f"Planning was measured on this machine ({times['machine']}); its times differ from run to run.")
    return "\n".join(lines)


def _explained() -> str:
    return (
        "Medians over the seeds, with the worst in brackets; but the dead and the seconds over budget are sums over all seeds."
        " Starved: MB that a guest lacks, × minutes; the dead lack all to the end. Dead: by the controller's act / past their room (they jumped by"
        " more than they would have had without the request under way) / liars, and guests whose figures stood still, also when they were asked"
        " / guests that had emptied their balloons by themselves, so lately that no figures showed it when they were asked / by another program's request."
        " Over: seconds over the budget by the controller's act / over budget"
        " and host reserve / excused (a guest took its memory back by itself, or the budget fell within the last 120 s). Served: seconds that a"
        " machine was starved, median, p99 and worst, where the pool had the memory / where a donor had to give; of machines that nothing ever went wrong with."
    )


def _tables(runs: list[dict]):
    for trace in dict.fromkeys(each["trace"] for each in sorted(runs, key=lambda each: _order(each["trace"]))):
        names = dict.fromkeys(each["controller"] for each in runs if each["trace"] == trace)
        rows = [
            _row(name, [each for each in runs if (each["trace"], each["controller"]) == (trace, name)])
            for name in names
        ]
        yield f"### {trace}\n\n" + table(
            [
                "",
                "starved, MB × min",
                "dead",
                "over, s",
                "requests",
                "reversals",
                "served by the pool, s",
                "served by donors, s",
            ],
            rows,
        )


def _order(trace: str) -> int:
    return traces.NAMES.index(trace) if trace in traces.NAMES else len(traces.NAMES)


def _row(name: str, runs: list[dict]) -> list[str]:
    def total(key):
        return sum(each[key] for each in runs)

    def middle(key):
        values = [each[key] for each in runs]
        return f"{median(values):,.0f} ({max(values):,.0f})"

    def served(key):
        seconds = [one for each in runs for one in each[key]]
        return f"{median(seconds):.0f}, {percentile(seconds, 99)}, {max(seconds)}" if seconds else ""

    return [
        LABELS.get(name, name),
        middle("starved_mb_min"),
        f"{total('dead')} / {total('dead_past_room')} / {total('dead_liars')} / {total('dead_unseen')} / {total('dead_by_others')}",
        f"{total('over_s'):,} / {total('over_reserve_s'):,} / {total('over_excused_s'):,}",
        middle("requests"),
        middle("reversals"),
        served("served_by_pool_s"),
        served("served_by_donor_s"),
    ]


def table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
