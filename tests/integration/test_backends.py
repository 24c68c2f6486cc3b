# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Both ways to VirtualBox, VBoxManage and the bindings, on the same machines: they must say the same, also about what goes wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess

import pytest
import yaml
from support.hosts import CONNECT, SandboxTestHost, wait_until
from support.testbeds import TESTS, VBOX, ssh_variables

pytestmark = pytest.mark.sandbox

BACKENDS = ("vboxmanage", "api")
OWN_UUID = "87654321-4321-4321-4321-123456789abc"  # a machine's, and its name
UNKNOWN = "12345678-4321-4321-4321-123456789abc"

# Holds the lock of the machines named for so many seconds, or until it is told to go, and gives it back itself.
HOLDER = f"""{CONNECT}
import signal
sessions = []
for name in sys.argv[2:]:
    session = manager.getSessionObject()
    box.findMachine(name).lockMachine(session, manager.constants.LockType_Write)
    sessions.append(session)
signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit())
try:
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
finally:
    for session in sessions:
        session.unlockMachine()
"""


class Host(SandboxTestHost):
    """A user of the sandbox, and its machines by name."""

    path = "/usr/bin:/bin"  # without the recorder, which is no program of VirtualBox's packages

    def __init__(self, sandbox, user):
        super().__init__(sandbox, user)
        self.forget_machines()
        self.uuids = {}

    def make(self, name, *create, ostype="Debian_64", modify=()):
        uuid = self.uuids[name] = self.create(name, *create, ostype=ostype)
        if modify:
            self.vbox("modifyvm", uuid, *modify)
        return uuid

    def do(self, backend, *calls, executable=VBOX, python=""):
        """Call a backend's methods; gives back what `run_backend.py` prints, or only the results of calls that all could be made."""
        done = self.python("run_backend.py", backend, executable, python, given=json.dumps(calls))
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def results(self, backend, *calls):
        return self.do(backend, *calls)["results"]

    def both(self, *calls):
        """The results of both backends, which must be equal."""
        one, other = (self.results(backend, *calls) for backend in BACKENDS)
        assert one == other
        return one

    def stop_server(self):
        """End it, if it has not ended by itself: it does so some seconds after the last call."""
        end = "pkill -U $(id -u) VBoxSVC; pgrep -U $(id -u) VBoxSVC || true"
        wait_until(lambda: self.run("sh", "-c", end).stdout == "", 60)

    def script(self, path, text):
        self.run("sh", "-c", f'cat > "{path}" && chmod +x "{path}"', given=text)
        return path


def codes(results):
    return [result and result.get("code") for result in results]


@pytest.fixture(scope="module")
def odd(sandbox):
    """A host with machines of every name in the table of cases, and of every other kind that a stopped machine can be of."""
    host = Host(sandbox, "vbox41")
    for case in yaml.safe_load((TESTS / "cases" / "names.yml").read_text()):
        for machine in case.get("machines", []):
            if machine["name"] not in host.uuids:
                host.make(machine["name"], *machine.get("create", []), modify=machine.get("modify", ()))
    host.make(OWN_UUID, "--uuid", OWN_UUID)
    host.make("arm", "--platform-architecture", "arm", ostype="Debian_arm64")
    host.make(
        "windows",
        "--groups",
        "/a/b,/c",
        ostype="Windows10_64",
        modify=("--memory", "2048", "--guestmemoryballoon", "512", "--largepages", "on"),
    )
    host.make("twin", "--basefolder", "/tmp/vbox41-1")
    host.make("twin", "--basefolder", "/tmp/vbox41-2")
    return host


def test_all_machines_are_the_same(odd):
    machines, unreadable = odd.both(["read_all"])[0]
    assert {machine["name"] for machine in machines} == set(odd.uuids)
    assert unreadable == {}
    windows = next(machine for machine in machines if machine["name"] == "windows")
    assert (windows["balloon_default"], windows["large_pages"], windows["groups"]) == (512, True, ["/a/b", "/c"])
    assert next(machine for machine in machines if machine["name"] == "arm")["large_pages"] is None


def test_the_type_is_that_of_the_settings_file(odd):
    types = {machine["name"]: machine["os_type"] for machine in odd.results("api", ["read_all"])[0][0]}
    assert (types["windows"], types["arm"], types["other"]) == ("Windows10_64", "Debian_arm64", "Debian_64")


