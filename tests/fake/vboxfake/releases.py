# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What differs between the releases and between the hosts, as tables."""

# Version and revision of the builds that were recorded, and their logos.
VERSIONS = {
    "6.1": ("6.1.36", "152435"),
    "7.0": ("7.0.20", "163906"),
    "7.1": ("7.1.12", "169651"),
    "7.2": ("7.2.22_Debian", "175245"),
}
LOGOS = {
    "6.1": "Oracle VM VirtualBox Command Line Management Interface Version %s\n(C) 2005-2026 Oracle Corporation\nAll rights reserved.\n\n",
    "7.0": "Oracle VM VirtualBox Command Line Management Interface Version %s\nCopyright (C) 2005-2026 Oracle and/or its affiliates\n\n",
    "7.1": "Oracle VirtualBox Command Line Management Interface Version %s\nCopyright (C) 2005-2026 Oracle and/or its affiliates\n\n",
}
LOGOS["7.2"] = LOGOS["7.1"]
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

# Source and line numbers in the program's error contexts, of the recorded builds in the order of SERIES. Those that only a running
# machine can show (`controlvm …`) are counted in the sources, of 6.1.38 and 7.0.8 for the older two.
LINES = {
    "modifyvm FindMachine": ("VBoxManageModifyVM.cpp", (546, 632, 842, 893)),
    "modifyvm LockMachine": ("VBoxManageModifyVM.cpp", (554, 640, 850, 901)),
    "modifyvm Platform": ("VBoxManageUtils.cpp", (None, 53, 49, 49)),
    "modifyvm Platform 6.1": ("VBoxManageControlVM.cpp", (75,)),
    "modifyvm name": ("VBoxManageModifyVM.cpp", (578, 664, 881, 928)),
    "modifyvm groups": ("VBoxManageModifyVM.cpp", (585, 671, 888, 935)),
    "modifyvm memory": ("VBoxManageModifyVM.cpp", (638, 724, 941, 988)),
    "modifyvm page_fusion": ("VBoxManageModifyVM.cpp", (644, 730, 947, 994)),
    "modifyvm large_pages": ("VBoxManageModifyVM.cpp", (806, 892, 753, 768)),
    "modifyvm balloon": ("VBoxManageModifyVM.cpp", (2344, 2548, 2662, 2733)),
    "modifyvm SaveSettings": ("VBoxManageModifyVM.cpp", (3265, 3640, 3772, 3863)),
    "showvminfo FindMachine": ("VBoxManageInfo.cpp", (2773, 3138, 3228, 3248)),
    "showvminfo LockMachine": ("VBoxManageInfo.cpp", (2829, 3218, 3308, 3328)),
    "controlvm FindMachine": ("VBoxManageControlVM.cpp", (382, 365, 363, 363)),
    "controlvm LockMachine": ("VBoxManageControlVM.cpp", (388, 371, 369, 369)),
    "controlvm balloon": ("VBoxManageControlVM.cpp", (1779, 1678, 1676, 1676)),
    "controlvm pause": ("VBoxManageControlVM.cpp", (407, 390, 388, 388)),
    "createvm Compose": ("VBoxManageMisc.cpp", (267, 370, 401, 402)),
    "createvm CreateMachine": ("VBoxManageMisc.cpp", (274, 397, 428, 429)),
    "createvm RegisterMachine": ("VBoxManageMisc.cpp", (291, 417, 449, 450)),
    "registervm OpenMachine": ("VBoxManageMisc.cpp", (85, 160, 159, 159)),
    "unregistervm FindMachine": ("VBoxManageMisc.cpp", (148, 229, 228, 228)),
    "startvm FindMachine": ("VBoxManageMisc.cpp", (721, 867, 906, 907)),
    "startvm LaunchVMProcess": ("VBoxManageMisc.cpp", (726, 880, 919, 920)),
    "discardstate FindMachine": ("VBoxManageMisc.cpp", (777, 1240, 1279, 1280)),
    "discardstate DiscardSavedState": ("VBoxManageMisc.cpp", (789, 1252, 1291, 1292)),
    "Machine init": ("MachineImpl.cpp", (499, 719, 691, 706)),
    "Machine registeredInit": ("MachineImpl.cpp", (754, 1011, 984, 999)),
    # Of 7.2.22 only: the others were not asked.
    "getextradata FindMachine": ("VBoxManageMisc.cpp", (1378, 1378, 1378, 1378)),
    "setextradata FindMachine": ("VBoxManageMisc.cpp", (1438, 1438, 1438, 1438)),
    "extradata SetExtraData": ("VBoxManageMisc.cpp", (1430, 1430, 1430, 1430)),
    "snapshot FindMachine": ("VBoxManageSnapshot.cpp", (344, 344, 344, 344)),
    "guestproperty FindMachine": ("VBoxManageGuestProp.cpp", (92, 77, 77, 77)),
}


