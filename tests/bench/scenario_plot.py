# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The picture of plays of the scenario: what is free in each guest, and the balloon that was requested of it."""

from __future__ import annotations

import re

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "vbox.memory", "svg.fonttype": "none", "font.size": 9})

from matplotlib import pyplot  # noqa: E402 - after the choice of what it draws with
from support.scenario import BUDGET, GUESTS, MEMORY  # noqa: E402

COLOURS = {"web01": "#b2182b", "web02": "#2166ac"}
TITLES = {"api": "vbox.memory", "vboxmanage": "vbox.memory", "vboxballoonctrl": "VBoxBalloonCtrl", "nobody": "nobody"}
REQUEST = re.compile(r"machine '(\w+)': .*A balloon of (\d+) MB is requested")


def draw(plays, path):
    """Write the picture of the last play of balance, of VBoxBalloonCtrl, and of nobody, of those that there are, as SVG."""
    shown = [last for last in (_last(plays, way) for way in ("api", "vboxballoonctrl", "nobody")) if last]
    shown = shown or list(plays.values())[-1:]
    figure, panels = pyplot.subplots(1, len(shown), figsize=(10, 3.6), sharey=True, squeeze=False, layout="constrained")
    for panel, events in zip(panels[0], shown):
        _draw(panel, events)
    panels[0][0].set_ylabel("MB")
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": "tests/bench/scenario.py"})


def _last(plays, way):
    numbers = [int(key.rpartition("-")[2]) for key in plays if key.rpartition("-")[0] == way]
    return plays[f"{way}-{max(numbers)}"] if numbers else None


def _draw(panel, events):
    zero = next((event["at"] for event in events if event["kind"] == "begins"), 0)
    for guest in GUESTS:
        ticks = [event for event in events if event["kind"] == "tick" and event["guest"] == guest]
        panel.plot(
            [event["at"] - zero for event in ticks],
            [event["free"] for event in ticks],
            color=COLOURS[guest],
            label=f"free in {guest}",
        )
        asked = [(events[1]["at"] - zero, MEMORY - BUDGET // 2)]
        for event in events:
            found = REQUEST.search(event.get("line", "")) if event["kind"] == "said" else None
            if found and found[1] == guest:
                asked.append((event["at"] - zero, int(found[2])))
        asked.append((events[-1]["at"] - zero, asked[-1][1]))
        panel.step(*zip(*asked), where="post", color=COLOURS[guest], linestyle=":", label=f"balloon of {guest}")
    for event in events:
        if event["kind"] in ("begins", "ends"):
            panel.axvline(
                event["at"] - zero, color="#888888", linewidth=0.8, linestyle="-" if event["kind"] == "begins" else "--"
            )
        elif event["kind"] == "killed":
            panel.plot(
                [event["at"] - zero], [20], marker="x", color=COLOURS[event["guest"]], markersize=9, markeredgewidth=2
            )
    panel.set(title=TITLES[events[0]["way"]], xlabel="seconds")
    panel.grid(True, alpha=0.3)
