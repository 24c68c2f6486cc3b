# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The fake's own tests: what no sandbox can show (other releases, running guests, faults)."""

import concurrent.futures
import re
import resource
import time

import pytest
from fake.vboxfake import FakeHost
from support.hosts import wait_until

LOCKED, NOT_READY, FAILURE = (
    b"VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)",
    b"E_ACCESSDENIED (0x80070005)",
    b"NS_ERROR_FAILURE (0x80004005)",
)
NOT_IMPLEMENTED, WRONG_STATE = b"NS_ERROR_NOT_IMPLEMENTED (0x80004001)", b"VBOX_E_INVALID_VM_STATE (0x80bb0002)"


@pytest.fixture
def make(tmp_path):
    """Makes a fake host with one stopped machine, `m` (Debian, 768 MB)."""

    def make_host(release="7.2", **options):
        host = FakeHost(tmp_path / ("fake-%s" % release), release=release, **options)
        host.add_machine("m", ostype="Debian_64", memory=768)
        return host

    return make_host


@pytest.fixture
def live(tmp_path):
    """A fake host with one running guest, `g` (768 MB), the balloon of which moves at 10 MB/s. Time is moved by `advance` alone."""
    host = FakeHost(tmp_path / "live", release="7.2", clock_rate=0)
    host.add_guest("g", rate=10)
    return host


def shown(host, name):
    """showvminfo's keys."""
    text = host.ok("showvminfo", name, "--machinereadable")
    return dict(re.findall(r'^(\w+)="?(.*?)"?$', text, re.M))


def metric(host, owner, name):
    """The newest value of one metric in kB, or None."""
    line = host.ok("metrics", "query", owner, name).splitlines()[2:]
    values = re.findall(r"(\d+) kB", line[0]) if line else []
    return int(values[-1]) if values else None


# -- releases and hosts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.1", "6.1.36r152435"), ("7.0", "7.0.20r163906"), ("7.1", "7.1.12r169651"), ("7.2", "7.2.22_Debianr175245")],
)
def test_version(make, release, version):
    assert make(release).ok("--version") == version + "\n"


@pytest.mark.parametrize("release", ["6.1", "7.0", "7.1", "7.2"])
def test_old_spellings_work_everywhere_and_new_ones_from_7_0(make, release):
    host = make(release)
    host.ok("modifyvm", "m", "--guestmemoryballoon=5", "--largepages=on")
    result = host.vbox("modifyvm", "m", "--guest-memory-balloon=6", "--large-pages", "off")
    assert result.returncode == (1 if release == "6.1" else 0)
    assert (b"Unknown option: --guest-memory-balloon=6" in result.stderr) == (release == "6.1")
    assert shown(host, "m")["GuestMemoryBalloon"] == ("5" if release == "6.1" else "6")


@pytest.mark.parametrize(
    ("release", "kind", "works"),
    [
        ("6.1", "linux", True),
        ("7.1", "linux", True),
        ("7.1", "windows", True),
        ("7.1", "macos", False),
        ("7.2", "linux", False),
    ],
)
def test_page_fusion(make, release, kind, works):
    host = make(release, kind=kind)
    for value in ("on", "off"):
        result = host.vbox("modifyvm", "m", "--pagefusion", value)
        assert result.returncode == (0 if works else 1)
        assert (NOT_IMPLEMENTED in result.stderr) != works
        assert shown(host, "m")["pagefusion"] == (value if works else "off")


def test_page_fusion_that_came_with_the_machine_stays_on_7_2(make):
    host = make("7.2")
    host.change("m", page_fusion=True)
    assert NOT_IMPLEMENTED in host.vbox("modifyvm", "m", "--page-fusion=off").stderr
    host.ok("modifyvm", "m", "--guest-memory-balloon=5")
    assert shown(host, "m")["pagefusion"] == "on"


@pytest.mark.parametrize("kind", ["macos", "linux32"])
def test_hosts_without_a_balloon(make, kind):
    assert NOT_IMPLEMENTED in make("7.1", kind=kind).vbox("modifyvm", "m", "--guest-memory-balloon=5").stderr


