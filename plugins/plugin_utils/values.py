# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Ansible passes them to plugins, and words for them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.vbox.memory.plugins.module_utils.errors import printable

try:
    from ansible.parsing.vault import EncryptedString

    as_untrusted: Callable[[Any], Any] | None = None  # only what is trusted is a template there
except ImportError:  # ansible-core before 2.19
    from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode as EncryptedString  # type: ignore[no-redef]
    from ansible.utils.unsafe_proxy import wrap_var as as_untrusted

KINDS = (
    (type(None), "null"),
    (bool, "a boolean"),
    (int, "a number"),
    (float, "a number"),
    (str, "a string"),
    (dict, "a dictionary"),
    (list, "a list"),
    (bytes, "binary data"),
    (datetime.datetime, "a time"),
    (datetime.date, "a date"),
)


WORDS = {None: "-", True: "on", False: "off"}


# How each becomes Python's own. Not by `str(value)`: the unsafe strings of ansible-core before 2.19 stay what they are by that.
SCALARS: tuple[tuple[Any, Any], ...] = ((str, str.__str__), (int, int), (float, float), (bytes, bytes))
DEEPEST = 100  # levels of lists and dictionaries


def plain(value: Any, depth: int = 0) -> Any:
    """The same in Python's own types, decrypted. Ansible's are subclasses that carry tags, and JMESPath doesn't know them.

    :raises AnsibleError: when something is encrypted of which the secret is not known, or nested too deeply
    """
    if depth > DEEPEST:
        raise AnsibleError("a value is nested more than %d levels deep" % DEEPEST)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {key if isinstance(key, tuple) else plain(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, EncryptedString):
        return str(value)
    for kind, own in SCALARS:
        if isinstance(value, kind):
            return own(value)
    if isinstance(value, datetime.date):
        return (datetime.datetime if isinstance(value, datetime.datetime) else datetime.date).fromisoformat(
            value.isoformat()
        )
    return value


def untrusted(value: Any) -> Any:
    """A plain value from somebody else, of which Ansible makes no template: before ansible-core 2.19, any string is one unless marked."""
    return as_untrusted(value) if as_untrusted else value


def shown(value: Any, longest: int | None = None) -> str:
    """A value as people read it, in one line and without control characters, and no longer than so many characters."""
    if value is None or isinstance(value, bool):
        return WORDS[value]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = printable(text)
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"


def quoted(name: Any, longest: int | None = None) -> str:
    """A name that somebody else has chosen, in double quotes: nothing that it holds ends them, or looks like another line.

    :param longest: characters of the name that are shown
    """
    text = str(name)
    text = text if longest is None or len(text) <= longest else text[: longest - 1] + "…"
    return printable(json.dumps(text, ensure_ascii=False))


def as_given(value: Any) -> str:
    """A value that somebody else has chosen, for a message: a text in quotes, all else by its kind."""
    return quoted(value, 60) if isinstance(value, str) else kind_of(value)


def kind_of(value: Any) -> str:
    """What a user calls this kind of value."""
    return next((word for kind, word in KINDS if isinstance(value, kind)), "a %s" % type(value).__name__)


def some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return "%r" % names[0] if len(names) == 1 else "%r and %d more" % (names[0], len(names) - 1)


def count(number: int, word: str) -> str:
    """A number of things: 1 machine, 2 machines."""
    return "%s %s%s" % ("{:,}".format(number), word, "" if number == 1 else "s")
