# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Puts the checkout where Ansible's tools want it, as .build/ansible_collections/vbox/memory, and prints the path of .build.

A copy, for ansible-test follows no links. Only what git would take goes in. What is the same already isn't touched, and what changed is
replaced whole, so that a test that runs at the same time never reads half a file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
COPY = BUILD / "ansible_collections" / "vbox" / "memory"
# Made in the copy by the tools that run there
LEFT_ALONE = {"__pycache__", ".ansible", ".ruff_cache"}


def update() -> Path:
    """Bring the copy up to date."""
    wanted = {path for path in tracked_and_new() if (ROOT / path).is_file()}
    for path in wanted:
        if not same(ROOT / path, COPY / path):
            replace(ROOT / path, COPY / path)
    for path in present() - wanted:
        (COPY / path).unlink(missing_ok=True)
        remove_empty_folders((COPY / path).parent)
    return BUILD


def tracked_and_new() -> set[str]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    return set(os.fsdecode(listing).split("\0")) - {""}


def present() -> set[str]:
    found = set()
    for folder, folders, files in os.walk(COPY):
        folders[:] = [name for name in folders if name not in LEFT_ALONE]
        found.update(os.path.relpath(os.path.join(folder, name), COPY) for name in files)
    return {path for path in found if not path.startswith("tests/output/")}


def same(source: Path, target: Path) -> bool:
    if not target.is_file():
        return False
    ours, theirs = source.stat(), target.stat()
    return (ours.st_size, ours.st_mtime_ns, ours.st_mode) == (theirs.st_size, theirs.st_mtime_ns, theirs.st_mode)


def replace(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = BUILD / f"new.{os.getpid()}"
    shutil.copy2(source, scratch)
    scratch.replace(target)


def remove_empty_folders(folder: Path) -> None:
    while folder != COPY and folder.is_dir():
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        if any(folder.iterdir()):
            return
        folder.rmdir()
        folder = folder.parent


if __name__ == "__main__":
    print(update())