@pytest.mark.parametrize(
    ("release", "kind", "on"),
    [
        ("6.1", "linux", "off"),
        ("7.0", "linux", "on"),
        ("7.0", "windows", "on"),
        ("7.1", "linux", "off"),
        ("7.1", "windows", "on"),
        ("7.2", "linux", "off"),
    ],
)
def test_large_pages_of_new_machines(make, release, kind, on):
    assert shown(make(release, kind=kind), "m")["largepages"] == on


def test_types_that_a_release_does_not_know(make):
    for release in ("6.1", "7.0"):
        host = make(release)
        host.ok("createvm", "--name", "a", "--ostype", "Debian_arm64", "--register")
        assert shown(host, "a")["ostype"] == "Debian_arm64"
    host = make("7.1")
    for ostype, code in (
        ("Debian_arm64", b"VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED"),
        ("Debian13_64", b"Unknown or invalid"),
    ):
        assert code in host.vbox("createvm", "--name", "a", "--ostype", ostype, "--register").stderr


def test_a_refused_option_loses_the_others(make):
    host = make("7.2")
    assert host.vbox("modifyvm", "m", "--guest-memory-balloon=5", "--page-fusion=on").returncode == 1
    assert shown(host, "m")["GuestMemoryBalloon"] == "0"


@pytest.mark.parametrize(
    ("release", "there", "not_there"),
    [
        (
            "6.1",
            ["largepages="],
            ["platformArchitecture", "ncryption", "iommu", "virtvmsavevmload", "recording_started"],
        ),
        (
            "7.0",
            ['\nencryption="disabled"\n', "iommu="],
            ["platformArchitecture", "Encryption:", "recording_started"],
        ),
        ("7.1", ['\nencryption="disabled"\n', "platformArchitecture="], ["enableTFTP", "Encryption:"]),
        ("7.2", ["enableTFTP=", "platformArchitecture="], ["Encryption:"]),
    ],
)
def test_what_each_release_shows(make, release, there, not_there):
    text = make(release).ok("showvminfo", "m", "--machinereadable")
    assert [part for part in there if part not in text] == []
    assert [part for part in not_there if part in text] == []


def test_arm_machines_have_no_large_pages(make):
    host = make("7.2")
    host.ok("createvm", "--name", "a", "--ostype", "Debian_arm64", "--register")
    assert "largepages" not in shown(host, "a")
    assert host.vbox("modifyvm", "a", "--large-pages=off").returncode == 1


# -- states -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", ["running", "paused", "gurumeditation", "saving", "settingup", "deletingsnapshot", "unknown"]
)
def test_forced_states_lock_the_machine(make, state):
    host = make()
    host.change("m", state=state)
    assert shown(host, "m")["VMState"] == state
    assert LOCKED in host.vbox("modifyvm", "m", "--guest-memory-balloon=5").stderr


@pytest.mark.parametrize(("release", "refused"), [("6.1.32", False), ("6.1.34", True), ("7.2", True)])
def test_saved_machines(make, release, refused):
    host = make(release)
    host.change("m", state="saved")
    for option in ("--guestmemoryballoon=5", "--largepages=on"):
        result = host.vbox("modifyvm", "m", option)
        assert (WRONG_STATE in result.stderr) == refused == (result.returncode == 1)
        assert (b"Invalid option case 1174" in result.stderr) == (release == "7.2" and "large" in option)


def test_inaccessible_machines(make):
    host = make()
    uuid = host.machine("m")["uuid"]
    host.change("m", accessible=False)
    assert host.ok("list", "vms") == '"<inaccessible>" {%s}\n' % uuid
    assert b"VBOX_E_OBJECT_NOT_FOUND" in host.vbox("showvminfo", "m").stderr
    for command in (
        ["showvminfo", uuid, "--machinereadable"],
        ["modifyvm", uuid, "--memory=5"],
        ["controlvm", uuid, "reset"],
        ["startvm", uuid],
    ):
        result = host.vbox(*command)
        assert result.returncode == 1
        assert b"The object functionality is limited" in result.stderr


