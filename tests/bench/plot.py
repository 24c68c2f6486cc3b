# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The plot of a bench: seconds by machines, for each job."""

from __future__ import annotations

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "vbox.memory", "svg.fonttype": "none", "font.size": 9})

from matplotlib import pyplot  # noqa: E402 - after the choice of what it draws with
from ways import WAYS  # noqa: E402

JOBS = {"facts": "Read all facts", "no_change": "Nothing differs", "change": "Everything differs"}
STYLES = {
    "loop": ("#b2182b", "o"),
    "shell": ("#ef8a62", "s"),
    "vboxmanage": ("#67a9cf", "^"),
    "api": ("#2166ac", "D"),
}


def draw(result, path):
    """Write the plot of a result as SVG."""
    figure, panels = pyplot.subplots(1, len(JOBS), figsize=(10, 3.6), sharey=True, layout="constrained")
    for panel, (job, title) in zip(panels, JOBS.items()):
        for way, (colour, marker) in STYLES.items():
            _line(
                panel,
                [row for row in result["rows"] if (row["job"], row["way"]) == (job, way)],
                WAYS[way].label,
                colour,
                marker,
            )
        panel.set(title=title, xlabel="machines", xscale="log", yscale="log")
        panel.grid(True, alpha=0.3)
    panels[0].set_ylabel("seconds")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(STYLES), frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": "tests/bench/run"})


def _line(panel, rows, label, colour, marker):
    """One way; hollow marks are extrapolated."""
    rows = sorted(rows, key=lambda row: row["machines"])
    if not rows:
        return
    panel.plot(
        [row["machines"] for row in rows],
        [row["seconds"] for row in rows],
        color=colour,
        marker=marker,
        markersize=5,
        label=label,
    )
    guessed = [row for row in rows if row["extrapolated"]]
    panel.plot(
        [row["machines"] for row in guessed],
        [row["seconds"] for row in guessed],
        color=colour,
        marker=marker,
        markersize=5,
        markerfacecolor="white",
        linestyle="none",
    )
