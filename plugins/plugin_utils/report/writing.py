# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as files on the controller: which there are, what differs from those that are there, and how they are written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.vbox.memory.plugins.plugin_utils.report import history
from ansible_collections.vbox.memory.plugins.plugin_utils.report.data import as_csv, as_json
from ansible_collections.vbox.memory.plugins.plugin_utils.report.markdown import as_markdown
from ansible_collections.vbox.memory.plugins.plugin_utils.report.page import as_page
from ansible_collections.vbox.memory.plugins.plugin_utils.report.prometheus import as_prometheus

NAME = "vbox-memory"
FORMATS = ("html", "json", "csv", "markdown")
TEXTS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "json": ("json", as_json),
    "csv": ("csv", as_csv),
    "markdown": ("md", as_markdown),
}
# When the facts were read: two reports that differ in nothing else are the same.
DATES = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| UTC)|(?<=^vbox_memory_report_timestamp_seconds )\d+$", re.MULTILINE
)


@dataclass(frozen=True)
class File:
    """A file of a report."""

    path: Path
    text: str

    @property
    def before(self) -> str | None:
        """What is there now; ``None`` if there is nothing, or no text."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    @property
    def differs(self) -> bool:
        """Whether more than the date differs."""
        before = self.before
        return before is None or DATES.sub("", before) != DATES.sub("", self.text)

    def write(self) -> None:
        """Replace the file at once, so that nobody reads half of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_name(".%s.%d" % (self.path.name, os.getpid()))
        try:
            scratch.write_bytes(self.text.encode("utf-8", "replace"))
            scratch.replace(self.path)
        finally:
            scratch.unlink(missing_ok=True)


def files(
    figures: Mapping[str, Any],
    lines: Mapping[str, Any] | None,
    folder: Path,
    formats: Sequence[str],
    title: str,
    textfile_dir: Path | None,
) -> list[File]:
    """The files of a report, rendered."""
    found = []
    if "html" in formats:
        found.append(File(folder / (NAME + ".html"), as_page(figures, lines, title)))
    for one in formats:
        if one in TEXTS:
            ending, render = TEXTS[one]
            found.append(File(folder / ("%s.%s" % (NAME, ending)), render(figures)))
    if textfile_dir is not None:
        found.append(File(textfile_dir / "vbox_memory.prom", as_prometheus(figures)))
    return found


def sample_file(figures: Mapping[str, Any], folder: Path) -> File:
    """The sample of a report, as a file of the history."""
    text = json.dumps(history.sample(figures), separators=(",", ":"), ensure_ascii=False)
    return File(folder / history.file_name(figures["read_at"]), text + "\n")


def forget(folder: Path, keep: int) -> None:
    """Take the oldest samples away, until there are no more than so many."""
    for path in history.kept(folder)[:-keep]:
        path.unlink(missing_ok=True)
