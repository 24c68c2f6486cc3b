# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""One host over time, for each controller: who holds and uses what, what is free, the budget, and who lacks how much."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "vbox.memory", "svg.fonttype": "none", "font.size": 9})

from bench.balance import controllers, traces  # noqa: E402 - after the choice of what it draws with
from bench.balance.guest import DEAD  # noqa: E402
from bench.balance.host import Host  # noqa: E402
from matplotlib import pyplot  # noqa: E402

TRACE, SEED = "step", 1001
FROM, UNTIL, EACH, SOONER = 0, 6000, 15, 5  # s; sooner while a machine lacks something
GB = 1024


def draw_all(output: Path, names: list[str]) -> list[tuple[str, str]]:
    """A picture for each controller, all on the same scale: pairs of a file name and what it shows."""
    drawn = []
    for name in names:
        picture = f"host_{name}.svg"
        draw(name, output / picture)
        drawn.append(
            (
                picture,
                f"One host over time with {controllers.SHOWN[name]}: what its machines hold and use, and what they lack",
            )
        )
    return drawn


class Film:
    """What is seen each EACH seconds."""

    def __init__(self) -> None:
        self.seconds: list[int] = []
        self.used: list[list[int]] = []
        self.spare: list[list[int]] = []
        self.starved: list[int] = []
        self.budget: list[int] = []
        self.died: dict[int, int] = {}

    def __call__(self, second: int, host: Host) -> None:
        for guest in host.guests:
            if guest.state is DEAD:
                self.died.setdefault(guest.index, second)
        each = SOONER if host.starved else EACH
        if not FROM <= second <= UNTIL or (self.seconds and second - self.seconds[-1] < each):
            return
        self.seconds.append(second)
        hidden = [guest.memory - guest.total for guest in host.guests]
        used = [
            0 if guest.state is DEAD else min(guest.charged, guest.need + extra)
            for guest, extra in zip(host.guests, hidden)
        ]
        self.used.append(used)
        self.spare.append([guest.charged - each for guest, each in zip(host.guests, used)])
        self.starved.append(host.starved)
        self.budget.append(host.budget)


def draw(name: str, path: Path) -> None:
    """Each machine has a colour: strong is what its guest uses, pale what lies free in it; white is free for all."""
    film = Film()
    scenario = traces.make(TRACE, SEED)
    figures = Host(scenario).run(controllers.make(name), watch=film).result
    minutes = [second / 60 for second in film.seconds]
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(9, 5), sharex=True, height_ratios=[4, 1], layout="constrained"
    )
    colours = pyplot.get_cmap("tab10").colors
    floor = [0.0] * len(minutes)
    for index in range(len(scenario.machines)):
        for layer, strength in ((film.used, 1.0), (film.spare, 0.25)):
            top = [low + each[index] / GB for low, each in zip(floor, layer)]
            above.fill_between(minutes, floor, top, color=colours[index], alpha=strength, linewidth=0)
            if layer is film.used:
                _mark_death(above, film, index, minutes, floor, top)
            floor = top
    budget = [each / GB for each in film.budget]
    above.plot(minutes, budget, color="black", linewidth=1.5)
    above.text(minutes[0], budget[0] * 1.01, "budget", va="bottom")
    above.set(ylabel="GB", ylim=(0, max(budget) * 1.12), title=f"{controllers.SHOWN[name]}: {_summary(figures)}")
    below.fill_between(minutes, [each / GB for each in film.starved], color="#b2182b", linewidth=0)
    below.set(
        ylabel="lacking, GB",
        xlabel="minutes (colour: used by a machine; pale: free in it; white: free for all)",
        ylim=(0, 6),
        xlim=(minutes[0], minutes[-1]),
    )
    figure.savefig(path, metadata={"Date": None, "Creator": "make bench-balance"})
    pyplot.close(figure)


def _mark_death(panel, film: Film, index: int, minutes: list[float], low: list[float], high: list[float]) -> None:
    """A cross where the machine's colour ends."""
    if index not in film.died:
        return
    at = max((number for number, second in enumerate(film.seconds) if second <= film.died[index]), default=0)
    last = max(at - 1, 0)
    panel.text(minutes[at], (low[last] + high[last]) / 2, "✕", ha="center", va="center", fontsize=14, fontweight="bold")


def _summary(figures: dict) -> str:
    dead = figures["dead"] + figures["dead_past_room"]
    parts = [
        f"{figures['starved_mb_min'] / GB:,.1f} GB × min lacking",
        f"{dead} dead",
        f"{figures['over_s']:,} s over budget",
    ]
    return ", ".join(parts)