# What becomes of a settings file while the server has the machine in memory. $1 is the file.
FILES = {
    "gone": 'mv "$1" "$1.away"',
    "not permitted": 'chmod 0 "$1"',
    "empty": ': > "$1"',
    "cut off": 'head -c 700 "$1" > "$1.part"; mv "$1.part" "$1"',
}


def test_the_type_is_the_same_where_the_settings_file_does_not_say_it(sandbox):
    """Also of an encrypted machine, of one whose file has the ID in small letters, and of a type that VirtualBox does not know."""
    host = Host(sandbox, "vbox40")
    uuids = {kind: host.make(kind) for kind in [*FILES, "encrypted", "small letters", "unknown"]}
    files = {kind: settings_file(host, uuid) for kind, uuid in uuids.items()}
    host.run("sh", "-c", "echo secret > password")
    password = "/home/vbox40/password"
    how = ("--new-password=" + password, "--cipher=AES-128", "--new-password-id=secret")
    host.vbox("encryptvm", "encrypted", "setencryption", *how)
    host.stop_server()
    host.run("sed", "-i", "s/Debian_64/debian_64/", files["small letters"])
    host.run("sed", "-i", "s/Debian_64/NoSuch/", files["unknown"])
    with Holder(host, 600):
        host.vbox("encryptvm", uuids["encrypted"], "addpassword", "--password=" + password, "--password-id=secret")
        host.vbox("list", "-l", "vms")
        for kind, change in FILES.items():
            host.run("sh", "-c", change, "sh", files[kind])
        machines, errors = host.both(["read_all"])[0]
    types = {machine["name"]: (machine["os_type"], machine["os_description"]) for machine in machines}
    assert errors == {} and types.pop("unknown") == ("NoSuch", "NoSuch")
    assert set(types.values()) == {("Debian_64", "Debian (64-bit)")} and len(types) == len(uuids) - 1


def test_every_name_and_uuid_finds_the_same(odd):
    names = [name for name in odd.uuids if name != "twin"]
    wanted = [*names, *odd.uuids.values(), *(uuid.upper() for uuid in odd.uuids.values())]
    found = odd.both(["find", wanted])[0]
    assert [machine["name"] for machine in found[: len(names)] if machine["uuid"] != UNKNOWN] == [
        # This one has the form of another machine's UUID, which then is meant.
        "other" if name == "12345678-1234-1234-1234-123456789abc" and name in odd.uuids.values() else name
        for name in names
    ]
    assert odd.both(*(["find_one", name] for name in wanted)) == found
    assert odd.both(*(["read", uuid] for uuid in odd.uuids.values()))


def test_many_are_read_by_two_processes_and_by_one_when_the_other_is_lost(odd):
    wanted = [*odd.uuids.values(), *odd.uuids, "nothing", UNKNOWN]
    assert len(wanted) > 50, "else there is no second process"
    before, _killed, without, after = odd.results(
        "api", ["find", wanted], ["kill_second"], ["find", wanted], ["find", wanted]
    )
    assert before == without == after == odd.results("api", *(["find_one", one] for one in wanted))
    assert codes(before)[-2:] == ["machine_not_found"] * 2 and "machine_ambiguous" in codes(before)


def test_a_machine_that_goes_and_one_that_comes_while_many_are_looked_for(odd):
    gone = odd.make("goes")
    del odd.uuids["goes"]
    wanted = [*odd.uuids.values(), *odd.uuids.values(), "goes", "comes"]
    before, _gone, _come, after, _removed = odd.results(
        "api",
        ["find", wanted],
        ["raw", "unregistervm", gone, "--delete"],
        ["raw", "createvm", "--name", "comes", "--register"],
        ["find", wanted],
        ["raw", "unregistervm", "comes", "--delete"],
    )
    assert before[-2]["uuid"] == gone and codes(before)[-1] == "machine_not_found"
    assert codes(after)[-2] == "machine_not_found" and after[-1]["name"] == "comes"
    assert before[:-2] == after[:-2]


def test_what_is_not_there_and_what_is_there_twice(odd):
    results = odd.both(
        ["find_one", "nothing"],
        ["find_one", UNKNOWN],
        ["find_one", ""],
        ["find_one", "TWO\nlines"],
        ["find_one", "{%s}" % odd.uuids["windows"]],
        ["find_one", "twin"],
        ["find_one", "*"],
    )
    assert codes(results) == ["machine_not_found"] * 5 + ["machine_ambiguous", "machine_not_found"]


