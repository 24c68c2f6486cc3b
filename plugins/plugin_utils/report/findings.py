# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands out in a report, the worst first: a code and a sentence each. A further one is a further row of ``CHECKS``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.planning.guard import default_reserve
from ansible_collections.vbox.memory.plugins.plugin_utils.report.words import change

BROKEN_STATES = {
    "aborted": "its process ended by itself",
    "aborted-saved": "its process ended by itself, and its saved state is still there",
    "gurumeditation": "VirtualBox stopped it in guru meditation",
}
# Each code with its level and its heading.
CODES = {
    "host_not_read": ("error", "Hosts that could not be read"),
    "host_short": ("error", "Hosts short of memory"),
    "machine_broken": ("error", "Machines that crashed"),
    "interrupted_restart": ("error", "Machines left off by an interrupted restart"),
    "unreadable": ("error", "Machines that cannot be read"),
    "policy_failed": ("error", "Policies and machines that failed"),
    "guest_short": ("warning", "Guests short of memory"),
    "not_following": ("warning", "Machines that do not follow"),
    "balloon_with_large_pages": ("warning", "Balloons together with large pages"),
    "pending": ("warning", "Changes to make"),
    "overcommitted": ("note", "Hosts that promise more than they have"),
    "no_figures": ("note", "Running machines without figures"),
}

Finding = dict[str, Any]
Entry = dict[str, Any]


def findings(hosts: Sequence[Entry]) -> list[Finding]:
    """All findings of all hosts, in the order of :data:`CODES`.

    :returns: ``level``, ``code``, ``host``, ``machine`` and ``uuid`` (``None`` for a host), and ``sentence``
    """
    found = [finding for host in hosts for finding in _of_host(host)]
    order = list(CODES)
    return sorted(found, key=lambda finding: order.index(finding["code"]))


def _of_host(host: Entry) -> Iterator[Finding]:
    for code, sentence in _host_checks(host):
        yield _finding(code, host, None, sentence)
    for one in host["unreadable"]:
        yield dict(_finding("unreadable", host, None, one["msg"]), machine=one.get("name"), uuid=one.get("uuid"))
    for machine in host["machines"]:
        for code, sentence in _machine_checks(machine):
            yield _finding(code, host, machine, sentence)


def _finding(code: str, host: Entry, machine: Entry | None, sentence: str) -> Finding:
    of_machine = dict(machine=machine and machine["name"], uuid=machine and machine["uuid"])
    sentence = " ".join(sentence.split())  # a message can have several lines
    return dict(level=CODES[code][0], code=code, host=host["name"], sentence=sentence, **of_machine)


def _host_checks(host: Entry) -> Iterator[tuple[str, str]]:
    if not host["read"]:
        yield "host_not_read", str(host["msg"] or "it failed without a message")
    for msg in host["failures"]:
        yield "policy_failed", msg
    free, reserve = host["memory_free_kb"], host["reserve_kb"]
    if free is not None and reserve is not None and free < reserve:
        yield "host_short", "%d MB are free, and it is to keep %d MB" % (free // 1024, reserve // 1024)
    if (host["overcommit_ratio"] or 0) > 1:
        yield (
            "overcommitted",
            "its live machines may take %d MB, %.2f times what it has" % (host["running_mb"], host["overcommit_ratio"]),
        )


def _machine_checks(machine: Entry) -> Iterator[tuple[str, str]]:
    if machine["state"] in BROKEN_STATES:
        yield "machine_broken", BROKEN_STATES[machine["state"]]
    if machine["interrupted_restart"] is not None:
        yield "interrupted_restart", "a run of this collection shut it down for a change and was interrupted"
    for msg in machine["failures"]:
        yield "policy_failed", msg
    asked, free, memory = machine["balloon_asked_mb"], machine["free_kb"], machine["memory_mb"]
    if machine["live"] and free is not None and memory and free // 1024 < default_reserve(memory):
        yield (
            "guest_short",
            "%d MB are free in the guest, and a tenth of its memory (128 MB at least) should be: %d MB"
            % (free // 1024, default_reserve(memory)),
        )
    if machine["balloon_followed"] is False:
        yield "not_following", "it is asked for a balloon of %s MB, and too little of its memory is given" % asked
    if machine["large_pages"] and (asked or machine["balloon_default_mb"]):
        yield (
            "balloon_with_large_pages",
            "VirtualBox accepts both, and a balloon then gives nothing or stops the guest in guru meditation",
        )
    if machine["pending_count"]:
        yield "pending", "the policy wants %s" % ", ".join(map(change, machine["pending"]))
    if machine["state"] == "running" and free is None and machine["process_kb"] is not None:
        level = machine["guest_additions_run_level"]
        reason = (
            "its Guest Additions are not up"
            if not level or level < 2
            else "its Guest Additions are up, and say nothing"
        )
        yield "no_figures", reason
