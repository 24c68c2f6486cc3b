# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The hosts that tests run modules on, behind one interface: the fake, a user of the sandbox, and the live host."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import ansible
from fake.vboxfake.fakehost import FakeHost
from support.servers import new_server
from support.testbeds import BUILD, VBOX

SUPPORT = Path(__file__).resolve().parent
RUNNER = "run_module.py"
READY = "ready"  # a snapshot of the live host
NO_SERVER = "Failed to create the VirtualBox object"  # what VBoxManage says then
TRIES = 5
PATIENCE = 5  # so many times slower may a machine be than an idle one


class TestHost:
    """A host with VirtualBox. What differs is how a program is run on it."""

    backend = "vboxmanage"  # which a module takes unless told

    def vbox(self, *argv):
        """Run VBoxManage, which must succeed, unrecorded; gives back what it printed."""
        raise NotImplementedError

    def create(self, name, *options, ostype="Debian_64"):
        """Make a machine with plain VBoxManage and these options of `createvm`; gives back its UUID."""
        made = self.vbox("createvm", f"--name={name}", "--ostype", ostype, "--register", *options)
        return re.search(r"UUID: ([0-9a-f-]{36})", made).group(1)

    def python(self, script, *argv, given=""):
        """Run a script of this folder with the host's Python; gives back the finished process."""
        raise NotImplementedError

    def calls(self):
        """The argument lists of VBoxManage since :meth:`forget_calls`."""
        raise NotImplementedError

    def forget_calls(self):
        raise NotImplementedError

    def module(self, name, parameters, check=False):
        """Run a module; gives back its result, and the calls of VBoxManage that it made."""
        self.forget_calls()
        given = dict({"backend": self.backend}, **parameters, _ansible_check_mode=check, _ansible_diff=True)
        done = self.python(RUNNER, name, given=json.dumps(given))
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        assert lines and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return json.loads(lines[-1]), self.calls()


class FakeTestHost(TestHost):
    """The fake, with the Python that runs the tests."""

    kind = "fake"

    def __init__(self, path, release="7.2", kind="linux", clock_rate=1.0):
        self.fake = FakeHost(path, release=release, kind=kind, clock_rate=clock_rate)
        self.server = new_server()
        with self.fake.state() as state:
            state["host"].update(home=os.path.join(self.fake.path, "home"), writes_settings_files=True)
        self.forget_calls = self.fake.forget_calls
        self.calls = self.fake.calls

    def vbox(self, *argv):
        return self.fake.ok(*argv)

    def environment(self):
        """The environment of a program on this host."""
        folder = os.path.dirname(self.fake.program)
        environment = dict(os.environ, **self.fake.environment)
        environment.update(PATH=folder + os.pathsep + environment["PATH"], PYTHONPATH=str(BUILD), PYTHONHASHSEED="0")
        environment.update(
            TMPDIR=self.fake.path, VBOX_IPC_SOCKETID=self.server
        )  # a host of its own has locks of its own
        environment.pop("VBOXMANAGE", None)
        # Compiled once for all runs of a module, wherever Python is told to leave nothing in the checkout
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = str(BUILD / "pycache")
        return environment

    def python(self, script, *argv, given=""):
        return subprocess.run(
            [sys.executable, str(SUPPORT / script), *argv],
            input=given,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )


# Connects to the server. One that ends just now does not answer, and only another process finds the next one.
CONNECT = """
import os, sys, time
from vboxapi import VirtualBoxManager
try:
    manager = VirtualBoxManager(None, None)
    box = manager.getVirtualBox()
    version = box.version
except Exception:
    time.sleep(1)
    os.execv(sys.executable, sys.orig_argv)
"""
# A client that keeps the server up until it is killed: its manager has to live, too, for it ends the connection when it goes.
HOLD = f"""{CONNECT}
print("held by", version, flush=True)
time.sleep(1800)
"""


# VirtualBox's server ends, once, after a command: what is asked next starts another one.
ENDING = """#!/bin/sh
{vbox} "$@"
status=$?
case "$*" in "{after}"*)
    if mkdir "$0.ended" 2>/dev/null; then
        pkill -KILL -U $(id -u) VBoxSVC
        while pgrep -U $(id -u) VBoxSVC >/dev/null; do sleep 0.1; done
    fi
esac
exit $status
"""


