# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Runs a long part of the tests, unless it passed with the same inputs before: what that is, is said in a line.

usage: python tests/tools/kept.py PART COMMAND [ARGUMENT]…

What passed is kept outside the checkout, by a hash of the files that the part depends on, so a fresh machine runs everything. A part that left
something out (a line with NOT TESTED) and one whose inputs changed meanwhile are not kept. VBOX_MEMORY_AGAIN=1 runs all parts.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / ".build" / "ansible_collections" / "vbox" / "memory"
CACHE = Path(
    os.environ.get("VBOX_MEMORY_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vbox-memory"
)
COLLECTION = ("plugins", "roles", "playbooks", "meta", "galaxy.yml")
TOOLS = ("requirements", "tests/tools", "tests/support", "tests/conftest.py", "pyproject.toml")
# By part: the files and folders that it depends on
INPUTS = {
    "browser": ("plugins", "roles/report", "tests/browser", "tests/fake", *TOOLS),
    "live": (
        *COLLECTION,
        *TOOLS,
        "extensions/molecule",
        "tests/integration/conftest.py",
        "tests/integration/test_molecule.py",
        "tests/live",
        "tests/fake",
        "tests/testbed",
    ),
}


def main() -> None:
    part, *command = sys.argv[1:]
    inputs = key(INPUTS[part])
    when = passed(part, inputs)
    if when:
        say(part, when)
        return
    status, lines = shown(command)
    if status:
        sys.exit(status)
    if not any("NOT TESTED" in line for line in lines) and key(INPUTS[part]) == inputs:
        keep(part, inputs, "".join(lines[-1:]).strip("= "))


def shown(command: list[str]) -> tuple[int, list[str]]:
    """Run a command whose output is seen as it comes: its exit status, and the lines."""
    said = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        while some := os.read(process.stdout.fileno(), 65536):
            sys.stdout.buffer.write(some)
            sys.stdout.buffer.flush()
            said += some
    return process.returncode, said.decode(errors="replace").splitlines()


def key(names, *others) -> str:
    """A hash of files of the copy, with all in folders, and of other values."""
    digest = hashlib.sha256(json.dumps([os.environ.get("CI") == "true", *others]).encode())
    for path in sorted(path for name in names for path in files_of(COPY / name)):
        digest.update(f"{path.relative_to(COPY)}\0{path.stat().st_mode}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def files_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts]
    assert found, f"no such input: {path}"
    return found


def passed(name: str, inputs: str) -> str:
    """When a part passed with these inputs, or nothing."""
    path = CACHE / "passed" / f"{name}-{inputs}"
    return path.read_text().strip() if path.exists() and os.environ.get("VBOX_MEMORY_AGAIN") != "1" else ""


def keep(name: str, inputs: str, closing: str = "") -> None:
    """Keep that a part passed with these inputs, and what it said last."""
    folder = CACHE / "passed"
    folder.mkdir(parents=True, exist_ok=True)
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    (folder / f"{name}-{inputs}").write_text(f"{when}: {closing}" if closing else when)


def say(name: str, when: str) -> None:
    print(f"== {name}: NOT RUN AGAIN: nothing that it depends on has changed since it passed, {when}", flush=True)


if __name__ == "__main__":
    main()
