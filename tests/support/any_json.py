# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Anything that JSON can say, and good values that are changed in a few places, as strategies of hypothesis."""

from __future__ import annotations

import copy

from hypothesis import strategies as st

ODD = [
    "",
    "/",
    "\n",
    "\u202e",
    "\ud800",
    "name",
    "running",
    "x\n- forged",
    "`",
    "page_fusion",
    "memory_mb > `1`",
    "a.b",
]
WORDS = st.sampled_from(ODD) | st.text(max_size=4)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)


def places(value, path=()):
    """The paths to all that is in a value, itself first."""
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*path, key))


@st.composite
def changed(draw, value):
    """A value in which something stands that does not belong there, or from which something is missing."""
    value = copy.deepcopy(value)
    for path in draw(st.lists(st.sampled_from(list(places(value))), min_size=1, max_size=3)):
        if not path:
            return draw(ANYTHING)
        inner = value
        try:
            for key in path[:-1]:
                inner = inner[key]
            if draw(st.booleans()):
                inner[path[-1]] = draw(ANYTHING)
            else:
                del inner[path[-1]]
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
    return value
