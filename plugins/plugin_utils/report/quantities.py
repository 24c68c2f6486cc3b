# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of a report, as one table: what each is called, its unit, and its name for Prometheus. Renderers go through these rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KB, MB = 1024, 1024**2  # bytes


@dataclass(frozen=True)
class Quantity:
    """A number of a host or a machine.

    :param key: what it is called in the figures; its ending says the unit where it is a size
    :param label: what people call it
    :param help: what it is, as a sentence without an end
    :param metric: its name for Prometheus, in base units and without what all begin with
    """

    key: str
    label: str
    help: str
    metric: str

    @property
    def unit(self) -> str:
        """``kB``, ``MB`` (2**20 bytes), or nothing."""
        return {"kb": "kB", "mb": "MB"}.get(self.key.rpartition("_")[2], "")

    def in_base_units(self, value: Any) -> Any:
        """The value in bytes where it is a size; booleans are 0 and 1."""
        return value * {"kB": KB, "MB": MB}.get(self.unit, 1)


HOST = (
    Quantity("memory_total_kb", "Memory", "The memory of the host", "memory_bytes"),
    Quantity("memory_used_kb", "In use", "The memory of the host that is in use", "memory_used_bytes"),
    Quantity("memory_free_kb", "Free", "The memory of the host that is free", "memory_free_bytes"),
    Quantity("reserve_kb", "Reserve", "What the host is to keep free", "reserve_bytes"),
    Quantity("vmm_used_kb", "Held by machines", "What the hypervisor holds for machines", "vmm_used_bytes"),
    Quantity(
        "vmm_free_kb",
        "Free for other machines",
        "What balloons gave back and the hypervisor keeps for other machines of this user",
        "vmm_free_bytes",
    ),
    Quantity("other_kb", "Other programs", "What other programs use", "other_programs_bytes"),
    Quantity("cache_kb", "Guests' cache", "What guests use as cache, by their own figures", "guest_cache_bytes"),
    Quantity("ballooned_kb", "In balloons", "What balloons hold, of all machines together", "ballooned_bytes"),
    Quantity("shared_kb", "Shared", "What machines share by Page Fusion", "shared_bytes"),
    Quantity("configured_mb", "Configured", "The memory of all machines", "configured_bytes"),
    Quantity("running_mb", "Running", "The memory of the running and paused machines", "running_bytes"),
    Quantity("overcommit_ratio", "Overcommit", "The memory of live machines by that of the host", "overcommit_ratio"),
    Quantity("room_mb", "Could be won", "What balloons could take at most, by the guests' own figures", "room_bytes"),
    Quantity("machines_count", "Machines", "The machines that can be read", "machines"),
    Quantity("live_count", "Live machines", "The machines that run or are paused", "machines_live"),
    Quantity("unreadable_count", "Unreadable machines", "The machines that cannot be read", "machines_unreadable"),
    Quantity("pending_count", "Changes to make", "The settings that differ from the policy", "settings_pending"),
)

MACHINE = (
    Quantity("memory_mb", "Memory", "The memory that the machine is set to", "memory_bytes"),
    Quantity("used_kb", "Used", "What the guest's programs use, without its cache and its balloon", "guest_used_bytes"),
    Quantity("cache_kb", "Cache", "What the guest uses as cache", "guest_cache_bytes"),
    Quantity("free_kb", "Free", "What the guest has free, with its cache counted in", "guest_free_bytes"),
    Quantity("process_kb", "Process", "The memory of the machine's process on the host", "process_bytes"),
    Quantity("balloon_asked_mb", "Balloon asked", "The balloon that is asked for now", "balloon_asked_bytes"),
    Quantity("balloon_given_mb", "Balloon given", "What the guest gave, as far as it is known", "balloon_given_bytes"),
    Quantity(
        "balloon_default_mb", "Default balloon", "The balloon that is asked for at each start", "balloon_default_bytes"
    ),
    Quantity("balloon_followed", "Follows", "Whether the guest holds the balloon asked of it", "balloon_followed"),
    Quantity("page_fusion", "Page Fusion", "Whether Page Fusion is on", "page_fusion"),
    Quantity("large_pages", "Large pages", "Whether large pages are on", "large_pages"),
    Quantity("live", "Live", "Whether the machine runs or is paused", "live"),
    Quantity(
        "guest_additions_run_level",
        "Guest Additions",
        "How far the Guest Additions are up; guests give figures from 2 on",
        "guest_additions_run_level",
    ),
    Quantity("shared_kb", "Shared", "What the guest shares by Page Fusion, by its own word", "guest_shared_bytes"),
    Quantity("room_mb", "Could be won", "What its balloon could take at most, by its own figures", "room_bytes"),
    Quantity("target_mb", "Balance's target", "What balance would let the machine hold", "balance_target_bytes"),
    Quantity("pending_count", "Changes to make", "The settings that differ from the policy", "settings_pending"),
)
