# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Made-up facts for reports: hosts with machines in all states, hostile names, and samples of the days before. The same at each call."""

from __future__ import annotations

import copy
import random
import uuid
from datetime import datetime, timedelta, timezone

from ansible_collections.vbox.memory.plugins.filter.balance import balance_filter
from ansible_collections.vbox.memory.plugins.module_utils.facts import totals
from ansible_collections.vbox.memory.plugins.plugin_utils.report.figures import figures
from ansible_collections.vbox.memory.plugins.plugin_utils.report.history import sample

READ_AT = "2026-11-25T20:12:00Z"
GB = 1024**2  # kB
HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "x" * 200,
    "\u202eشغل الخادم\u202c",
    'a"b\\c\n# EVIL 1',
    "</script><img src=x onerror=alert(1)>",
    "=1+1",
    "\r\x9b2J＝1+1",
    "| a | b |",
    "名前 &amp; 🙂",
)
TYPES = (
    ("Windows11_64", "Windows 11 (64-bit)"),
    ("Debian_64", "Debian (64-bit)"),
    ("Windows2022_64", "Windows 2022 (64-bit)"),
)
STATES = ("running",) * 7 + ("paused", "poweroff", "poweroff", "saved", "aborted", "gurumeditation")
SUPPORTED = {"supported": True, "reason": None}
FEATURES = {"balloon": SUPPORTED, "page_fusion": SUPPORTED, "large_pages": SUPPORTED}
NO_FUSION = {
    "supported": False,
    "reason": "VirtualBox 7.2.22 is built without Page Fusion, as all releases from 7.2 on are",
}


def fleet(hosts=3, machines=8, seed=1, names=()):
    """Entries for `figures`, by host: facts, the result of a policy, and a plan of balance.

    :param names: of the first machines, instead of vm000 and so on
    """
    chance, left = random.Random(seed), list(names)
    entries = {f"host{number:02}": _entry(chance, number, machines, left) for number in range(hosts)}
    return entries


def _entry(chance, number, count, names):
    machines = [_machine(chance, place, names.pop(0) if names else None) for place in range(count)]
    total = max(64, sum(one["memory_mb"] for one in machines if one["state"] in ("running", "paused")) // 1024) * GB
    used_by_machines = sum(one["process_kb"] or 0 for one in machines)
    given = sum((one["balloon_current_mb"] or 0) * 1024 for one in machines)
    used = min(total, used_by_machines + given // 2 + chance.randrange(2 * GB, 8 * GB))
    host = dict(
        vbox_version="7.2.22" if number % 2 else "7.1.12",
        features=dict(FEATURES, **({"page_fusion": NO_FUSION} if number % 2 else {})),
        memory_total_kb=total,
        memory_used_kb=used,
        memory_free_kb=total - used,
        vmm_used_kb=used_by_machines,
        vmm_free_kb=given // 2,
        vmm_ballooned_kb=given,
        vmm_shared_kb=0 if number % 2 else chance.randrange(GB),
    )
    facts = dict(host=host, machines=machines, unreadable=[], totals=totals(host, machines))
    if number == 1:
        facts["unreadable"] = [
            dict(
                uuid=_uuid(chance),
                name=None,
                code="machine_inaccessible",
                msg="its settings file is gone: unregister it",
            )
        ]
    return dict(facts=facts, policy=_policy(chance, machines), plan=balance_filter(facts, {}), reserve_mb=None)


def _machine(chance, place, name):
    os_type, description = chance.choice(TYPES)
    state, memory = chance.choice(STATES), chance.choice((2048, 4096, 8192, 16384))
    live = state in ("running", "paused")
    balloon = chance.choice((0, 0, 256, 512, 1024)) if live else None
    talks = live and chance.random() < 0.9
    used = chance.randrange(memory // 8, memory * 2 // 3) * 1024
    cache = chance.randrange(memory // 16, memory // 4) * 1024
    free = max(10, memory * 1024 - used - (balloon or 0) * 1024)
    guest = dict(
        total_kb=memory * 1024, free_kb=free, balloon_kb=0, shared_kb=0, cache_kb=min(cache, free), pagefile_kb=0
    )
    return dict(
        name=name or f"vm{place:03}",
        uuid=_uuid(chance),
        state=state,
        os_type=os_type,
        os_description=description,
        groups=["/servers"],
        memory_mb=memory,
        balloon_default_mb=chance.choice((0, 0, 512)),
        balloon_current_mb=balloon,
        interrupted_restart=None,
        balloon_followed=(chance.random() < 0.9 if balloon else True) if talks else None,
        page_fusion=chance.random() < 0.3,
        large_pages=chance.random() < 0.1,
        guest_additions_run_level=2 if talks else 0 if live else None,
        process_kb=used + cache if live else None,
        guest=guest if talks else None,
    )


def _policy(chance, machines):
    source = "vbox_memory_policy: rule 'Large machines'"
    asked = [one for one in machines if one["memory_mb"] >= 4096]
    rows = [_row(one, source) for one in asked if chance.random() < 0.4]
    if asked and chance.random() < 0.5:
        failed = dict(
            setting=None, before=None, after=None, outcome="failed", source=None, msg="it is locked: try again"
        )
        rows.append(dict(_row(asked[0], source), **failed))
    explained = [
        dict(
            name=one["name"],
            uuid=one["uuid"],
            settings={
                "balloon": dict(value=min(1024, one["memory_mb"] // 8), source=source),
                "large_pages": dict(value=False, source="vbox_memory_policy: defaults"),
            },
        )
        for one in asked
    ]
    return dict(explained=explained, differences=rows, failed=False)


def _row(machine, source):
    live = machine["state"] in ("running", "paused")
    return dict(
        machine=machine["name"],
        uuid=machine["uuid"],
        state=machine["state"],
        setting="balloon_default_mb",
        before=machine["balloon_default_mb"],
        after=1024,
        outcome="pending" if live else "would change",
        source=source,
        msg=None,
    )


def _uuid(chance):
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def days(entries, count, seed=2):
    """Samples of as many hours before the report, with figures that go up and down, and changes now and then."""
    chance, found = random.Random(seed), []
    now = datetime.strptime(READ_AT, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    for hour in range(count, 0, -1):
        then = copy.deepcopy(entries)
        for entry in then.values():
            for machine in (entry["facts"] or {"machines": []})["machines"]:
                if machine["guest"]:
                    swing = chance.uniform(0.7, 1.2)
                    free = machine["guest"]["free_kb"]
                    machine["guest"]["free_kb"] = min(machine["guest"]["total_kb"], int(free * swing))
                if chance.random() < 0.02 and machine["balloon_current_mb"] is not None:
                    machine["balloon_current_mb"] += 256
        at = (now - timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")
        found.append(sample(figures(then, at)))
    return found
