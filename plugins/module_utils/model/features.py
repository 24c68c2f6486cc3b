# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Which of the features a host and its build of VirtualBox have, and why not."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from typing import Any, Callable, Mapping

FEATURES = ("balloon", "page_fusion", "large_pages")
BY_VERSION = ("page_fusion",)  # of which VirtualBox's version has to be known
PROCESSORS_WITH_64_BITS = ("x86_64", "amd64", "arm64", "aarch64")
ARM_PROCESSORS = ("arm64", "aarch64")


@dataclass(frozen=True)
class Host:
    """What the features of a host depend on."""

    system: str  # as platform.system() says it: Linux, Darwin
    processor: str  # as platform.machine() says it, in lower case
    version: str | None  # of VirtualBox, such as 7.2.22; None if it is not known, or was not asked for


# Which features a host lacks, when, and why. The first row that applies gives the reason.
# Sources: the manual's chapter on memory ballooning and Page Fusion (64-bit hosts, not macOS); for 7.2 measured on
# 7.2.22, and VirtualBox's issue 268: releases from 7.2 on are built without page sharing.
LIMITS: tuple[tuple[tuple[str, ...], Callable[[Host], bool], str], ...] = (
    (
        ("balloon", "page_fusion"),
        lambda host: host.processor not in PROCESSORS_WITH_64_BITS,
        "VirtualBox has it on 64-bit hosts only, and this one is {host.processor}",
    ),
    (
        ("balloon", "page_fusion"),
        lambda host: host.system == "Darwin",
        "VirtualBox does not have it on macOS hosts",
    ),
    (
        ("page_fusion",),
        lambda host: host.version is not None and release(host.version) >= (7, 2),
        "VirtualBox {host.version} is built without Page Fusion, as all releases from 7.2 on are",
    ),
    (
        ("large_pages",),
        lambda host: host.processor in ARM_PROCESSORS,
        "machines on ARM hosts have no large pages",
    ),
)

Features = Mapping[str, "str | None"]  # for each of FEATURES why the host has not got it, or None if it has


def this_host(version: str | None) -> Host:
    """The host that this runs on, with this version of VirtualBox."""
    return Host(platform.system(), platform.machine().lower(), version)


def features_of(host: Host) -> dict[str, str | None]:
    """For each of :data:`FEATURES` why this host has not got it, or ``None`` if it has."""
    return {feature: _missing(feature, host) for feature in FEATURES}


def features_as_facts(features: Features) -> dict[str, dict[str, Any]]:
    """The features as the facts show them: ``{name: {"supported": bool, "reason": why not, or None}}``."""
    return {feature: dict(supported=reason is None, reason=reason) for feature, reason in features.items()}


def _missing(feature: str, host: Host) -> str | None:
    for features, lacks, reason in LIMITS:
        if feature in features and lacks(host):
            return reason.format(host=host)
    return None


def parse_version(text: str) -> str | None:
    """The version in what ``VBoxManage --version`` prints, whatever warnings stand around it; ``None`` if there is none.

    >>> parse_version("7.2.22_Debianr175245")
    '7.2.22'
    """
    found = set(re.findall(r"^([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})(?![0-9])\S*$", text, re.MULTILINE))
    return found.pop() if len(found) == 1 else None


def release(version: str) -> tuple[int, ...]:
    """The first two numbers of a version: ``(7, 2)``."""
    return tuple(int(part) for part in version.split(".")[:2])


def runs_page_fusion(os_description: str) -> bool:
    """Whether a guest of this type can share pages: Windows 2000 and later.

    :param os_description: VirtualBox's description of the type: 'Windows 10 (64-bit)'. Those before Windows 2000 are
        3.1, 95, 98, ME, NT 3.x and NT 4
    """
    return "Windows" in os_description and not re.search(r"Windows (3|95|98|M[eE]\b|NT [34])", os_description)
