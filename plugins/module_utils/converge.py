# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Bring machines to what is wanted: what a module does from its parameters to its result."""

from __future__ import annotations

import json

from ansible_collections.vbox.memory.plugins.module_utils.arguments import MemoryModule, wanted_machines
from ansible_collections.vbox.memory.plugins.module_utils.backends import choose_backend
from ansible_collections.vbox.memory.plugins.module_utils.balloon import Balloons
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.support import Host
from ansible_collections.vbox.memory.plugins.module_utils.work import Work


def run_module(owned):
    """The whole of a module that changes settings.

    :param owned: the names of the options that the module has beside the shared ones
    """
    module = MemoryModule(owned)
    try:
        wanted = wanted_machines(module.params, owned)
        with choose_backend(
            module.params["backend"], module.params["vboxmanage"], module.params["api_python"], len(wanted)
        ) as backend:
            results = converge(backend, wanted, module.check_mode, module.log)
            used = dict(backend=backend.name, backend_fallback=backend.fallback)
    except VBoxMemoryError as error:
        module.fail_json(**error.as_result())
    finish(module, results, used)


def converge(backend, wanted, check_mode=False, log=None):
    """Bring machines to what is wanted. One machine's failure leaves the others' work as it is.

    :param wanted: a list of :class:`~.arguments.Wanted`
    :param log: a function that tells the host's log how far a balloon has got
    :returns: a list of results, one for each, in order: dictionaries as the modules document them under ``machines``
    :raises VBoxMemoryError: when nothing can be done for any machine; nothing has been changed then
    """
    if not wanted:
        return []
    host, balloons = Host(backend), Balloons(backend, log)
    works = [Work(one, backend, host, balloons) for one in wanted]
    fusion = any(one.page_fusion for one in wanted)  # which depends on the type of the operating system
    for work, found in zip(works, backend.find_many([one.name for one in wanted], details=fusion)):
        work.find(found)
    _refuse_the_same_machine_twice(works)
    for work in works:
        work.attempt(work.plan)
        if not check_mode:
            work.attempt(work.apply)
    return [work.result() for work in works]


def finish(module, results, used):
    """End the module with these results: failed if one of the machines failed.

    :param used: what the result says of the way to VirtualBox
    """
    failed = [result for result in results if "code" in result]
    outcome = dict(
        used,
        changed=any(result["changed"] for result in results),
        machines=results,
        commands=[command for result in results for command in result["commands"]],
        pending=[dict(name=result["name"], **result["pending"]) for result in results if result["pending"]],
    )
    if module._diff:
        outcome["diff"] = [_diff(result) for result in results if result["changed"]]
    for result in results:
        for warning in result["warnings"]:
            module.warn("machine %r: %s" % (result["name"], warning))
    if failed:
        message = "; ".join("machine %r: %s" % (result["name"], result["msg"]) for result in failed)
        if len(results) > 1:
            message = "%d of %d machines failed. %s" % (len(failed), len(results), message)
        module.fail_json(msg=message, code=failed[0]["code"], **outcome)
    module.exit_json(**outcome)


def _refuse_the_same_machine_twice(works):
    """A name and a UUID can mean one machine; then neither entry can be right.

    :raises VBoxMemoryError: ``invalid_parameters``
    """
    named = {}
    for work in works:
        if work.before:
            named.setdefault(work.before.uuid, []).append(work.wanted.name)
    twice = [
        "%s are the machine %s" % (" and ".join(map(repr, names)), uuid)
        for uuid, names in named.items()
        if len(names) > 1
    ]
    if twice:
        raise VBoxMemoryError(
            "invalid_parameters",
            "nothing was changed. %s: put all that a machine is to have into one entry" % "; ".join(twice),
        )


def _diff(result):
    return dict(
        before_header=result["name"],
        after_header=result["name"],
        before=_lines(result["before"]),
        after=_lines(result["after"]),
    )


def _lines(values):
    return "".join("%s: %s\n" % (key, json.dumps(value)) for key, value in values.items())
