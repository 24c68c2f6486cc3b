# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What tests use: one fake VirtualBox host, in a folder."""

import contextlib
import os
import subprocess
import time

from . import cli, clock, guest, lookup, ostypes
from .store import CALLS, Store

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "VBoxManage")


class FakeHost:
    """A fake host. `release` is a series ('7.1') or a full version ('6.1.30'), `kind` a row of `releases.HOSTS`."""

    program = PROGRAM

    def __init__(self, path, release="7.1", kind="linux", clock_rate=1.0):
        self.path = str(path)
        with self.state() as state:
            state.update(release=release, clock_rate=clock_rate)
            state["host"]["kind"] = kind

    @property
    def environment(self):
        """What to add to a process's environment, so that its VBoxManage is this host's."""
        return {"VBOX_FAKE_HOME": self.path}

    def vbox(self, *argv, **options):
        """Runs VBoxManage here; the result's output is bytes, or text with `text=True`."""
        environment = dict(os.environ, **self.environment)
        return subprocess.run([PROGRAM, *argv], env=environment, capture_output=True, check=False, **options)

    def answer(self, *argv):
        """Runs VBoxManage in this process, which is quicker; returns its exit status, stdout and stderr as text."""
        store = Store(self.path)
        try:
            call = cli.answer(store, list(argv))
        finally:
            store.close()
        return (call.status, *(text.decode("utf-8", "surrogateescape") for text in (call.stdout, call.stderr)))

    def ok(self, *argv):
        """Runs VBoxManage, which must succeed; returns its standard output as text."""
        result = self.vbox(*argv)
        assert result.returncode == 0, (argv, result)
        return result.stdout.decode("utf-8", "surrogateescape")

    @contextlib.contextmanager
    def state(self):
        """The whole state, to read and change: `with host.state() as state: …`."""
        store = Store(self.path)
        try:
            state = store.load_state()
            guest.settle(state)
            yield state
            store.save_state(state)
        finally:
            store.close()

    def machine(self, name):
        """A copy of one machine's part of the state, as of now."""
        with self.state() as state:
            return _named(state, name)

    def change(self, name, **values):
        """Sets parts of a machine that VBoxManage does not let one set: state, page_fusion, accessible, arch…"""
        with self.state() as state:
            machine = _named(state, name)
            machine.update(values)
            machine["since"] = round(time.time(), 3)

    def add_machine(self, name, **values):
        """A registered machine; `values` go into its state. Returns its UUID."""
        with self.state() as state:
            machine = lookup.new_machine(state, name)
            row = ostypes.row_of(state, values.get("ostype", ""))
            if row:
                machine.update(hardware=ostypes.hardware(state, row), arch="ARM" if ostypes.is_arm(row) else "x86")
            machine.update(values)
            state["machines"].append(machine)
            return machine["uuid"]

    def add_guest(self, name, memory=768, ostype="Debian_64", state="running", **figures):
        """A running machine whose guest is up; `figures` are rows of `guest.GUEST`. Returns its UUID."""
        uuid = self.add_machine(name, memory=memory, ostype=ostype, guest=figures)
        with self.state() as content:
            machine = _named(content, uuid)
            guest.start(content, machine)
            machine["frontend"] = "headless"
            machine["run"]["t"] = guest.figure(machine, "boot_seconds")
            machine["state"] = state
        return uuid

    def guest(self, name):
        """How the guest of a running machine does now: balloon, program_mb, panicked, oom_kills, free_mb…"""
        with self.state() as state:
            machine = _named(state, name)
            return dict(machine["run"], free_mb=guest.free_mb(machine), state=machine["state"])

    def set_guest(self, name, **figures):
        """Changes the guest: rows of `guest.GUEST`. A new `program_mb` or `cache_mb` holds at once."""
        with self.state() as state:
            machine = _named(state, name)
            machine["guest"].update(figures)
            for key in ("program_mb", "cache_mb"):
                if key in figures and machine.get("run"):
                    machine["run"][key] = float(figures[key])

    def restart_server(self):
        """VBoxSVC stops and starts: its metrics are gone."""
        with self.state() as state:
            guest.forget_metrics(state)

    def calls(self, command=None):
        """The argument lists of all calls so far, or of those of one command."""
        store = Store(self.path)
        try:
            return [argv for argv in store.calls() if command is None or argv[:1] == [command]]
        finally:
            store.close()

    def forget_calls(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.path, CALLS))

    def faults(self, *faults):
        """Sets the faults to come, each a dictionary (see README.md); none clears them."""
        store = Store(self.path)
        try:
            store.save_faults(list(faults))
        finally:
            store.close()

    def advance(self, seconds):
        """Moves the fake's clock forward."""
        with self.state() as state:
            clock.now(state)
            state["clock"][1] += seconds
            guest.settle(state)


def _named(state, name):
    found = [machine for machine in state["machines"] if name in (machine["name"], machine["uuid"])]
    assert found, "no machine %r" % name
    return found[0]
