# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Every relative link leads somewhere: in the checkout for all pages, and in the tarball for the pages that ship (Galaxy shows those)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from support.tarball import files_of_tarball

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / ".build" / "ansible_collections" / "vbox" / "memory"
NAMED_IN_README = (
    "docs/*.md",
    "extensions/eda/**/*.py",
    "extensions/eda/**/*.yml",
    "plugins/filter/*.py",
    "plugins/inventory/*.py",
    "plugins/modules/*.py",
    "playbooks/*.yml",
    "roles/*/README.md",
)


def pages(folder="."):
    """All pages below a folder that git has or would take."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard", folder], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout.decode()
    return sorted(name for name in listing.split("\0") if name.endswith(".md") and (ROOT / name).is_file())


STAYS_AT_HOME = ("tests/", ".github/")
PAGES_THAT_SHIP = [page for page in pages() if not page.startswith(STAYS_AT_HOME)]


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """The names of all files in the tarball."""
    return files_of_tarball(COPY, tmp_path_factory.mktemp("tarball"))


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page):
    assert not [f"{path}#{anchor}" for path, anchor in links(page) if not leads(path, anchor)]


@pytest.mark.parametrize("page", PAGES_THAT_SHIP)
def test_every_link_of_a_page_that_ships_leads_to_what_ships(shipped, page):
    assert page in shipped
    assert not [path for path, _anchor in links(page) if path not in shipped]


def test_no_other_page_ships(shipped):
    assert {name for name in shipped if name.endswith(".md")} == set(PAGES_THAT_SHIP)


def test_readme_links_every_page_plugin_role_and_playbook():
    there = {path.relative_to(ROOT).as_posix() for pattern in NAMED_IN_README for path in ROOT.glob(pattern)}
    assert there - {path for path, _anchor in links("README.md")} == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](docs/b.md#c-d) and ![p](<x y.svg>) `[no](link)`", [("docs/b.md", "c-d"), ("x y.svg", "")]),
        ("[a](https://example.com/b.md) [m](mailto:a@example.com) [h](#here)", [("README.md", "here")]),
        ('```md\n[a](b.md)\n```\n[a](c.md "title")\n[r]: d%20e.md', [("c.md", ""), ("d e.md", "")]),
        ("![q](../outside.md)", [("../outside.md", "")]),
    ],
)
def test_what_a_link_is(text, expected):
    assert links_in(text, "README.md") == expected


def links(page):
    return links_in((ROOT / page).read_text(encoding="utf-8"), page)


def links_in(text, page):
    """The relative links of a page's text: the file or folder that each means, seen from the root, and the heading in it."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\((?:<([^>]+)>|([^)\s]+))(?:\s+\"[^\"]*\")?\)|^\[[^\]]+\]:\s*(\S+)", prose, re.MULTILINE)
    targets = ["".join(groups) for groups in found]
    return [resolved(page, *target.partition("#")[::2]) for target in targets if not re.match(r"[a-z]+:", target)]


def resolved(page, path, anchor):
    if not path:
        return page, anchor
    parts = []
    for part in Path(page).parent.joinpath(unquote(path)).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts), anchor


def leads(path, anchor):
    """Whether there is such a file or folder in the checkout and, in it, such a heading."""
    target = ROOT / path
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE) if target.is_file() else []
    return anchor in [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
