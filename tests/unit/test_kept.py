# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""A part of the tests is left out only where it passed with the same inputs, and that is said."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def loaded():
    spec = importlib.util.spec_from_file_location("kept", ROOT / "tests" / "tools" / "kept.py")
    kept = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kept)
    return kept


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """A function that has a part run a shell script; gives back how often the script has run, and what was printed."""
    kept = loaded()
    monkeypatch.setattr(kept, "COPY", tmp_path)
    monkeypatch.setattr(kept, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(kept, "INPUTS", {"part": ("plugins",)})
    monkeypatch.setattr(kept, "NOT_RUN", {"part": ("balance",)})
    monkeypatch.delenv("VBOX_MEMORY_AGAIN", raising=False)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "a.py").write_text("1")

    def run(script="echo 3 passed", status=0):
        monkeypatch.setattr(sys, "argv", ["kept.py", "part", "sh", "-c", f"echo x >> {tmp_path}/runs; {script}"])
        try:
            kept.main()
        except SystemExit as ended:
            assert ended.code == status
        return len((tmp_path / "runs").read_text().split()), capfd.readouterr().out

    return run


def test_what_passed_is_not_run_again_and_says_so(run):
    assert run() == (1, "3 passed\n")
    times, said = run()
    assert times == 1 and "NOT RUN AGAIN" in said and said.endswith("3 passed\n")


CHANGES = {
    "its text": lambda folder: (folder / "a.py").write_text("2"),
    "another file": lambda folder: (folder / "b.py").touch(),
    "its mode": lambda folder: (folder / "a.py").chmod(0o755),
    "its name": lambda folder: (folder / "a.py").rename(folder / "c.py"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_run_again(run, tmp_path, change):
    run()
    CHANGES[change](tmp_path / "plugins")
    assert run()[0] == 2


def test_in_ci_and_when_asked_for_it_is_run_again(run, monkeypatch):
    run()
    monkeypatch.setenv("VBOX_MEMORY_AGAIN", "1")
    assert run()[0] == 2
    monkeypatch.delenv("VBOX_MEMORY_AGAIN")
    monkeypatch.setenv("CI", "false" if os.environ.get("CI") == "true" else "true")
    assert run()[0] == 3  # a part that may be left out elsewhere


def test_a_failure_and_what_was_left_out_are_not_kept(run, tmp_path):
    run("exit 3", status=3)
    run("echo SKIPPED NOT TESTED: there is none")
    run(f"echo 2 > {tmp_path}/plugins/a.py")  # it changed meanwhile
    assert run()[0] == 4


OURS = "from ansible_collections.vbox.memory.plugins.module_utils import"
WRITTEN = {
    "modules/vbox_balance.py": f"{OURS} law, sizes",
    "modules/vbox_one.py": f"{OURS} start",
    "module_utils/start.py": "HELPER = 'ansible_collections.vbox.memory.plugins.module_utils.helper'",
    "module_utils/helper.py": f"{OURS} sizes",
    "module_utils/law.py": f"{OURS} law_steps",
    "module_utils/law_steps.py": "",
    "module_utils/sizes.py": "",
}


@pytest.mark.parametrize(
    ("changed", "times"),
    [
        (name, 1 if name in ("modules/vbox_balance.py", "module_utils/law.py", "module_utils/law_steps.py") else 2)
        for name in WRITTEN
    ],
)
def test_what_only_other_parts_need_is_no_input(run, tmp_path, changed, times):
    for name, text in WRITTEN.items():
        (tmp_path / "plugins" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "plugins" / name).write_text(text)
    run()
    (tmp_path / "plugins" / changed).write_text(WRITTEN[changed] + "\n# changed")
    assert run()[0] == times


def test_the_tests_with_running_machines_depend_on_all_that_they_run_and_not_on_the_law_of_balance():
    kept = loaded()
    kept.COPY = ROOT
    left_out = {path.relative_to(ROOT / "plugins").as_posix() for path in kept.needed_only_by(kept.NOT_RUN["live"])}
    assert {"module_utils/planning/balance/steps.py", "module_utils/execution/rounds.py"} <= left_out
    assert not any(
        name.startswith(("module_utils/backends", "module_utils/planning/p", "modules/vbox_balloon"))
        for name in left_out
    )
    used = [
        *(ROOT / "tests" / "live").glob("*.py"),
        *(ROOT / "extensions" / "molecule").glob("*_running/*"),
        *(ROOT / "extensions" / "molecule" / "shared").rglob("*.yml"),
    ]
    assert not [
        path for path in used if "vbox_memory_balance" in path.read_text() or "vbox_memory_report" in path.read_text()
    ]
