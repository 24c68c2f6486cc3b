# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The Pythons of this machine, for controllers and for managed hosts of other versions than our tools have."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE_PYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")  # of managed hosts, by the README's table
TOO_OLD = ("2.7", "3.6", "3.7")
# The tree of the sandbox has a newer Python than many machines. It runs outside of it by its own loader.
OF_THE_TREE = """#!/bin/sh
exec env PYTHONDONTWRITEBYTECODE=1 "{loader}" --argv0 "$0" --library-path "{libraries}" "{python}" "$@"
"""


@functools.lru_cache(None)
def python_of(version):
    """The path of a Python of this version (such as "3.12"), or None: on the path, of pyenv or uv, or of the sandbox's tree."""
    places = [Path(found) for found in [shutil.which("python" + version)] if found]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    places += sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))
    places += sorted(Path.home().glob(f".local/share/uv/python/cpython-{version}.*/bin/python{version}"))
    return next((str(path) for path in places if is_python(path, version)), None) or python_of_tree(version)


def is_python(path, version):
    """A name proves nothing: version managers leave names on the path that only print an error."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def python_of_tree(version):
    """The Python of the sandbox's tree, as a program that runs here; None without the tree, or when it has another version."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    done = subprocess.run([ROOT / "tests" / "testbed" / "sandbox", "tree"], capture_output=True, text=True, check=False)
    tree = Path(done.stdout.strip())
    loaders = sorted(tree.glob("usr/lib/*/ld-linux-*.so*"))
    python = tree / "usr" / "bin" / ("python" + version)
    if done.returncode != 0 or not loaders or not python.exists():
        return None
    program = ROOT / ".build" / "pythons" / version / "bin" / ("python" + version)
    program.parent.mkdir(parents=True, exist_ok=True)
    # By this file Python finds its library, also with -I, which ignores the environment.
    (program.parents[1] / "pyvenv.cfg").write_text(f"home = {tree}/usr/bin\n", encoding="utf-8")
    scratch = program.with_suffix(f".{os.getpid()}")
    scratch.write_text(
        OF_THE_TREE.format(tree=tree, loader=loaders[0], libraries=loaders[0].parent, python=python), encoding="utf-8"
    )
    scratch.chmod(0o755)
    scratch.replace(program)
    return str(program) if is_python(program, version) else None


def pythons_of_hosts(which=""):
    """The versions that a test with the Python of a host is for: all of the table, or (`ends`) the oldest and the newest that can run here."""
    if which != "ends":
        return MODULE_PYTHONS
    here = [version for version in MODULE_PYTHONS if taken_by_this_core(version) and python_of(version)]
    return here[:1] + here[1:][-1:]


def taken_by_this_core(version):
    """Whether this ansible-core runs modules with that Python, by its own table."""
    from ansible_test._util.target.common import constants  # its own list, of what it tests itself with

    return version in (*constants.REMOTE_ONLY_PYTHON_VERSIONS, *constants.CONTROLLER_PYTHON_VERSIONS)