def test_reading_what_is_gone_is_an_error_of_the_same_kind(odd):
    one, other = (odd.results(backend, ["read", UNKNOWN])[0] for backend in BACKENDS)
    assert (
        (one["code"], one["vbox_code"])
        == (other["code"], other["vbox_code"])
        == ("machine_not_found", "VBOX_E_OBJECT_NOT_FOUND (0x80bb0001)")
    )


def test_no_machine_runs(odd):
    assert odd.both(["read_live"]) == [[]]


# What is refused: the values, and our code. `<0>` is a stopped machine.
REFUSED = {
    "too large a balloon": ("<0>", {"balloon_default": 5000}, "change_refused"),
    "the first size that is refused": ("<0>", {"balloon_default": 921}, "change_refused"),
    "the largest number": ("<0>", {"balloon_default": 2**32 - 1}, "change_refused"),
    "Page Fusion on": ("<0>", {"page_fusion": True}, "not_supported_by_host"),
    "Page Fusion off": ("<0>", {"page_fusion": False}, "not_supported_by_host"),
    "one refused of three": (
        "<0>",
        {"balloon_default": 77, "page_fusion": False, "large_pages": True},
        "not_supported_by_host",
    ),
    "a balloon now, of a stopped machine": ("<0>", {"balloon_current": 64}, "vboxmanage_failed"),
    "a machine that is not there": (UNKNOWN, {"balloon_default": 64}, "machine_not_found"),
    "a balloon now, of a machine that is not there": (UNKNOWN, {"balloon_current": 64}, "machine_not_found"),
}


def test_what_is_refused_is_refused_in_the_same_way_and_changes_nothing(odd):
    uuid = odd.uuids["other"]
    calls = [["change", machine.replace("<0>", uuid), values] for machine, values, _code in REFUSED.values()]
    before = odd.both(["read", uuid])
    one, other = (odd.results(backend, *calls) for backend in BACKENDS)
    assert codes(one) == codes(other) == [code for _machine, _values, code in REFUSED.values()]
    assert one == other, "the same situation gives the same code and the same reason"
    assert odd.both(["read", uuid]) == before


def test_each_reads_what_the_other_wrote(odd):
    for number, (writer, reader) in enumerate((BACKENDS, BACKENDS[::-1]), 1):
        for name in ("windows", 'quo"te', "two\nlines"):
            uuid = odd.uuids[name]
            change = ["change", uuid, {"balloon_default": number, "large_pages": False}]
            assert odd.results(writer, change) == [None]
            machine = odd.results(reader, ["read", uuid])[0]
            assert (machine["balloon_default"], machine["large_pages"]) == (number, False)
        assert odd.results(writer, ["change", uuid, {"large_pages": True}]) == [None]
        assert odd.results(reader, ["read", uuid])[0]["large_pages"] is True


@pytest.mark.parametrize("first", BACKENDS)
def test_metrics_that_one_sets_up_the_other_reads(odd, first):
    odd.stop_server()
    wanted = {"host": {"memory_total_kb": "RAM/Usage/Total", "vmm_ballooned_kb": "RAM/VMM/Ballooned"}}
    stopped = odd.uuids["windows"]
    with Holder(odd, 600):  # the server ends 5 s after its last client, and forgets the set-up
        sampled = odd.results(first, ["sample", wanted, 20])
        assert sampled[0]["host"]["memory_total_kb"] > 0 and sampled[0]["host"]["vmm_ballooned_kb"] == 0
        assert odd.both(
            ["sample", wanted, 0],
            ["sample", {stopped: {"process_kb": "RAM/Usage/Used"}}, 0],
            ["metrics_period", stopped],
        ) == [*sampled, {stopped: {"process_kb": None}}, 0]


def test_a_machine_whose_file_is_gone(sandbox):
    host = Host(sandbox, "vbox42")
    gone, there = host.make("gone"), host.make("there")
    file = settings_file(host, gone)
    host.run("mv", file, file + ".away")
    host.run("sh", "-c", 'rm -f "$1"-prev', "sh", file)
    host.stop_server()
    results = host.both(["find_one", gone], ["find_one", "gone"], ["find", [there, gone]], ["read_all"])
    assert codes(results[:2]) == ["machine_inaccessible", "machine_not_found"]
    assert [one.get("code") for one in results[2]] == [None, "machine_inaccessible"]
    assert list(results[3][1]) == [gone] and [machine["uuid"] for machine in results[3][0]] == [there]
    host.run("mv", file + ".away", file)
    assert host.results("api", ["find_one", "gone"])[0]["uuid"] == gone


