# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What guests need, by name of the trace: made from a seed, or recorded ones from a folder."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from bench.balance.parameters import hard_reserve_mb, hidden_mb, value
from bench.balance.scenario import Fault, Machine, Points, Scenario, give_at_start, least_mb

HOUR = 3600
DAY = 24 * HOUR
RISE = value("rise")
LEAD_IN = (
    600  # s before anything changes in a recorded trace, as in the others: who remembers has something to remember
)
FOLDER = "VBOX_MEMORY_TRACES"  # environment variable: the folder with recorded traces
WHERE = (
    "Recorded traces: the project keeps no copy. GWA-T-12 Bitbrains (rnd) of the Grid Workloads Archive has the memory used by some 1,750 machines, one value"
    " each 5 minutes. Write one file of them, .csv or .csv.gz: the first line name:memory_mb for each machine, then a row of MB used for each 5 minutes; and"
    f" name its folder by --traces or {FOLDER}."
)


def make(name: str, seed: int, folder: str | None = None) -> Scenario:
    """The trace of that name, the same for the same seed."""
    draws = Random(f"{name} {seed}")
    if name in RECORDED:
        return give_at_start(RECORDED[name](name, seed, draws, folder))
    return give_at_start(GENERATED[name](name, seed, draws))


SIZES = (3072, 4096, 4096, 6144, 8192)  # MB


def _sizes(draws: Random, count: int = 8) -> list[int]:
    return [draws.choice(SIZES) for _each in range(count)]


def _idle(draws: Random, memory: int) -> int:
    """MB that a guest needs while nothing happens."""
    return int(memory * draws.uniform(0.15, 0.3))


def _machines(needs: list[tuple[int, Points]], draws: Random, **more) -> list[Machine]:
    return [
        Machine(f"vm{index:02d}", memory, need, cache=int(memory * draws.uniform(0.05, 0.15)), **more)
        for index, (memory, need) in enumerate(needs)
    ]


def _budget(needs: list[tuple[int, Points]], seconds: int, spare: float) -> int:
    """MB that are enough for the highest sum of needs and hard reserves, and that part of it more."""
    at = sorted({int(time) for _first, need in needs for time, _other in need if time < seconds})
    highest = max(sum(least_mb(memory, _height(need, time)) for memory, need in needs) for time in at)
    return int(highest * (1 + spare))


def _height(need: Points, time: float) -> float:
    """The line's height, the higher of two at a jump."""
    height = need[0][1]
    for (since, low), (until, high) in zip(need, need[1:]):
        if since <= time <= until:
            part = (time - since) / (until - since) if until > since else 1
            height = max(low, high) if time in (since, until) and since == until else low + (high - low) * part
    return height if time <= need[-1][0] else need[-1][1]


def _steps(sizes_from: tuple[int, ...], least: int, most: int) -> Callable[[str, int, Random], Scenario]:
    """Two of eight machines need that much more in the same second, for a quarter of an hour, and no more after that; then another two."""

    def trace(name: str, seed: int, draws: Random) -> Scenario:
        sizes = [draws.choice(sizes_from) for _each in range(8)]
        lows = [_idle(draws, size) for size in sizes]
        needs = [(size, [(0, low)]) for size, low in zip(sizes, lows)]
        turns = draws.sample(range(8), 8)
        for turn in range(4):
            at = 900 + turn * 1500 + draws.randrange(60)
            for index in turns[turn * 2 : turn * 2 + 2]:
                high = min(lows[index] + draws.randrange(least, most), _most(sizes[index]))
                needs[index][1].extend([(at, lows[index]), (at, high), (at + 900, high), (at + 900, lows[index])])
        seconds = 7200
        return Scenario(name, seed, seconds, _machines(needs, draws), _budget(needs, seconds, 0.12))

    return trace


_step = _steps((8192, 12288, 16384), 5000, 8000)
_step_small = _steps(SIZES, 1500, 2500)


def _step_slow(name: str, seed: int, draws: Random) -> Scenario:
    scenario = _step(name, seed, draws)
    scenario.down, scenario.up = int(value("slow_down")), int(value("slow_up"))
    return scenario


def _most(memory: int) -> int:
    return memory - hidden_mb(memory) - hard_reserve_mb(memory)


