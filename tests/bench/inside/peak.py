# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Watch the processes of a user until the input ends, then print the most memory that each kind of them ever held, in kB, as JSON.

    usage: peak.py USER

`module` is the Python that Ansible starts, `bindings` each of its children with VirtualBox's bindings. The kernel keeps each process's peak
(VmHWM), so only what happens in its last milliseconds can be missed. `module and bindings` is the most that all of them held at one time, where
what they share counts once (Pss).
"""

from __future__ import annotations

import json
import os
import pwd
import select
import sys

LOOK_EVERY = 0.01  # seconds


def main():
    owner, peaks = pwd.getpwnam(sys.argv[1]).pw_uid, {}
    print("watching", flush=True)
    while not select.select([sys.stdin], [], [], LOOK_EVERY)[0]:
        now = 0
        for process in filter(str.isdigit, os.listdir("/proc")):
            found = look(process, owner)
            if found:
                kind, highest, present = found
                peaks[kind] = max(peaks.get(kind, 0), highest)
                now += present if kind in ("module", "bindings") else 0
        peaks["module and bindings"] = max(peaks.get("module and bindings", 0), now)
    print(json.dumps(peaks))


def look(process, owner):
    """The kind of a process with its peak and present memory in kB; nothing if it is somebody else's, or gone."""
    try:
        if os.stat("/proc/" + process).st_uid != owner:
            return None
        with open("/proc/%s/cmdline" % process, "rb") as file:
            words = file.read().split(b"\0")
        with open("/proc/%s/status" % process) as file:
            rows = dict(line.split(":", 1) for line in file)
        with open("/proc/%s/smaps_rollup" % process) as file:
            rows.update(line.split(":", 1) for line in file.readlines()[1:])
        return kind_of(words), *(int(rows[key].split()[0]) for key in ("VmHWM", "Pss"))
    except (OSError, KeyError, ValueError):
        return None


def kind_of(words):
    program = os.path.basename(words[0]).decode()
    if not program.startswith("python"):
        return program
    if b"-c" in words[:2] and b"vboxapi" in b"".join(words):
        return "bindings"
    return "server's keeper" if any(b"keep_server" in word for word in words) else "module"


if __name__ == "__main__":
    main()
