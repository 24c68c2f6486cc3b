# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Ansible passes them to plugins, and words for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

KINDS = (
    (type(None), "null"),
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
    (str, "a string"),
    (dict, "a dictionary"),
    (list, "a list"),
)


WORDS = {None: "-", True: "on", False: "off"}


def plain(value: Any) -> Any:
    """The same in Python's own types. Ansible's are subclasses that carry tags, and JMESPath doesn't know them."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value


def shown(value: Any, longest: int | None = None) -> str:
    """A value as people read it, in one line and without control characters, and no longer than so many characters."""
    if value is None or isinstance(value, bool):
        return WORDS[value]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


def kind_of(value: Any) -> str:
    """What a user calls this kind of value."""
    return next((word for kind, word in KINDS if isinstance(value, kind)), "a %s" % type(value).__name__)


def some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return "%r" % names[0] if len(names) == 1 else "%r and %d more" % (names[0], len(names) - 1)