@pytest.mark.parametrize("release", ["6.1", "7.0", "7.1"])
def test_inaccessible_machines_are_shown_before_7_2(make, release):
    host = make(release)
    uuid = host.machine("m")["uuid"]
    host.change("m", accessible=False, access_error="why")
    assert host.ok("showvminfo", uuid, "--machinereadable") == 'name="<inaccessible>"\nUUID="%s"\n' % uuid
    listed, asked = host.vbox("list", "-l", "vms"), host.vbox("showvminfo", uuid)
    assert (asked.stdout, asked.stderr) == (listed.stdout, listed.stderr)
    assert listed.stderr.startswith(b"VBoxManage: error: why\n")


# -- guests -------------------------------------------------------------------------------------------------------------


def test_the_current_request_is_not_the_default(live):
    live.ok("controlvm", "g", "guestmemoryballoon", "111")
    assert shown(live, "g")["GuestMemoryBalloon"] == "111"
    assert "Configured memory balloon:   0MB" in live.ok("list", "-l", "vms")
    live.ok("controlvm", "g", "poweroff")
    assert shown(live, "g")["GuestMemoryBalloon"] == "0"


def test_the_guest_follows_at_its_rate(live):
    live.ok("controlvm", "g", "guestmemoryballoon", "100")
    free = live.guest("g")["free_mb"]
    live.advance(5)
    assert live.guest("g")["balloon"] == pytest.approx(50)
    live.advance(60)
    assert live.guest("g")["balloon"] == 100
    assert live.guest("g")["free_mb"] == free - 100


def test_a_newer_request_does_not_stop_the_one_under_way(live):
    live.ok("controlvm", "g", "guestmemoryballoon", "500")
    live.advance(10)
    live.ok("controlvm", "g", "guestmemoryballoon", "0")
    live.advance(35)
    assert live.guest("g")["balloon"] == pytest.approx(450)
    live.advance(15)
    assert live.guest("g")["balloon"] == pytest.approx(400)
    live.advance(100)
    assert live.guest("g")["balloon"] == 0


def test_too_much_panics_an_idle_guest(live):
    live.ok("controlvm", "g", "guestmemoryballoon", "690")
    live.advance(120)
    assert live.guest("g")["panicked"]
    assert shown(live, "g")["VMState"] == "running"


def test_a_program_is_killed_first(live):
    live.set_guest("g", program_mb=10, program_rate=20, program_max_mb=500)
    live.ok("controlvm", "g", "guestmemoryballoon", "400")
    live.advance(60)
    assert (live.guest("g")["oom_kills"], live.guest("g")["panicked"]) == (1, False)


def test_a_balloon_that_leaves_enough_does_no_harm(live):
    live.ok("controlvm", "g", "guestmemoryballoon", "600")
    live.advance(1000)
    guest = live.guest("g")
    assert (guest["balloon"], guest["panicked"], guest["oom_kills"]) == (600, False, 0)


@pytest.mark.parametrize(("figures", "reached"), [({"additions": False}, 0), ({"stuck_at": 40}, 40)])
def test_guests_that_do_not_follow(live, figures, reached):
    live.set_guest("g", **figures)
    live.ok("controlvm", "g", "guestmemoryballoon", "100")
    live.advance(1000)
    assert live.guest("g")["balloon"] == reached
    assert shown(live, "g")["GuestMemoryBalloon"] == "100"


def test_large_pages_end_in_guru_meditation(live):
    live.change("g", large_pages=True)
    live.ok("controlvm", "g", "guestmemoryballoon", "300")
    live.advance(1)
    assert shown(live, "g")["VMState"] == "running"
    live.advance(60)
    assert shown(live, "g")["VMState"] == "gurumeditation"


def test_reset_empties_the_balloon_and_fills_it_again(live):
    live.ok("controlvm", "g", "guestmemoryballoon", "100")
    live.advance(60)
    live.ok("controlvm", "g", "reset")
    assert live.guest("g")["balloon"] == 0
    assert shown(live, "g")["GuestAdditionsRunLevel"] == "0"
    live.advance(60)
    assert live.guest("g")["balloon"] == 100