# How a machine is made unreadable, what VirtualBox says then, and what the message advises. $1 is the machine's settings file.
UNREADABLE = {
    "gone": ('mv "$1" "$1.away"', "VERR_FILE_NOT_FOUND", "bring its .vbox file back"),
    "folder gone": ('mv "${1%/*}" "${1%/*}.away"', "VERR_FILE_NOT_FOUND", "bring its .vbox file back"),
    "not permitted": ('chmod 0 "$1"', "VERR_ACCESS_DENIED", "let the user that VirtualBox runs as read"),
    "empty": (': > "$1"', "Document is empty", "ends in -prev"),
    "cut off": ('head -c 700 "$1" > "$1.part"; mv "$1.part" "$1"', "Couldn't find end of Start Tag", "ends in -prev"),
    "of a newer VirtualBox": (
        'sed -i \'s/version="1[^"]*-linux"/version="1.99-linux"/\' "$1"',
        "Machine/@Platform",
        "a newer VirtualBox",
    ),
    "encrypted": (": already", "Failed to retain key for key ID 'secret'", "VBoxManage encryptvm <0> addpassword"),
}


def test_machines_that_cannot_be_read_are_told_with_virtualbox_s_reason_and_stop_no_other(sandbox):
    host = Host(sandbox, "vbox47")
    there = host.make("there")
    uuids = {kind: host.make(kind) for kind in UNREADABLE}
    # Before the encryption: a server that ends after it no longer says where the settings are.
    files = {kind: settings_file(host, uuid) for kind, uuid in uuids.items()}
    host.run("sh", "-c", "echo secret > password")
    host.vbox(
        "encryptvm",
        "encrypted",
        "setencryption",
        "--new-password=/home/vbox47/password",
        "--cipher=AES-128",
        "--new-password-id=secret",
    )
    host.stop_server()
    for kind, (how, _reason, _remedy) in UNREADABLE.items():
        host.run("sh", "-c", 'rm -f "$1-prev"; ' + how, "sh", files[kind])
    machines, errors = host.both(["read_all"])[0]
    assert [machine["uuid"] for machine in machines] == [there] and list(errors) == list(uuids.values())
    for kind, (_how, reason, remedy) in UNREADABLE.items():
        error = errors[uuids[kind]]
        assert error["code"] == "machine_inaccessible" and "MachineImpl.cpp" not in error["msg"]
        assert reason in error["msg"] and remedy.replace("<0>", uuids[kind]) in error["msg"], error
    assert host.both(["find", [*uuids.values(), there]])[0][:-1] == list(errors.values())


def settings_file(host, uuid):
    return re.search(r'^CfgFile="(.*)"$', host.vbox("showvminfo", uuid, "--machinereadable"), re.MULTILINE).group(1)


def test_a_machine_that_another_program_holds(sandbox):
    host = Host(sandbox, "vbox43")
    held, free = host.make("held"), host.make("free")
    change = ["change", held, {"balloon_default": 64}]
    with Holder(host, 600, "held"):
        assert [machine["uuid"] for machine in host.both(["find_one", "held"], ["find_one", "free"])] == [held, free]
        for backend in BACKENDS:
            refused, made = host.results(backend, change, ["change", free, {"balloon_default": 64}])
            assert (refused["code"], refused["vbox_code"], made) == (
                "machine_locked",
                "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)",
                None,
            )
    with Holder(host, 3, "held"):
        assert host.results("api", change) == [None], "the lock was given back in time"
    assert host.both(["read", held])[0]["balloon_default"] == 64


class Holder:
    """A client of the server that holds machines' locks, if any, for some seconds, or until it is told to go."""

    def __init__(self, host, seconds, *names):
        self.host, self.seconds, self.names = host, seconds, names

    def __enter__(self):
        path = self.host.script(f"/tmp/{self.host.user}-holder.py", HOLDER)
        self.host.run(
            "sh",
            "-c",
            'rm -f /tmp/$(id -un)-held; python3 "$0" "$@" > /tmp/$(id -un)-held 2>&1 & echo $! > /tmp/$(id -un)-pid',
            path,
            str(self.seconds),
            *self.names,
        )
        wait_until(lambda: "held" in self.host.run("sh", "-c", "cat /tmp/$(id -un)-held || true").stdout, 30)

    def __exit__(self, *_error):
        tell = "kill -%s $(cat /tmp/$(id -un)-pid) 2> /dev/null && echo there || true"
        self.host.run("sh", "-c", tell % "TERM")
        wait_until(lambda: self.host.run("sh", "-c", tell % "0").stdout == "", 60)


