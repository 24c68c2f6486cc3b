# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""snapshot take: one after another, each the child of the one before. What of them showvminfo tells, it prints raw."""

from . import getopt, lookup, usage
from .getopt import STRING

PROGRESS = "0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n"


def snapshot(call):
    """snapshot X take NAME [--description TEXT]"""
    state = call.state
    if len(call.args) < 2:
        raise usage.refused(state, "snapshot", "Not enough parameters")
    machine = lookup.find(state, call.args[0], "snapshot", "FindMachine(bstrMachine.raw(), pMachine.asOutParam())")
    if call.args[1] != "take":
        raise usage.refused(state, "snapshot", "Invalid parameter '%s'" % call.args[1])
    taken = {"name": "", "uuid": lookup.random_uuid(), "description": ""}
    try:
        for option, value in getopt.parse(call.args[2:], {"--description": ("description", STRING)}, positional=True):
            taken[option or "name"] = value
    except getopt.BadOption as bad:
        raise usage.bad_option(state, "snapshot", bad)
    machine["snapshots"].append(taken)
    call.err(PROGRESS)
    call.out("Snapshot taken. UUID: %s\n" % taken["uuid"])


def readable(machine):
    """The rows of showvminfo --machinereadable."""
    rows = []
    for depth, taken in enumerate(machine["snapshots"]):
        node = "-1" * depth
        rows += ['SnapshotName%s="%s"' % (node, taken["name"]), 'SnapshotUUID%s="%s"' % (node, taken["uuid"])]
        if taken["description"]:
            rows.append('SnapshotDescription%s="%s"' % (node, taken["description"]))
    rows += ['CurrentSnapshotName="%s"' % taken["name"], 'CurrentSnapshotUUID="%s"' % taken["uuid"]]
    return "\n".join([*rows, 'CurrentSnapshotNode="SnapshotName%s"' % node])


def human(machine):
    """The lines of showvminfo."""
    lines = []
    for depth, taken in enumerate(machine["snapshots"]):
        indent, current = "   " * (depth + 1), " *" if taken is machine["snapshots"][-1] else ""
        lines.append("%sName: %s (UUID: %s)%s" % (indent, taken["name"], taken["uuid"], current))
        if taken["description"]:
            lines.append("%sDescription:\n%s" % (indent, taken["description"]))
    return "\n".join(lines)
