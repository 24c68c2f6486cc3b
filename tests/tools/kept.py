# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Runs a long part of the tests, unless it passed with the same inputs before: what that is, is said in a line.

usage: python tests/tools/kept.py PART COMMAND [ARGUMENT]…

What passed is kept outside the checkout, by a hash of the files that the part depends on, so a fresh machine runs everything. A part that left
something out (a line with NOT TESTED) and one whose inputs changed meanwhile are not kept. VBOX_MEMORY_AGAIN=1 runs all parts.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
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
# By part: what it does not run. Files that only plugins with such a word in their names need are left out.
NOT_RUN = {"live": ("balance", "report")}
PREFIX = "ansible_collections.vbox.memory."


def main() -> None:
    part, *command = sys.argv[1:]
    inputs = key_of(part)
    when = passed(part, inputs)
    if when:
        say(part, when)
        return
    status, lines = shown(command)
    if status:
        sys.exit(status)
    if not any("NOT TESTED" in line for line in lines) and key_of(part) == inputs:
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


def key_of(part: str) -> str:
    return key(INPUTS[part], without=needed_only_by(NOT_RUN[part]) if part in NOT_RUN else frozenset())


def key(names, *others, without=frozenset()) -> str:
    """A hash of files of the copy, with all in folders but for some, and of other values."""
    digest = hashlib.sha256(json.dumps([os.environ.get("CI") == "true", *others]).encode())
    for path in sorted({path for name in names for path in files_of(COPY / name)} - without):
        digest.update(f"{path.relative_to(COPY)}\0{path.stat().st_mode}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def files_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts]
    assert found, f"no such input: {path}"
    return found


def needed_only_by(words: tuple[str, ...]) -> frozenset[Path]:
    """The Python files in plugins that a file with one of the words in its name imports, however indirectly, and no other plugin does."""
    files = {path for path in files_of(COPY / "plugins") if path.suffix == ".py"}
    named = {path for path in files if any(word in path.name for word in words)}
    begin = {path for path in files - named if path.parent.parent == COPY / "plugins" and not _is_shared(path)}
    return frozenset(_with_imports(named, files) - _with_imports(begin, files))


def _is_shared(path: Path) -> bool:
    return path.parent.name.endswith("_utils")


def _with_imports(begin: set[Path], files: set[Path]) -> set[Path]:
    found, left = set(), list(begin)
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left.extend(_imports(path) & files)
    return found


def _imports(path: Path) -> set[Path]:
    """The files that a file imports something of, or names in a text: some are started by their names."""
    code = ast.parse(path.read_text())
    texts = {node.value for node in ast.walk(code) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    names = [name for name in {*imported(code), *texts} if name.startswith(PREFIX)]
    return {COPY / (name[len(PREFIX) :].replace(".", "/") + ".py") for name in names}


def imported(code: ast.AST) -> Iterator[str]:
    """The modules that a file imports, anywhere in it, and what it imports of them."""
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import, of {node.module}"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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
