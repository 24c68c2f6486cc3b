# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The guest types of 7.2.22 and the hardware that createvm gives each, as the real program says (`list ostypes`, `showvminfo`);
and what differs in the releases before it."""

from . import releases

FAMILIES = {
    "Other": "Other",
    "Windows": "Microsoft Windows",
    "Linux": "Linux",
    "Solaris": "Solaris",
    "BSD": "BSD",
    "OS2": "IBM OS/2",
    "MacOS": "Mac OS X",
}

# Identifier, description, family, subtype, and in words: arm, 64 (bits), what is on, firmware and chipset where they are not
# BIOS and PIIX3, the paravirtualization that `default` means, the network card.
OSTYPES = (
    ("Other", "Other/Unknown", "Other", "", "none Am79C973"),
    ("Other_64", "Other/Unknown (64-bit)", "Other", "", "64 pae long ioapic none Am79C973"),
    ("Other_arm64", "Other/Unknown (ARM 64-bit)", "Other", "", "arm 64 none 82540EM"),
    ("Windows31", "Windows 3.1", "Windows", "", "none Am79C973"),
    ("Windows95", "Windows 95", "Windows", "", "none Am79C973"),
    ("Windows98", "Windows 98", "Windows", "", "none Am79C973"),
    ("WindowsMe", "Windows ME", "Windows", "", "none Am79C973"),
    ("WindowsNT3x", "Windows NT 3.x", "Windows", "", "none Am79C973"),
    ("WindowsNT4", "Windows NT 4", "Windows", "", "none Am79C973"),
    ("Windows2000", "Windows 2000", "Windows", "", "none Am79C973"),
    ("WindowsXP", "Windows XP (32-bit)", "Windows", "", "none 82543GC"),
    ("WindowsXP_64", "Windows XP (64-bit)", "Windows", "", "64 long ioapic none 82540EM"),
    ("Windows2003", "Windows Server 2003 (32-bit)", "Windows", "", "none 82543GC"),
    ("Windows2003_64", "Windows Server 2003 (64-bit)", "Windows", "", "64 long ioapic none 82540EM"),
    ("WindowsVista", "Windows Vista (32-bit)", "Windows", "", "hyperv 82540EM"),
    ("WindowsVista_64", "Windows Vista (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows2008", "Windows Server 2008 (32-bit)", "Windows", "", "hyperv 82540EM"),
    ("Windows2008_64", "Windows Server 2008 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows7", "Windows 7 (32-bit)", "Windows", "", "hyperv 82540EM"),
    ("Windows7_64", "Windows 7 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows8", "Windows 8 (32-bit)", "Windows", "", "pae ioapic hyperv 82540EM"),
    ("Windows8_64", "Windows 8 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows81", "Windows 8.1 (32-bit)", "Windows", "", "pae ioapic hyperv 82540EM"),
    ("Windows81_64", "Windows 8.1 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows2012_64", "Windows Server 2012 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows10", "Windows 10 (32-bit)", "Windows", "", "pae ioapic hyperv 82540EM"),
    ("Windows10_64", "Windows 10 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows2016_64", "Windows Server 2016 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows2019_64", "Windows Server 2019 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows11_64", "Windows 11 (64-bit)", "Windows", "", "64 long ioapic efi hyperv 82540EM"),
    ("Windows11_arm64", "Windows 11 on ARM (64-bit)", "Windows", "", "arm 64 utc none usbnet"),
    ("Windows2022_64", "Windows Server 2022 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("Windows2025_64", "Windows Server 2025 (64-bit)", "Windows", "", "64 long ioapic hyperv 82540EM"),
    ("WindowsNT", "Other Windows (32-bit)", "Windows", "", "none Am79C973"),
    ("WindowsNT_64", "Other Windows (64-bit)", "Windows", "", "64 pae long ioapic none 82540EM"),
    ("Linux22", "Linux 2.2 (32-bit)", "Linux", "Linux 2.2", "pae utc none Am79C973"),
    ("Linux24", "Linux 2.4 (32-bit)", "Linux", "Linux 2.4", "pae utc none Am79C973"),
    ("Linux24_64", "Linux 2.4 (64-bit)", "Linux", "Linux 2.4", "64 long ioapic utc none 82540EM"),
    ("Linux26", "Linux 2.6 / 3.x / 4.x / 5.x (32-bit)", "Linux", "Linux 2.6", "pae x2apic utc kvm 82540EM"),
    (
        "Linux26_64",
        "Linux 2.6 / 3.x / 4.x / 5.x (64-bit)",
        "Linux",
        "Linux 2.6",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("ArchLinux", "Arch Linux (32-bit)", "Linux", "ArchLinux", "pae x2apic utc kvm 82540EM"),
    ("ArchLinux_64", "Arch Linux (64-bit)", "Linux", "ArchLinux", "64 long x2apic ioapic utc kvm 82540EM"),
    ("ArchLinux_arm64", "Arch Linux (ARM 64-bit)", "Linux", "ArchLinux", "arm 64 utc kvm 82540EM"),
    ("Debian", "Debian (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian_64", "Debian (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian_arm64", "Debian (ARM 64-bit)", "Linux", "Debian", "arm 64 utc kvm 82540EM"),
    ("Debian31", "Debian 3.1 Sarge (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian4", "Debian 4.0 Etch (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian4_64", "Debian 4.0 Etch (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian5", "Debian 5.0 Lenny (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian5_64", "Debian 5.0 Lenny (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian6", "Debian 6.0 Squeeze (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian6_64", "Debian 6.0 Squeeze (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian7", "Debian 7 Wheezy (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian7_64", "Debian 7 Wheezy (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian8", "Debian 8 Jessie (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian8_64", "Debian 8 Jessie (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian9", "Debian 9 Stretch (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian9_64", "Debian 9 Stretch (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian9_arm64", "Debian 9 Stretch (ARM 64-bit)", "Linux", "Debian", "arm 64 utc kvm 82540EM"),
    ("Debian10", "Debian 10 Buster (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian10_64", "Debian 10 Buster (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian10_arm64", "Debian 10 Buster (ARM 64-bit)", "Linux", "Debian", "arm 64 utc kvm 82540EM"),
    ("Debian11", "Debian 11 Bullseye (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian11_64", "Debian 11 Bullseye (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian11_arm64", "Debian 11 Bullseye (ARM 64-bit)", "Linux", "Debian", "arm 64 utc kvm 82540EM"),
    ("Debian12", "Debian 12 Bookworm (32-bit)", "Linux", "Debian", "pae x2apic utc kvm 82540EM"),
    ("Debian12_64", "Debian 12 Bookworm (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian12_arm64", "Debian 12 Bookworm (ARM 64-bit)", "Linux", "Debian", "arm 64 utc kvm 82540EM"),
    ("Debian13_64", "Debian 13 Trixie (64-bit)", "Linux", "Debian", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Debian13_arm64", "Debian 13 Trixie (ARM 64-bit)", "Linux", "Debian", "arm 64 utc kvm 82540EM"),
    ("Fedora", "Fedora (32-bit)", "Linux", "Fedora", "pae x2apic utc kvm 82540EM"),
    ("Fedora_64", "Fedora (64-bit)", "Linux", "Fedora", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Fedora_arm64", "Fedora (ARM 64-bit)", "Linux", "Fedora", "arm 64 utc kvm 82540EM"),
    ("Gentoo", "Gentoo (32-bit)", "Linux", "Gentoo", "pae x2apic utc kvm 82540EM"),
    ("Gentoo_64", "Gentoo (64-bit)", "Linux", "Gentoo", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Mandriva", "Mandriva (32-bit)", "Linux", "Mandriva", "pae x2apic utc kvm 82540EM"),
    ("Mandriva_64", "Mandriva (64-bit)", "Linux", "Mandriva", "64 long x2apic ioapic utc kvm 82540EM"),
    ("OpenMandriva_Lx", "OpenMandriva Lx (32-bit)", "Linux", "Mandriva", "pae x2apic utc kvm 82540EM"),
    ("OpenMandriva_Lx_64", "OpenMandriva Lx (64-bit)", "Linux", "Mandriva", "64 long x2apic ioapic utc kvm 82540EM"),
    ("PCLinuxOS", "PCLinuxOS / PCLOS (32-bit)", "Linux", "PCLinuxOS", "pae x2apic utc kvm 82540EM"),
    ("PCLinuxOS_64", "PCLinuxOS / PCLOS (64-bit)", "Linux", "PCLinuxOS", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Mageia", "Mageia (32-bit)", "Linux", "Mageia", "pae x2apic utc kvm 82540EM"),
    ("Mageia_64", "Mageia (64-bit)", "Linux", "Mageia", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Oracle", "Oracle Linux (32-bit)", "Linux", "Oracle Linux", "pae x2apic utc kvm 82540EM"),
    ("Oracle_64", "Oracle Linux (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle_arm64", "Oracle Linux (ARM 64-bit)", "Linux", "Oracle Linux", "arm 64 utc kvm 82540EM"),
    ("Oracle4", "Oracle Linux 4.x (32-bit)", "Linux", "Oracle Linux", "pae x2apic utc kvm 82540EM"),
    ("Oracle4_64", "Oracle Linux 4.x (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle5", "Oracle Linux 5.x (32-bit)", "Linux", "Oracle Linux", "pae x2apic utc kvm 82540EM"),
    ("Oracle5_64", "Oracle Linux 5.x (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle6", "Oracle Linux 6.x (32-bit)", "Linux", "Oracle Linux", "pae x2apic utc kvm 82540EM"),
    ("Oracle6_64", "Oracle Linux 6.x (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle7_64", "Oracle Linux 7.x (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle7_arm64", "Oracle Linux 7.x (ARM 64-bit)", "Linux", "Oracle Linux", "arm 64 utc kvm 82540EM"),
    ("Oracle8_64", "Oracle Linux 8.x (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle8_arm64", "Oracle Linux 8.x (ARM 64-bit)", "Linux", "Oracle Linux", "arm 64 utc kvm 82540EM"),
    ("Oracle9_64", "Oracle Linux 9.x (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle9_arm64", "Oracle Linux 9.x (ARM 64-bit)", "Linux", "Oracle Linux", "arm 64 utc kvm 82540EM"),
    ("Oracle10_64", "Oracle Linux 10.x (64-bit)", "Linux", "Oracle Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Oracle10_arm64", "Oracle Linux 10.x (ARM 64-bit)", "Linux", "Oracle Linux", "arm 64 utc kvm 82540EM"),
    ("RedHat", "Red Hat (32-bit)", "Linux", "Red Hat", "pae x2apic utc kvm 82540EM"),
    ("RedHat_64", "Red Hat (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat3", "Red Hat 3.x (32-bit)", "Linux", "Red Hat", "pae x2apic utc kvm 82540EM"),
    ("RedHat3_64", "Red Hat 3.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat4", "Red Hat 4.x (32-bit)", "Linux", "Red Hat", "pae x2apic utc kvm 82540EM"),
    ("RedHat4_64", "Red Hat 4.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat5", "Red Hat 5.x (32-bit)", "Linux", "Red Hat", "pae x2apic utc kvm 82540EM"),
    ("RedHat5_64", "Red Hat 5.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat6", "Red Hat 6.x (32-bit)", "Linux", "Red Hat", "pae x2apic utc kvm 82540EM"),
    ("RedHat6_64", "Red Hat 6.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat7_64", "Red Hat 7.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat7_arm64", "Red Hat 7.x (ARM 64-bit)", "Linux", "Red Hat", "arm 64 utc kvm 82540EM"),
    ("RedHat8_64", "Red Hat 8.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat8_arm64", "Red Hat 8.x (ARM 64-bit)", "Linux", "Red Hat", "arm 64 utc kvm 82540EM"),
    ("RedHat9_64", "Red Hat 9.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat9_arm64", "Red Hat 9.x (ARM 64-bit)", "Linux", "Red Hat", "arm 64 utc kvm 82540EM"),
    ("RedHat10_64", "Red Hat 10.x (64-bit)", "Linux", "Red Hat", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("RedHat10_arm64", "Red Hat 10.x (ARM 64-bit)", "Linux", "Red Hat", "arm 64 utc kvm 82540EM"),
    ("OpenSUSE", "openSUSE (32-bit)", "Linux", "openSUSE", "pae x2apic utc kvm 82540EM"),
    ("OpenSUSE_64", "openSUSE (64-bit)", "Linux", "openSUSE", "64 long x2apic ioapic utc kvm 82540EM"),
    ("OpenSUSE_Leap_64", "openSUSE Leap (64-bit)", "Linux", "openSUSE", "64 long x2apic ioapic utc kvm 82540EM"),
    ("OpenSUSE_Leap_arm64", "openSUSE Leap (ARM 64-bit)", "Linux", "openSUSE", "arm 64 utc kvm 82540EM"),
    ("OpenSUSE_Tumbleweed", "openSUSE Tumbleweed (32-bit)", "Linux", "openSUSE", "pae x2apic utc kvm 82540EM"),
    (
        "OpenSUSE_Tumbleweed_64",
        "openSUSE Tumbleweed (64-bit)",
        "Linux",
        "openSUSE",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("OpenSUSE_Tumbleweed_arm64", "openSUSE Tumbleweed (ARM 64-bit)", "Linux", "openSUSE", "arm 64 utc kvm 82540EM"),
    ("SUSE_LE", "SUSE Linux Enterprise (32-bit)", "Linux", "SUSE", "pae x2apic utc kvm 82540EM"),
    ("SUSE_LE_64", "SUSE Linux Enterprise (64-bit)", "Linux", "SUSE", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Turbolinux", "Turbolinux (32-bit)", "Linux", "TurboLinux", "pae x2apic utc kvm 82540EM"),
    ("Turbolinux_64", "Turbolinux (64-bit)", "Linux", "TurboLinux", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Ubuntu", "Ubuntu (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    ("Ubuntu_64", "Ubuntu (64-bit)", "Linux", "Ubuntu", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Ubuntu_arm64", "Ubuntu (ARM 64-bit)", "Linux", "Ubuntu", "arm 64 utc kvm 82540EM"),
    ("Ubuntu10_LTS", "Ubuntu 10.04 LTS (Lucid Lynx) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu10_LTS_64",
        "Ubuntu 10.04 LTS (Lucid Lynx) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu10", "Ubuntu 10.10 (Maverick Meerkat) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu10_64",
        "Ubuntu 10.10 (Maverick Meerkat) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu11",
        "Ubuntu 11.04 (Natty Narwhal) / 11.10 (Oneiric Ocelot) (32-bit)",
        "Linux",
        "Ubuntu",
        "pae x2apic utc kvm 82540EM",
    ),
    (
        "Ubuntu11_64",
        "Ubuntu 11.04 (Natty Narwhal) / 11.10 (Oneiric Ocelot) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu12_LTS", "Ubuntu 12.04 LTS (Precise Pangolin) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu12_LTS_64",
        "Ubuntu 12.04 LTS (Precise Pangolin) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu12", "Ubuntu 12.10 (Quantal Quetzal) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu12_64",
        "Ubuntu 12.10 (Quantal Quetzal) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu13",
        "Ubuntu 13.04 (Raring Ringtail) / 13.10 (Saucy Salamander) (32-bit)",
        "Linux",
        "Ubuntu",
        "pae x2apic utc kvm 82540EM",
    ),
    (
        "Ubuntu13_64",
        "Ubuntu 13.04 (Raring Ringtail) / 13.10 (Saucy Salamander) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu14_LTS", "Ubuntu 14.04 LTS (Trusty Tahr) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu14_LTS_64",
        "Ubuntu 14.04 LTS (Trusty Tahr) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu14", "Ubuntu 14.10 (Utopic Unicorn) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu14_64",
        "Ubuntu 14.10 (Utopic Unicorn) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu15",
        "Ubuntu 15.04 (Vivid Vervet) / 15.10 (Wily Werewolf) (32-bit)",
        "Linux",
        "Ubuntu",
        "pae x2apic utc kvm 82540EM",
    ),
    (
        "Ubuntu15_64",
        "Ubuntu 15.04 (Vivid Vervet) / 15.10 (Wily Werewolf) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu16_LTS", "Ubuntu 16.04 LTS (Xenial Xerus) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu16_LTS_64",
        "Ubuntu 16.04 LTS (Xenial Xerus) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu16", "Ubuntu 16.10 (Yakkety Yak) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    ("Ubuntu16_64", "Ubuntu 16.10 (Yakkety Yak) (64-bit)", "Linux", "Ubuntu", "64 long x2apic ioapic utc kvm 82540EM"),
    (
        "Ubuntu17",
        "Ubuntu 17.04 (Zesty Zapus) / 17.10 (Artful Aardvark) (32-bit)",
        "Linux",
        "Ubuntu",
        "pae x2apic utc kvm 82540EM",
    ),
    (
        "Ubuntu17_64",
        "Ubuntu 17.04 (Zesty Zapus) / 17.10 (Artful Aardvark) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu18_LTS", "Ubuntu 18.04 LTS (Bionic Beaver) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu18_LTS_64",
        "Ubuntu 18.04 LTS (Bionic Beaver) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu18", "Ubuntu 18.10 (Cosmic Cuttlefish) (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    (
        "Ubuntu18_64",
        "Ubuntu 18.10 (Cosmic Cuttlefish) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu19",
        "Ubuntu 19.04 (Disco Dingo) / 19.10 (Eoan Ermine) (32-bit)",
        "Linux",
        "Ubuntu",
        "pae x2apic utc kvm 82540EM",
    ),
    (
        "Ubuntu19_64",
        "Ubuntu 19.04 (Disco Dingo) / 19.10 (Eoan Ermine) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu20_LTS_64",
        "Ubuntu 20.04 LTS (Focal Fossa) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu20_64",
        "Ubuntu 20.10 (Groovy Gorilla) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu21_64",
        "Ubuntu 21.04 (Hirsute Hippo) / 21.10 (Impish Indri) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    (
        "Ubuntu22_LTS_64",
        "Ubuntu 22.04 LTS (Jammy Jellyfish) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu22_64", "Ubuntu 22.10 (Kinetic Kudu) (64-bit)", "Linux", "Ubuntu", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Ubuntu22_arm64", "Ubuntu 22.10 (Kinetic Kudu) (ARM 64-bit)", "Linux", "Ubuntu", "arm 64 utc kvm 82540EM"),
    (
        "Ubuntu23_64",
        "Ubuntu 23.04 (Lunar Lobster) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu23_arm64", "Ubuntu 23.04 (Lunar Lobster) (ARM 64-bit)", "Linux", "Ubuntu", "arm 64 utc kvm 82540EM"),
    (
        "Ubuntu231_64",
        "Ubuntu 23.10 (Mantic Minotaur) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu231_arm64", "Ubuntu 23.10 (Mantic Minotaur) (ARM 64-bit)", "Linux", "Ubuntu", "arm 64 utc kvm 82540EM"),
    (
        "Ubuntu24_LTS_64",
        "Ubuntu 24.04 LTS (Noble Numbat) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu24_LTS_arm64", "Ubuntu 24.04 LTS (Noble Numbat) (ARM 64-bit)", "Linux", "Ubuntu", "arm 64 utc kvm 82540EM"),
    (
        "Ubuntu24_64",
        "Ubuntu 24.10 (Oracular Oriole) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu24_arm64", "Ubuntu 24.10 (Oracular Oriole) (ARM 64-bit)", "Linux", "Ubuntu", "arm 64 utc kvm 82540EM"),
    (
        "Ubuntu25_64",
        "Ubuntu 25.04 (Plucky Puffin) (64-bit)",
        "Linux",
        "Ubuntu",
        "64 long x2apic ioapic utc kvm 82540EM",
    ),
    ("Ubuntu25_arm64", "Ubuntu 25.04 (Plucky Puffin) (ARM 64-bit)", "Linux", "Ubuntu", "arm 64 utc kvm 82540EM"),
    ("Lubuntu", "Lubuntu (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    ("Lubuntu_64", "Lubuntu (64-bit)", "Linux", "Ubuntu", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Xubuntu", "Xubuntu (32-bit)", "Linux", "Ubuntu", "pae x2apic utc kvm 82540EM"),
    ("Xubuntu_64", "Xubuntu (64-bit)", "Linux", "Ubuntu", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Xandros", "Xandros (32-bit)", "Linux", "Xandros", "pae x2apic utc kvm 82540EM"),
    ("Xandros_64", "Xandros (64-bit)", "Linux", "Xandros", "64 long x2apic ioapic utc kvm 82540EM"),
    ("Linux", "Other Linux (32-bit)", "Linux", "Other Linux", "pae x2apic utc kvm 82540EM"),
    ("Linux_64", "Other Linux (64-bit)", "Linux", "Other Linux", "64 pae long x2apic ioapic utc kvm 82540EM"),
    ("Linux_arm64", "Other Linux (ARM 64-bit)", "Linux", "Other Linux", "arm 64 utc kvm 82540EM"),
    ("Solaris", "Oracle Solaris 10 5/09 and earlier (32-bit)", "Solaris", "", "none 82540EM"),
    ("Solaris_64", "Oracle Solaris 10 5/09 and earlier (64-bit)", "Solaris", "", "64 long ioapic none 82540EM"),
    ("Solaris10U8_or_later", "Oracle Solaris 10 10/09 and later (32-bit)", "Solaris", "", "none 82540EM"),
    (
        "Solaris10U8_or_later_64",
        "Oracle Solaris 10 10/09 and later (64-bit)",
        "Solaris",
        "",
        "64 long ioapic none 82540EM",
    ),
    ("Solaris11_64", "Oracle Solaris 11 (64-bit)", "Solaris", "", "64 long ioapic utc none 82540EM"),
    ("OpenSolaris", "OpenSolaris / Illumos / OpenIndiana (32-bit)", "Solaris", "", "none 82540EM"),
    ("OpenSolaris_64", "OpenSolaris / Illumos / OpenIndiana (64-bit)", "Solaris", "", "64 long ioapic none 82540EM"),
    ("FreeBSD", "FreeBSD (32-bit)", "BSD", "FreeBSD", "none 82540EM"),
    ("FreeBSD_64", "FreeBSD (64-bit)", "BSD", "FreeBSD", "64 long ioapic none 82540EM"),
    ("FreeBSD_arm64", "FreeBSD (ARM 64-bit)", "BSD", "FreeBSD", "arm 64 none 82540EM"),
    ("OpenBSD", "OpenBSD (32-bit)", "BSD", "OpenBSD", "none 82540EM"),
    ("OpenBSD_64", "OpenBSD (64-bit)", "BSD", "OpenBSD", "64 long ioapic none 82540EM"),
    ("OpenBSD_arm64", "OpenBSD (ARM 64-bit)", "BSD", "OpenBSD", "arm 64 none 82540EM"),
    ("NetBSD", "NetBSD (32-bit)", "BSD", "NetBSD", "utc none 82540EM"),
    ("NetBSD_64", "NetBSD (64-bit)", "BSD", "NetBSD", "64 long ioapic utc none 82540EM"),
    ("NetBSD_arm64", "NetBSD (ARM 64-bit)", "BSD", "NetBSD", "arm 64 none 82540EM"),
    ("OS21x", "OS/2 1.x", "OS2", "", "uart none Am79C973"),
    ("OS2Warp3", "OS/2 Warp 3", "OS2", "", "uart none Am79C973"),
    ("OS2Warp4", "OS/2 Warp 4", "OS2", "", "uart none Am79C973"),
    ("OS2Warp45", "OS/2 Warp 4.5", "OS2", "", "uart none Am79C973"),
    ("OS2eCS", "eComStation", "OS2", "", "uart none Am79C973"),
    ("OS2ArcaOS", "ArcaOS", "OS2", "", "uart none 82540EM"),
    ("OS2", "Other OS/2", "OS2", "", "uart none Am79C973"),
    ("MacOS", "Mac OS X (32-bit)", "MacOS", "", "pae ioapic utc hpet efi ich9 minimal 82545EM"),
    ("MacOS_64", "Mac OS X (64-bit)", "MacOS", "", "64 pae long ioapic utc hpet efi ich9 minimal 82545EM"),
    ("MacOS106", "Mac OS X 10.6 Snow Leopard (32-bit)", "MacOS", "", "pae ioapic utc hpet efi ich9 minimal 82545EM"),
    (
        "MacOS106_64",
        "Mac OS X 10.6 Snow Leopard (64-bit)",
        "MacOS",
        "",
        "64 pae long ioapic utc hpet efi ich9 minimal 82545EM",
    ),
    ("MacOS107_64", "Mac OS X 10.7 Lion (64-bit)", "MacOS", "", "64 pae long ioapic utc hpet efi ich9 minimal 82545EM"),
    (
        "MacOS108_64",
        "Mac OS X 10.8 Mountain Lion (64-bit)",
        "MacOS",
        "",
        "64 pae long ioapic utc hpet efi ich9 minimal 82545EM",
    ),
    (
        "MacOS109_64",
        "Mac OS X 10.9 Mavericks (64-bit)",
        "MacOS",
        "",
        "64 pae long ioapic utc hpet efi ich9 minimal 82545EM",
    ),
    (
        "MacOS1010_64",
        "Mac OS X 10.10 Yosemite (64-bit)",
        "MacOS",
        "",
        "64 pae long ioapic utc hpet efi ich9 minimal 82545EM",
    ),
    (
        "MacOS1011_64",
        "Mac OS X 10.11 El Capitan (64-bit)",
        "MacOS",
        "",
        "64 pae long ioapic utc hpet efi ich9 minimal 82545EM",
    ),
    (
        "MacOS1012_64",
        "macOS 10.12 Sierra (64-bit)",
        "MacOS",
        "",
        "64 pae long ioapic utc hpet efi ich9 minimal 82545EM",
    ),
    (
        "MacOS1013_64",
        "macOS 10.13 High Sierra (64-bit)",
        "MacOS",
        "",
        "64 pae long ioapic utc hpet efi ich9 minimal 82545EM",
    ),
    ("DOS", "DOS", "Other", "", "uart none Am79C973"),
    ("Netware", "Netware", "Other", "", "none Am79C973"),
    ("L4", "L4", "Other", "", "none Am79C973"),
    ("QNX", "QNX", "Other", "", "none Am79C973"),
    ("JRockitVE", "JRockitVE", "Other", "", "pae ioapic none 82545EM"),
    ("VBoxBS_64", "VirtualBox Bootsector Test (64-bit)", "Other", "", "64 pae long ioapic none 82545EM"),
)

# Types that came with a release; the others are there from 6.1 on.
SINCE = {
    "7.0": (
        "Windows2022_64 Debian31 Debian4 Debian4_64 Debian5 Debian5_64 Debian6 Debian6_64 Debian7 Debian7_64 "
        "Debian8 Debian8_64 Debian9 Debian9_64 Debian10 Debian10_64 Debian11 Debian11_64 Debian12 Debian12_64 "
        "OpenMandriva_Lx OpenMandriva_Lx_64 PCLinuxOS PCLinuxOS_64 Mageia Mageia_64 Oracle4 Oracle4_64 "
        "Oracle5 Oracle5_64 Oracle6 Oracle6_64 Oracle7_64 Oracle8_64 Oracle9_64 RedHat3 RedHat3_64 RedHat4 "
        "RedHat4_64 RedHat5 RedHat5_64 RedHat6 RedHat6_64 RedHat7_64 RedHat8_64 RedHat9_64 OpenSUSE_Leap_64 "
        "OpenSUSE_Tumbleweed OpenSUSE_Tumbleweed_64 SUSE_LE SUSE_LE_64 Ubuntu10_LTS Ubuntu10_LTS_64 Ubuntu10 "
        "Ubuntu10_64 Ubuntu11 Ubuntu11_64 Ubuntu12_LTS Ubuntu12_LTS_64 Ubuntu12 Ubuntu12_64 Ubuntu13 "
        "Ubuntu13_64 Ubuntu14_LTS Ubuntu14_LTS_64 Ubuntu14 Ubuntu14_64 Ubuntu15 Ubuntu15_64 Ubuntu16_LTS "
        "Ubuntu16_LTS_64 Ubuntu16 Ubuntu16_64 Ubuntu17 Ubuntu17_64 Ubuntu18_LTS Ubuntu18_LTS_64 Ubuntu18 "
        "Ubuntu18_64 Ubuntu19 Ubuntu19_64 Ubuntu20_LTS_64 Ubuntu20_64 Ubuntu21_64 Ubuntu22_LTS_64 Ubuntu22_64 "
        "Ubuntu23_64 Lubuntu Lubuntu_64 Xubuntu Xubuntu_64"
    ),
    "7.1": (
        "Other_arm64 Windows2025_64 ArchLinux_arm64 Debian_arm64 Debian9_arm64 Debian10_arm64 Debian11_arm64 "
        "Debian12_arm64 Fedora_arm64 Oracle_arm64 Oracle9_arm64 OpenSUSE_Leap_arm64 OpenSUSE_Tumbleweed_arm64 "
        "Ubuntu_arm64 Ubuntu22_arm64 Ubuntu23_arm64 Ubuntu24_LTS_64 Ubuntu24_LTS_arm64 FreeBSD_arm64 "
        "OpenBSD_arm64 NetBSD_arm64"
    ),
    "7.2": (
        "Windows11_arm64 Debian13_64 Debian13_arm64 Oracle7_arm64 Oracle8_arm64 Oracle10_64 Oracle10_arm64 "
        "RedHat7_arm64 RedHat8_arm64 RedHat9_arm64 RedHat10_64 RedHat10_arm64 Ubuntu231_64 Ubuntu231_arm64 "
        "Ubuntu24_64 Ubuntu24_arm64 Ubuntu25_64 Ubuntu25_arm64 Linux_arm64"
    ),
}

# What types were called, and the release that changed it.
FORMER = {
    "Windows2003": ("Windows 2003 (32-bit)", "7.1"),
    "Windows2003_64": ("Windows 2003 (64-bit)", "7.1"),
    "Windows2008": ("Windows 2008 (32-bit)", "7.1"),
    "Windows2008_64": ("Windows 2008 (64-bit)", "7.1"),
    "Windows2012_64": ("Windows 2012 (64-bit)", "7.1"),
    "Windows2016_64": ("Windows 2016 (64-bit)", "7.1"),
    "Windows2019_64": ("Windows 2019 (64-bit)", "7.1"),
    "Windows2022_64": ("Windows 2022 (64-bit)", "7.1"),
    "Linux22": ("Linux 2.2", "7.0"),
    "Linux26": ("Linux 2.6 / 3.x / 4.x (32-bit)", "7.0"),
    "Linux26_64": ("Linux 2.6 / 3.x / 4.x (64-bit)", "7.0"),
    "Oracle": ("Oracle (32-bit)", "7.0"),
    "Oracle_64": ("Oracle (64-bit)", "7.0"),
}

# How createvm's hardware differs from 7.2's: words that it leaves out, and adds. From 7.1 on it follows the type more closely.
LEAVES_OUT = {"6.1": "utc hpet ich9 efi", "7.0": "utc hpet ich9"}
ADDS = {"6.1": ("pae",), "7.0": ("pae",)}


def rows(state):
    """The types of this release, in its order."""
    later = {name for series, names in SINCE.items() if not releases.at_least(state, series) for name in names.split()}
    return [_as_called(state, row) for row in OSTYPES if row[0] not in later]


def row_of(state, identifier):
    """The row of this type, or None. The program ignores case here."""
    for row in rows(state):
        if row[0].lower() == identifier.lower():
            return row
    return None


def hardware(state, row):
    """The words of a type's row as far as createvm of this release heeds them."""
    series = releases.series_of(state["release"])
    left_out = LEAVES_OUT.get(series, "").split()
    words = [word for word in row[4].split() if word not in left_out]
    return " ".join([word for word in ADDS.get(series, ()) if word not in words] + words)


def is_arm(row):
    return "arm" in row[4].split()


def _as_called(state, row):
    former, until = FORMER.get(row[0], (row[1], releases.SERIES[0]))
    return row if releases.at_least(state, until) else (row[0], former, *row[2:])
