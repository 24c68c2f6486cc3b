# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""showvminfo, both forms, row by row.

A row is (when, text). `when` names what must hold, in words: `7.1+` and `7.0-` are releases, `x86` and `arm` machines,
`live` a machine that runs and is asked through its session, `saved`, `described` and `snapshots` say themselves; the machine's own
words (`nic`, `uart`) come from `ostypes`.
"""

from . import clock, guest, ostypes, releases, snapshots

READABLE = (
    ("", 'name="{name}"'),
    ("7.0+", 'encryption="disabled"'),
    ("", 'groups="{groups}"'),
    ("7.1+", 'platformArchitecture="{architecture}"'),
    ("", 'ostype="{ostype}"'),
    ("", 'UUID="{uuid}"'),
    ("", 'CfgFile="{folder}/{file}.vbox"'),
    ("", 'SnapFldr="{folder}/Snapshots"'),
    ("", 'LogFldr="{folder}/Logs"'),
    ("", 'hardwareuuid="{uuid}"'),
    ("", "memory={memory}"),
    ("", 'pagefusion="{page_fusion}"'),
    ("", "vram=8"),
    ("", "cpuexecutioncap=100"),
    ("7.0-", 'hpet="{hpet}"'),
    ("", 'cpu-profile="host"'),
    ("", 'chipset="{chipset}"'),
    ("", 'firmware="{firmware}"'),
    ("", "cpus=1"),
    ("7.1+ x86", 'hpet="{hpet}"'),
    ("7.2+ arm", 'gic-its="off"'),
    ("x86", 'pae="{pae}"'),
    ("x86", 'longmode="{longmode}"'),
    ("x86", 'triplefaultreset="off"'),
    ("x86", 'apic="on"'),
    ("x86", 'x2apic="{x2apic}"'),
    ("x86", 'nested-hw-virt="off"'),
    ("7.0-", "cpuid-portability-level=0"),
    ("7.1+ x86", 'hwvirtex="on"'),
    ("7.1+ x86", 'nestedpaging="on"'),
    ("7.1+ x86", 'largepages="{large_pages}"'),
    ("7.1+ x86", 'vtxvpid="on"'),
    ("7.1+ x86", 'vtxux="on"'),
    ("7.1+ x86", 'virtvmsavevmload="on"'),
    ("7.1+", "cpuid-portability-level=0"),
    ("", 'bootmenu="messageandmenu"'),
    ("", 'boot1="floppy"'),
    ("", 'boot2="dvd"'),
    ("", 'boot3="disk"'),
    ("", 'boot4="none"'),
    ("", 'acpi="on"'),
    ("", 'ioapic="{ioapic}"'),
    ("", 'biosapic="apic"'),
    ("", "biossystemtimeoffset=0"),
    ("7.0+", 'NvramFile="{folder}/{file}.nvram"'),
    ("", 'rtcuseutc="{utc}"'),
    ("7.0-", 'hwvirtex="on"'),
    ("7.0-", 'nestedpaging="on"'),
    ("7.0-", 'largepages="{large_pages}"'),
    ("7.0-", 'vtxvpid="on"'),
    ("7.0-", 'vtxux="on"'),
    ("7.0+ 7.0-", 'virtvmsavevmload="on"'),
    ("7.0+", 'iommu="none"'),
    ("", 'paravirtprovider="default"'),
    ("", 'effparavirtprovider="{paravirt}"'),
    ("", 'VMState="{state}"'),
    ("", 'VMStateChangeTime="{since}"'),
    ("saved", 'VMStateFile="{folder}/Snapshots/{saved_file}"'),
    ("", 'graphicscontroller="vboxvga"'),
    ("", "monitorcount=1"),
    ("", 'accelerate3d="off"'),
    ("", 'teleporterenabled="off"'),
    ("", "teleporterport=0"),
    ("", 'teleporteraddress=""'),
    ("", 'teleporterpassword=""'),
    ("", 'tracing-enabled="off"'),
    ("", 'tracing-allow-vm-access="off"'),
    ("", 'tracing-config=""'),
    ("", 'autostart-enabled="off"'),
    ("", "autostart-delay=0"),
    ("", 'defaultfrontend=""'),
    ("", 'vmprocpriority="default"'),
    ("nonic", 'nic1="none"'),
    ("nic", 'natnet1="nat"'),
    ("nic", 'macaddress1="{mac}"'),
    ("nic", 'cableconnected1="on"'),
    ("nic", 'nic1="nat"'),
    ("nic", 'nictype1="{nictype}"'),
    ("nic", 'nicspeed1="0"'),
    ("nic", 'mtu="0"'),
    ("nic", 'sockSnd="64"'),
    ("nic", 'sockRcv="64"'),
    ("nic", 'tcpWndSnd="64"'),
    ("nic", 'tcpWndRcv="64"'),
    ("7.1+ nic", 'localhostReachable="0"'),
    ("7.1+ nic", 'forwardBroadcast="0"'),
    ("7.2+ nic", 'enableTFTP="0"'),
    *(("", 'nic%d="none"' % number) for number in range(2, 9)),
    ("", 'hidpointing="ps2mouse"'),
    ("", 'hidkeyboard="ps2kbd"'),
    ("nouart", 'uart1="off"'),
    ("uart", 'uart1="0x03f8,4"'),
    ("uart", 'uartmode1="disconnected"'),
    ("uart", 'uarttype1="16550A"'),
    ("", 'uart2="off"'),
    ("", 'uart3="off"'),
    ("", 'uart4="off"'),
    ("x86", 'lpt1="off"'),
    ("x86", 'lpt2="off"'),
    ("6.1-", 'audio="oss"'),
    ("7.0+", 'audio="default"'),
    ("", 'audio_out="off"'),
    ("", 'audio_in="off"'),
    ("", 'clipboard="disabled"'),
    ("7.1+", 'clipboard_file_transfers="off"'),
    ("", 'draganddrop="disabled"'),
    ("live", 'SessionName="{session}"'),
    ("live", 'VideoMode="720,400,0"@0,0 1'),
    ("", 'vrde="off"'),
    ("", 'usb="off"'),
    ("", 'ehci="off"'),
    ("", 'xhci="off"'),
    ("live", 'VRDEActiveConnection="off"'),
    ("live", "VRDEClients==0"),
    ("7.1+", 'recording_started="off"'),
    ("", 'recording_enabled="off"'),
    ("", "recording_screens=1"),
    ("", " rec_screen0"),
    ("6.1-", 'rec_screen_enabled="off"'),
    ("7.0+", 'rec_screen_enabled="on"'),
    ("", "rec_screen_id=0"),
    ("", 'rec_screen_video_enabled="on"'),
    ("6.1-", 'rec_screen_audio_enabled="off"'),
    ("7.1+", 'rec_screen_audio_enabled="off"'),
    ("", 'rec_screen_dest="File"'),
    ("", 'rec_screen_dest_filename="{folder}/{file}-screen0.webm"'),
    ("7.0-", 'rec_screen_opts="vc_enabled=true,ac_enabled=false,ac_profile=med"'),
    ("7.1+", 'rec_screen_opts="ac_profile=med"'),
    ("", 'rec_screen_video_res_xy="1024x768"'),
    ("", "rec_screen_video_rate_kbps=512"),
    ("", "rec_screen_video_fps=25"),
    ("described", 'description="{description}"'),
    ("7.0+ snapshots", "{snapshots}"),
    ("", "GuestMemoryBalloon={balloon}"),
    ("live additions", 'GuestOSType="{guest_ostype}"'),
    ("live", "GuestAdditionsRunLevel={run_level}"),
    ("live additions", 'GuestAdditionsVersion="{additions_version}"'),
    ("live additions", "GuestAdditionsFacility_VirtualBox Base Driver=50,{booted_ms}"),
    ("live additions", "GuestAdditionsFacility_VirtualBox System Service=50,{booted_ms}"),
    ("live additions", "GuestAdditionsFacility_Seamless Mode=0,{booted_ms}"),
    ("live additions", "GuestAdditionsFacility_Graphics Mode=0,{booted_ms}"),
    ("6.1- snapshots", "{snapshots}"),
)

# Labels are padded to 28 characters; a row without a label is printed as it stands.
HUMAN = (
    ("", "Name:", "{name}"),
    ("7.0+", "Encryption:", "disabled"),
    ("", "Groups:", "{groups}"),
    ("7.1+", "Platform Architecture:", "{architecture}"),
    ("", "Guest OS:", "{ostype}"),
    ("", "UUID:", "{uuid}"),
    ("", "Config file:", "{folder}/{file}.vbox"),
    ("", "Snapshot folder:", "{folder}/Snapshots"),
    ("", "Log folder:", "{folder}/Logs"),
    ("", "Hardware UUID:", "{uuid}"),
    ("", "Memory size:", "{memory}MB"),
    ("", "Page Fusion:", "{page_fusion_human}"),
    ("", "VRAM size:", "8MB"),
    ("", "CPU exec cap:", "100%"),
    ("7.0-", "HPET:", "{hpet_human}"),
    ("", "CPUProfile:", "host"),
    ("", "Chipset:", "{chipset}"),
    ("", "Firmware:", "{firmware}"),
    ("", "Number of CPUs:", "1"),
    ("7.1+ x86", "HPET:", "{hpet_human}"),
    ("7.2+ arm", "GIC ITS:", "disabled"),
    ("x86", "PAE:", "{pae_human}"),
    ("x86", "Long Mode:", "{longmode_human}"),
    ("x86", "Triple Fault Reset:", "disabled"),
    ("x86", "APIC:", "enabled"),
    ("x86", "X2APIC:", "{x2apic_human}"),
    ("x86", "Nested VT-x/AMD-V:", "disabled"),
    ("7.0-", "CPUID Portability Level:", "0"),
    ("x86", "CPUID overrides:", "None"),
    ("7.1+ x86", "Hardware Virtualization:", "enabled"),
    ("7.1+ x86", "Nested Paging:", "enabled"),
    ("7.1+ x86", "Large Pages:", "{large_pages_human}"),
    ("7.1+ x86", "VT-x VPID:", "enabled"),
    ("7.1+ x86", "VT-x Unrestricted Exec.:", "enabled"),
    ("7.1+ x86", "AMD-V Virt. Vmsave/Vmload:", "enabled"),
    ("7.1+", "CPUID Portability Level:", "0"),
    ("", "Boot menu mode:", "message and menu"),
    ("", "Boot Device 1:", "Floppy"),
    ("", "Boot Device 2:", "DVD"),
    ("", "Boot Device 3:", "HardDisk"),
    ("", "Boot Device 4:", "Not Assigned"),
    ("", "ACPI:", "enabled"),
    ("", "IOAPIC:", "{ioapic_human}"),
    ("", "BIOS APIC mode:", "APIC"),
    ("", "Time offset:", "0ms"),
    ("7.0+", "BIOS NVRAM File:", "{folder}/{file}.nvram"),
    ("", "RTC:", "{rtc}"),
    ("7.0-", "Hardware Virtualization:", "enabled"),
    ("7.0-", "Nested Paging:", "enabled"),
    ("7.0-", "Large Pages:", "{large_pages_human}"),
    ("7.0-", "VT-x VPID:", "enabled"),
    ("7.0-", "VT-x Unrestricted Exec.:", "enabled"),
    ("7.0+ 7.0-", "AMD-V Virt. Vmsave/Vmload:", "enabled"),
    ("7.0+", "IOMMU:", "None"),
    ("", "Paravirt. Provider:", "Default"),
    ("", "Effective Paravirt. Prov.:", "{paravirt_human}"),
    ("", "State:", "{state_human} (since {since})"),
    ("", "Graphics Controller:", "VBoxVGA"),
    ("", "Monitor count:", "1"),
    ("", "3D Acceleration:", "disabled"),
    ("", "Teleporter Enabled:", "disabled"),
    ("", "Teleporter Port:", "0"),
    ("", "Teleporter Address:", ""),
    ("", "Teleporter Password:", ""),
    ("", "Tracing Enabled:", "disabled"),
    ("", "Allow Tracing to Access VM:", "disabled"),
    ("", "Tracing Configuration:", ""),
    ("", "Autostart Enabled:", "disabled"),
    ("", "Autostart Delay:", "0"),
    ("", "Default Frontend:", ""),
    ("", "VM process priority:", "default"),
    ("7.0+", "Storage Controllers:", "<none>"),
    ("nonic", "NIC 1:", "disabled"),
    (
        "nic",
        "NIC 1:",
        "MAC: {mac}, Attachment: NAT, Cable connected: on, Trace: off (file: none), Type: {nictype}, Reported speed: 0 Mbps, "
        "Boot priority: 0, Promisc Policy: deny, Bandwidth group: none",
    ),
    ("7.0- nic", None, "NIC 1 Settings:  MTU: 0, Socket (send: 64, receive: 64), TCP Window (send:64, receive: 64)"),
    ("7.1+ nic", None, "NIC 1 Settings:"),
    ("7.1+ nic", None, "\tMTU: 0, Socket (send: 64, receive: 64), TCP Window (send:64, receive: 64),"),
    ("7.1+ 7.1- nic", None, "\tLocalhostReachable: 0, ForwardBroadcast: 0"),
    ("7.2+ nic", None, "\tLocalhostReachable: 0, ForwardBroadcast: 0, EnableTFTP: 0"),
    *(("", "NIC %d:" % number, "disabled") for number in range(2, 9)),
    ("", "Pointing Device:", "PS/2 Mouse"),
    ("", "Keyboard Device:", "PS/2 Keyboard"),
    ("nouart", "UART 1:", "disabled"),
    ("7.0- uart", "UART 1:", "I/O base: 0x03f8, IRQ: 4, disconnected, 16550A"),
    ("7.1+ uart", "UART 1:", "I/O address: 0x03f8, IRQ: 4, disconnected, 16550A"),
    ("", "UART 2:", "disabled"),
    ("", "UART 3:", "disabled"),
    ("", "UART 4:", "disabled"),
    ("x86", "LPT 1:", "disabled"),
    ("x86", "LPT 2:", "disabled"),
    ("6.1-", "Audio:", "enabled (Driver: OSS, Controller: AC97, Codec: STAC9700)"),
    ("7.0+", "Audio:", "enabled (Driver: Default, Controller: AC97, Codec: STAC9700)"),
    ("", "Audio playback:", "disabled"),
    ("", "Audio capture:", "disabled"),
    ("", "Clipboard Mode:", "disabled"),
    ("7.1+", "Clipboard file transfers:", "disabled"),
    ("", "Drag and drop Mode:", "disabled"),
    ("live", "Session name:", "{session}"),
    ("live", "Video mode:", "720x400x0 at 0,0 enabled"),
    ("", "VRDE:", "disabled"),
    ("", "OHCI USB:", "disabled"),
    ("", "EHCI USB:", "disabled"),
    ("", "xHCI USB:", "disabled"),
    ("6.1-", None, "\nUSB Device Filters:\n\n<none>\n"),
    ("7.0+", "USB Device Filters:", "<none>"),
    ("live", "Available remote USB devices:", "<none>"),
    ("live", "Currently attached USB devices:", "<none>"),
    ("6.1-", None, "Bandwidth groups:  <none>\n\nShared folders:<none>\n"),
    ("7.0+", "Bandwidth groups:", "<none>"),
    ("7.0+", "Shared folders:", "<none>"),
    ("live", "VRDE Connection:", "not active"),
    ("live", "Clients so far:", "0"),
    ("7.1+", "Recording status:", "stopped"),
    ("", "Recording enabled:", "no"),
    ("", "Recording screens:", "1"),
    ("", None, " Screen 0:"),
    ("6.1-", "    Enabled:", "no"),
    ("7.0+", "    Enabled:", "yes"),
    ("", "    ID:", "0"),
    ("", "    Record video:", "yes"),
    ("6.1-", "    Record audio:", "no"),
    ("7.1+", "    Record audio:", "no"),
    ("", "    Destination:", "File"),
    ("", "    File:", "{folder}/{file}-screen0.webm"),
    ("7.0-", "    Options:", "vc_enabled=true,ac_enabled=false,ac_profile=med"),
    ("7.1+", "    Options:", "ac_profile=med"),
    ("", "    Video dimensions:", "1024x768"),
    ("", "    Video rate:", "512kbps"),
    ("", "    Video FPS:", "25fps"),
    ("described", None, "Description:\n{description}"),
    ("7.0+ snapshots", None, "* Snapshots:\n{snapshots}"),
    ("7.0+", None, "* Guest:"),
    ("6.1-", None, "Guest:\n"),
    ("6.1-", "Configured memory balloon size:", "{balloon}MB"),
    ("7.0+", "Configured memory balloon:", "{balloon}MB"),
    ("live additions", "OS type:", "{guest_ostype}"),
    ("live", "Additions run level:", "{run_level}"),
    ("live additions", "Additions version:", "{additions_version}"),
    ("", None, ""),
    ("6.1-", None, ""),
)

PARAVIRT = {"none": "None", "kvm": "KVM", "hyperv": "HyperV", "minimal": "Minimal"}

STATES = {
    "poweroff": "powered off",
    "gurumeditation": "guru meditation",
    "livesnapshotting": "live snapshotting",
    "teleportingpausedvm": "teleporting paused vm",
    "teleportingin": "teleporting (incoming)",
    "deletingsnapshotlive": "deleting snapshot live",
    "deletingsnapshotlivepaused": "deleting snapshot live paused",
    "onlinesnapshotting": "online snapshotting",
    "restoringsnapshot": "restoring snapshot",
    "deletingsnapshot": "deleting snapshot",
    "settingup": "setting up",
    "snapshotting": "offline snapshotting",
}


def readable(state, machine, balloon, live=True):
    """showvminfo --machinereadable"""
    values = {key: _escape(value) for key, value in _values(state, machine, balloon).items()}
    values["snapshots"] = snapshots.readable(machine) if machine["snapshots"] else ""
    holds = _facts(state, machine, live)
    return "".join(text.format_map(values) + "\n" for when, text in READABLE if _applies(when, holds))


def human(state, machine, balloon, live=True):
    """showvminfo, and each machine of `list -l vms`"""
    values = dict(_values(state, machine, balloon), snapshots=snapshots.human(machine))
    holds = _facts(state, machine, live)
    lines = []
    for when, label, text in HUMAN:
        if _applies(when, holds):
            text = text.format_map(values)
            lines.append("%-28s %s\n" % (label, text) if label else text + "\n")
    return "".join(lines)


def _escape(value):
    return value.replace("\\", "\\\\").replace('"', '\\"') if isinstance(value, str) else value


def _applies(when, holds):
    return all(word in holds for word in when.split())


def _facts(state, machine, live):
    """The words that hold for this machine."""
    here = releases.SERIES.index(releases.series_of(state["release"]))
    holds = {series + "+" for series in releases.SERIES[: here + 1]} | {
        series + "-" for series in releases.SERIES[here:]
    }
    hardware = machine["hardware"].split()
    holds.update(
        (machine["arch"].lower(), "nonic" if "nonic" in hardware else "nic", "uart" if "uart" in hardware else "nouart")
    )
    if live and machine["current"] is not None:
        holds.add("live")
        if guest.run_level(state, machine):
            holds.add("additions")
    if machine["state"] in ("saved", "aborted-saved"):
        holds.add("saved")
    holds.update(word for word, there in (("described", "description"), ("snapshots", "snapshots")) if machine[there])
    return holds


def _values(state, machine, balloon):
    row = ostypes.row_of(state, machine["ostype"])
    words = machine["hardware"].split()
    arm = machine["arch"] == "ARM"
    paravirt = row[4].split()[-2] if row else "none"
    values = {key: machine[key] for key in ("name", "uuid", "folder", "file", "memory", "mac", "state", "description")}
    flags = {word: word in words for word in ("pae", "x2apic", "ioapic", "hpet", "utc")}
    flags.update(longmode="long" in words, page_fusion=machine["page_fusion"], large_pages=machine["large_pages"])
    for key, flag in flags.items():
        values[key] = "on" if flag else "off"
        values[key + "_human"] = "enabled" if flag else "disabled"
    values.update(
        groups=",".join(machine["groups"]),
        architecture=machine["arch"],
        ostype=row[1] if row else machine["ostype"],
        chipset="armv8virtual" if arm else "ich9" if "ich9" in words else "piix3",
        firmware="EFI" if "efi" in words or (arm and "bios" not in words) else "BIOS",
        rtc="UTC" if flags["utc"] else "local time",
        paravirt=paravirt,
        paravirt_human=PARAVIRT[paravirt],
        nictype=words[-1],
        since=clock.stamp(machine["since"]),
        state_human=STATES.get(machine["state"], machine["state"]),
        saved_file=clock.stamp(machine["since"]).replace(":", "-").replace(".", "-") + "Z.sav",
        balloon=balloon,
        session=machine["frontend"] or "headless",
        run_level=guest.run_level(state, machine),
        guest_ostype=machine["ostype"] if machine["ostype"].startswith("Windows") else "Linux26_64",
        additions_version="6.0.0 r127566",
        booted_ms=int(machine["since"] * 1000),
    )
    return values