class SandboxTestHost(TestHost):
    """A user of the sandbox, with the sandbox's own Python; the recorder stands before VBoxManage."""

    kind = "sandbox"
    record = "/tmp/{user}.calls"
    path = "/opt/recorder:/usr/bin:/bin"

    def __init__(self, sandbox, user="vbox"):
        """:param sandbox: a function that runs `tests/testbed/sandbox` with some arguments"""
        self.sandbox, self.user = sandbox, user
        self.file = self.record.format(user=user)

    def vbox(self, *argv):
        """One that finds no server has done nothing: VirtualBox's ends 5 s after its last client, and turns away who comes just then."""
        for _try in range(TRIES):
            done = self.sandbox("exec", "--user", self.user, VBOX, *argv, must_succeed=False)
            if NO_SERVER not in done.stderr:
                break
            time.sleep(1)
        assert not done.returncode, f"{done.args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def forget_machines(self):
        """Leave the user without machines, and without files of any."""
        for uuid in re.findall(r"\{([0-9a-f-]{36})\}$", self.vbox("list", "vms"), re.MULTILINE):
            self.vbox("unregistervm", uuid)
        self.run("rm", "-rf", "VirtualBox VMs")

    def run(self, *argv, given=""):
        return self.sandbox("exec", "--user", self.user, *argv, given=given)

    def ending_after(self, command):
        """The path of a VBoxManage that has the server ended once, after a command that begins so; `has_ended` tells whether it did."""
        path = f"/tmp/{self.user}-ending"
        text = ENDING.format(vbox=VBOX, after=command)
        self.run("sh", "-c", 'rm -rf "$0.ended"; cat > "$0"; chmod +x "$0"', path, given=text)
        return path

    def has_ended(self, path):
        return bool(self.run("sh", "-c", 'ls -d "$0.ended" 2>/dev/null || true', path).stdout)

    @contextlib.contextmanager
    def server_held(self):
        """Keep the user's VBoxSVC, with what was set up in it: it ends 5 s after its last client, and on a busy machine as much can pass between two calls."""
        said = f"/tmp/{self.user}.held"
        start = f'rm -f {said}; setsid python3 -c "$0" > {said} 2>&1 < /dev/null & echo $!'
        process = self.run("sh", "-c", start, HOLD).stdout.strip()
        try:
            wait_until(lambda: "held by" in self.run("sh", "-c", f"cat {said} 2> /dev/null || true").stdout, 60)
            yield
        finally:
            self.run("sh", "-c", f"kill {process} 2> /dev/null || true")

    def python(self, script, *argv, given=""):
        return self.sandbox(
            "exec",
            "--user",
            self.user,
            "env",
            "PYTHONPATH=/checkout/.build:/ansible",
            "PYTHONHASHSEED=0",
            "PATH=" + self.path,
            "VBOX_RECORD=" + self.file,
            "python3",
            "/checkout/tests/support/" + script,
            *argv,
            given=given,
            must_succeed=False,
        )

    def calls(self):
        recorded = self.run("sh", "-c", 'if [ -e "$1" ]; then cat "$1"; fi', "sh", self.file).stdout
        calls = [json.loads(line)[1:] for line in recorded.splitlines()]
        # what finds no server is asked again, see vbox; that nothing is asked twice without need is seen on the fake
        return [call for before, call in zip([None, *calls], calls) if call != before]

    def forget_calls(self):
        self.run("rm", "-f", self.file)


class LiveTestHost(TestHost):
    """The live host, with running guests; modules run there, by its own Python. Everything takes seconds: it is emulated."""

    kind = "live"
    FOLDER = "/home/vbox/ansible"

    def __init__(self, live, backend="auto"):
        """:param live: a function that runs `tests/testbed/live` with some arguments"""
        self.live, self.backend = live, backend

    def prepare(self):
        """Keep the host as it is with guests that have just booted and with our code, which Python has compiled: for :meth:`start_afresh`."""
        self.live("reset")
        self.bring_code()
        self.module("vbox_memory", {"machines": [], "backend": "vboxmanage"})
        self.live("save", READY)

    def start_afresh(self):
        """Go back to what :meth:`prepare` has kept, and pause web02: alone, web01 has the whole processor."""
        self.live("reset", READY)
        self.vbox("controlvm", "web02", "pause")

    def bring_code(self):
        """Put our code and the ansible-core that the tests use onto the host."""
        packed = subprocess.run(
            [
                "tar",
                "-c",
                "--exclude=__pycache__",
                "-C",
                str(Path(ansible.__file__).parents[1]),
                "ansible/__init__.py",
                "ansible/release.py",
                "ansible/module_utils",
                "ansible/_vendor",
                "ansible/_internal",
                "-C",
                str(BUILD),
                "ansible_collections/vbox/memory/plugins",
                "-C",
                str(SUPPORT),
                RUNNER,
            ],
            check=True,
            capture_output=True,
        ).stdout
        self.live("ssh", "sh", "-c", f"mkdir -p {self.FOLDER} && tar -x -C {self.FOLDER}", given=packed)

    def vbox(self, *argv):
        return self.live("ssh", VBOX, *argv).stdout.decode()

    def guest(self, name, *argv):
        """Run a command inside a guest; gives back what it printed."""
        return self.live("guest", name, *argv).stdout.decode()

    def memory(self, name):
        """A guest's own view of its memory: /proc/meminfo in MB."""
        rows = (line.split() for line in self.guest(name, "cat", "/proc/meminfo").splitlines())
        return {row[0].rstrip(":"): int(row[1]) // 1024 for row in rows if len(row) > 1}

    def facts(self, name):
        """What `vbox_memory_facts` says of a machine."""
        result, _calls = self.module("vbox_memory_facts", {"name": name, "metrics_wait": 60})
        return result["ansible_facts"]["vbox_memory"]["machines"][0]

    def health(self):
        return json.loads(self.live("health").stdout)

    def python(self, script, *argv, given=""):
        done = self.live(
            "ssh",
            "env",
            "PYTHONPATH=" + self.FOLDER,
            "python3",
            f"{self.FOLDER}/{script}",
            *argv,
            given=given.encode(),
            must_succeed=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def calls(self):
        return []  # the result's `commands` tell what changed something

    def forget_calls(self):
        pass


def write_program(fake, path):
    """Write a VBoxManage that is this fake host's, whatever the environment; gives back its path."""
    home, program = shlex.quote(fake.path), shlex.quote(fake.program)
    path.write_text(f'#!/bin/sh\nVBOX_FAKE_HOME={home} exec {program} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def wait_until(condition, seconds, pause=0.1):
    """Wait for a condition, which must come true within so many seconds of an idle machine."""
    until = time.monotonic() + seconds * PATIENCE
    while not condition():
        assert time.monotonic() < until, f"not within {seconds * PATIENCE} s: {condition}"
        time.sleep(pause)
