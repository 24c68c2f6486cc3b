# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What is measured, as tables: the jobs, and the ways to do them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Callable

from hosts import AS_WRITTEN, INSIDE, STATES
from support.testbeds import VBOX

JOBS = {
    "facts": "read all facts",
    "no_change": "bring all machines to a state that they have",
    "change": "change all settings of all machines that this build can change",
    "no_change_cold": "bring all machines to a state that they have, VirtualBox's server not running",
}
COLD = ("no_change_cold",)


@dataclass(frozen=True)
class Way:
    """A way to do some of the jobs: ``do(play, host, job, state)`` does one, on a host whose machines are to have a state.

    ``most`` is the largest number of machines that it is measured with.
    """

    key: str
    label: str
    jobs: tuple
    do: Callable
    most: int = 1000


def _loop(play, host, job, state):
    play(
        "loop_facts.yml" if job == "facts" else "loop_converge.yml",
        **dict(_variables(host, state), vboxmanage=AS_WRITTEN),
    )


def _shell(_play, host, job, state):
    host.run(INSIDE + "each.sh", *(["facts"] if job == "facts" else ["converge", *state.words]))


def _ours(backend):
    def do(play, host, job, state):
        play("ours_facts.yml" if job == "facts" else "ours_converge.yml", backend=backend, **_variables(host, state))

    return do


def _untuned(do):
    return lambda play, host, job, state: do(functools.partial(play, tuned=False), host, job, state)


def _role(play, _host, _job, state):
    play(
        "role_converge.yml",
        vbox_memory_policy={"defaults": dict(balloon=state.balloon, large_pages=state.large_pages, page_fusion=False)},
    )


def _showvminfo(_play, host, _job, _state):
    host.run(INSIDE + "each.sh", "showvminfo", *host.names)


def _showvminfo_task(play, host, _job, _state):
    play("showvminfo.yml", argv=[INSIDE + "each.sh", "showvminfo", *host.names])


def _empty(calls):
    return lambda play, _host, _job, _state: play("empty.yml", calls=calls)


def _variables(host, state):
    return dict(
        vboxmanage=VBOX,
        machines=[{"name": name} for name in host.names],
        balloon=state.balloon,
        large_pages=state.large_pages,
    )


def other(state):
    """The state in which all differs from this one."""
    return next(one for one in STATES if one != state)


WAYS = {
    way.key: way
    for way in (
        Way("loop", "a loop of command tasks", ("facts", "no_change", "change"), _loop),
        Way("shell", "a shell script of VBoxManage", ("facts", "no_change", "change", "no_change_cold"), _shell),
        Way("showvminfo", "one showvminfo for each machine", ("no_change",), _showvminfo),
        Way("showvminfo_task", "the same, as one task of Ansible", ("no_change",), _showvminfo_task),
        Way(
            "vboxmanage",
            "vbox_memory, backend: vboxmanage",
            ("facts", "no_change", "change", "no_change_cold"),
            _ours("vboxmanage"),
        ),
        Way("api", "vbox_memory, backend: api", ("facts", "no_change", "change", "no_change_cold"), _ours("api")),
        Way(
            "untuned_loop",
            "the loop, with Ansible's default settings",
            ("no_change", "change"),
            _untuned(_loop),
            most=200,
        ),
        Way(
            "untuned_api",
            "vbox_memory, backend: api, with Ansible's default settings",
            ("no_change", "change"),
            _untuned(_ours("api")),
            most=200,
        ),
        Way("role", "role policy, backend: auto", ("no_change", "change", "no_change_cold"), _role),
        Way("empty", "a play with one empty module call", ("no_change",), _empty(1)),
        Way("empty2", "a play with two empty module calls", ("no_change",), _empty(2)),
        Way("bare", "a bare read by the bindings", ("no_change",), lambda _play, host, _job, _state: host.read()),
    )
}