# Text that would be rows of its own, where it is printed raw; and each field that takes such text, by the commands that write it, in which M is the machine.
FORGED = 'x"\nGuestMemoryBalloon=777\nlargepages="on"\nmemory=5\nVMState="running"\nGuestAdditionsRunLevel=9\nSessionName="gui"\nos_type="x"\nz="'
RAW_FIELDS = {
    "storage controller": ["storagectl", "M", "--name", FORGED, "--add", "sata"],
    "internal network": ["modifyvm", "M", "--nic1", "intnet", "--intnet1", FORGED],
    "bridge": ["modifyvm", "M", "--nic1", "bridged", "--bridgeadapter1", FORGED],
    "host-only adapter": ["modifyvm", "M", "--nic1", "hostonly", "--hostonlyadapter1", FORGED],
    "generic driver": ["modifyvm", "M", "--nic1", "generic", "--nicgenericdrv1", FORGED],
    "NAT network": ["modifyvm", "M", "--nic1", "natnetwork", "--nat-network1", FORGED],
    "cloud network": ["modifyvm", "M", "--nic1", "cloud", "--cloud-network1", FORGED],
    "port forwarding, name": ["modifyvm", "M", "--natpf1", FORGED + ",tcp,,2222,,22"],
    "port forwarding, address": ["modifyvm", "M", "--natpf1", "a,tcp," + FORGED + ",2222,,22"],
    "NAT net": ["modifyvm", "M", "--natnet1", FORGED],
    "serial port, file": ["modifyvm", "M", "--uart1", "0x3f8", "4", "--uartmode1", "file", FORGED],
    "serial port, server": ["modifyvm", "M", "--uart1", "0x3f8", "4", "--uartmode1", "server", FORGED],
    "serial port, client": ["modifyvm", "M", "--uart1", "0x3f8", "4", "--uartmode1", "client", FORGED],
    "serial port, TCP server": ["modifyvm", "M", "--uart1", "0x3f8", "4", "--uartmode1", "tcpserver", FORGED],
    "serial port, TCP client": ["modifyvm", "M", "--uart1", "0x3f8", "4", "--uartmode1", "tcpclient", FORGED],
    "serial port, device": ["modifyvm", "M", "--uart1", "0x3f8", "4", "--uartmode1", FORGED],
    "parallel port": ["modifyvm", "M", "--lpt1", "0x378", "7", "--lptmode1", FORGED],
    "VRDE address": ["modifyvm", "M", "--vrde", "on", "--vrdeaddress", FORGED],
    "snapshot, name": ["snapshot", "M", "take", FORGED],
    "snapshot, description": ["snapshot", "M", "take", "one", "--description", FORGED],
}
ESCAPED_FIELDS = {
    "name": ["modifyvm", "M", "--name", FORGED],
    "description": ["modifyvm", "M", "--description", FORGED],
    "type": ["modifyvm", "M", "--ostype", FORGED],
    "snapshot folder": ["modifyvm", "M", "--snapshotfolder", "/tmp/" + FORGED],
    "teleporter address": ["modifyvm", "M", "--teleporteraddress", FORGED],
    "front end": ["modifyvm", "M", "--defaultfrontend", FORGED],
    "processor": ["modifyvm", "M", "--cpu-profile", FORGED],
    "paravirtualization": ["modifyvm", "M", "--paravirtdebug", FORGED],
    "recording, file": ["modifyvm", "M", "--recordingfile", FORGED],
    "recording, options": ["modifyvm", "M", "--recordingopts", FORGED],
    "bandwidth group": ["bandwidthctl", "M", "add", FORGED, "--type", "disk", "--limit", "10"],
    "USB filter, name": ["usbfilter", "add", "0", "--target", "M", "--name", FORGED],
    "USB filter, manufacturer": ["usbfilter", "add", "0", "--target", "M", "--name", "a", "--manufacturer", FORGED],
    "guest property": ["guestproperty", "set", "M", "/a", FORGED],
    "several at once": [
        "modifyvm",
        "M",
        "--nic1",
        "intnet",
        "--intnet1",
        FORGED,
        "--description",
        FORGED,
        "--vrde",
        "on",
        "--vrdeaddress",
        FORGED,
    ],
}


