# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The folder that VBOX_FAKE_HOME names: state, faults and the log of the calls."""

import fcntl
import json
import os

STATE, FAULTS, CALLS, LOCK = "state.json", "faults.json", "calls.jsonl", "lock"

NEW_HOST = {
    "release": "7.2",
    "clock_rate": 1.0,
    "host": {
        "kind": "linux",
        "home": "/home/vbox",
        "memory_mb": 24105,
        "available_mb": 22604,
        "processors": 2,
        "vmm_counts_after": 0,  # seconds after a set-up in which RAM/VMM says 0 (seen on the live host)
        "writes_settings_files": False,  # what of them our code reads
    },
    "server": {"metrics": {}},
    "machines": [],
    "unregistered": [],
}


class Store:
    """One call's hold on the folder. The lock lasts until the process ends or `close`."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self._lock = open(self._path(LOCK), "a")
        self.lock()

    def lock(self):
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def unlock(self):
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self):
        self._lock.close()

    def load_state(self):
        state = json.loads(json.dumps(NEW_HOST))
        saved = self._read(STATE) or {}
        state["host"].update(saved.pop("host", {}))
        state.update(saved)
        return state

    def save_state(self, state):
        self._write(STATE, state)
        if state["host"]["writes_settings_files"]:
            for machine in state["machines"]:
                self._write_settings_file(machine)

    def load_faults(self):
        return self._read(FAULTS) or []

    def save_faults(self, faults):
        self._write(FAULTS, faults)

    def log_call(self, argv):
        with open(self._path(CALLS), "a") as log:
            log.write(json.dumps(argv) + "\n")

    def calls(self):
        try:
            with open(self._path(CALLS)) as log:
                return [json.loads(line) for line in log]
        except FileNotFoundError:
            return []

    def _write_settings_file(self, machine):
        os.makedirs(machine["folder"], exist_ok=True)
        with open(os.path.join(machine["folder"], machine["file"] + ".vbox"), "w") as stream:
            stream.write(
                '<VirtualBox xmlns="http://www.virtualbox.org/"><Machine OSType="%s"><Hardware><Guest memoryBalloonSize="%d"/>'
                "</Hardware></Machine></VirtualBox>" % (machine["ostype"], machine["balloon"])
            )

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _read(self, name):
        try:
            with open(self._path(name)) as stream:
                return json.load(stream)
        except FileNotFoundError:
            return None

    def _write(self, name, content):
        # Replaced in one step, for readers that do not take the lock.
        text = json.dumps(content)
        scratch = self._path(name + ".new")
        with open(scratch, "w") as stream:
            stream.write(text)
        os.replace(scratch, self._path(name))
