# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""How long the planner takes: one host with 10,000 machines, and 1,000 hosts with 10 each; with a history, as a running service has it."""

from __future__ import annotations

import os
import platform
import time
from random import Random

ROUNDS = 5  # the best counts, in seconds of the processor: another program's work is not the planner's
CALLS_BEFORE = 12  # each 5 s: a minute of history


def measure() -> dict:
    """Seconds for each, the best of ROUNDS."""
    from ansible_collections.vbox.memory.plugins.module_utils.planning.balance import planner as balance

    return {
        "machine": f"Python {platform.python_version()}, {os.cpu_count()} processors",
        "one_host_s": round(_seconds(balance, [_host(0, 10_000)]), 3),
        "fleet_s": round(_seconds(balance, [_host(seed, 10) for seed in range(1000)]), 3),
    }


def _seconds(balance, hosts: list[tuple[dict, list[dict]]]) -> float:
    histories: list[dict | None] = [None] * len(hosts)
    for call in range(CALLS_BEFORE):
        now = 1000 + 5 * call
        for index, (host, machines) in enumerate(hosts):
            histories[index] = balance.plan(*_at(host, machines, now), {}, [], histories[index], now)["history"]
    best = float("inf")
    now = 1000 + 5 * CALLS_BEFORE
    for _each in range(ROUNDS):
        figures = [_at(host, machines, now) for host, machines in hosts]
        began = time.process_time()
        for (host, machines), history in zip(figures, histories):
            balance.plan(host, machines, {}, [], history, now)
        best = min(best, time.process_time() - began)
    return best


def _host(seed: int, count: int) -> tuple[dict, list[dict]]:
    """A host that is short of memory, so that every part of the law has work to do."""
    draws = Random(seed)
    machines = []
    for index in range(count):
        memory = draws.choice((2048, 4096, 8192))
        balloon = memory // 4
        machines.append(
            {
                "uuid": f"{seed:04d}-{index:05d}",
                "name": f"vm{index}",
                "memory_mb": memory,
                "state": "running",
                "large_pages": False,
                "additions": 2,
                "request_mb": balloon,
                "request_time": None,
                "started": None,
                "restored": False,
                "free_mb": draws.randrange(60, memory - balloon - 300),
            }
        )
    used = sum(machine["memory_mb"] - machine["request_mb"] for machine in machines)
    ballooned = sum(machine["request_mb"] for machine in machines)
    host = {
        "total_mb": used + 4096,
        "available_mb": 1500,
        "vmm_used_kb": used * 1024,
        "vmm_free_kb": 0,
        "ballooned_kb": ballooned * 1024,
        "other_controller": None,
        "users": 1,
    }
    return host, machines


def _at(host: dict, machines: list[dict], now: int) -> tuple[dict, list[dict]]:
    fresh = []
    for index, machine in enumerate(machines):
        total = (machine["memory_mb"] - 100) * 1024
        free = machine["free_mb"] * 1024 + (now * 7919 + index) % 400
        sample = {"time": now - 5, "total_kb": total, "free_kb": free, "cache_kb": free // 3, "balloon_kb": 0}
        fresh.append({**{key: value for key, value in machine.items() if key != "free_mb"}, "sample": sample})
    return {**host, "time": now - 5}, fresh
