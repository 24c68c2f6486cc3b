# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Puts our guides, which are Markdown, beside the plugins' pages of a documentation site, and writes its settings.

A link to a file of a plugin becomes one to its page, and a link to what the site does not have plain text.
"""

from __future__ import annotations

import re
import shutil
import sys
from functools import partial
from pathlib import Path

TITLE = re.compile(r"^# ", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")
PLUGIN = re.compile(r"plugins/(modules|filter|inventory)/(\w+)\.py$")
KINDS = {"modules": "module", "filter": "filter", "inventory": "inventory"}
SETTINGS = """
project = "vbox.memory"
copyright = "vbox.memory contributors"
extensions = ["sphinx_antsibull_ext", "myst_parser"]
root_doc = "site"
html_theme = "alabaster"
html_show_sphinx = False
myst_heading_anchors = 4
pygments_style = "ansible"
highlight_language = "yaml+jinja"
# References to pages that are not here, those of ansible-core and its own plugins: their site is not asked.
nitpicky = False
suppress_warnings = ["toc.not_included", "ref.ref", "ref.envvar", "misc.highlighting_failure"]
"""
SITE = """
vbox.memory
===========

.. toctree::
   :maxdepth: 1
   :caption: Guides

   {guides}

.. toctree::
   :maxdepth: 2
   :caption: Plugins

   index
"""


def main() -> None:
    collection, site = map(Path, sys.argv[1:])
    pages = [Path("README.md"), *sorted(path.relative_to(collection) for path in collection.glob("docs/**/*.md"))]
    pages += sorted(path.relative_to(collection) for path in collection.glob("roles/*/README.md"))
    for page in pages:
        target = site / "guides" / page
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (collection / page).read_text(encoding="utf-8")
        title = "" if TITLE.search(text) else f"# {page.parent.name}: {page.stem}\n\n"
        target.write_text(title + LINK.sub(partial(moved, page, pages), text), encoding="utf-8")
    for picture in [*collection.glob("docs/**/*.svg"), *collection.glob("docs/**/*.png")]:
        target = site / "guides" / picture.relative_to(collection)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, target)
    guides = "\n   ".join("guides/" + page.with_suffix("").as_posix() for page in pages)
    (site / "site.rst").write_text(SITE.format(guides=guides).lstrip(), encoding="utf-8")
    (site / "conf.py").write_text(SETTINGS.lstrip(), encoding="utf-8")


def moved(page: Path, pages: list[Path], link: re.Match[str]) -> str:
    """A link as it is on the site."""
    text, path = link[1], link[2]
    target = normalized(page.parent / path)
    depth = "../" * len(page.parts)
    plugin = PLUGIN.match(target.as_posix())
    if target in pages:
        return link[0]
    if plugin:
        return f"[{text}]({depth}{plugin[2]}_{KINDS[plugin[1]]}.rst)"
    return text


def normalized(path: Path) -> Path:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return Path(*parts)


if __name__ == "__main__":
    main()
