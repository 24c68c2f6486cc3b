# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A disk without room for a machine's settings, on the real VirtualBox, which says success then and loses the machine: by both backends."""

from __future__ import annotations

import json
import re

import pytest
from support.hosts import HOLD, SandboxTestHost, wait_until

pytestmark = pytest.mark.sandbox

BACKENDS = ("vboxmanage", "api")
USER = "vbox48"
DISK = "/mnt/" + USER


class Host(SandboxTestHost):
    def as_root(self, script):
        return self.sandbox("exec", "--user", "root", "sh", "-ec", script).stdout

    def mount(self, options):
        self.as_root(
            f"umount -l {DISK} 2>/dev/null || true; mkdir -p {DISK}; mount -t tmpfs -o mode=1777,{options} tmpfs {DISK}"
        )

    def fill(self, spare=0):
        """Leave so many bytes free on the small disk."""
        self.run(
            "sh", "-c", f"dd if=/dev/zero of={DISK}/fill bs=4096 2>/dev/null || true; truncate -s -{spare} {DISK}/fill"
        )

    def files(self, uuid):
        """The settings file and the one of before, as text."""
        path = self.settings_file(uuid)
        return [
            self.run("sh", "-c", 'cat "$1" 2>/dev/null || true', "sh", path + suffix).stdout for suffix in ("", "-prev")
        ]

    def settings_file(self, uuid):
        return re.search(r'^CfgFile="(.*)"$', self.vbox("showvminfo", uuid, "--machinereadable"), re.MULTILINE).group(1)

    def balloons(self, backend, *names, size=64, check=False, **more):
        parameters = dict(more, backend=backend, balloon=size, machines=[{"name": name} for name in names])
        result, _calls = self.module("vbox_balloon", parameters, check=check)
        return result

    def stop_server(self):
        self.run(
            "sh",
            "-c",
            "kill $(cat /tmp/vbox48-pid) 2>/dev/null; rm -f /tmp/vbox48-pid; pkill -U $(id -u) VBoxSVC; true",
        )
        wait_until(lambda: self.run("sh", "-c", "pgrep -U $(id -u) VBoxSVC || true").stdout == "", 60)

    def start_server(self, limit):
        """Start a server that can write no file of more than so many blocks of 512 bytes: a limit that no figure of a file system shows."""
        start = f'rm -f /tmp/vbox48-there; ulimit -f {limit}; python3 -c "$0" > /tmp/vbox48-there 2>&1 & echo $! > /tmp/vbox48-pid'
        self.run("sh", "-c", start, HOLD)
        wait_until(lambda: "held by" in self.run("sh", "-c", "cat /tmp/vbox48-there || true").stdout, 60)


@pytest.fixture
def host(sandbox):
    host = Host(sandbox, USER)
    host.forget_machines()
    yield host
    host.stop_server()
    host.vbox("list", "vms")
    host.forget_machines()
    host.as_root(f"umount -l {DISK}")


def codes(result):
    return [machine.get("code") for machine in result["machines"]]


def without_sizes(message):
    return re.sub(r"\d+ kB", "N kB", message)


@pytest.mark.parametrize(
    ("options", "spare", "reason"),
    [
        ("size=300k", 0, "0 kB are free on that file system, and 68 kB are needed"),
        ("size=300k", 4096, "4 kB are free"),
        ("size=10m,nr_inodes=9", None, "can hold no further file"),
    ],
    ids=["full", "nearly full", "no inodes"],
)
def test_what_has_no_room_is_refused_and_left_as_it_is(host, options, spare, reason):
    host.mount(options)
    one, two = (host.create(name, "--basefolder", DISK) for name in ("one", "two"))
    host.create("elsewhere")
    if spare is None:
        host.run("sh", "-c", f"for n in 1 2 3 4 5 6 7 8 9; do touch {DISK}/$n || true; done")
    else:
        host.fill(spare)
    before = host.files(one), host.files(two)
    said = []
    for number, backend in enumerate(BACKENDS, 1):
        for check in (True, False):
            result = host.balloons(backend, "one", "elsewhere", "two", size=number, check=check)
            assert codes(result) == ["disk_full", None, "disk_full"] and result["machines"][1]["changed"], result
            assert reason in result["msg"] and "/one/one.vbox" in result["msg"] and "Make room" in result["msg"]
            said.append([machine.get("msg") for machine in result["machines"]])
    assert said == said[:1] * 4, "both backends and check mode say it in the same words"
    assert (host.files(one), host.files(two)) == before
    host.run("sh", "-c", f"rm -f {DISK}/fill {DISK}/[0-9]")
    assert host.balloons("api", "one", "two").get("failed") is None
    assert 'memoryBalloonSize="64"' in host.files(one)[0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_was_not_saved_is_noticed_and_stops_the_others_on_that_disk(host, backend):
    host.mount("size=10m")
    uuids = [host.create(name, "--basefolder", DISK) for name in ("first", "second")]
    host.create("elsewhere")
    for uuid in uuids:
        host.vbox("modifyvm", uuid, "--description", "x" * 12000)
    before = [host.files(uuid)[0] for uuid in uuids]
    path = host.settings_file(uuids[0])
    host.stop_server()
    host.start_server(limit=16)

    result = host.balloons(backend, "first", "second", "elsewhere")
    assert codes(result) == ["settings_not_saved", "disk_full", None], result
    first, second, elsewhere = result["machines"]
    assert path in first["msg"] and f"'{path}-prev' holds the settings of before" in first["msg"]
    assert path in second["msg"] and "were not saved" in second["msg"]
    assert (second["changed"], elsewhere["changed"]) == (False, True)
    # VirtualBox's server still has what was asked for, and the disk does not: that is not to be called unchanged.
    for check in (True, False):
        again = host.balloons(backend, "first", check=check)
        assert codes(again) == ["settings_not_saved"] and path in again["msg"], json.dumps(again)
    now, previous = host.files(uuids[0])
    assert len(now) == 8192 and previous == before[0], "VirtualBox reports it by now, or keeps the file"
    assert host.files(uuids[1])[0] == before[1]

    host.stop_server()
    assert f'"<inaccessible>" {{{uuids[0]}}}' in host.vbox("list", "vms")
    host.stop_server()
    host.run("cp", path + "-prev", path)  # as the message says
    assert host.balloons(backend, "first").get("failed") is None


def test_both_say_it_in_the_same_words(host):
    host.mount("size=10m")
    uuid = host.create("first", "--basefolder", DISK)
    host.vbox("modifyvm", uuid, "--description", "x" * 12000)
    path, said = host.settings_file(uuid), []
    for backend in BACKENDS:
        host.stop_server()
        host.start_server(limit=16)
        said.append(host.balloons(backend, "first")["machines"][0]["msg"])
        host.stop_server()
        host.run("cp", path + "-prev", path)
    assert said[0] == said[1]


def test_a_machine_that_is_lost_after_the_list_is_called_inaccessible(host):
    """It was called locked: VirtualBox has the same result code for both, and the list still had the machine's name."""
    host.mount("size=10m")
    uuid = host.create("first", "--basefolder", DISK)
    host.vbox("modifyvm", uuid, "--description", "x" * 12000)
    host.stop_server()
    host.start_server(limit=16)
    assert codes(host.balloons("vboxmanage", "first")) == ["settings_not_saved"]
    program = host.ending_after("list vms")
    result = host.balloons("vboxmanage", "first", vboxmanage=program)
    assert codes(result) == ["machine_inaccessible"] and "Premature end" in result["msg"], json.dumps(result)
    assert host.has_ended(program)
