# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The machines' settings files on a disk that may be full: VirtualBox says success then, and leaves half a file or none of it."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.process import native_path
from ansible_collections.vbox.memory.plugins.module_utils.backends.settings_file import read_settings_file
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError
from ansible_collections.vbox.memory.plugins.module_utils.model.machine import Machine
from ansible_collections.vbox.memory.plugins.module_utils.model.settings import SETTINGS
from ansible_collections.vbox.memory.plugins.module_utils.planning.plan import MachinePlan, Restart, SetValues
from ansible_collections.vbox.memory.plugins.module_utils.planning.result import MachineResult

SLACK = 65536  # bytes that are to stay free: the new file can be larger than the old one, and others write there, too
LOOKS = 3  # at a file that is not whole: VirtualBox puts the new one in its place in two steps
PAUSE = 0.1  # seconds
END = b"</VirtualBox>"  # of each settings file, an encrypted one's, too: the end of XML's root


class SettingsFiles:
    """Sees before a change that there is room for the machine's settings, and after it that they are on the disk.

    What this user cannot see, such as a file on another host that a VBoxManage of the administrator's own leads to, is not judged.
    VirtualBox writes ``….vbox-tmp``, makes ``….vbox`` the file that ends in ``-prev``, and the new one ``….vbox``. Where the disk is full, the new
    one has 0 bytes or is cut, no error is reported, and the machine is lost with VirtualBox's server. Another change then makes the cut
    one the one of before. Source: measured on 7.2.22.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._watched: dict[str, tuple[str, int]] = {}  # by UUID the settings file, and its file system
        self._lost: dict[int, str] = {}  # by file system, the settings file that was not saved

    def check_room(self, plan: MachinePlan) -> None:
        """Refuse a plan that changes settings where there is no room for them.

        :raises VBoxMemoryError: ``disk_full``
        """
        if not _changes_settings(plan):
            return
        path = self._backend.settings_file(plan.machine.uuid)
        try:
            device = os.stat(native_path(path)).st_dev
            why = lacks_room(path)
        except (OSError, ValueError):
            return
        self._watched[plan.machine.uuid] = path, device
        if device in self._lost:
            why = "the settings of another machine on that file system were not saved, in %r" % self._lost[device]
        if why:
            raise VBoxMemoryError(
                "disk_full",
                "its settings stay as they are, as VirtualBox could lose them all, in %r: %s. Make room there, then run"
                " again" % (path, why),
            )

    def check_kept(self, plan: MachinePlan) -> None:
        """See that a machine which has all that is asked for has it on the disk, too: after a change on a full disk only VirtualBox's server has it.

        :raises VBoxMemoryError: ``settings_not_saved``
        """
        if _changes_settings(plan) or not set(plan.requested) - {"balloon_current"}:
            return
        path = self._backend.settings_file(plan.machine.uuid)
        if _is_cut_off(path) and _settings_in(path) is None:
            raise _not_saved(path)

    def check_saved(self, result: MachineResult) -> None:
        """See that the settings of a machine that was changed are on the disk; where not, that is the result's error."""
        machine = result.after
        if machine is None or machine.uuid not in self._watched or not result.commands:
            return
        path, device = self._watched[machine.uuid]
        saved = _settings_in(path)
        if saved is None:
            self._lost[device] = path
            result.error = _not_saved(path)
        elif not result.error:
            result.error = _other_values(path, saved, machine)


def _changes_settings(plan: MachinePlan) -> bool:
    return any(isinstance(step, (SetValues, Restart)) for step in plan.steps)


def _is_cut_off(path: str) -> bool:
    """Whether a settings file that can be seen lacks its end, which costs less to see than that it is whole."""
    try:
        with open(native_path(path), "rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - len(END) - 16))
            return not stream.read().rstrip().endswith(END)
    except (OSError, ValueError):
        return False


def lacks_room(path: str) -> str | None:
    """Why there is no room to save a settings file once more, in words; ``None`` if there is.

    :raises OSError: where the file or its folder cannot be seen; ``ValueError`` for a path that cannot be one
    """
    size = max(os.stat(native_path(path)).st_size, _size(path + "-prev"))
    disk = os.statvfs(native_path(os.path.dirname(path)))
    free = (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize
    needed = 2 * size + SLACK
    if free < needed:
        return "%d kB are free on that file system, and %d kB are needed" % (free // 1024, -(-needed // 1024))
    return "that file system can hold no further file" if disk.f_files and not disk.f_favail else None


def global_settings_lack_room() -> str | None:
    """The same of VirtualBox's own settings, ``VirtualBox.xml``, of this user, where they can be seen."""
    folders = [
        os.environ.get("VBOX_USER_HOME"),
        os.environ.get("XDG_CONFIG_HOME") and os.path.join(os.environ["XDG_CONFIG_HOME"], "VirtualBox"),
    ]
    folders += [os.path.expanduser(one) for one in ("~/.config/VirtualBox", "~/.VirtualBox")]
    for path in [os.path.join(folder, "VirtualBox.xml") for folder in folders if folder]:
        with contextlib.suppress(OSError, ValueError):
            return lacks_room(path)
    return None


def _size(path: str) -> int:
    try:
        return os.stat(native_path(path)).st_size
    except (OSError, ValueError):
        return 0


def _settings_in(path: str) -> dict[str, Any] | None:
    """What a settings file says, by the names of settings; ``None`` if it is not whole."""
    for look in range(LOOKS):
        time.sleep(PAUSE if look else 0)
        try:
            return {name: value for name, value in read_settings_file(path).items() if name in SETTINGS}
        except PermissionError:
            return {}
        except (OSError, ValueError):
            pass
    return None


def _not_saved(path: str) -> VBoxMemoryError:
    previous = path + "-prev"
    remedy = "what was saved last is lost"
    if _settings_in(previous) is not None:
        remedy = (
            "%r holds the settings of before: when the server has ended, put it in the place of the settings file"
            % previous
        )
    return VBoxMemoryError(
        "settings_not_saved",
        "VirtualBox reported success, but the machine's settings file %r is not whole, as when the disk is full, and the machine is"
        " lost when VirtualBox's server ends, which it does some seconds after its last client. Make room; %s"
        % (path, remedy),
    )


def _other_values(path: str, saved: dict[str, Any], machine: Machine) -> VBoxMemoryError | None:
    others = [
        "%s is %s, not %s" % (SETTINGS[name].label, value, getattr(machine, name))
        for name, value in saved.items()
        if getattr(machine, name) not in (None, value)
    ]
    if not others:
        return None
    return VBoxMemoryError(
        "change_did_not_stick",
        "VirtualBox reported success, but in the machine's settings file %r %s. See what else changes this machine, then run again"
        % (path, " and ".join(others)),
    )
