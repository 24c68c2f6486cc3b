# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Unit tests, the flow on the fake, the sanity tests and two pages with each ansible-core of requirements/matrix.txt: see tests/tools/matrix."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from kept import CACHE, COLLECTION, keep, key, passed  # noqa: E402 (it is beside this file)
from support.pythons import MODULE_PYTHONS, TOO_OLD, python_of  # noqa: E402 (the line above leads to it)

VERSIONS = re.compile(r"^(\d\S*)\s+(.+)$", re.MULTILINE)
OURS = (
    "jmespath",
    "pytest",
    "hypothesis",
    "prometheus_client",
    "PyYAML",
)  # beside ansible-core, at the versions of requirements/test.txt
CONSTRAINED_BY_CORE = ("ansible-core", "resolvelib")
COMMON = (
    "requirements/matrix.txt",
    "requirements/test.txt",
    "tests/tools/matrix.py",
    "tests/tools/kept.py",
    "pyproject.toml",
)
MAIN = re.search(r"^ansible-core==(\S+)$", (ROOT / "requirements" / "test.txt").read_text(), re.MULTILINE).group(1)
PYTEST = ("-m", "pytest", "-q", "-o", "addopts=--import-mode=importlib -ra")
# By part: what it depends on. What is the same is not run again.
FLOW = (
    *COLLECTION,
    *COMMON,
    "tests/integration/test_flow.py",
    "tests/support",
    "tests/fake",
    "tests/conftest.py",
)
INPUTS = {
    "unit": (*COLLECTION, *COMMON, "tests/unit/plugins", "tests/support", "tests/fake", "tests/conftest.py"),
    "flow": FLOW,
    "ends": FLOW,
    "sanity": (*COLLECTION, *COMMON, "tests/config.yml", "extensions", "docs", "changelogs", "tests/tools/sanity"),
    "pages": (
        *COLLECTION,
        *COMMON,
        "README.md",
        "docs/getting-started.md",
        "tests/integration/test_docs.py",
        "tests/conftest.py",
        "tests/demo",
        "tests/fake",
        "tests/support",
        "tests/testbed",
    ),
}
PAGES = ("README.md", "docs/getting-started.md")
SHIPS_NOT = (
    "tests/unit",
    "tests/integration",
    "tests/live",
    "tests/fake",
    "tests/bench",
    "tests/testbed",
    "tests/support",
    "tests/cases",
    "tests/demo",
)


def main() -> None:
    parts = [word for word in sys.argv[1:] if word in PARTS] or [part for part in PARTS if part != "ends"]
    wanted = [word for word in sys.argv[1:] if word not in PARTS]
    rows = VERSIONS.findall((ROOT / "requirements" / "matrix.txt").read_text())
    unknown = set(wanted) - {core for core, _pythons in rows}
    if unknown:
        sys.exit(f"requirements/matrix.txt has no ansible-core {', '.join(sorted(unknown))}")
    rows = [row for row in rows if not wanted or row[0] in wanted]
    with ThreadPoolExecutor(2) as pool:
        each = pool.map(lambda row: tested(row[0], row[1].split(), parts), rows)
        outcomes = [outcome for outcomes in each for outcome in outcomes]
    if "ends" in parts:
        say("NOT RUN: the flow with the Pythons of a host in between, and the other ansible-cores: make test-matrix")
    for version in (*TOO_OLD, *MODULE_PYTHONS):
        if not python_of(version):
            say(f"NOT TESTED: Python {version} on a managed host: there is none on this machine")
    failed = [words for words, succeeded in outcomes if not succeeded]
    if failed:
        sys.exit("FAILED: " + ", ".join(failed))


def tested(core: str, pythons: list[str], parts: list[str]) -> list[tuple[str, bool]]:
    """The parts of an ansible-core, and whether each succeeded."""
    version = next((one for one in pythons if python_of(one)), None)
    if version is None:
        say(
            f"NOT TESTED: ansible-core {core}: it needs Python {' or '.join(pythons)}, and there is none on this machine"
        )
        return []
    return [(f"{part} with ansible-core {core}", run(part, core, version)) for part in parts if runs_here(part, core)]


def runs_here(part: str, core: str) -> bool:
    """All other tests run with the main ansible-core, but with two Pythons of a host, and none of them on a Python that has nothing else."""
    return core != MAIN or part in ("flow", "pages")


