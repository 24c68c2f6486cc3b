# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What could be won, as estimates: how each was made, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Entry = dict[str, Any]
Saving = dict[str, Any]

KINDS = {"balloons": "By balloons", "page_fusion": "By Page Fusion"}
HOW_BALLOONS = (
    "For each live guest with figures and without large pages: what it has free, less half of its cache, less a tenth of its memory "
    "(128 MB at least), and no more than VirtualBox's limit of 90 % leaves. It holds for the moment of the report."
)
COST_BALLOONS = (
    "A guest cannot grow by what its balloon holds: programs that need it quickly are killed. "
    "What is won is for other machines of the same user; it does not go back to the host. Large pages have to stay off."
)
HOW_FUSION = (
    "For live Windows guests of one type on one host, where Page Fusion is supported and off: what all of them use but the largest. "
    "It is an upper bound, reached if every page of the others were one of the largest's."
)
COST_FUSION = (
    "A side channel: a guest can find out what is in another's memory, and break its layout randomization. "
    "It takes processor time to compare pages, and when guests write to shared pages, the host needs their memory again at once."
)
SHARED = "Measured so far on this host: %d MB shared by %d machines with it."
NOT_SHARED = "Nothing is measured on this host yet: turn it on for two machines first."


def savings(hosts: Sequence[Entry]) -> list[Saving]:
    """The estimates, host by host.

    :returns: ``host``, ``kind`` (``balloons``, ``page_fusion``), ``os_type``, ``machines`` (names), ``kb``, ``how``, ``measured``
        (``None`` where nothing was) and ``costs``
    """
    return [saving for host in hosts for make in (_balloons, _page_fusion) for saving in make(host)]


def _balloons(host: Entry) -> Iterator[Saving]:
    givers = [machine for machine in host["machines"] if machine["room_mb"]]
    if givers:
        won = sum(machine["room_mb"] for machine in givers) * 1024
        yield _saving(host, "balloons", None, givers, won, how=HOW_BALLOONS, measured=None, costs=COST_BALLOONS)


def _page_fusion(host: Entry) -> Iterator[Saving]:
    if not (host["features"].get("page_fusion") or {}).get("supported"):
        return
    windows = [one for one in host["machines"] if one["live"] and str(one["os_type"]).startswith("Windows")]
    sharing = [machine for machine in windows if machine["page_fusion"]]
    measured = SHARED % ((host["shared_kb"] or 0) // 1024, len(sharing)) if sharing else NOT_SHARED
    for os_type in sorted({str(machine["os_type"]) for machine in windows}):
        alike = [machine for machine in windows if machine["os_type"] == os_type and machine["used_kb"] is not None]
        new = [machine for machine in alike if not machine["page_fusion"]]
        if new and len(alike) > 1:
            won = sum(machine["used_kb"] for machine in alike) - max(machine["used_kb"] for machine in alike)
            yield _saving(host, "page_fusion", os_type, new, won, how=HOW_FUSION, measured=measured, costs=COST_FUSION)


def _saving(
    host: Entry, kind: str, os_type: str | None, machines: Sequence[Entry], kb: int, **texts: str | None
) -> Saving:
    names = [machine["name"] for machine in machines]
    return dict(host=host["name"], kind=kind, os_type=os_type, machines=names, kb=kb, **texts)
