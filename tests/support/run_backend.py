# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Call methods of one of the backends, without a module around it: calls come on stdin as a list of lists, the results go to stdout.

    usage: run_backend.py auto|vboxmanage|api [EXECUTABLE [PYTHON]] < '[["find", "web01"], ["run", "modifyvm", …]]'

Beside the backend's methods there are: `find` (one name), `kill` (SIGKILL for the bindings' process), `kill_helper`
(for the second one), `kill_server` (for VBoxSVC), `pid` and `sleep`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

from ansible_collections.vbox.memory.plugins.module_utils.backends import choose_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.machines import Machine


def main():
    wanted, executable, python = (sys.argv[1:] + ["", ""])[:3]
    calls = json.load(sys.stdin)
    try:
        with choose_backend(wanted, executable or None, python or None) as backend:
            results = [call(backend, *one) for one in calls]
            answer = dict(name=backend.name, version=backend.version, fallback=backend.fallback, results=results)
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
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def child(backend, which="_child"):
    return getattr(getattr(backend, "_current", backend)._bindings, which)._process.pid


def kill_server(_backend):
    subprocess.run(["pkill", "-KILL", "-U", str(os.getuid()), "VBoxSVC"], check=True)
    time.sleep(1)


EXTRAS = {
    "find": lambda backend, name: backend.find_many([name])[0],
    "kill": lambda backend: os.kill(child(backend), signal.SIGKILL),
    "kill_helper": lambda backend: os.kill(child(backend, "_helper"), signal.SIGKILL),
    "kill_server": kill_server,
    "pid": lambda backend: print(child(backend), flush=True),
    "sleep": lambda _backend, seconds: time.sleep(seconds),
}

if __name__ == "__main__":
    main()
