# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a machine's settings file (``.vbox``) on the disk says."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from ansible_collections.vbox.memory.plugins.module_utils.backends.process import native_path


def read_settings_file(path: str) -> dict[str, Any]:
    """What a settings file says, as fields of :class:`~..model.machine.Machine`: ``os_type``, ``balloon_default`` (MB), ``large_pages``.

    What it does not say is left out, and of an encrypted machine that is everything. The file holds ``<Machine OSType="Debian_64">`` and
    ``<Guest memoryBalloonSize="N"/>``, where no such attribute means 0. Source: measured on 7.2.22.

    :param path: as VirtualBox says it, in UTF-8, whatever the locale of this process
    :raises OSError: where it cannot be read
    :raises ValueError: where it is not whole, or the path cannot be one
    """
    with open(native_path(path), "rb") as stream:
        try:
            machine = ElementTree.parse(stream).getroot().find("{*}Machine")
        except (ElementTree.ParseError, LookupError) as error:  # an encoding that there is not, too
            raise ValueError("%s is not whole: %s" % (path, error)) from None
    return {} if machine is None else _values_of(machine)


def _values_of(machine: ElementTree.Element) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if machine.get("OSType"):
        values["os_type"] = machine.get("OSType")
    guest = machine.find("{*}Hardware/{*}Guest")
    size = "0" if guest is None else guest.get("memoryBalloonSize", "0")
    if re.fullmatch("[0-9]{1,10}", size):
        values["balloon_default"] = int(size)
    large_pages = machine.find("{*}Hardware/{*}CPU/{*}HardwareVirtExLargePages")  # of machines without further features
    if large_pages is not None:
        values["large_pages"] = large_pages.get("enabled") == "true"
    return values
