# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What tests/tools/fetch gets: a browser, promtool, packages of npm."""

from __future__ import annotations

import subprocess
from functools import lru_cache

from support.testbeds import CANNOT_HAVE_ONE, TESTS


def fetched(name, missing):
    """The path of what was fetched.

    :param missing: called with the reason where this machine cannot have it
    """
    status, out, reason = _fetch(name)
    if status == CANNOT_HAVE_ONE:
        missing(reason)
    assert status == 0, reason
    return out


@lru_cache
def _fetch(name):
    done = subprocess.run([TESTS / "tools" / "fetch", name], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()
