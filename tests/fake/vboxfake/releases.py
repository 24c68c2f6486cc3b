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
    "linux": {
        "os": "Linux",
        "os_version": "6.1.0-fake",
        "architecture": "x86",
        "balloon": True,
        "page_sharing": True,
        "large_pages": False,
    },
    "windows": {
        "os": "Windows 10",
        "os_version": "10.0.19045",
        "architecture": "x86",
        "balloon": True,
        "page_sharing": True,
        "large_pages": True,
    },
    "macos": {
        "os": "Darwin",
        "os_version": "23.6.0",
        "architecture": "x86",
        "balloon": False,
        "page_sharing": False,
        "large_pages": True,
    },
    "linux32": {
        "os": "Linux",
        "os_version": "6.1.0-fake",
        "architecture": "x86",
        "balloon": False,
        "page_sharing": False,
        "large_pages": False,
    },
    "arm": {
        "os": "Linux",
        "os_version": "6.1.0-fake",
        "architecture": "ARM",
        "balloon": True,
        "page_sharing": True,
        "large_pages": False,
    },
}

# Source and line numbers in the program's error contexts. 7.2: as 7.2.22 says them, but for those that only a running machine
# can show. Others: counted in the sources of 6.1.38, 7.0.8 and 7.1.12.
LINES = {
    "modifyvm FindMachine": ("VBoxManageModifyVM.cpp", (568, 633, 843, 893)),
    "modifyvm LockMachine": ("VBoxManageModifyVM.cpp", (575, 640, 850, 901)),
    "modifyvm Platform": ("VBoxManageUtils.cpp", (49, 49, 49, 49)),
    "modifyvm name": ("VBoxManageModifyVM.cpp", (599, 664, 881, 928)),
    "modifyvm groups": ("VBoxManageModifyVM.cpp", (606, 671, 888, 935)),
    "modifyvm memory": ("VBoxManageModifyVM.cpp", (659, 724, 941, 988)),
    "modifyvm page_fusion": ("VBoxManageModifyVM.cpp", (665, 730, 947, 994)),
    "modifyvm large_pages": ("VBoxManageModifyVM.cpp", (827, 892, 753, 800)),
    "modifyvm balloon": ("VBoxManageModifyVM.cpp", (2365, 2548, 2662, 2733)),
    "modifyvm SaveSettings": ("VBoxManageModifyVM.cpp", (3286, 3640, 3772, 3863)),
    "showvminfo FindMachine": ("VBoxManageInfo.cpp", (2773, 3139, 3229, 3248)),
    "showvminfo LockMachine": ("VBoxManageInfo.cpp", (2829, 3218, 3308, 3328)),
    "controlvm FindMachine": ("VBoxManageControlVM.cpp", (383, 366, 364, 363)),
    "controlvm LockMachine": ("VBoxManageControlVM.cpp", (388, 371, 369, 369)),
    "controlvm balloon": ("VBoxManageControlVM.cpp", (1779, 1678, 1676, 1676)),
    "controlvm pause": ("VBoxManageControlVM.cpp", (407, 390, 388, 388)),
    "createvm Compose": ("VBoxManageMisc.cpp", (250, 370, 402, 402)),
    "createvm CreateMachine": ("VBoxManageMisc.cpp", (270, 395, 428, 429)),
    "createvm RegisterMachine": ("VBoxManageMisc.cpp", (292, 418, 450, 450)),
    "registervm OpenMachine": ("VBoxManageMisc.cpp", (79, 150, 159, 159)),
    "unregistervm FindMachine": ("VBoxManageMisc.cpp", (150, 231, 230, 228)),
    "startvm FindMachine": ("VBoxManageMisc.cpp", (722, 868, 907, 907)),
    "startvm LaunchVMProcess": ("VBoxManageMisc.cpp", (735, 881, 920, 920)),
    "discardstate FindMachine": ("VBoxManageMisc.cpp", (778, 1241, 1280, 1280)),
    "discardstate DiscardSavedState": ("VBoxManageMisc.cpp", (790, 1253, 1292, 1292)),
    "guestproperty FindMachine": ("VBoxManageGuestProp.cpp", (77, 77, 77, 77)),
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


def default_memory(state):
    """What createvm gives a machine, in MB."""
    return 1024 if at_least(state, "7.2") else 128


def has_page_fusion(state):
    """Builds from 7.2 on have no page sharing."""
    return host_of(state)["page_sharing"] and not at_least(state, "7.2")


def host_features(state):
    """The processor features that `list hostinfo` tells of."""
    labels = [
        "HW virtualization",
        "PAE",
        "long mode",
        "nested paging",
        "unrestricted guest",
        "nested HW virtualization",
    ]
    return labels + ["virt. vmsave/vmload"] if at_least(state, "7.0") else labels


def options(state, table, newer):
    """The rows of an option table that this release has; `newer` is {series: spellings that came with it}."""
    unknown = [spelling for series, spellings in newer.items() if not at_least(state, series) for spelling in spellings]
    return {spelling: row for spelling, row in table.items() if spelling not in unknown}


def logo(state):
    return (
        "Oracle %sCommand Line Management Interface Version %s\nCopyright (C) 2005-%s Oracle and/or its affiliates\n\n"
        % (
            "VM VirtualBox " if not at_least(state, "7.1") else "VirtualBox ",
            version_string(state),
            VERSIONS[series_of(state["release"])][2],
        )
    )


def host_of(state):
    """The row of HOSTS of this fake."""
    return HOSTS[state["host"]["kind"]]


def saved_machines_are_refused(state):
    """modifyvm on a saved machine: refused from 6.1.34 on."""
    numbers = [int(part) for part in version_string(state).split("_")[0].split(".")]
    return numbers >= [6, 1, 34]