def test_after_savestate_and_restore_a_request_of_0_does_nothing(live):
    live.ok("controlvm", "g", "guestmemoryballoon", "150")
    live.advance(60)
    live.ok("controlvm", "g", "savestate")
    assert (shown(live, "g")["VMState"], shown(live, "g")["GuestMemoryBalloon"]) == ("saved", "150")
    live.ok("startvm", "g", "--type", "headless")
    for size, balloon in (("0", 150), ("1", 1), ("0", 0)):
        live.ok("controlvm", "g", "guestmemoryballoon", size)
        live.advance(60)
        assert shown(live, "g")["GuestMemoryBalloon"] == size
        assert live.guest("g")["balloon"] == balloon


def test_a_paused_guest_stands_still(live):
    live.ok("controlvm", "g", "pause")
    live.ok("controlvm", "g", "guestmemoryballoon", "100")
    live.advance(100)
    assert live.guest("g")["balloon"] == 0
    live.ok("controlvm", "g", "resume")
    live.advance(5)
    assert live.guest("g")["balloon"] == pytest.approx(50)


@pytest.mark.parametrize(("figures", "state"), [({}, "poweroff"), ({"ignores_acpi": True}, "running")])
def test_the_power_button(live, figures, state):
    live.set_guest("g", **figures)
    live.ok("controlvm", "g", "acpipowerbutton")
    assert shown(live, "g")["VMState"] == "running"
    live.advance(6)
    assert shown(live, "g")["VMState"] == state


def test_the_default_is_filled_after_a_start(make):
    host = make(clock_rate=0)
    host.ok("modifyvm", "m", "--guest-memory-balloon=100")
    assert host.ok("startvm", "m", "--type", "headless").endswith('VM "m" has been successfully started.\n')
    host.advance(100)
    assert host.guest("m")["balloon"] == 100
    assert host.ok("list", "runningvms").startswith('"m" {')


@pytest.mark.parametrize(
    ("text", "size"),
    [("010", "8"), ("0x10", "16"), ("10", "10"), ("1.5", None), ("", None), ("-5", None), ("691", None)],
)
def test_controlvm_numbers(live, text, size):
    result = live.vbox("controlvm", "g", "guestmemoryballoon", text)
    assert result.returncode == (1 if size is None else 0)
    assert shown(live, "g")["GuestMemoryBalloon"] == (size or "0")


# -- metrics --------------------------------------------------------------------------------------------------------------


def test_metrics_come_a_period_after_their_set_up(live):
    assert metric(live, "g", "Guest/RAM/Usage/Free") is None
    live.ok("metrics", "setup", "--period", "1", "--samples", "1", "*", "RAM/*,Guest/RAM/*")
    assert metric(live, "g", "Guest/RAM/Usage/Free") is None
    live.advance(1.5)
    assert metric(live, "g", "Guest/RAM/Usage/Total") == 725760
    assert metric(live, "host", "RAM/VMM/Ballooned") == 0


def test_metrics_show_the_balloon(live):
    live.add_guest("win", ostype="Windows10_64", rate=10)
    live.ok("metrics", "setup", "--period", "1", "--samples", "2", "*", "RAM/*,Guest/RAM/*")
    for name in ("g", "win"):
        live.ok("controlvm", name, "guestmemoryballoon", "100")
    live.advance(60)
    assert metric(live, "host", "RAM/VMM/Ballooned") == 200 * 1024
    assert metric(live, "g", "Guest/RAM/Usage/Balloon") == 0
    assert metric(live, "win", "Guest/RAM/Usage/Balloon") == 100 * 1024
    assert live.ok("metrics", "query", "host", "RAM/VMM/Ballooned").splitlines()[
        2
    ] == "%-15s %-40s 204800 kB, 204800 kB" % (
        "host",
        "RAM/VMM/Ballooned",
    )


def test_the_set_up_is_gone_after_a_restart(live):
    live.ok("metrics", "setup", "--period", "1", "--samples", "1", "*")
    live.advance(5)
    live.ok("controlvm", "g", "poweroff")
    live.ok("startvm", "g")
    live.advance(10)
    assert metric(live, "g", "Guest/RAM/Usage/Free") is None
    assert metric(live, "host", "RAM/Usage/Free") is not None
    live.restart_server()
    assert metric(live, "host", "RAM/Usage/Free") is None