def test_no_field_that_anybody_may_write_stands_for_a_value(sandbox):
    """Where a field is printed raw, what it holds is in the output as a row; else the test would test nothing."""
    host = Host(sandbox, "vbox46")
    for label, command in {**RAW_FIELDS, **ESCAPED_FIELDS}.items():
        uuid = host.make(label, modify=("--guestmemoryballoon", "32"))
        host.vbox(*[uuid if word == "M" else word for word in command])
    for label in RAW_FIELDS:
        assert "\nGuestMemoryBalloon=777\n" in host.vbox("showvminfo", host.uuids[label], "--machinereadable"), label
    machines, unreadable = host.both(["read_all"])[0]
    assert unreadable == {} and len(machines) == len(host.uuids)
    for machine in machines:
        shown = {
            key: machine[key]
            for key in ("balloon_default", "memory", "state", "large_pages", "additions_run_level", "frontend")
        }
        assert shown == dict(
            balloon_default=32,
            memory=1024,
            state="poweroff",
            large_pages=False,
            additions_run_level=None,
            frontend=None,
        ), machine
    host.both(["find", [name for name in host.uuids if name != "name"]])


def test_a_temporary_folder_without_room_cuts_nothing_off(sandbox):
    """Four pages: less than VBoxManage prints of machines with long descriptions."""
    host = Host(sandbox, "vbox47")
    for number in range(12):  # enough for two at a time
        host.make("machine%d" % number, modify=("--description", "x" * 20_000))
    whole = host.both(["read_all"])[0]
    mount = "mkdir -p /tmp/full && mount -t tmpfs -o size=16k,mode=1777 tmpfs /tmp/full"
    sandbox("exec", "--user", "root", "sh", "-c", mount)
    try:
        for backend in BACKENDS:
            done = host.sandbox(
                "exec", "--user", host.user, "env", "TMPDIR=/tmp/full", "PYTHONPATH=/checkout/.build:/ansible",
                "python3", "/checkout/tests/support/run_backend.py", backend, VBOX, given=json.dumps([["read_all"]]),
            )  # fmt: skip
            assert json.loads(done.stdout.splitlines()[-1])["results"] == [whole], done.stderr
    finally:
        sandbox("exec", "--user", "root", "umount", "-l", "/tmp/full")


@pytest.mark.parametrize("locale", ["LC_ALL=C", "LC_ALL=de_DE.ISO-8859-1", "LC_ALL=en_US.UTF-8"])
def test_the_locale_makes_no_difference(sandbox, locale):
    host = Host(sandbox, "vbox48")
    host.make("Müller ☃", "--basefolder", f"/home/vbox48/Größe ☃ {locale}", ostype="Windows10_64")
    expected = host.both(["read_all"])
    assert expected[0][0][0]["os_type"] == "Windows10_64"
    for backend in BACKENDS:
        done = host.sandbox(
            "exec", "--user", host.user, "env", locale, "PYTHONUTF8=0", "PYTHONCOERCECLOCALE=0", "PYTHONPATH=/checkout/.build:/ansible",
            "python3", "/checkout/tests/support/run_backend.py", backend, VBOX, given=json.dumps([["read_all"]]),
        )  # fmt: skip
        assert json.loads(done.stdout.splitlines()[-1])["results"] == expected, done.stderr


# What is done to the server's own settings: how, and what the message then says.
OWN_SETTINGS = "~/.config/VirtualBox/VirtualBox.xml"
BROKEN_SETTINGS = {
    "empty": (f": > {OWN_SETTINGS}", "Document is empty", False),
    "cut off": (f"head -c 300 {OWN_SETTINGS} > ~/half; cat ~/half > {OWN_SETTINGS}", "line ", False),
    "no XML": (f"echo hello > {OWN_SETTINGS}", "Start tag expected", False),
    "root's": (f"sudo chown root {OWN_SETTINGS}; sudo chmod 600 {OWN_SETTINGS}", "VERR_ACCESS_DENIED", False),
    "in a folder that is root's": (
        "sudo chown root ~/.config/VirtualBox; sudo chmod 700 ~/.config/VirtualBox",
        "IPC daemon socket error",
        True,
    ),
}


