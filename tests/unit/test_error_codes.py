# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The table of error codes, the sections of docs/errors.md, and those in the modules' RETURN are the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.documentation import CHANGE_SETTINGS, NAMES, documentation

from ansible_collections.vbox.memory.plugins.module_utils import errors

ROOT = Path(__file__).resolve().parents[2]
CODES = list(errors.CODES)
SECTION = re.compile(r"^### `(\w+)`\n\n[^\n]{10,}\n\n\*\*What to do:\*\* [^\n]{10,}$", re.MULTILINE)


@pytest.fixture(scope="module")
def docs():
    return documentation()


def test_every_code_has_a_section_in_the_page_in_the_same_order():
    assert SECTION.findall((ROOT / "docs" / "errors.md").read_text(encoding="utf-8")) == CODES


@pytest.mark.parametrize("name", CHANGE_SETTINGS)
def test_a_machine_s_codes_are_listed(docs, name):
    code = docs[name]["return"]["machines"]["contains"]["code"]
    assert re.findall(r"V\((\w+)\)", " ".join(code["description"])) == CODES
    assert code["sample"] in CODES


@pytest.mark.parametrize("name", NAMES)
def test_the_task_s_code_is_one_of_them(docs, name):
    assert docs[name]["return"]["code"]["sample"] in CODES


def test_every_code_is_given_somewhere():
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("plugins/*_utils/**/*.py")))
    table, rest = code.split("CODES = {", 1)[1].split("\n}\n", 1)
    unused = [one for one in CODES if f'"{one}"' not in code.replace(table, "")]
    assert not unused and rest
