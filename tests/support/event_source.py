# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The event source of extensions/eda, which is in no package."""

from __future__ import annotations

import importlib.util

from support.testbeds import BUILD

SOURCE = BUILD / "ansible_collections/vbox/memory/extensions/eda/plugins/event_source/vbox_hosts.py"


def event_source():
    """The source as a module."""
    spec = importlib.util.spec_from_file_location("vbox_hosts", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