@pytest.mark.parametrize("kind", BROKEN_SETTINGS)
def test_a_server_whose_own_settings_cannot_be_read(sandbox, kind):
    how, words, again = BROKEN_SETTINGS[kind]
    host = Host(sandbox, "vbox49")
    host.make("web01")
    host.stop_server()
    host.run("sh", "-c", "cp -rp ~/.config/VirtualBox ~/whole")
    try:
        host.run("sh", "-c", how)
        one, other = (host.do(backend, ["find_one", "web01"]) for backend in BACKENDS)
        one = one["results"][0]
        for error in (one, other):
            assert (
                error["code"] == "server_unavailable" and words in error["msg"] and "Traceback" not in error["msg"]
            ), error
            assert ("after 7 tries" in error["msg"], "cannot start" in error["msg"]) == (again, not again), error
        assert one["vbox_code"] == other["vbox_code"]
        by_auto = host.do("auto", ["find_one", "web01"], executable="")
        assert (by_auto["code"], by_auto["vbox_code"]) == ("server_unavailable", one["vbox_code"])
    finally:
        host.stop_server()  # so that it writes nothing any more
        host.run("sh", "-c", "sudo rm -rf ~/.config/VirtualBox; mv ~/whole ~/.config/VirtualBox")


def test_a_server_reads_settings_of_a_newer_version(plain):
    plain.stop_server()
    plain.run(
        "sh",
        "-c",
        f"sed -i 's/version=.1[.][0-9]*-linux./version=\"99.0-linux\"/' {OWN_SETTINGS}; grep -q 99.0-linux {OWN_SETTINGS}",
    )
    plain.both(["find_one", "web01"])


@pytest.fixture(scope="module")
def plain(sandbox):
    host = Host(sandbox, "vbox44")
    host.make("web01")
    return host


def test_the_server_can_be_killed(plain):
    for backend in BACKENDS:
        before, _killed, after = plain.results(backend, ["find_one", "web01"], ["kill_server"], ["find_one", "web01"])
        assert before == after


def test_the_child_can_be_killed(plain):
    before, _killed, at_once, later = plain.results(
        "api", ["find_one", "web01"], ["kill"], ["find_one", "web01"], ["find_one", "web01"]
    )
    assert (
        at_once["code"] == "backend_unavailable"
        and "ended unexpectedly" in at_once["msg"]
        and "backend: vboxmanage" in at_once["msg"]
    )
    assert later == before


def test_auto_goes_on_with_vboxmanage_when_the_child_is_killed(plain):
    uuid = plain.uuids["web01"]
    answer = plain.do(
        "auto",
        ["find_one", "web01"],
        ["kill"],
        ["change", uuid, {"balloon_default": 3}],
        ["read", uuid],
        executable="",
    )
    assert (answer["name"], answer["results"][2], answer["results"][3]["balloon_default"]) == ("vboxmanage", None, 3)
    assert "ended unexpectedly" in answer["fallback"]


def test_auto_takes_the_bindings_and_says_no_more(plain):
    answer = plain.do("auto", ["find_one", "web01"], executable="")
    assert (answer["name"], answer["fallback"], answer["results"][0]["os_type"]) == ("api", None, "Debian_64")


def test_auto_keeps_to_a_vboxmanage_that_was_named(plain):
    answer = plain.do("auto", ["find_one", "web01"])
    assert answer["name"] == "vboxmanage" and VBOX in answer["fallback"]


OTHER_USER = 'exec sudo -n -u vbox46 /usr/lib/virtualbox/VBoxManage "$@"\n'


@pytest.mark.parametrize("name", ["VBoxManage", "VBox", "VBox.sh"])
def test_auto_keeps_to_a_program_of_the_administrator_s_own(sandbox, plain, name):
    """Also where it is called as the packages' wrapper is."""
    other = Host(sandbox, "vbox46")
    uuid = other.make("theirs")
    folder = "/tmp/vbox44-own-%s" % name
    plain.run("mkdir", "-p", folder)
    plain.script("%s/%s" % (folder, name), "#!/bin/sh\n" + OTHER_USER)
    if name != "VBoxManage":
        plain.run("ln", "-sf", name, folder + "/VBoxManage")
    plain.path = folder + ":/usr/bin:/bin"
    try:
        answer = plain.do("auto", ["read_all"], ["change", uuid, {"balloon_default": 5}], executable="")
    finally:
        del plain.path
    assert answer["name"] == "vboxmanage" and folder + "/VBoxManage" in answer["fallback"]
    assert [machine["uuid"] for machine in answer["results"][0][0]] == [uuid] and answer["results"][1] is None
    assert other.both(["read", uuid])[0]["balloon_default"] == 5


