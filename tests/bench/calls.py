# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which commands of VBoxManage our modules run: counted by the sandbox's recorder."""

from __future__ import annotations

import collections
import json

from ways import WAYS, other

RECORD = "/tmp/bench.calls"
JOBS = ("facts", "no_change", "change")


def count_calls(play, host):
    """For each backend and job the commands with how often each was run: ``{"api": {"change": {"--version": 1}}, …}``."""
    return {backend: {job: _count(play, host, job, WAYS[backend]) for job in JOBS} for backend in ("vboxmanage", "api")}


def _count(play, host, job, way):
    state = other(host.state) if job == "change" else host.state
    host.run("rm", "-f", RECORD)

    def recorded(playbook, **variables):
        return play(playbook, **dict(variables, vboxmanage=host.sandbox.info["recorder"], record=RECORD))

    way.do(recorded, host, job, state)
    host.must_be(state)
    calls = (json.loads(line) for line in host.run("sh", "-c", f"cat {RECORD} 2>/dev/null || true").splitlines())
    return dict(collections.Counter(" ".join(call[1:3] if call[1] == "list" else call[1:2]) for call in calls))