def wording(state, key):
    """This release's words for something: a row of WORDS."""
    return pick(state, WORDS[key])


def pick(state, row):
    """What of a row in the order of SERIES is this release's."""
    return row[SERIES.index(series_of(state["release"]))]


# What the program says in other words than its successors, in the order of SERIES.
_NOT_SAVED = (
    "Cannot discard the saved state as the machine is not in the Saved or Aborted-Saved state (machine state: %s)"
)
_CREATE = (
    "CreateMachine(bstrSettingsFile.raw(), bstrName.raw(), platformArch, ComSafeArrayAsInParam(groups), bstrOsTypeId.raw(), "
    "createFlags.raw(), bstrCipher.raw(), bstrPasswordId.raw(), Bstr(strPassword).raw(), machine.asOutParam())"
)
_CREATE_7_0 = _CREATE.replace("platformArch, ", "")
_CREATE_6_1 = _CREATE_7_0.replace("bstrCipher.raw(), bstrPasswordId.raw(), Bstr(strPassword).raw(), ", "")
_OPEN = "OpenMachine(Bstr(a->argv[0]).raw(), Bstr(strPassword).raw(), machine.asOutParam()))"
_INIT = "nsresult Machine::initFromSettings(VirtualBox*, const com::Utf8Str&, const com::Guid*, const com::Utf8Str&)"
_CHIPSET, _PLATFORM = "COMGETTER(ChipsetType)(&aChipset)", "COMGETTER(Platform)(pPlatform.asOutParam())"
WORDS = {
    "not running": ("Machine '%s' is not currently running", *["Machine '%s' is not currently running."] * 3),
    "not enough for controlvm": ("Not enough parameters", *["Not enough parameters."] * 3),
    "not saved": (
        "Cannot delete the machine state as the machine is not in the saved state (machine state: %s)",
        *[_NOT_SAVED] * 3,
    ),
    "file not found": (": -102 (File not found.).", *[" VERR_FILE_NOT_FOUND (File not found.)."] * 3),
    "after an unknown option": ("\n", "", "", ""),
    "true": ("true ", "true", "true", "true"),
    "CreateMachine": (_CREATE_6_1, _CREATE_7_0, _CREATE, _CREATE),
    "OpenMachine": ("OpenMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", _OPEN, _OPEN, _OPEN),
    "Machine init": (_INIT.replace("Guid*, const com::Utf8Str&", "Guid*"), _INIT, _INIT, _INIT),
    "Machine registeredInit": ("nsresult Machine::i_registeredInit()",) * 4,
    # What modifyvm asks a machine before it locks it, and where.
    "modifyvm Platform": (_CHIPSET, _CHIPSET, _PLATFORM, _PLATFORM),
    "modifyvm Platform place": ("modifyvm Platform 6.1", *["modifyvm Platform"] * 3),
    # From 7.1 on a failure in an option for x86 is reported once more, as an option that nobody knows.
    "option for x86": ("", "", "Invalid option case 1159", "Invalid option case 1174"),
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


def has_large_pages_on(state):
    """Whether a new machine has large pages on: everywhere with 7.0."""
    return host_of(state)["large_pages"] or series_of(state["release"]) == "7.0"


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
    return LOGOS[series_of(state["release"])] % version_string(state)


def host_of(state):
    """The row of HOSTS of this fake."""
    return HOSTS[state["host"]["kind"]]


def saved_machines_are_refused(state):
    """modifyvm on a saved machine: refused from 6.1.34 on."""
    numbers = [int(part) for part in version_string(state).split("_")[0].split(".")]
    return numbers >= [6, 1, 34]
