# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The least that a reader by the bindings can do: what we manage of every machine, and nothing around it. Prints a line of JSON for each."""

from __future__ import annotations

import json

from vboxapi import VirtualBoxManager


def main():
    manager = VirtualBoxManager(None, None)
    large_pages = manager.constants.HWVirtExPropertyType_LargePages
    for machine in manager.getArray(manager.getVirtualBox(), "machines"):
        print(
            json.dumps(
                [
                    machine.id,
                    machine.name,
                    machine.state,
                    machine.memorySize,
                    machine.memoryBalloonSize,
                    machine.pageFusionEnabled,
                    bool(machine.platform.x86.getHWVirtExProperty(large_pages)),
                ]
            )
        )
    manager.deinit()


if __name__ == "__main__":
    main()
