# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The same commands on the fake and on the real VirtualBox of the sandbox: what they say must be equal.

It uses the sandbox's last user, whose machines it removes.
"""

import gzip
import json
from pathlib import Path

import pytest
from fake.comparing import Comparison
from fake.recorded.take import public
from fake.vboxfake import FakeHost
from support.hosts import SandboxTestHost

pytestmark = pytest.mark.sandbox

# Runs inside the sandbox: a list of argument lists on stdin, [exit status, stdout, stderr] of each on stdout.
RUNNER = """
import json, subprocess, sys
out = []
for argv in json.load(sys.stdin):
    done = subprocess.run(["/usr/lib/virtualbox/VBoxManage"] + argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out.append([done.returncode] + [text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr)])
print(json.dumps(out))
"""

NAMES = [
    "plain",
    'quo"te',
    "apo's",
    "eq=ual",
    "back\\slash",
    "ünï→日本",
    "--",
    "-dash",
    "semi;rm -rf",
    "$(id)",
    "new\nline",
    "{brace}",
    "tab\tx",
]
NAMES += ["slash/x", " sp ", "..dot.", "a68c7e1e-9f3b-4b1e-a2e3-91302e8bc5ff", "host", "<inaccessible>"]
TYPES = [
    "Windows31",
    "WindowsNT4",
    "Windows2000",
    "WindowsXP_64",
    "Windows10_64",
    "Windows11_64",
    "WindowsNT_64",
    "Debian",
    "Linux26_64",
    "Other_64",
]
TYPES += ["Debian_arm64", "Windows11_arm64", "MacOS_64", "DOS", "FreeBSD_64", "Solaris_64"]
BAD_VALUES = ["1.5", "", " 5", "5 ", "-5", "4294967296", "1099511627776", "x", "0x", "5MB"]
GOOD_VALUES = ["5", "+5", "0x10", "0X11", "010", "114", "0"]
BALLOON, FUSION, LARGE = "--guest-memory-balloon", "--page-fusion", "--large-pages"

CASES = {
    "list": [
        ["list", "vms"],
        ["list", "runningvms"],
        ["list", "hostinfo"],
        ["list", "ostypes"],
        ["list", "-l", "ostypes"],
    ]
    + [
        ["list", "-s", "ostypes"],
        ["list", "vms", "runningvms"],
        ["list", "nosuch"],
        ["list", "-x", "vms"],
        ["--version"],
        ["-q", "list", "vms"],
    ],
    "names": [["createvm", "--name", name, "--ostype", "Debian_64", "--register"] for name in NAMES]
    + [["list", "vms"], ["list", "-s", "vms"]]
    + [["showvminfo", "--machinereadable", "--", name] for name in NAMES]
    + [["showvminfo", name, "--machinereadable"] for name in NAMES]
    + [["modifyvm", name, "--memory", "128"] for name in NAMES]
    + [["metrics", "query", name, "RAM/*"] for name in NAMES]
    + [["controlvm", name, "guestmemoryballoon", "5"] for name in NAMES],
    "types": [["createvm", "--name", "t-" + kind, "--ostype", kind, "--register"] for kind in TYPES]
    + [["showvminfo", "t-" + kind, "--machinereadable"] for kind in TYPES]
    + [["showvminfo", "t-" + kind] for kind in TYPES if kind != "DOS"]
    + [["modifyvm", "t-" + kind, LARGE + "=on"] for kind in TYPES]
    + [["list", "-l", "vms"]],
    "extradata": [
        ["createvm", "--name", "x", "--ostype", "Debian_64", "--register"],
        ["getextradata", "x", "enumerate"],
        ["getextradata", "nosuch", "enumerate"],
        ["setextradata", "nosuch", "key", "value"],
        ["setextradata", "global", "odd\nkey", "value"],
    ]
    + [
        argv
        for target in ("global", "x")
        for argv in (
            ["getextradata", target, "vbox.memory/none"],
            ["setextradata", target, "vbox.memory/b", "headless 1 5"],
            ["setextradata", target, "vbox.memory/a", "Key: c, Value: d"],
            ["setextradata", target, "odd", "new\nline"],
            ["getextradata", target, "vbox.memory/a"],
            ["setextradata", target, "vbox.memory/a", ""],
            ["setextradata", target, "vbox.memory/never"],
            ["getextradata", target, "vbox.memory/a"],
            ["getextradata", target, "vbox.memory/b"],
            ["setextradata", target, "vbox.memory/b"],
            ["getextradata", target, "vbox.memory/b"],
        )
    ],
    "createvm": [
        ["createvm", "--name", "a", "--register"],
        ["createvm", "--name", "a", "--register"],
        ["createvm", "--name", "b", "--ostype", "debian_64"],
        ["list", "vms"],
        ["createvm", "--name", "", "--register"],
        ["createvm", "--register"],
        ["createvm", "--name", "c", "--ostype", "NoSuch", "--register"],
        ["createvm", "--name", "c", "--platform-architecture", "foo", "--register"],
        ["createvm", "--name", "c", "--platform-architecture", "arm", "--register"],
        ["showvminfo", "c", "--machinereadable"],
        ["createvm", "--name", "d", "--uuid", "zz", "--register"],
        ["createvm", "--name", "d", "--uuid", "11111111-2222-4333-8444-555555555555", "--register"],
        ["createvm", "--name", "e", "--uuid", "11111111-2222-4333-8444-555555555555", "--register"],
        ["createvm", "--name", "f", "--groups", "bad", "--register"],
        ["createvm", "--name", "f", "--groups", "/prod/x,/y", "--register"],
        ["createvm", "--name", "g", "extra", "--register"],
        ["createvm", "--name", "g", "--nosuch", "--register"],
        ["showvminfo", "f", "--machinereadable"],
        ["showvminfo", "{11111111-2222-4333-8444-555555555555}", "--machinereadable"],
        ["showvminfo", "11111111222243338444555555555555"],
        ["unregistervm", "nosuch"],
        ["unregistervm", "a", "b"],
        ["unregistervm", "a", "--nosuch"],
        ["unregistervm", "f", "--delete"],
        ["registervm", "/nosuch"],
        ["list", "vms"],
    ],
    "modifyvm": [
        ["createvm", "--name", "m", "--ostype", "Debian_64", "--register"],
        ["modifyvm", "m", "--memory", "128"],
    ]
    + [["modifyvm", "m", BALLOON + "=" + value] for value in GOOD_VALUES + BAD_VALUES + ["115", "5000"]]
    + [["modifyvm", "m", BALLOON, value] for value in ["7", "115", "x"]]
    + [["modifyvm", "m", "--guestmemoryballoon=" + value] for value in ["8", "x"]]
    + [["modifyvm", "m", "--memory=" + value] for value in ["3", "2097153", "4294967295", "4294967296"]]
    + [
        ["modifyvm", "m", option + "=" + value]
        for option in (FUSION, "--pagefusion", LARGE, "--largepages", "--x86-large-pages")
        for value in ("on", "off", "yes")
    ]
    + [
        ["modifyvm", "m", BALLOON],
        ["modifyvm", "m", "--guestmemoryballoon"],
        ["modifyvm", "m", BALLOON + ":9"],
        ["modifyvm", "m", BALLOON + "=20", FUSION + "=off"],
        ["modifyvm", "m", BALLOON + "=21", "--nosuch=4"],
        ["modifyvm", "m", BALLOON + "=22", "word"],
        ["modifyvm", "m", BALLOON + "=23", "--", "--memory=9"],
        ["modifyvm", "m", BALLOON + "=60", "--memory=64"],
        ["modifyvm", "m", BALLOON + "=61", "--memory=128"],
        ["modifyvm", "m", "--memory=128", BALLOON + "=62"],
        ["modifyvm", "m", "--memory=64"],
        ["showvminfo", "m", "--machinereadable"],
        ["modifyvm", "m", "--ostype=NoSuch"],
        ["showvminfo", "m", "--machinereadable"],
        ["modifyvm", "m", "--os-type=windows10_64"],
        ["modifyvm", "m", "--groups=bad"],
        ["modifyvm", "m", "--groups=/a,/b/c"],
        ["modifyvm", "m", "--description", 'one\nGuestMemoryBalloon=77\nVMState="running"\nq"b\\'],
        ["showvminfo", "m", "--machinereadable"],
        ["showvminfo", "m"],
        ["modifyvm", "m", "--name", ""],
        ["modifyvm", "m", "--name", "11111111-2222-4333-8444-555555555555"],
        ["modifyvm", "m", "--name", "x/y"],
        ["modifyvm", "m", "--name", 'x"yä'],
        ["showvminfo", 'x"yä', "--machinereadable"],
        ["createvm", "--name", "other", "--register"],
        ["modifyvm", "other", "--groups", "/a"],
        ["modifyvm", "other", "--name", 'x"yä'],
        ["modifyvm", "other"],
        ["modifyvm", "nosuch", "--memory", "5"],
        ["modifyvm", "", "--memory", "5"],
        ["modifyvm", "aaaaaaaa-2222-4333-8444-555555555555", "--memory", "5"],
        ["guestproperty", "get", "other", "/x"],
        ["guestproperty", "get", "nosuch", "/x"],
    ],
    "states": [
        ["createvm", "--name", "s", "--register"],
        ["controlvm", "s"],
        ["controlvm", "s", "nosuch"],
        ["controlvm", "nosuch", "guestmemoryballoon", "5"],
        ["startvm", "nosuch"],
        ["startvm", "s", "--type", "nosuch"],
        ["startvm", "s", "--nosuch"],
        ["discardstate", "s"],
        ["discardstate", "nosuch"],
        ["discardstate", "s", "t"],
        ["showvminfo", "s", "t"],
        ["showvminfo", "s", "--nosuch"],
        ["showvminfo", ""],
        ["nosuch", "s"],
    ],
    "metrics": [
        ["createvm", "--name", "a", "--register"],
        ["metrics", "list", "*", "RAM/*,CPU/*"],
        ["metrics", "list", "a"],
        ["metrics", "query", "*", "RAM/*"],
        ["metrics", "query", "*", "RAM/Usage/Total"],
        ["metrics", "query", "host", "RAM/Usage/*:"],
        ["metrics", "query", "host", "RAM/Nosuch"],
        ["metrics", "query", "nosuch"],
        ["metrics", "query", ""],
        ["metrics", "setup", "nosuch"],
        ["metrics", "setup", "--period", "0", "host"],
        ["metrics", "setup", "--samples", "x", "host"],
        ["metrics", "setup", "--period"],
        ["metrics", "setup", "--list", "host", "Nosuch/*"],
        ["metrics", "setup", "--period", "1", "--samples", "2", "host", "RAM/Usage/Total"],
        ["metrics", "setup", "--list", "--period", "1", "--samples", "2", "host", "RAM/*"],
        ["metrics", "list", "host", "RAM/*"],
        ["metrics", "nosuch"],
    ],
}

# The recordings have more topics; `prepared` was made by editing settings files.
RECORDED = Path(__file__).parent / "recorded" / "7.2.22"
for path in sorted(RECORDED.glob("*.json.gz")):
    if path.name != "prepared.json.gz":
        calls = [argv for argv, _answer in json.loads(gzip.decompress(path.read_bytes()))]
        CASES.setdefault(path.name.partition(".")[0], calls)


@pytest.fixture(scope="module")
def real(sandbox):
    """Runs argument lists on the real VirtualBox, from a state without machines."""
    user = json.loads(sandbox("info").stdout)["users"][-1]

    def run(calls):
        return json.loads(
            sandbox("exec", "--user", user, "/usr/bin/python3", "-c", RUNNER, given=json.dumps(calls)).stdout
        )

    def from_nothing(calls):
        host = SandboxTestHost(sandbox, user)
        host.forget_machines()
        with host.server_held():  # with the metrics that the calls set up
            return run(calls)

    return from_nothing


@pytest.mark.parametrize("topic", CASES)
def test_the_fake_says_what_the_real_one_says(topic, real, tmp_path):
    fake = FakeHost(tmp_path / "fake", release="7.2")
    comparison = Comparison()
    found = []
    for argv, (status, out, err) in zip(CASES[topic], real(CASES[topic])):
        found += comparison.differences(argv, (status, public(out), public(err)), fake.answer(*argv))
    assert not found, "\n".join(found)
