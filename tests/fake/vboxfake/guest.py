# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What goes on inside the running machines, worked out at each call from what was there at the last one.

`machine["guest"]` is how the guest is (GUEST, a test's own figures over it); `machine["run"]` is how it does, from start to
power-off. A guest's own time, `run["t"]`, stands still while the machine is paused or saved.
"""

from . import clock, lookup

GUEST = {
    "additions": True,  # Guest Additions installed
    "boot_seconds": 2.0,  # from the start to the Additions' first answer
    "total_mb": None,  # what the guest sees; unless given, as large a part of its memory as recorded
    "used_mb": 20.0,
    "cache_mb": 5.0,
    "cache_floor_mb": 2.0,  # what the guest cannot take back from its cache
    "wobble_kb": 0,  # what it uses goes up and down by so much, second by second: its figures stand still otherwise
    "program_mb": 0.0,  # a program in the guest, what it holds
    "program_rate": 0.0,  # how fast it grows, MB/s
    "program_max_mb": None,
    "rate": 6.0,  # how fast the balloon follows, MB/s
    "stuck_at": None,  # never gets beyond this balloon
    "ignores_default": False,  # does not fill the default balloon after a start
    "reports_balloon": False,  # Windows' driver does, the Linux kernel's does not
    "panic_below_mb": 8.0,  # with less than this free: kill the program, or panic
    "large_pages_guru_after_mb": 64,  # balloon changes with large pages on end after so many MB; None: they do no harm
    "ignores_acpi": False,
    "shutdown_seconds": 5.0,
}
STEP = 0.1
TOTAL_SHARE = 725760 / (768 * 1024)


def settle(state):
    """Brings every guest to now, and the metrics with them."""
    now = clock.now(state)
    for machine in state["machines"]:
        _agree(state, machine, now)
    for moment in _sample_moments(state, now):
        _advance_all(state, moment)
        _sample(state, moment)
    _advance_all(state, now)


def start(state, machine, saved=False):
    """A machine that starts, from its saved state or from nothing."""
    lookup.change_state(machine, "running")
    machine["current"] = machine["balloon"]
    run = machine.pop("saved_run", None) if saved else None
    machine["run"] = run or _new_run(state, machine)
    machine["run"]["at"] = clock.now(state)
    if run:
        # The device does not know what it had asked for before, and takes a request of 0 for no change.
        run.update(device=0, goal=None, asked=int(run["balloon"]), handled=int(run["balloon"]))
    forget_metrics(state, machine["uuid"])


def stop(machine, name="poweroff"):
    """A machine that stops; the current request goes with it."""
    lookup.change_state(machine, name)
    machine["current"] = None
    machine.pop("run", None)


def save(machine):
    """savestate: the current request becomes the default."""
    machine["balloon"] = machine["current"]
    machine["saved_run"] = machine["run"]
    stop(machine, "saved")


def reset(state, machine):
    """The guest boots anew, with an empty balloon and the same request."""
    kept = machine["run"]
    machine["run"] = dict(_new_run(state, machine), asked=kept["asked"], device=kept["device"])


def request(machine, size):
    """What `controlvm guestmemoryballoon` does to the device and the guest."""
    machine["current"] = size
    run = machine.get("run")
    if run and run["device"] != size:
        run.update(device=size, asked=size, handled=None)


def press_power_button(machine):
    run = machine["run"]
    if not figure(machine, "ignores_acpi") and not run["panicked"]:
        run["shutdown_at"] = run["t"] + figure(machine, "shutdown_seconds")


def run_level(state, machine):
    """GuestAdditionsRunLevel"""
    run = machine.get("run")
    return 2 if run and _additions_are_up(machine, run) else 0


def figure(machine, key):
    """One of the guest's figures."""
    value = machine["guest"].get(key, GUEST[key])
    if key == "total_mb" and value is None:
        return machine["memory"] * TOTAL_SHARE
    if key == "reports_balloon" and key not in machine["guest"]:
        return machine["ostype"].startswith("Windows")
    return value


def free_mb(machine):
    run = machine["run"]
    return (
        figure(machine, "total_mb") - figure(machine, "used_mb") - run["cache_mb"] - run["program_mb"] - run["balloon"]
    )


def allocated_mb(machine):
    """What the hypervisor has really given to the guest."""
    run = machine.get("run")
    return figure(machine, "used_mb") + run["cache_mb"] + run["program_mb"] + 75 if run else 0


def host_available_mb(state):
    return int(state["host"]["available_mb"] - sum(allocated_mb(machine) for machine in state["machines"]))


# -- metrics: kept by the server, fed from here ---------------------------------------------------------------------------


def forget_metrics(state, owner=None):
    """The set-up of one machine's metrics is gone, or that of all."""
    metrics = state["server"]["metrics"]
    for key in list(metrics):
        if owner is None or key.startswith(owner + " "):
            del metrics[key]


def values(state, owner, base):
    """{metric: value} now, for one base metric of the host or of a machine (by UUID); nothing where nothing is known."""
    if owner == "host":
        return _host_values(state).get(base, {})
    machine = [machine for machine in state["machines"] if machine["uuid"] == owner]
    return _machine_values(machine[0]).get(base, {}) if machine and machine[0].get("run") else {}


def _host_values(state):
    host = state["host"]
    available = host_available_mb(state)
    running = [machine for machine in state["machines"] if machine.get("run")]
    return {
        "CPU/Load": {"User": 100, "Kernel": 100, "Idle": 9800},
        "CPU/MHz": {"": 2596},
        "RAM/Usage": {
            "Total": host["memory_mb"] * 1024,
            "Used": (host["memory_mb"] - available) * 1024,
            "Free": available * 1024,
        },
        "RAM/VMM": {  # 0 where nothing runs (measured on 7.2.22)
            "Used": int(sum(allocated_mb(machine) for machine in running) * 1024),
            "Free": 2844 * len(running),
            "Ballooned": sum(int(machine["run"]["balloon"]) for machine in running) * 1024,
            "Shared": 0,
        },
    }


def _machine_values(machine):
    run = machine["run"]
    found = {"CPU/Load": {"User": 0, "Kernel": 0}, "RAM/Usage": {"Used": int(allocated_mb(machine) * 1024) + 54652}}
    if _additions_are_up(machine, run) and not run["panicked"] and machine["state"] == "running":
        found["Guest/CPU/Load"] = {"User": 0, "Kernel": 0, "Idle": 10000}
        found["Guest/RAM/Usage"] = {
            "Total": int(figure(machine, "total_mb") * 1024),
            "Free": int((free_mb(machine) + run["cache_mb"]) * 1024)  # the cache counts as free (measured)
            - int(run["t"]) * 7 % (figure(machine, "wobble_kb") + 1),
            "Balloon": int(run["balloon"]) * 1024 if figure(machine, "reports_balloon") else 0,
            "Shared": 0,
            "Cache": int(run["cache_mb"] * 1024),
        }
        found["Guest/Pagefile/Usage"] = {"Total": 0}
    return found


def _sample_moments(state, now):
    """When samples were due since the last call; of a long time only the last ones, as many as are kept."""
    moments = set()
    for setup in state["server"]["metrics"].values():
        due = int((now - setup["since"]) // setup["period"])
        first = max(setup["taken"] + 1, due - setup["count"] + 1)
        moments.update(setup["since"] + number * setup["period"] for number in range(first, due + 1))
    return sorted(moments)


def _sample(state, moment):
    for key, setup in state["server"]["metrics"].items():
        due = int((moment - setup["since"]) / setup["period"] + 1e-6)
        if due <= setup["taken"]:
            continue
        setup["taken"] = due
        owner, _space, base = key.partition(" ")
        early = base == "RAM/VMM" and moment - setup["since"] <= state["host"]["vmm_counts_after"]
        for name, value in values(state, owner, base).items():
            kept = setup["values"].setdefault(name, [])
            kept.append(0 if early else value)
            del kept[: -setup["count"]]


# -- the model ------------------------------------------------------------------------------------------------------------


def _new_run(state, machine):
    default = machine["balloon"]
    return {
        "at": clock.now(state),
        "t": 0.0,
        "balloon": 0.0,
        "asked": default,  # the newest request that the guest was told of
        "handled": default if figure(machine, "ignores_default") else None,  # the request that it is done with
        "goal": None,  # the request under way: it is finished whatever is asked meanwhile
        "device": default,  # what the device was told last: the same once more is no change
        "moved_mb": 0.0,
        "cache_mb": figure(machine, "cache_mb"),
        "program_mb": figure(machine, "program_mb"),
        "shutdown_at": None,
        "panicked": False,
        "oom_kills": 0,
    }


def _agree(state, machine, now):
    """Makes a state that a test has forced consistent."""
    if machine["state"] in lookup.ONLINE:
        if not machine.get("run"):
            machine["run"] = dict(_new_run(state, machine), at=now)
        if machine["current"] is None:
            machine["current"] = machine["balloon"]
    elif machine["state"] not in lookup.IN_TRANSIT and machine["current"] is not None:
        stop(machine, machine["state"])


def _advance_all(state, moment):
    for machine in state["machines"]:
        if machine.get("run"):
            _advance(machine, moment)


def _advance(machine, moment):
    run = machine["run"]
    while machine.get("run") and machine["state"] == "running" and moment - run["at"] > 1e-9:
        step = min(STEP, moment - run["at"]) if _is_busy(machine, run) else _until_next_event(machine, run, moment)
        run["at"] += step
        run["t"] += step
        if not run["panicked"]:
            _live(machine, run, step)
    run["at"] = max(run["at"], moment)


def _is_busy(machine, run):
    if run["panicked"]:
        return False
    growing = (
        figure(machine, "program_rate") > 0 and run["program_mb"] > 0 and run["program_mb"] < _program_max(machine)
    )
    return growing or (_additions_are_up(machine, run) and (run["goal"] is not None or run["handled"] != run["asked"]))


def _until_next_event(machine, run, moment):
    left = moment - run["at"]
    for event in (figure(machine, "boot_seconds"), run["shutdown_at"]):
        if event is not None and event > run["t"]:
            left = min(left, event - run["t"])
    return left


def _live(machine, run, step):
    """One step of a guest that is alive."""
    if run["shutdown_at"] is not None and run["t"] >= run["shutdown_at"] - 1e-9:
        stop(machine)
        return
    rate = figure(machine, "program_rate")
    if rate and run["program_mb"]:
        run["program_mb"] = min(run["program_mb"] + rate * step, _program_max(machine))
    if _additions_are_up(machine, run):
        _move_balloon(machine, run, step)
    _relieve(machine, run)


def _move_balloon(machine, run, step):
    if run["goal"] is None:
        if run["handled"] == run["asked"]:
            return
        run["goal"], run["moved_mb"] = run["asked"], 0.0
    limit = run["goal"]
    stuck_at = figure(machine, "stuck_at")
    if stuck_at is not None and limit > stuck_at:
        limit = max(stuck_at, min(run["balloon"], limit))
    before = run["balloon"]
    way = figure(machine, "rate") * step
    run["balloon"] = min(before + way, limit) if limit > before else max(before - way, limit)
    run["moved_mb"] += abs(run["balloon"] - before)
    if run["balloon"] == limit:
        run["handled"], run["goal"] = run["goal"], None
    guru = figure(machine, "large_pages_guru_after_mb")
    if machine["large_pages"] and guru is not None and run["moved_mb"] >= guru:
        lookup.change_state(machine, "gurumeditation")


def _relieve(machine, run):
    """Takes from the cache when memory is short, then kills the program, then panics."""
    wanted = figure(machine, "panic_below_mb") - free_mb(machine)
    if wanted <= 0:
        return
    run["cache_mb"] -= min(wanted, max(0.0, run["cache_mb"] - figure(machine, "cache_floor_mb")))
    if free_mb(machine) >= figure(machine, "panic_below_mb") - 1e-9:
        return
    if run["program_mb"] > 0:
        run["program_mb"] = 0.0
        run["oom_kills"] += 1
    else:
        run["panicked"] = True


def _program_max(machine):
    most = figure(machine, "program_max_mb")
    return float("inf") if most is None else most


def _additions_are_up(machine, run):
    return figure(machine, "additions") and run["t"] >= figure(machine, "boot_seconds") - 1e-9