def _ramp(name: str, seed: int, draws: Random) -> Scenario:
    """Each machine in turn rises by 2 to 20 MB/s, stays, and falls as fast; two overlap."""
    needs = []
    seconds = 7200
    for index, size in enumerate(_sizes(draws)):
        low = _idle(draws, size)
        high = int(low + (_most(size) - low) * draws.uniform(0.5, 0.95))
        rise = draws.uniform(2, RISE)
        at = 700 + index * 700 + draws.randrange(200)
        length = (high - low) / rise
        needs.append(
            (size, [(0, low), (at, low), (at + length, high), (at + length + 600, high), (at + 2 * length + 600, low)])
        )
    return Scenario(name, seed, seconds, _machines(needs, draws), _budget(needs, seconds, 0.10))


def _burst(name: str, seed: int, draws: Random) -> Scenario:
    """The same three of eight machines need 300 to 900 MB more in the same second, for half a minute to two, again and again; the others are steady."""
    seconds = 7200
    needs: list[tuple[int, Points]] = [(size, [(0, _idle(draws, size))]) for size in _sizes(draws)]
    bursting, at = draws.sample(needs, 3), 700 + draws.randrange(300)
    while at < seconds - 300:
        for size, need in bursting:
            low = need[0][1]
            high = min(low + draws.randrange(300, 900), _most(size))
            stays = draws.randrange(30, 120)
            need.extend([(at, low), (at, high), (at + stays, high), (at + stays, low)])
        at += draws.randrange(240, 720)
    return Scenario(name, seed, seconds, _machines(needs, draws), _budget(needs, seconds, 0.04))


def _jumps(name: str, seed: int, draws: Random) -> Scenario:
    """Any machine needs at any time something else, at once."""
    seconds = 4 * HOUR
    sizes = _sizes(draws)
    needs = []
    for size in sizes:
        low = _idle(draws, size)
        need, now, at = [(0, low)], low, 600 + draws.randrange(600)
        while at < seconds:
            new = int(min(low + max(0, draws.gauss(0, 0.25)) * size, _most(size)))
            need.extend([(at, now), (at, new)])
            now = new
            at += draws.randrange(120, 1200)
        needs.append((size, need))
    return Scenario(name, seed, seconds, _machines(needs, draws), _budget(needs, seconds, 0.05))