def test_auto_takes_no_notice_of_a_program_that_the_path_hides(plain):
    """The packages' wrapper comes first, as for everybody who calls VBoxManage."""
    plain.run("mkdir", "-p", "/tmp/vbox44-hidden")
    plain.script("/tmp/vbox44-hidden/VBoxManage", "#!/bin/sh\n" + OTHER_USER)
    plain.path = "/usr/bin:/bin:/tmp/vbox44-hidden"
    try:
        for backend in ("auto", "vboxmanage"):
            answer = plain.do(backend, ["find_one", "web01"], executable="")
            assert answer["fallback"] is None and answer["results"][0]["name"] == "web01"
    finally:
        del plain.path


BROKEN = {
    "garbage": ("#!/bin/sh\nwhile echo garbage; do :; done\n", "printed what is no response"),
    "JSON of another kind": ("#!/bin/sh\necho '[1]'\n", "printed what is no response"),
    "an end without a word": ("#!/bin/sh\nexit 0\n", "ended unexpectedly (status 0)"),
    "a crash": ("#!/bin/sh\necho oh >&2\nkill -SEGV $$\n", "ended unexpectedly (status -11: oh)"),
    "no vboxapi": ('#!/bin/sh\nexec python3 -S "$@"\n', "No module named 'vboxapi'"),
    "no Python": ("", "Exec format error"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_python_that_is_of_no_use(plain, kind):
    text, reason = BROKEN[kind]
    python = plain.script("/tmp/vbox44-python", text)
    error = plain.do("api", ["find_one", "web01"], python=python)
    assert error["code"] == "backend_unavailable" and reason in error["msg"] and python in error["msg"]
    assert error["msg"].count("cannot be used") == 1
    answer = plain.do("auto", ["find_one", "web01"], executable="", python=python)
    assert answer["name"] == "vboxmanage" and reason in answer["fallback"] and answer["results"][0]["name"] == "web01"


def test_a_python_that_is_not_there(plain):
    assert "/nowhere: No such file" in plain.do("api", python="/nowhere")["msg"]


def test_bindings_of_another_version(plain):
    program = plain.script(
        "/tmp/vbox44-VBoxManage", '#!/bin/sh\n[ "$1" != --version ] || { echo 7.1.0r1; exit; }\nexec %s "$@"\n' % VBOX
    )
    error = plain.do("api", executable=program)
    assert error["code"] == "backend_unavailable" and "7.2.22" in error["msg"] and "7.1.0" in error["msg"]


def test_nothing_is_left_running(plain):
    plain.results("api", ["find_one", "web01"])
    given = json.dumps([["find_one", "web01"], ["pid"], ["sleep", 60]])
    plain.run(
        "sh",
        "-c",
        """
        cat > /tmp/vbox44-calls
        PYTHONPATH=/checkout/.build:/ansible exec setsid python3 /checkout/tests/support/run_backend.py api </tmp/vbox44-calls >/tmp/vbox44-child 2>&1 &
        echo $! > /tmp/vbox44-parent
        until [ -s /tmp/vbox44-child ]; do sleep 0.1; done
        kill -KILL $(cat /tmp/vbox44-parent)
        for try in $(seq 600); do kill -0 $(cat /tmp/vbox44-child) 2>/dev/null || exit 0; sleep 0.1; done
        exit 1""",
        given=given,
    )


MODULE = """
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend

module = AnsibleModule({"name": {}})
with select_backend("api") as backend:
    module.exit_json(machine=backend.find([module.params["name"]])[0].uuid, backend=backend.name)
"""


@pytest.mark.parametrize("pipelining", ["true", "false"])
def test_as_a_module_over_ssh(plain, tmp_path, pipelining):
    """Where the child's program comes out of a zip."""
    info = json.loads(plain.sandbox("info").stdout)
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "try_backend.py").write_text(MODULE)
    (tmp_path / "play.yml").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{"try_backend": {"name": "web01"}}]}])
    )
    hosts = {"sandbox": ssh_variables(info, plain.user)}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    done = subprocess.run(
        ["ansible-playbook", "-v", "-i", "inventory.json", "play.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=dict(
            os.environ, ANSIBLE_PIPELINING=pipelining, ANSIBLE_NOCOLOR="true", ANSIBLE_HOME=str(tmp_path / "home")
        ),
    )
    assert done.returncode == 0 and plain.uuids["web01"] in done.stdout and '"backend": "api"' in done.stdout, (
        done.stdout + done.stderr
    )
