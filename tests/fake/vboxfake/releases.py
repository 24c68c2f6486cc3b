# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What differs between the releases and between the hosts, as tables."""

# Newest of its series when this was written. 7.2 is the one the output was compared with.
VERSIONS = {
    "6.1": ("6.1.50", "161033", "2024"),
    "7.0": ("7.0.20", "163906", "2024"),
    "7.1": ("7.1.12", "169651", "2025"),
    "7.2": ("7.2.22_Debian", "175245", "2026"),
}
SERIES = tuple(VERSIONS)

# What a host can do at all. Page Fusion needs a release that was built with page sharing as well.
HOSTS = {
    "linux": {"os": "Linux", "os_version": "6.1.0-fake", "architecture": "x86", "balloon": True, "page_sharing": True, "large_pages": False},
    "windows": {"os": "Windows 10", "os_version": "10.0.19045", "architecture": "x86", "balloon": True, "page_sharing": True, "large_pages": True},
    "macos": {"os": "Darwin", "os_version": "23.6.0", "architecture": "x86", "balloon": False, "page_sharing": False, "large_pages": True},
    "linux32": {"os": "Linux", "os_version": "6.1.0-fake", "architecture": "x86", "balloon": False, "page_sharing": False, "large_pages": False},
    "arm": {"os": "Linux", "os_version": "6.1.0-fake", "architecture": "ARM", "balloon": True, "page_sharing": True, "large_pages": False},
}

# Line numbers in the program's error contexts. 7.2: recorded. Others: from the sources of 6.1.38, 7.0.8 and 7.1.12.
LINES = {
    "modifyvm FindMachine": ("VBoxManageModifyVM.cpp", {"6.1": 568, "7.0": 633, "7.1": 843, "7.2": 890}),
    "modifyvm LockMachine": ("VBoxManageModifyVM.cpp", {"6.1": 575, "7.0": 640, "7.1": 850, "7.2": 897}),
    "modifyvm name": ("VBoxManageModifyVM.cpp", {"6.1": 599, "7.0": 664, "7.1": 881, "7.2": 928}),
    "modifyvm ostype": ("VBoxManageModifyVM.cpp", {"6.1": 616, "7.0": 681, "7.1": 898, "7.2": 945}),
    "modifyvm memory": ("VBoxManageModifyVM.cpp", {"6.1": 659, "7.0": 724, "7.1": 941, "7.2": 988}),
    "modifyvm page_fusion": ("VBoxManageModifyVM.cpp", {"6.1": 665, "7.0": 730, "7.1": 947, "7.2": 994}),
    "modifyvm large_pages": ("VBoxManageModifyVM.cpp", {"6.1": 827, "7.0": 892, "7.1": 753, "7.2": 800}),
    "modifyvm balloon": ("VBoxManageModifyVM.cpp", {"6.1": 2365, "7.0": 2548, "7.1": 2662, "7.2": 2733}),
    "modifyvm SaveSettings": ("VBoxManageModifyVM.cpp", {"6.1": 3286, "7.0": 3640, "7.1": 3772, "7.2": 3860}),
    "showvminfo FindMachine": ("VBoxManageInfo.cpp", {"6.1": 2773, "7.0": 3139, "7.1": 3229, "7.2": 3248}),
    "controlvm FindMachine": ("VBoxManageControlVM.cpp", {"6.1": 383, "7.0": 366, "7.1": 364, "7.2": 364}),
    "controlvm LockMachine": ("VBoxManageControlVM.cpp", {"6.1": 388, "7.0": 371, "7.1": 369, "7.2": 369}),
    "controlvm balloon": ("VBoxManageControlVM.cpp", {"6.1": 1779, "7.0": 1678, "7.1": 1676, "7.2": 1676}),
    "unregistervm FindMachine": ("VBoxManageMisc.cpp", {"6.1": 150, "7.0": 231, "7.1": 230, "7.2": 230}),
    "startvm FindMachine": ("VBoxManageMisc.cpp", {"6.1": 722, "7.0": 868, "7.1": 907, "7.2": 907}),
    "discardstate FindMachine": ("VBoxManageMisc.cpp", {"6.1": 778, "7.0": 1241, "7.1": 1280, "7.2": 1280}),
}


def series_of(release):
    """'7.0' of '7.0.20', '7.0.20_Debian' or '7.0'."""
    return ".".join(release.split(".")[:2])


def at_least(state, series):
    """Whether the faked release is of this series or a later one."""
    return SERIES.index(series_of(state["release"])) >= SERIES.index(series)


def version_string(state):
    """What the program calls itself ('7.2.22_Debian')."""
    version = state["release"]
    return VERSIONS[version][0] if version in VERSIONS else version


def revision(state):
    return VERSIONS[series_of(state["release"])][1]


def logo(state):
    return "Oracle %sCommand Line Management Interface Version %s\nCopyright (C) 2005-%s Oracle and/or its affiliates\n\n" % (
        "VM VirtualBox " if not at_least(state, "7.1") else "VirtualBox ",
        version_string(state),
        VERSIONS[series_of(state["release"])][2],
    )


def host_of(state):
    """The row of HOSTS of this fake."""
    return HOSTS[state["host"]["kind"]]


def saved_machines_are_refused(state):
    """modifyvm on a saved machine: refused from 6.1.34 on."""
    numbers = [int(part) for part in version_string(state).split("_")[0].split(".")]
    return numbers >= [6, 1, 34]
