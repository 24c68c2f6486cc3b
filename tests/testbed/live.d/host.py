# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A live host that runs: QEMU, its monitor, and SSH into it. `run` is always the folder that holds it."""

import contextlib
import json
import os
import pathlib
import shlex
import socket
import subprocess
import sys
import time

# `-la57` and one thread are what the nested guests need to live: see README.md.
MACHINE = ["-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max,-la57", "-smp", "1", "-m", "6144"]
BOOT = "root=/dev/vda rw console=ttyS0 mitigations=off net.ifnames=0 tsc=reliable highres=off"
FRESH = "fresh"


class Failure(Exception):
    """Said in one line, exit status 1."""


class Lacking(Failure):
    """The machine lacks something: exit status 3."""


def start_host(run, made, extra):
    """The same command line for making and for loading: a snapshot fits only the machine that it was taken of."""
    free = free_port()
    (run / "port").write_text(str(free))
    key = (made / "host_key.pub").read_text().split()
    (run / "known_hosts").write_text(f"[127.0.0.1]:{free} {key[0]} {key[1]}\n")
    argv = [
        *tool_argv(made, "qemu-system-x86_64"), "-L", f"{made}/tools/usr/share/qemu", "-L", f"{made}/tools/usr/share/seabios",
        *MACHINE, "-nodefaults", "-display", "none", "-name", f"vbox-memory-live-{run.name}",
        "-kernel", str(made / "vmlinuz"), "-initrd", str(made / "initrd"), "-append", BOOT,
        "-drive", "file=disk.qcow2,if=virtio,format=qcow2,cache=unsafe,discard=unmap",
        "-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{free}-:22", "-device", "virtio-net-pci,netdev=net,romfile=",
        "-serial", "file:console.log", "-qmp", "unix:qmp.sock,server=on,wait=off", "-pidfile", "pid", "-daemonize", *extra,
    ]  # fmt: skip
    done = subprocess.run(argv, cwd=run, env=tool_env(made), capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"QEMU does not start: {done.stderr.strip()}")


def wait_for_ssh(run, seconds):
    """Wait until the host answers, on a machine that may be busy with much else."""

    def answers():
        return subprocess.run([*ssh_argv(run, "vbox", patience=10), "true"], capture_output=True).returncode == 0

    if not wait_until(answers, seconds):
        raise Failure(f"the host does not answer SSH: see {run}/console.log")


def in_host(run, *words, user="vbox"):
    done = subprocess.run(
        [*ssh_argv(run, user), shlex.join(words)], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise Failure(f"in the live host, {shlex.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def ssh_argv(run, user, patience=90):
    """Waits so many seconds for the host's first words, which take a minute on a busy machine; a host that is gone ends the call."""
    return [
        "ssh", "-F", "none", "-i", str(run / "cache" / "key"), "-p", str(port(run)), "-o", f"UserKnownHostsFile={run}/known_hosts",
        "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
        "-o", f"ConnectTimeout={patience}", "-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=10", "-o", "LogLevel=ERROR", "-T", f"{user}@127.0.0.1",
    ]  # fmt: skip


def port(run):
    need((run / "port").exists(), f"'{run.name}' is not up")
    return int((run / "port").read_text())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def running(run):
    """The process id of this instance's QEMU; a number that something else has by now does not count."""
    try:
        pid = int((run / "pid").read_text())
        return pid if b"qemu-system" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() else None
    except (OSError, ValueError):
        return None


def need(condition, message):
    if not condition:
        raise Failure(message)


def monitor(run, command):
    """One command on QEMU's own monitor, which answers nothing when all went well."""
    with socket.socket(socket.AF_UNIX) as line:
        # Relative, because a socket's path has to be short.
        here = os.getcwd()
        os.chdir(run)
        try:
            line.connect("qmp.sock")
        finally:
            os.chdir(here)
        stream = line.makefile("rw")
        stream.readline()
        answers = []
        for request in (
            {"execute": "qmp_capabilities"},
            {"execute": "human-monitor-command", "arguments": {"command-line": command}},
        ):
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            answers.append(answer(stream))
    if answers[1]:
        raise Failure(f"QEMU, {command}: {answers[1].strip()}")


def answer(stream):
    for line in stream:
        message = json.loads(line)
        if "return" in message:
            return message["return"]
        if "error" in message:
            raise Failure(message["error"]["desc"])
    raise Failure("QEMU closed its monitor")


def monitor_quit(work):
    with contextlib.suppress(Failure, OSError):
        monitor(work, "quit")
    need(wait_until(lambda: not running(work), 30), "QEMU does not stop")


def tool_argv(made, program):
    """Run from the tree, with the tree's own libraries: nothing is installed on the machine, and nothing mounted."""
    tools = made / "tools"
    return [
        f"{tools}/lib64/ld-linux-x86-64.so.2",
        "--library-path",
        f"{tools}/usr/lib/x86_64-linux-gnu",
        f"{tools}/usr/bin/{program}",
    ]


def tool_env(made):
    return {**os.environ, "QEMU_MODULE_DIR": f"{made}/tools/usr/lib/x86_64-linux-gnu/qemu"}


def tool(folder, program, *words):
    made = folder / "cache" if (folder / "cache").exists() else folder
    subprocess.run(
        [*tool_argv(made.resolve(), program), *words],
        cwd=folder,
        env=tool_env(made.resolve()),
        check=True,
        stdout=sys.stderr,
    )


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while True:
        if condition():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)


def say(message):
    print(f"live: {message}", file=sys.stderr, flush=True)
