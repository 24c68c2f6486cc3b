# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which of the features a host and its build of VirtualBox have, and why not."""

from __future__ import annotations

import platform
import re

FEATURES = ("balloon", "page_fusion", "large_pages")
PROCESSORS_WITH_64_BITS = ("x86_64", "amd64", "arm64", "aarch64")
ARM_PROCESSORS = ("arm64", "aarch64")

# Which features a host lacks, when, and why. The first row that applies gives the reason.
# Sources: the manual's chapter on memory ballooning and Page Fusion (64-bit hosts, not macOS); for 7.2 measured on 7.2.22, and
# VirtualBox's issue 268: releases from 7.2 on are built without page sharing.
LIMITS = (
    (
        ("balloon", "page_fusion"),
        lambda host: host.processor not in PROCESSORS_WITH_64_BITS,
        "VirtualBox has it on 64-bit hosts only, and this one is {host.processor}",
    ),
    (("balloon", "page_fusion"), lambda host: host.system == "Darwin", "VirtualBox does not have it on macOS hosts"),
    (
        ("page_fusion",),
        lambda host: host.version and release(host.version) >= (7, 2),
        "VirtualBox {host.version} is built without Page Fusion, as all releases from 7.2 on are",
    ),
    (("large_pages",), lambda host: host.processor in ARM_PROCESSORS, "machines on ARM hosts have no large pages"),
)


class Host:
    """The host that a module runs on, and its VirtualBox; asked only for what somebody wants to know."""

    def __init__(self, backend):
        self._backend = backend
        self.system = platform.system()
        self.processor = platform.machine().lower()

    @property
    def version(self):
        """The version of VirtualBox, such as ``7.2.22``; ``None`` if it is not known."""
        return self._backend.version

    def unsupported(self, feature):
        """Why this host has not got a feature, one of :data:`FEATURES`, or ``None`` if it has."""
        return next(
            (reason.format(host=self) for features, lacks, reason in LIMITS if feature in features and lacks(self)),
            None,
        )

    def features(self):
        """All features: ``{name: {"supported": bool, "reason": why not, or None}}``."""
        reasons = {feature: self.unsupported(feature) for feature in FEATURES}
        return {feature: dict(supported=reason is None, reason=reason) for feature, reason in reasons.items()}


def parse_version(text):
    """The version in what ``VBoxManage --version`` prints, whatever warnings stand around it; ``None`` if there is none.

    >>> parse_version("7.2.22_Debianr175245")
    '7.2.22'
    """
    found = re.findall(r"^(\d+\.\d+\.\d+)\S*$", text, re.MULTILINE)
    return found[-1] if found else None


def release(version):
    """The first two numbers of a version: ``(7, 2)``."""
    return tuple(int(part) for part in version.split(".")[:2])


def runs_page_fusion(os_description):
    """Whether a guest of this type can share pages: Windows 2000 and later.

    :param os_description: VirtualBox's description of the type: 'Windows 10 (64-bit)'. Those before Windows 2000 are 3.1, 95, 98, ME, NT 3.x and NT 4
    """
    return "Windows" in os_description and not re.search(r"Windows (3|95|98|M[eE]\b|NT [34])", os_description)
