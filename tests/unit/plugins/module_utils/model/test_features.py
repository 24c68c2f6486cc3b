# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What hosts, releases and guests can do."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.model.features import (
    BY_VERSION,
    FEATURES,
    LIMITS,
    Host,
    features_as_facts,
    features_of,
    parse_version,
    release,
    runs_page_fusion,
)

RECORDED = Path(__file__).resolve().parents[3] / "recorded"

VERSIONS = [
    ("7.2.22_Debianr175245\n", "7.2.22"),
    ("6.1.38r153438", "6.1.38"),
    ("7.1.12r169651\n", "7.1.12"),
    ("7.0.8_Ubuntur156879", "7.0.8"),
    ("7.10.100r1", "7.10.100"),
    ("", None),
    ("VirtualBox 7.2", None),
    ("\x00\xff garbage", None),
    ("WARNING: The vboxdrv kernel module of 5.0.1 is not loaded.\n7.2.22r1\n", "7.2.22"),
]
# system, processor, version: which features it lacks, and a word of why
HOSTS = [
    ("Linux", "x86_64", "6.1.38", {}),
    ("Linux", "amd64", "7.1.12", {}),
    ("SunOS", "x86_64", "7.1.12", {}),
    ("Linux", "x86_64", None, {}),
    ("Linux", "x86_64", "7.2.0", {"page_fusion": "7.2.0 is built without"}),
    ("Linux", "x86_64", "7.10.0", {"page_fusion": "7.10.0 is built without"}),
    ("Linux", "x86_64", "8.0.2", {"page_fusion": "8.0.2 is built without"}),
    ("Darwin", "x86_64", "7.1.12", {"balloon": "macOS", "page_fusion": "macOS"}),
    ("Darwin", "arm64", "7.2.22", {"balloon": "macOS", "page_fusion": "macOS", "large_pages": "ARM"}),
    ("Linux", "aarch64", "7.2.22", {"page_fusion": "built without", "large_pages": "ARM"}),
    (
        "Linux",
        "i686",
        "6.1.38",
        {"balloon": "64-bit hosts only, and this one is i686", "page_fusion": "64-bit hosts only"},
    ),
]
TOO_OLD = {"Windows 3.1", "Windows 95", "Windows 98", "Windows ME", "Windows NT 3.x", "Windows NT 4"}
# As other releases write them
OTHER_DESCRIPTIONS = [
    ("Windows Me", False),
    ("Windows 2012 (64-bit)", True),
    ("Other/Unknown", False),
    ("Debian (64-bit)", False),
    ("", False),
]


@pytest.mark.parametrize(("printed", "version"), VERSIONS)
def test_parse_version(printed, version):
    assert parse_version(printed) == version


def test_the_wrapper_s_warning_is_no_version():
    assert parse_version((RECORDED / "7.2.22" / "version-with-warning.txt").read_text()) == "7.2.22"


@pytest.mark.parametrize(("version", "parts"), [("7.2.22", (7, 2)), ("6.1.38", (6, 1)), ("7.10.0", (7, 10))])
def test_release(version, parts):
    assert release(version) == parts


@pytest.mark.parametrize(("system", "processor", "version", "lacks"), HOSTS)
def test_what_a_host_lacks(system, processor, version, lacks):
    features = features_as_facts(features_of(Host(system, processor, version)))
    assert {name for name, feature in features.items() if not feature["supported"]} == set(lacks)
    for name, why in lacks.items():
        assert why in features[name]["reason"]
    assert all(feature["reason"] is None for feature in features.values() if feature["supported"])


@pytest.mark.parametrize(("system", "processor"), [("Linux", "x86_64"), ("Darwin", "arm64"), ("Linux", "i686")])
def test_the_version_matters_for_what_is_said_to_depend_on_it_alone(system, processor):
    known, unknown = (features_of(Host(system, processor, version)) for version in ("7.2.22", None))
    assert {name for name in FEATURES if known[name] != unknown[name]} <= set(BY_VERSION)


def test_every_limit_gives_a_reason_that_can_be_written():
    host = SimpleNamespace(system="Linux", processor="i686", version="7.2.22")
    for _features, _lacks, reason in LIMITS:
        assert "{" not in reason.format(host=host)


def windows_descriptions():
    listing = (RECORDED / "7.2.22" / "ostypes.txt").read_text()
    return re.findall(r"^ID / Description: Windows\w+ -- (.+)$", listing, re.MULTILINE)


def test_all_windows_types_of_virtualbox_are_here():
    assert len(windows_descriptions()) == 32
    assert TOO_OLD < set(windows_descriptions())


@pytest.mark.parametrize(
    ("description", "runs"), [(one, one not in TOO_OLD) for one in windows_descriptions()] + OTHER_DESCRIPTIONS
)
def test_which_guests_run_page_fusion(description, runs):
    assert bool(runs_page_fusion(description)) is runs


def test_no_guest_but_windows_runs_page_fusion():
    listing = (RECORDED / "7.2.22" / "ostypes.txt").read_text()
    others = [line.split(" -- ")[1] for line in listing.splitlines() if "Windows" not in line]
    assert len(others) > 50
    assert not any(map(runs_page_fusion, others))
