# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A stateful fake of VBoxManage. Tests import `FakeHost` from here; the command line starts in `cli`."""


def __getattr__(name):
    # Not imported at the top: it needs subprocess, which every call of the command line would pay for.
    if name == "FakeHost":
        from .fakehost import FakeHost

        return FakeHost
    raise AttributeError(name)
