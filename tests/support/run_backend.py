# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Call methods of one of the backends, without a module around it: calls come on stdin as a list of lists, the results go to stdout.

    usage: run_backend.py auto|vboxmanage|api [EXECUTABLE [PYTHON]] < '[["find_one", "web01"], ["change", UUID, {"balloon_default": 512}]]'

Beside the backend's methods there are: `find_one`, `live_by_known`, `raw` (VBoxManage, past the backend), `kill` (SIGKILL for the bindings'
worker), `kill_second` (for the second one), `kill_server` (for VBoxSVC), `pid` and `sleep`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine


def main():
    wanted, executable, python = (sys.argv[1:] + ["", ""])[:3]
    calls = json.load(sys.stdin)
    try:
        with select_backend(wanted, executable or None, python or None) as backend:
            results = [call(backend, *one) for one in calls]
            answer = dict(name=backend.name, version=backend.version, fallback=backend.fallback_reason, results=results)
    except VBoxMemoryError as error:
        answer = error.as_result()
    print(json.dumps(answer))


def call(backend, method, *arguments):
    try:
        return plain(EXTRAS[method](backend, *arguments) if method in EXTRAS else getattr(backend, method)(*arguments))
    except VBoxMemoryError as error:
        return plain(error)


def plain(value):
    """The value as JSON can hold it."""
    if isinstance(value, Machine):
        return dataclasses.asdict(value)
    if isinstance(value, VBoxMemoryError):
        return {"code": value.code, "msg": value.message, "vbox_code": value.details.get("vbox_code")}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def worker(backend, which="_first"):
    return getattr(getattr(backend, "_current", backend)._pool, which)._process.pid


def kill_server(_backend):
    of_ours = ["-U", str(os.getuid()), "VBoxSVC"]
    subprocess.run(["pkill", "-KILL", *of_ours], check=False)  # it may have ended by itself
    for _try in range(600):
        if subprocess.run(["pgrep", *of_ours], stdout=subprocess.DEVNULL, check=False).returncode:
            return
        time.sleep(0.1)


def sampled(backend, wanted):
    """A sample with all figures. On a busy machine VirtualBox's server can end between two commands, and the set-up with it: then it is made again."""
    for _attempt in range(20):
        sample = backend.sample(wanted, 10)
        if not any(None in figures.values() for figures in sample.values()):
            break
    return sample


def live_by_known(backend, *stopped):
    """The live machines as a second look sees them that knows of all, some of which it has stopped."""
    known = {machine.uuid: machine for machine in backend.read_live()}
    for uuid in stopped:
        backend.power(uuid, "poweroff")
    return backend.read_live(known)


EXTRAS = {
    "sampled": sampled,
    "live_by_known": live_by_known,
    "find_one": lambda backend, name: backend.find([name])[0],
    "kill": lambda backend: os.kill(worker(backend), signal.SIGKILL),
    "kill_second": lambda backend: os.kill(worker(backend, "_second"), signal.SIGKILL),
    "kill_server": kill_server,
    "raw": lambda _backend, *command: subprocess.run(["/usr/lib/virtualbox/VBoxManage", *command], check=True) and None,
    "pid": lambda backend: print(worker(backend), flush=True),
    "sleep": lambda _backend, seconds: time.sleep(seconds),
}

if __name__ == "__main__":
    main()