def run(part: str, core: str, version: str) -> bool:
    """Run a part, or say that it was run with the same inputs."""
    name = f"ansible-core {core}, Python {version}: {part}"
    pythons = [(one, python_of(one)) for one in (*TOO_OLD, *MODULE_PYTHONS)] if INPUTS[part] == FLOW else []
    inputs = key(INPUTS[part], pythons)
    file = f"{part}-{core}-{version}"
    when = passed(file, inputs)
    if when:
        say(f"{name}: ok, NOT RUN AGAIN: nothing that it depends on has changed since it passed, {when}")
        return True
    log = ROOT / ".build" / "log" / f"matrix-{core}-{part}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with log.open("w") as out:
        failed = PARTS[part](core, str(python_of(version)), out)
    seconds = time.monotonic() - began
    if failed:
        print(log.read_text())
        say(f"{name}: FAILED, {seconds:.0f} s")
        return False
    closing = (re.findall(r"^.*\d+ passed.*$", log.read_text(), re.MULTILINE) or ["no error"])[-1].strip("= ")
    missing = sorted(set(re.findall(r"NOT TESTED: .*", log.read_text())))
    say(f"{name}: ok, {seconds:.0f} s ({closing})")
    for line in missing:
        say(f"  {line}")
    if (
        not missing and key(INPUTS[part], pythons) == inputs
    ):  # what was left out is tried again, and so is what changed meanwhile
        keep(file, inputs)
    return True


def venv_of(core: str, python: str) -> Path:
    """An environment with this ansible-core and what the tests need; made where there is none."""
    pins = (ROOT / "requirements" / "test.txt").read_text()
    constraints = [line for line in pins.splitlines() if line.partition("==")[0] not in CONSTRAINED_BY_CORE]
    names = [f"ansible-core=={core}", *OURS]
    identity = hashlib.sha256(json.dumps([python, constraints, names]).encode()).hexdigest()[:12]
    venv = CACHE / "venv" / f"matrix-{core}-{identity}"
    if not (venv / "complete").exists():
        shutil.rmtree(venv, ignore_errors=True)
        say(f"making {venv} (once)")
        subprocess.run([python, "-m", "venv", venv], check=True)
        (venv / "constraints.txt").write_text("\n".join(constraints))
        pip = [venv / "bin" / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", venv / "constraints.txt", *names], check=True)
        (venv / "complete").touch()
    return venv


def environment(venv: Path) -> dict[str, str]:
    """Programs of this environment come first. None leaves compiled files in the copy, which other tools may be reading."""
    first = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return dict(os.environ, PATH=first, VIRTUAL_ENV=str(venv), PYTHONDONTWRITEBYTECODE="1")


def run_logged(command, out, **options) -> int:
    """Run a command; gives back its exit status."""
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False, **options
    ).returncode


def pytest(*tests: str, **settings: str):
    """A part that runs some tests in the environment of an ansible-core, with more environment variables."""

    def part(core, python, out):
        venv = venv_of(core, python)
        command = [venv / "bin" / "python", *PYTEST, "-o", f"cache_dir=.build/{venv.name}", *tests]
        return run_logged(command, out, env=dict(environment(venv), **settings))

    return part


def sanity(core, python, out):
    """The sanity tests of what ships, as who publishes or certifies a collection runs them; tests/tools/sanity runs them with all files."""
    venv = venv_of(core, python)
    options = [word for name in SHIPS_NOT for word in ("--exclude", name + "/")]
    for test, host in cannot_be_installed(venv):
        out.write(
            f"NOT TESTED: sanity's {test} with ansible-core {core}: it needs {host}, which this machine does not reach\n"
        )
        out.flush()
        options += ["--skip-test", test]
    command = [ROOT / "tests" / "tools" / "sanity", *options]
    return run_logged(command, out, env=dict(environment(venv), VBOX_MEMORY_SANITY_VENV=str(venv)))


def cannot_be_installed(venv):
    """The sanity tests that need a package from a host that is not to be reached (a release candidate can): pairs of the test and the host."""
    for path in venv.glob("lib/python*/site-packages/ansible_test/_data/requirements/sanity.*.txt"):
        for host in set(re.findall(r"^[^#\n]*@ https://([^/\s]+)/", path.read_text(), re.MULTILINE)):
            try:
                socket.create_connection((host, 443), 10).close()
            except OSError:
                yield path.stem.partition(".")[2], host


def pages(core, python, out):
    """README and getting-started word by word, from the tarball, on a Python that has nothing but ansible-core, jmespath, and what the pages install."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, f"ansible-core=={core}", "jmespath"], check=True)
        tests = [f"tests/integration/test_docs.py::test_every_example_runs[{page}]" for page in PAGES]
        command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir=.build/pages-{core}", *tests]
        return run_logged(command, out, env=dict(os.environ, VBOX_MEMORY_READER=folder))


PARTS = {
    "unit": pytest("tests/unit/plugins"),
    "flow": pytest("tests/integration/test_flow.py"),
    "ends": pytest("tests/integration/test_flow.py", VBOX_MEMORY_PYTHONS="ends"),
    "sanity": sanity,
    "pages": pages,
}


def say(words: str) -> None:
    print(f"matrix: {words}", flush=True)


if __name__ == "__main__":
    main()