def test_a_panicked_guest_s_figures_freeze(live):
    live.ok("metrics", "setup", "--period", "1", "--samples", "1", "*")
    live.ok("controlvm", "g", "guestmemoryballoon", "690")
    live.advance(120)
    frozen = metric(live, "g", "Guest/RAM/Usage/Free")
    live.ok("controlvm", "g", "guestmemoryballoon", "0")
    live.advance(120)
    assert metric(live, "g", "Guest/RAM/Usage/Free") == frozen
    assert live.guest("g")["balloon"] > 600


# -- faults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "code"), [("locked", LOCKED), ("not_ready", NOT_READY), ("server_failure", FAILURE)])
def test_passing_errors_pass(make, kind, code):
    host = make()
    host.faults({"kind": kind, "count": 2, "command": "modifyvm"})
    results = [host.vbox("modifyvm", "m", "--guest-memory-balloon=5") for _try in range(3)]
    assert [result.returncode for result in results] == [1, 1, 0]
    assert all(code in result.stderr for result in results[:2])


def test_garbage_and_silence(make):
    host = make()
    host.faults({"kind": "garbage", "command": "showvminfo"}, {"kind": "empty", "command": "list"})
    result = host.vbox("showvminfo", "m", "--machinereadable")
    assert result.returncode == 0
    with pytest.raises(UnicodeDecodeError):
        result.stdout.decode()
    assert host.ok("list", "vms") == ""
    assert host.ok("list", "vms") != ""


def test_translated_messages_keep_their_codes(make):
    host = make()
    host.faults({"kind": "translated"})
    for _try in range(2):
        text = host.vbox("showvminfo", "nosuch").stderr
        assert b"VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)" in text
        assert b"Could not find" not in text


def test_writes_that_are_lost_and_writes_that_crash(make):
    host = make()
    host.faults({"kind": "lost_write"}, {"kind": "crash_after_write", "skip": 1})
    assert host.vbox("modifyvm", "m", "--guest-memory-balloon=5").returncode == 0
    assert shown(host, "m")["GuestMemoryBalloon"] == "0"
    assert host.vbox("modifyvm", "m", "--guest-memory-balloon=6").returncode == 1
    assert shown(host, "m")["GuestMemoryBalloon"] == "6"


def test_machines_that_vanish_and_machines_that_start(make):
    host = make()
    host.add_machine("n")
    host.faults({"kind": "vanish", "machine": "n", "skip": 1}, {"kind": "start_under_us", "machine": "m", "skip": 1})
    host.ok("showvminfo", "n")
    assert host.vbox("showvminfo", "n").returncode == 1
    host.ok("modifyvm", "m", "--guest-memory-balloon=5")
    assert LOCKED in host.vbox("modifyvm", "m", "--guest-memory-balloon=6").stderr


def test_the_wrapper_s_warning(make):
    host = make()
    host.faults({"kind": "wrapper_warning"})
    for argv in (["list", "vms"], ["--version"]):
        assert host.ok(*argv).startswith("WARNING: The character device /dev/vboxdrv does not exist.\n")


def test_hanging_holds_nobody_else_up(make, tmp_path):
    host, release = make(), tmp_path / "release"
    host.faults({"kind": "hang", "until": str(release), "machine": "m"})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = pool.submit(host.ok, "showvminfo", "m")
        wait_until(lambda: host.calls("showvminfo"), 30)
        host.ok("list", "vms")
        assert not slow.done()
        release.touch()
        slow.result()


def test_hanging_for_some_time(make):
    host = make()
    host.faults({"kind": "hang", "seconds": 0.5})
    started = time.monotonic()
    host.ok("list", "vms")
    assert time.monotonic() - started >= 0.5


# -- the fake as a program ----------------------------------------------------------------------------------------------------


def test_calls_side_by_side_lose_nothing(make):
    host = make()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: host.ok("createvm", "--name", "p%d" % number, "--register"), range(20)))
    assert len(host.ok("list", "vms").splitlines()) == 21
    assert len(host.calls("createvm")) == 20


def test_a_call_is_quick(make):
    """By the processor's time, which does not depend on what else the machine does."""
    host = make()
    host.ok("list", "vms")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _try in range(10):
        host.ok("list", "vms")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 10 < 0.2
