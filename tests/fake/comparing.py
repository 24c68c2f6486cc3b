# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a VBoxManage prints differently each time, by name, and how two answers differ without that."""

from __future__ import annotations

import difflib
import re

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MASKS = {
    "MAC address": (r"080027[0-9A-F]{6}", "<mac>"),
    "time": (r"\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d[.-]\d{9}", "<time>"),
    "memory of the host": (r"(?m)^(Memory available|Memory size): +\d+ MByte", r"\1: <value>"),
    "processors and kernel of the host": (
        r"(?m)^(Processor count|Processor online count|Processor.* core count|Processor#.*|Operating system version): .*",
        r"\1: <value>",
    ),
    # The program means to print the bad value, and prints what happens to be in memory. Mostly it breaks off there.
    "uninitialised text": (r"(?s)Invalid argument format: .*", ""),
    "uninitialised forwardBroadcast": (r'(forwardBroadcast="|ForwardBroadcast: )\d+', r"\1<value>"),
    # These change when the server reads the machine from its file.
    "localhostReachable": (r'(localhostReachable="|LocalhostReachable: )[01]', r"\1<value>"),
    "network cards above the eighth": (r'(?m)^(nic(9|\d\d)="none"|NIC (9|\d\d): +disabled)\n', ""),
}


class Comparison:
    """Compares the answers of the real program with the fake's, one command after another, but for some masks."""

    def __init__(self, without: tuple = ()) -> None:
        self.masks = [mask for name, mask in MASKS.items() if name not in without]
        self.uuids: dict[str, dict[str, int]] = {"real": {}, "fake": {}}

    def differences(self, argv: list[str], real: tuple, fake: tuple) -> list[str]:
        """Lines that tell how two answers (exit status, stdout, stderr) to one command differ; none where they agree."""
        lines = difflib.unified_diff(
            self._shown("real", real), self._shown("fake", fake), "real", "fake", n=0, lineterm=""
        )
        lines = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
        return [str(argv), *lines] if lines else []

    def argument(self, word: str) -> str:
        """An argument as the fake is to have it: the fake's own UUID where this is one that the real program made up."""
        number = self.uuids["real"].get(word)
        return next((uuid for uuid, other in self.uuids["fake"].items() if other == number), word)

    def _shown(self, side: str, answer: tuple) -> list[str]:
        status, *texts = answer
        lines = ["exit status %d" % status]
        for stream, text in zip(("out", "err"), texts):
            lines += ["%s: %s" % (stream, line) for line in self._masked(side, text).split("\n")]
        return lines

    def _masked(self, side: str, text: str) -> str:
        for pattern, replacement in self.masks:
            text = re.sub(pattern, replacement, text)
        # Numbered in the order of their first use: that it is the same one as before is compared.
        known = self.uuids[side]
        return UUID.sub(lambda found: "<uuid %d>" % known.setdefault(found.group(), len(known)), text)
