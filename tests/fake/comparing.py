# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a VBoxManage prints differently each time, by name, and how two answers differ without that."""

import difflib
import re

MASKS = {
    "UUID": (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    "MAC address": (r"080027[0-9A-F]{6}", "<mac>"),
    "time": (r"\d{4}-\d\d-\d\dT\d\d[:-]\d\d[:-]\d\d[.-]\d{9}", "<time>"),
    "folder of the sources": (r"/\S*/src/VBox/", "/build/src/VBox/"),
    "memory of the host": (r"(?m)^(Memory available|Memory size): +\d+ MByte", r"\1: <value>"),
    "processors and kernel of the host": (
        r"(?m)^(Processor count|Processor online count|Processor.* core count|Processor#.*|Operating system version): .*",
        r"\1: <value>",
    ),
    "the host's figures": (r"\d+ kB", "<value> kB"),
    # The program means to print the bad value, and prints what happens to be in memory. Mostly it breaks off there.
    "uninitialised text": (r"(?s)Invalid argument format: .*", ""),
    "uninitialised forwardBroadcast": (r'(forwardBroadcast="|ForwardBroadcast: )\d+', r"\1<value>"),
    # These change when the server reads the machine from its file.
    "localhostReachable": (r'(localhostReachable="|LocalhostReachable: )[01]', r"\1<value>"),
    "network cards above the eighth": (r'(?m)^(nic(9|\d\d)="none"|NIC (9|\d\d): +disabled)\n', ""),
}


def masked(text):
    """The text without what MASKS names."""
    for pattern, replacement in MASKS.values():
        text = re.sub(pattern, replacement, text)
    return text


def differences(argv, real, fake):
    """Lines that tell how two answers (exit status, stdout, stderr) to one command differ; none where they agree."""
    real, fake = _shown(real), _shown(fake)
    if real == fake:
        return []
    lines = difflib.unified_diff(real, fake, "real", "fake", n=0, lineterm="")
    return [str(argv), *(line for line in lines if not line.startswith(("---", "+++", "@@")))]


def _shown(answer):
    status, out, err = answer
    lines = ["exit status %d" % status]
    for stream, text in (("out", out), ("err", err)):
        lines += ["%s: %s" % (stream, line) for line in masked(text).split("\n")]
    return lines
