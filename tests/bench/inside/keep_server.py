# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Keep this user's VirtualBox server up, as a machine that runs would, until the input ends."""

from __future__ import annotations

import sys

from vboxapi import VirtualBoxManager


def main():
    manager = VirtualBoxManager(None, None)
    machines = manager.getArray(manager.getVirtualBox(), "machines")
    print(sum(machine.accessible for machine in machines), flush=True)  # all settings files are read then
    del machines
    sys.stdin.read()
    manager.deinit()


if __name__ == "__main__":
    main()
