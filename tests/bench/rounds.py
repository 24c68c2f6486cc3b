# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a round of balance over many machines takes of the host's processor where there is nothing to do: by the bindings, on the sandbox's real VirtualBox."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hosts import INSIDE, Sandbox

MACHINES = 50
MOST = 0.5  # seconds of the processor


def main():
    with Sandbox(1) as sandbox:
        host = sandbox.make_host("vbox01", MACHINES)
        with host.warm():
            words = ("env", "PYTHONPATH=/checkout/.build:/ansible", "python3", INSIDE + "rounds.py")
            found = json.loads(host.run(*words).splitlines()[-1])
    for name, seconds in found["round"].items():
        print(f"{name}: {1000 * seconds:.0f} ms")
    print(f"a session of each machine: {1000 * found['sessions']:.0f} ms")
    whole = sum(found["round"].values()) + found["sessions"]
    print(
        f"a round over {found['machines']} machines with nothing to do: {whole:.2f} s of the processor, {MOST} at most"
    )
    return 0 if found["machines"] == MACHINES and whole < MOST else 1


if __name__ == "__main__":
    sys.exit(main())
