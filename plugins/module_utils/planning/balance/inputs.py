# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the planner takes of a host and its machines, made in one place of values: of facts, and of what was observed on the host itself.

Machines are those of ``vbox_memory_facts``, by its keys (:data:`~...model.machine.FACTS`); figures are kB, by its keys, too.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

# A machine in any other state holds memory of the host, also one that hangs, is saved just now, or is in a state that we do not know.
HOLDS_NOTHING = ("poweroff", "aborted", "aborted-saved", "saved", "teleported")
# Without these nothing can be planned: what is null of them is not known, and must not count as 0.
FIGURES_OF_A_HOST = ("memory_total_kb", "memory_free_kb", "vmm_used_kb", "vmm_free_kb", "vmm_ballooned_kb")
FIGURES_OF_A_GUEST = ("total_kb", "free_kb", "cache_kb", "balloon_kb")


def planner_input(facts: Mapping[str, Any], now: float) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
    """Host and machines of :func:`~.planner.plan`, of facts that were read with their metrics.

    Facts do not say who else changes balloons, how many users run machines, when a machine was started and when balance asked it last.

    :param now: when they were read, in seconds of the planner's clock
    """
    machines = [machine for machine in facts["machines"] if holds_memory(machine["state"])]
    return (
        host_input(facts["host"], now),
        [machine_input(machine, machine.get("guest"), now) for machine in machines],
    )


def holds_memory(state: str) -> bool:
    """Whether a machine in this state holds memory of the host, as far as anybody knows."""
    return state not in HOLDS_NOTHING


def missing_figures(host: Mapping[str, Any]) -> List[str]:
    """Those of :data:`FIGURES_OF_A_HOST` that are not known."""
    return [key for key in FIGURES_OF_A_HOST if host.get(key) is None]


def host_input(
    figures: Mapping[str, Any], time: float, other_controller: Optional[str] = None, users: Optional[int] = None
) -> Dict[str, Any]:
    """The planner's ``host``.

    :param figures: with all of :data:`FIGURES_OF_A_HOST`, see :func:`missing_figures`
    :param time: when they were taken
    :param other_controller: who else changes balloons there, as far as it is known
    :param users: how many run machines there; 1 where it is not known
    """
    return {
        "time": time,
        "total_mb": figures["memory_total_kb"] // 1024,
        "available_mb": figures["memory_free_kb"] // 1024,  # MemAvailable on Linux
        "vmm_used_kb": figures["vmm_used_kb"],
        "vmm_free_kb": figures["vmm_free_kb"],
        "ballooned_kb": figures["vmm_ballooned_kb"],
        "other_controller": other_controller,
        "users": users or 1,
    }


def machine_input(
    machine: Mapping[str, Any],
    guest: Optional[Mapping[str, Any]],
    sampled: float,
    requested: Optional[float] = None,
    started: Optional[float] = None,
) -> Dict[str, Any]:
    """The planner's entry of a machine.

    :param guest: what there is of :data:`FIGURES_OF_A_GUEST`
    :param sampled: when those were taken
    :param requested: when balance asked it last to take memory; ``None`` where it is not known
    :param started: when it was started; ``None`` where it is not known
    """
    figures = {key: (guest or {}).get(key) for key in FIGURES_OF_A_GUEST}
    # A paused guest's figures stand still, and those of one that has not said what it has free say nothing.
    says = machine["state"] == "running" and figures["total_kb"] is not None and figures["free_kb"] is not None
    return {
        "uuid": machine["uuid"],
        "name": machine["name"],
        "memory_mb": machine["memory_mb"] or 0,
        "state": machine["state"],
        "large_pages": bool(machine.get("large_pages")),  # a machine without the setting (ARM) has none
        "additions": machine.get("guest_additions_run_level"),
        "request_mb": machine.get("balloon_current_mb") or 0,
        "request_time": requested,
        "started": started,
        "sample": dict(figures, time=sampled) if says else None,
    }
