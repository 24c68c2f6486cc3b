# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What the role `balance` needs of systemctl, for tests: it really starts and ends what a unit says. The folder SYSTEMD_FOLDER has the units, and what runs.

As systemd does, it goes by what was there at the last daemon-reload. Each command is a line of the file `calls`.
"""

import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

FOLDER = pathlib.Path(os.environ["SYSTEMD_FOLDER"])


def main(words):
    with open(FOLDER / "calls", "a") as calls:
        calls.write(json.dumps(words) + "\n")
    options = [word for word in words if word.startswith("-")]
    verb, *names = [word for word in words if not word.startswith("-")] or ["--version"]
    if "--version" in options or verb == "--version":
        print("systemd 252 (252.1)")
        return 0
    if verb == "daemon-reload":
        loaded = {path.name: path.read_text() for path in FOLDER.glob("*.service")}
        (FOLDER / "loaded").write_text(json.dumps(loaded))
        return 0
    if verb not in VERBS or len(names) != 1:
        print("Unknown command verb '%s'." % verb, file=sys.stderr)
        return 1
    return VERBS[verb](names[0])


def loaded(name):
    path = FOLDER / "loaded"
    return json.loads(path.read_text()).get(name) if path.exists() else None


def main_pid(name):
    """0 where nothing runs."""
    path = FOLDER / (name + ".pid")
    pid = int(path.read_text()) if path.exists() else 0
    try:
        state = pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] if pid else "Z"
    except OSError:
        return 0
    return 0 if state == "Z" else pid


def show(name):
    there, pid = loaded(name) is not None, main_pid(name)
    states = {
        "Id": name,
        "LoadState": "loaded" if there else "not-found",
        "ActiveState": "active" if pid else "inactive",
        "SubState": "running" if pid else "dead",
        "MainPID": pid,
        "UnitFileState": "enabled" if (FOLDER / (name + ".enabled")).exists() else "disabled",
    }
    print("\n".join("%s=%s" % pair for pair in states.items()))
    return 0


def is_enabled(name):
    there = (FOLDER / (name + ".enabled")).exists()
    print("enabled" if there else "disabled")
    return 0 if there else 1


def is_active(name):
    print("active" if main_pid(name) else "inactive")
    return 0 if main_pid(name) else 3


def enable(name):
    (FOLDER / (name + ".enabled")).touch()
    return 0


def disable(name):
    (FOLDER / (name + ".enabled")).unlink(missing_ok=True)
    return 0


def start(name):
    text = loaded(name)
    if text is None:
        print("Failed to start %s: Unit %s not found." % (name, name), file=sys.stderr)
        return 5
    if not main_pid(name):
        [command] = [row.partition("=")[2] for row in text.splitlines() if row.startswith("ExecStart=")]
        with open(FOLDER / (name + ".journal"), "a") as journal:
            process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.DEVNULL, stdout=journal, stderr=journal, start_new_session=True
            )
        (FOLDER / (name + ".pid")).write_text(str(process.pid))
    return 0


def stop(name):
    pid = main_pid(name)
    if pid:
        os.kill(pid, signal.SIGTERM)
        while main_pid(name):
            time.sleep(0.02)
    return 0


def restart(name):
    return stop(name) or start(name)


VERBS = {
    "show": show,
    "is-enabled": is_enabled,
    "is-active": is_active,
    "enable": enable,
    "disable": disable,
    "start": start,
    "stop": stop,
    "restart": restart,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
