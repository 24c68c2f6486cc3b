# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Names for VBOX_IPC_SOCKETID, VirtualBox's own variable for a server apart: each fake has one, and so locks of its own."""

from __future__ import annotations

import itertools
import os

SERVERS = f"tests-{os.getpid()}-"
_numbers = itertools.count(1)


def new_server():
    """A name that no other test has."""
    return SERVERS + str(next(_numbers))