def _day_night(name: str, seed: int, draws: Random) -> Scenario:
    """Half of the machines work by day, half by night; a day lasts two hours."""
    day, seconds = 2 * HOUR, 4 * HOUR
    needs = []
    for index, size in enumerate(_sizes(draws)):
        low = _idle(draws, size)
        high = int(low + (_most(size) - low) * draws.uniform(0.4, 0.8))
        begins = (index % 2) * day // 2
        need = [(0, high if begins else low)]
        for turn in range(-1, 3):
            at = turn * day + begins + draws.randrange(300, 900)
            points = [(at, low), (at + 900, high), (at + day // 2, high), (at + day // 2 + 900, low)]
            need.extend(point for point in points if point[0] > need[-1][0])
        needs.append((size, need))
    other = [(0, 2048), (day / 2, 2048), (day / 2 + 600, 3072), (day, 3072), (day + 600, 2048)]
    return Scenario(name, seed, seconds, _machines(needs, draws), _budget(needs, seconds, 0.10) + 1024, other)


def _cache(name: str, seed: int, draws: Random) -> Scenario:
    """All guests would fill all they have with cache; some need more now and then, by 5 to 20 MB/s."""
    seconds = 7200
    needs = []
    for index, size in enumerate(_sizes(draws)):
        low = _idle(draws, size)
        need = [(0, low)]
        if index % 2:
            high = int(low + (_most(size) - low) * draws.uniform(0.3, 0.7))
            for turn in range(2):
                at = 900 + turn * 3000 + index * 200 + draws.randrange(100)
                length = (high - low) / draws.uniform(5, RISE)
                need.extend([(at, low), (at + length, high), (at + length + 900, high), (at + length + 900, low)])
        needs.append((size, need))
    machines = _machines(needs, draws)
    for each in machines:
        each.cache = each.memory
    return Scenario(name, seed, seconds, machines, _budget(needs, seconds, 0.12))


def _noise(noise: int, spare: float) -> Callable[[str, int, Random], Scenario]:
    """The same need for a day, and figures that tremble."""

    def trace(name: str, seed: int, draws: Random) -> Scenario:
        needs = [(size, [(0, max(int(size * draws.uniform(0.2, 0.5)), 64 + noise))]) for size in _sizes(draws)]
        machines = _machines(needs, draws, noise=noise)
        budget = _budget(needs, DAY, spare) + 8 * noise
        return Scenario(name, seed, DAY, machines, budget, warm_up=HOUR)

    return trace


def _pressure(name: str, seed: int, draws: Random) -> Scenario:
    """Other programs take up to 3 GB of the host, and give it back; the guests go on as they are."""
    seconds = 7200
    needs = [(size, [(0, _idle(draws, size))]) for size in _sizes(draws)]
    machines = _machines(needs, draws)
    budget = _budget(needs, seconds, 0.10) + 3072
    other: Points = [(0, 2048)]
    at = 900
    while at < seconds - 900:
        high = 2048 + draws.randrange(1024, 3072)
        length = draws.randrange(60, 300)
        other.extend([(at, 2048), (at + length, high), (at + length + 900, high), (at + length + 901, 2048)])
        at += length + 901 + draws.randrange(300, 900)
    return Scenario(name, seed, seconds, machines, budget, other)


def _adversarial(name: str, seed: int, draws: Random) -> Scenario:
    """Two to five of eight guests are bad, in several ways at once; the needs rise by at most 20 MB/s."""
    seconds = 4 * HOUR
    scenario = _wander(name, seed, draws, seconds)
    for index in draws.sample(range(8), draws.randrange(2, 6)):
        scenario.machines[index].faults = _misbehave(draws, seconds)
    return scenario


def _wander(name: str, seed: int, draws: Random, seconds: int, pause: tuple[int, int] = (120, 1200)) -> Scenario:
    """Any machine goes at any time to some other need, rising by 2 to 20 MB/s, and falling at once."""
    needs = []
    for size in _sizes(draws):
        low = _idle(draws, size)
        need: Points = [(0, low)]
        now, at = low, 600 + draws.randrange(pause[1])
        while at < seconds:
            new = int(min(low + max(0, draws.gauss(0, 0.25)) * size, _most(size)))
            length = max(0, (new - now) / draws.uniform(2, RISE))
            need.extend([(at, now), (at + length, new)])
            now = new
            at += length + draws.randrange(*pause)
        needs.append((size, need))
    return Scenario(name, seed, seconds, _machines(needs, draws), _budget(needs, seconds, 0.08))


# What a bad guest does: kind of fault and how bad, drawn by seed
MISBEHAVIOURS: dict[str, Callable[[Random], tuple[float, float]]] = {
    "late": lambda draws: (draws.randrange(5, 60), 0),
    "slow": lambda draws: (draws.randrange(1, 12), draws.randrange(5, 60)),
    "partial": lambda draws: (draws.uniform(0.1, 0.95), 0),
    "never": lambda draws: (0, 0),
    "stale": lambda draws: (0, 0),
    "lies_more": lambda draws: (draws.uniform(0.1, 0.9), 0),
    "lies_less": lambda draws: (draws.uniform(0.0, 0.8), 0),
    "lies_impossibly": lambda draws: (0, 0),
    "empties": lambda draws: (draws.choice((0, 1)), 0),
    "restart": lambda draws: (draws.randrange(int(value("boot_shortest")), int(value("boot_longest"))), 0),
    "pause": lambda draws: (0, 0),
    "restore": lambda draws: (0, 0),
    "foreign": lambda draws: (draws.uniform(0, 0.4), 0),
}


def _misbehave(draws: Random, seconds: int) -> list[Fault]:
    """Two to four kinds, each now and then, so that they overlap; in between it may be in order for a while."""
    faults = []
    for kind in draws.sample(sorted(MISBEHAVIOURS), draws.randrange(2, 5)):
        at = draws.randrange(300, max(301, seconds // 3))
        while at < seconds:
            faults.append(Fault(at, kind, *MISBEHAVIOURS[kind](draws)))
            if kind == "pause":
                faults.append(Fault(at + draws.randrange(20, 900), "resume"))
            at += draws.randrange(seconds // 8, seconds // 2)
    for at in range(seconds // 4, seconds, seconds // 3):
        if draws.random() < 0.6:
            faults.append(Fault(at + draws.randrange(600), "obeys"))
    return sorted(faults)


PHASES = 6  # of a day in the long run in which something happens
PHASE = 1500  # s


def _long(name: str, seed: int, draws: Random) -> Scenario:
    """A day of a host with one to five bad guests, for the long run: all happens in some phases, and in between all is quiet and quickly over.

    What other traces spread over hours falls into the phases: needs change each few minutes, and guests misbehave at the same time.
    """
    scenario = _wander(name, seed, draws, PHASES * PHASE, (60, 900))
    for index in draws.sample(range(8), draws.randrange(1, 6)):
        scenario.machines[index].faults = _misbehave(draws, PHASES * PHASE)
    begins = sorted(draws.randrange(DAY // PHASES - PHASE) + number * DAY // PHASES for number in range(PHASES))

    def late(at: float) -> float:
        number = min(int(at // PHASE), PHASES - 1)
        return begins[number] + at - number * PHASE

    for each in scenario.machines:
        each.need = _stretch(each.need, late)
        each.faults = [fault._replace(at=int(late(fault.at))) for fault in each.faults]
    scenario.seconds = DAY
    return scenario


def _stretch(need: Points, late: Callable[[float], float]) -> Points:
    """Later by phases; a rise that a phase's end would cut in two goes on as steeply as it was, and no slope lasts from phase to phase."""
    points = [need[0]]
    for (since, low), (until, high) in zip(need, need[1:]):
        if high == low:
            continue
        begins = max(late(since), points[-1][0])
        points.extend([(begins, low), (begins + until - since, high)])
    return points


def _recorded(faster: int) -> Callable[[str, int, Random, str | None], Scenario]:
    """Eight of the recorded machines at a time of the recording; the seed says which, and when."""

    def trace(name: str, seed: int, draws: Random, folder: str | None) -> Scenario:
        seconds = 6 * HOUR
        rows = seconds * faster // 300
        memories, used = _read(folder)
        chosen = draws.sample(range(len(memories)), 8)
        first = draws.randrange(len(used) - rows - 1)
        needs = []
        for index in chosen:
            size = memories[index]
            uses = [max(64, min(used[first + row][index], _most(size))) for row in range(rows + 2)]
            need = [(0, uses[0]), *((LEAD_IN + row * 300 / faster, use) for row, use in enumerate(uses))]
            needs.append((size, _no_steeper(need)))
        return Scenario(name, seed, seconds, _machines(needs, draws), _budget(needs, seconds, 0.12))

    return trace


def _no_steeper(need: Points) -> Points:
    """A recording says what was used each five minutes, not what was between: a straight line, and no rise by more than 20 MB/s."""
    points = [need[0]]
    for until, high in need[1:]:
        since, low = points[-1]
        points.append((until, min(high, low + RISE * (until - since))))
    return points


_RECORDINGS: dict[str, tuple[list[int], list[list[int]]]] = {}


def _read(folder: str | None) -> tuple[list[int], list[list[int]]]:
    """Memory of each machine, and the rows of MB used, of the first recording in the folder."""
    folder = folder or os.environ.get(FOLDER) or ""
    if folder not in _RECORDINGS:
        files = (
            sorted(path for path in Path(folder).glob("*") if path.name.endswith((".csv", ".csv.gz"))) if folder else []
        )
        if not files:
            raise SystemExit(f"No recorded trace in {folder or 'no folder at all'}. {WHERE}")
        opened = gzip.open(files[0], "rt") if files[0].name.endswith(".gz") else files[0].open()
        with opened as lines:
            head, *rows = list(csv.reader(lines))
        _RECORDINGS[folder] = (
            [int(each.rsplit(":", 1)[1]) for each in head],
            [[int(float(each)) for each in row] for row in rows if len(row) == len(head)],
        )
    return _RECORDINGS[folder]


GENERATED: dict[str, Callable[[str, int, Random], Scenario]] = {
    "step": _step,
    "step_small": _step_small,
    "step_slow": _step_slow,
    "ramp": _ramp,
    "burst": _burst,
    "jumps": _jumps,
    "day_night": _day_night,
    "cache": _cache,
    "noise_0": _noise(0, 0.5),
    "noise_64": _noise(64, 0.5),
    "noise_256": _noise(256, 0.5),
    "noise_0_tight": _noise(0, 0.03),
    "noise_64_tight": _noise(64, 0.03),
    "noise_256_tight": _noise(256, 0.03),
    "pressure": _pressure,
    "adversarial": _adversarial,
    "long": _long,
}
RECORDED = {"recorded": _recorded(1), "recorded_x10": _recorded(10)}
NAMES = [name for name in GENERATED if name != "long"] + list(RECORDED)
