# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""In plugins/module_utils an import only points down, as docs/how-it-works.md says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tools.kept import imported

MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
PREFIX = "ansible_collections.vbox.memory.plugins.module_utils."
# What each folder or file may import of ours, beside its own folder.
MAY_IMPORT = {
    "model": set(),
    "errors": set(),
    "locks": {"errors"},
    "argument_spec": {"errors", "model"},
    "planning": {"errors", "model"},
    "backends": {"errors", "locks", "model"},
    "balance_status": {"errors", "locks"},
    "facts": {"backends", "balance_status", "errors", "model", "planning"},
    "execution": {"backends", "balance_status", "errors", "locks", "model", "planning"},
    "balance_service": {"backends", "balance_status", "errors", "execution", "planning"},
    "run_balance": {"argument_spec", "backends", "errors", "execution", "model", "planning", "run_module"},
    "run_module": {"argument_spec", "backends", "errors", "execution", "model", "planning"},
}
NO_INPUT_OR_OUTPUT = ("os", "subprocess", "time", "socket", "pathlib", "tempfile", "datetime", "random")
FILES = sorted(MODULE_UTILS.rglob("*.py"))


def imports(path):
    return imported(ast.parse(path.read_text()))


def place(path):
    """The folder or file right below module_utils that a file belongs to."""
    return path.relative_to(MODULE_UTILS).with_suffix("").parts[0]


def ours(name):
    return name[len(PREFIX) :].split(".")[0] if name.startswith(PREFIX) else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_arrows_point_down(path):
    allowed = MAY_IMPORT[place(path)] | {place(path)}
    assert {ours(name) for name in imports(path)} - {None} <= allowed


@pytest.mark.parametrize(
    "path", [path for path in FILES if place(path) in ("model", "planning")], ids=lambda path: path.name
)
def test_plans_are_made_without_input_and_output(path):
    assert not set(imports(path)) & set(NO_INPUT_OR_OUTPUT)


def test_no_import_runs_in_a_circle():
    modules = {PREFIX + ".".join(path.relative_to(MODULE_UTILS).with_suffix("").parts): path for path in FILES}
    arrows = {name: {one for one in imports(path) if one in modules} for name, path in modules.items()}
    while arrows:
        ends = [name for name, targets in arrows.items() if not targets & set(arrows)]
        assert ends, f"these import each other: {sorted(arrows)}"
        for name in ends:
            del arrows[name]
