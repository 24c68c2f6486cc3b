# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The facts of vbox.memory.vbox_memory_facts as what the planner takes."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

# A machine in any other state holds memory of the host, also one that hangs, is saved just now, or is in a state that we do not know.
HOLDS_NOTHING = ("poweroff", "aborted", "aborted-saved", "saved", "teleported")


def planner_input(facts: Dict[str, Any], now: float) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
    """Host and machines of :func:`..balance.plan`, of facts that were read at that time with their metrics."""
    host = facts["host"]
    return (
        {
            "time": now,
            "total_mb": (host.get("memory_total_kb") or 0) // 1024,
            "available_mb": (host.get("memory_free_kb") or 0) // 1024,
            "vmm_used_kb": host.get("vmm_used_kb"),
            "vmm_free_kb": host.get("vmm_free_kb"),
            "ballooned_kb": host.get("vmm_ballooned_kb"),
        },
        [
            {
                "uuid": machine["uuid"],
                "name": machine["name"],
                "memory_mb": machine["memory_mb"],
                "state": machine["state"],
                # a machine without the setting (ARM) has none
                "large_pages": bool(machine.get("large_pages")),
                "additions": machine.get("guest_additions_run_level"),
                "request_mb": machine.get("balloon_current_mb") or 0,
                "sample": dict(machine["guest"], time=now) if machine.get("guest") else None,
            }
            for machine in facts["machines"]
            if machine["state"] not in HOLDS_NOTHING
        ],
    )
