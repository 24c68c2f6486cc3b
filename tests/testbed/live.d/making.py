# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Makes the live host from nothing, once for each recipe, and keeps it in a cache."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

from host import (
    BOOT,
    FRESH,
    MACHINE,
    Lacking,
    in_host,
    monitor,
    monitor_quit,
    need,
    running,
    say,
    start_host,
    tool,
    wait_for_ssh,
    wait_until,
)

PARTS = pathlib.Path(__file__).resolve().parent
CACHE = (
    pathlib.Path(
        os.environ.get("VBOX_MEMORY_CACHE")
        or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "vbox-memory")
    )
    / "live"
)
# To be raised when the functions below make something else of the same files.
RECIPE = 1
# Mount and process namespaces of their own: whatever happens, nothing stays mounted and nothing runs on.
ISOLATED = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
# program → Debian package
NEEDS = {
    "debootstrap": "debootstrap",
    "mke2fs": "e2fsprogs",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
}


def cached():
    """The made host; made first when it is not there, by one of all who ask at once."""
    folder = recipe_folder()
    if folder.is_dir():
        return folder
    with open(CACHE / f"{folder.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            make(folder)
    return folder


def recipe_folder():
    """Named after what shapes the result; of the Python files that is the machine, and RECIPE."""
    digest = hashlib.sha256(repr((RECIPE, MACHINE, BOOT)).encode())
    for file in sorted(PARTS.iterdir()):
        if file.is_file() and file.suffix not in (".md", ".py"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return CACHE / digest.hexdigest()[:16]


def make(folder):
    need_programs()
    mirror = debian_mirror()
    work = folder.with_suffix(".making")
    stop_leftover(work)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    started = time.monotonic()
    try:
        make_trees(work, mirror)
        make_disk(work)
        boot_and_save(work)
    except BaseException:
        stop_leftover(work)
        raise
    for name in ("host", "console.log", "port", "pid", "qmp.sock", "known_hosts", "cache"):
        remove(work / name)
    work.rename(folder)
    say(f"made in {time.monotonic() - started:.0f} s")


def stop_leftover(work):
    pid = running(work)
    if pid:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not running(work), 10)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def need_programs():
    if os.geteuid():
        raise Lacking("making the live host needs root")
    missing = sorted({package for program, package in NEEDS.items() if not shutil.which(program)})
    if missing:
        say(f"installing {' '.join(missing)}")
        done = subprocess.run(
            f"apt-get update -q && apt-get install -q -y --no-install-recommends {' '.join(missing)}",
            shell=True, stdout=sys.stderr, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
        if done.returncode:
            raise Lacking(f"cannot install {' '.join(missing)}")


def debian_mirror():
    """The machine's own, from apt's configuration."""
    given = os.environ.get("VBOX_LIVE_MIRROR")
    if given:
        return given
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
    ).stdout
    mirrors = [
        line.split("|")[1] for line in listed.splitlines() if line.startswith("Debian|") and "security" not in line
    ]
    if not mirrors:
        raise Lacking("no Debian mirror in apt's configuration: set VBOX_LIVE_MIRROR")
    return mirrors[0]


def make_trees(work, mirror):
    say("making the base tree")
    debootstrap = ["debootstrap", "--variant=minbase", "--components=main,contrib", "sid", str(work / "host"), mirror]
    logged(work, "base", [*ISOLATED, *debootstrap], env={**os.environ, **proxy_environment()})
    prepare_tree(work / "host")
    subprocess.run(["cp", "-a", str(work / "host"), str(work / "tools")], check=True)
    make_keys(work)
    say("filling the tools' tree and the host's tree")
    with background(
        chroot_argv(work / "tools", f"/live.d/build-tools {shlex.quote(mirror)} && /live.d/build-guest"), work, "tools"
    ) as tools:
        logged(work, "host", chroot_argv(work / "host", "/live.d/build-host"))
        need(tools.wait() == 0, f"making the tools failed: see {work}/tools.log")


def prepare_tree(tree):
    """What the machine's apt needs to reach its packages, the trees' apt needs too."""
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    wanted = r"^Acquire::(http|https|ftp|Check|Retries|Max-|AllowDowngrade|AllowWeak).*"
    (tree / "etc/apt/apt.conf.d/90machine").write_text(
        "\n".join(m.group(0) for m in re.finditer(wanted, dumped, re.M)) + "\n"
    )
    (tree / "etc/dpkg/dpkg.cfg.d/fast").write_text(
        "force-unsafe-io\npath-exclude=/usr/share/doc/*\npath-exclude=/usr/share/man/*\n"
    )
    (tree / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (tree / "usr/sbin/policy-rc.d").chmod(0o755)
    shutil.copytree(PARTS, tree / "live.d")


def proxy_environment():
    """debootstrap fetches by itself, and knows apt's proxies from the environment only."""
    shell = subprocess.run(
        ["apt-config", "shell", "http_proxy", "Acquire::http::Proxy"], capture_output=True, text=True
    ).stdout
    found = re.search(r"http_proxy='(.+)'", shell)
    return {"http_proxy": found.group(1)} if found else {}


def make_keys(work):
    for name in ("key", "host_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "live", "-f", str(work / name)], check=True
        )
    shutil.copyfile(work / "key.pub", work / "host" / "live.key.pub")


def chroot_argv(tree, command):
    mounts = "mount -t proc proc {0}/proc; mount -t sysfs -o ro sys {0}/sys; mount -t tmpfs tmp {0}/dev; "
    nodes = "for n in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 {0}/dev/${{n%:*}} c 1 ${{n#*:}}; done; ln -s /proc/self/fd {0}/dev/fd; "
    script = (mounts + nodes + "exec chroot {0} /bin/sh -euc {1}").format(shlex.quote(str(tree)), shlex.quote(command))
    return [*ISOLATED, "sh", "-c", script]


def make_disk(work):
    say("writing the host's disk")
    host = work / "host"
    for name in ("host_key", "host_key.pub"):
        target = host / "etc/ssh" / name.replace("host_key", "ssh_host_ed25519_key")
        shutil.copyfile(work / name, target)
        target.chmod(0o644 if name.endswith("pub") else 0o600)
    shutil.copyfile(work / "tools/out/guest.iso", host / "home/vbox/guest.iso")
    for name, pattern in (("vmlinuz", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        shutil.copyfile(next((host / "boot").glob(pattern)), work / name)
    remove(host / "live.d")
    logged(
        work,
        "disk",
        ["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", str(host), str(work / "base.raw"), "6G"],
    )
    tool(work, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(work / "base.raw"), "disk.qcow2")


def boot_and_save(work):
    """Everything slow happens once, here: the host boots, its guests boot, and a snapshot keeps them as they are then."""
    say("booting the host")
    (work / "cache").symlink_to(".")
    start_host(work, work, [])
    wait_for_ssh(work, 900)
    say("booting the guests")
    in_host(work, "live-machines", "create")
    in_host(work, "live-machines", "boot")
    say("saving")
    in_host(work, "sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches", user="root")
    monitor(work, f"savevm {FRESH}")
    monitor_quit(work)


@contextlib.contextmanager
def background(argv, work, name):
    with open(work / f"{name}.log", "wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def logged(work, name, argv, env=None):
    with open(work / f"{name}.log", "wb") as log:
        done = subprocess.run(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env)
    need(done.returncode == 0, f"{argv[0]} failed: see {work}/{name}.log")
