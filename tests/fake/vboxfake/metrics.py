# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""metrics list, setup, query."""

from . import clock, errors, lookup, usage

PERCENT, KB, MB, MHZ, BITS, BYTES = (
    ("%", 100000),
    ("kB", 2147483647),
    ("MB", 2147483647),
    ("MHz", 2147483647),
    ("mbit/s", 2147483647),
    ("B/s", 2147483647),
)

# base metric, metric under it ('' where it has no name of its own), unit, description
HOST = (
    ("CPU/Load", "User", PERCENT, "Percentage of processor time spent in user mode."),
    ("CPU/Load", "Kernel", PERCENT, "Percentage of processor time spent in kernel mode."),
    ("CPU/Load", "Idle", PERCENT, "Percentage of processor time spent idling."),
    ("CPU/MHz", "", MHZ, "Average of current frequency of all processors."),
    ("RAM/Usage", "Total", KB, "Total physical memory installed."),
    ("RAM/Usage", "Used", KB, "Physical memory currently occupied."),
    ("RAM/Usage", "Free", KB, "Physical memory currently available to applications."),
    ("RAM/VMM", "Used", KB, "Total physical memory used by the hypervisor."),
    ("RAM/VMM", "Free", KB, "Total physical memory free inside the hypervisor."),
    ("RAM/VMM", "Ballooned", KB, "Total physical memory ballooned by the hypervisor."),
    ("RAM/VMM", "Shared", KB, "Total physical memory shared between VMs."),
    ("FS/{/}/Usage", "Total", MB, "Root file system size."),
    ("FS/{/}/Usage", "Used", MB, "Root file system space currently occupied."),
    ("FS/{/}/Usage", "Free", MB, "Root file system space currently empty."),
    ("Net/eth0/LinkSpeed", "", BITS, "Physical link speed."),
    ("Net/eth0/Load", "Rx", PERCENT, "Percentage of network interface receive bandwidth used."),
    ("Net/eth0/Load", "Tx", PERCENT, "Percentage of network interface transmit bandwidth used."),
)
MACHINE = (
    ("CPU/Load", "User", PERCENT, "Percentage of processor time spent in user mode by the VM process."),
    ("CPU/Load", "Kernel", PERCENT, "Percentage of processor time spent in kernel mode by the VM process."),
    ("RAM/Usage", "Used", KB, "Size of resident portion of VM process in memory."),
    ("Disk/Usage", "Used", MB, "Actual size of all VM disks combined."),
    ("Net/Rate", "Rx", BYTES, "Network receive rate."),
    ("Net/Rate", "Tx", BYTES, "Network transmit rate."),
    ("Guest/CPU/Load", "User", PERCENT, "Percentage of processor time spent in user mode as seen by the guest."),
    ("Guest/CPU/Load", "Kernel", PERCENT, "Percentage of processor time spent in kernel mode as seen by the guest."),
    ("Guest/CPU/Load", "Idle", PERCENT, "Percentage of processor time spent idling as seen by the guest."),
    ("Guest/RAM/Usage", "Total", KB, "Total amount of physical guest RAM."),
    ("Guest/RAM/Usage", "Free", KB, "Free amount of physical guest RAM."),
    ("Guest/RAM/Usage", "Balloon", KB, "Amount of ballooned physical guest RAM."),
    ("Guest/RAM/Usage", "Shared", KB, "Amount of shared physical guest RAM."),
    ("Guest/RAM/Usage", "Cache", KB, "Total amount of guest (disk) cache memory."),
    ("Guest/Pagefile/Usage", "Total", KB, "Total amount of space in the page file."),
)
AGGREGATES = {"": None, ":avg": lambda values: sum(values) // len(values), ":min": min, ":max": max}

LIST_HEAD = (
    "Object          Metric                                   Unit    Minimum    Maximum     Period      Count Description\n"
    "--------------- ---------------------------------------- ---- ---------- ---------- ---------- ---------- -----------\n"
)
QUERY_HEAD = (
    "Object          Metric                                   Values\n"
    "--------------- ---------------------------------------- --------------------------------------------\n"
)


def metrics(call):
    """metrics list|setup|query …"""
    verbs = {"list": _list, "query": _query, "setup": _setup}
    if call.args[0] not in verbs:
        raise usage.refused(call.state, "metrics", "Invalid subcommand '%s'" % call.args[0])
    verbs[call.args[0]](call, call.args[1:])


def _list(call, words):
    lines = [LIST_HEAD]
    for owner, shown, row, metric, aggregate in _matching(call.state, words):
        base, _name, (unit, most), description = row
        setup = call.state["server"]["metrics"].get("%s %s" % (owner, base), {"period": 0, "count": 0})
        count, description = (1, "") if aggregate else (setup["count"], description)
        lines.append(
            "%-15s %-40s %-4s %10d %10d %10u %10u %s\n"
            % (shown, metric + aggregate, unit, 0, most, setup["period"], count, description)
        )
    call.out("".join(lines))


def _query(call, words):
    lines = [QUERY_HEAD]
    for owner, shown, row, metric, aggregate in _matching(call.state, words):
        values = _kept(call.state, owner, row)
        if values and aggregate:
            values = [AGGREGATES[aggregate](values)]
        text = ", ".join(_written(value, row[2]) for value in values)
        lines.append("%-15s %-40s %s\n" % (shown, metric + aggregate, text))
    call.out("".join(lines))


def _kept(state, owner, row):
    setup = state["server"]["metrics"].get("%s %s" % (owner, row[0]))
    return setup["values"].get(row[1], []) if setup else []


def _written(value, unit):
    if unit is PERCENT:
        return "%d.%02d%%" % (value // 100, value % 100)
    return "%d %s" % (value, unit[0])


def _setup(call, words):
    words, period, samples, report = list(words), 1, 1, False
    while words and words[0].lstrip("-") in ("period", "samples", "list") and words[0].startswith("-"):
        option = words.pop(0)
        if option.endswith("list"):
            report = True
        elif option.endswith("period"):
            period = _positive(option, words)
        else:
            samples = _positive(option, words)
    changed = []
    pattern = words[1] if len(words) > 1 else "*"
    for owner, shown, table in _objects(call.state, words):
        for base in dict.fromkeys(row[0] for row in table):
            if _matches(pattern, base):
                changed.append("%-10s %-20s\n" % (shown, base))
                call.state["server"]["metrics"]["%s %s" % (owner, base)] = {
                    "period": period,
                    "count": samples,
                    "since": clock.now(call.state),
                    "taken": 0,
                    "values": {},
                }
    if report and changed:
        head = "The following metrics were modified:\n\nObject     Metric\n---------- --------------------\n"
        call.out(head + "".join(changed) + "\n")
    elif report:
        call.err(errors.message("No metrics match the specified filter!"))


def _positive(option, words):
    if not words:
        raise errors.Failed(errors.message("Missing argument to '%s'" % option), 2)
    text = words.pop(0)
    if not text.isdigit() or not int(text):
        raise errors.Failed(errors.message("Invalid value for '%s' parameter: '%s'" % (option.lstrip("-"), text)), 2)
    return int(text)


def _matching(state, words):
    """(owner, shown name, row, metric's whole name, aggregate) of what `[object [metrics]]` names."""
    pattern = words[1] if len(words) > 1 else "*"
    for owner, shown, table in _objects(state, words):
        for row in table:
            metric = row[0] + "/" + row[1] if row[1] else row[0]
            for aggregate in AGGREGATES:
                if _matches(pattern, metric + aggregate):
                    yield owner, shown, row, metric, aggregate


def _objects(state, words):
    """(key, shown name, table of metrics): the host, machines that run, or the one that is named."""
    running = [(machine["uuid"], machine["name"], MACHINE) for machine in state["machines"] if machine.get("run")]
    host = [("host", "host", HOST)]
    if not words or words[0] == "*":
        return host + running
    if words[0] == "host":
        return host
    try:
        machine = lookup.find(state, words[0], "showvminfo", "")
    except errors.Failed:
        raise errors.Failed(errors.message("Invalid machine name: '%s'" % words[0]))
    return [row for row in running if row[0] == machine["uuid"]]


def _matches(patterns, name):
    return any(_match(pattern, name) for pattern in patterns.split(","))


def _match(pattern, name):
    """`*` and `?`; a pattern that ends in `*:` takes what has no colon."""
    if pattern.endswith("*:"):
        return ":" not in name and _match(pattern[:-1], name)
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(_match(pattern[1:], name[skip:]) for skip in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and _match(pattern[1:], name[1:])
