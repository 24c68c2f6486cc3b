# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath expressions that select machines."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean

try:
    import jmespath
    from jmespath.functions import Functions
    from jmespath.visitor import TreeInterpreter
except ImportError:
    jmespath = None  # type: ignore[assignment]

Node = dict[str, Any]  # of JMESPath's syntax tree: type, children, value

# Of these, only the first child looks at the machine itself; the others look at what that one found.
LOOKS_FURTHER = (
    "subexpression",
    "index_expression",
    "pipe",
    "projection",
    "value_projection",
    "filter_projection",
    "flatten",
    "slice",
)
LOOKS_ELSEWHERE = ("expref", "literal", "identity", "current")
HOW_TO_WRITE = "In JMESPath numbers stand in backquotes (`4096`), strings in single quotes, and the operators are ==, !=, <, >=, &&, || and !"


class SelectorError(Exception):
    """An expression that is broken, or that cannot be told for a machine."""


class Selector:
    """An expression, compiled.

    :param text: the JMESPath expression
    :param facts: the names that it can use; ``None`` if they are not known
    :raises SelectorError: when it is broken, or uses a name that is none of these
    """

    def __init__(self, text: str, facts: Collection[str] | None = None):
        if jmespath is None:
            raise SelectorError(
                "the Python library jmespath is missing: install it for the Python that runs Ansible, '%s -m pip install jmespath'"
                % sys.executable
            )
        self._tree = _compile(text)
        for problem in _unknown_names(self._tree, facts):
            raise SelectorError(problem)
        self._interpreter = TreeInterpreter()

    def matches(self, subject: Mapping[str, Any]) -> bool:
        """Whether the expression holds. As in JMESPath, null, false and what is empty do not.

        :raises SelectorError: when it cannot be told
        """
        try:
            found = self._interpreter.visit(self._tree, subject)
        except (TypeError, ValueError, AttributeError) as error:  # JMESPath's own errors are ValueErrors
            raise SelectorError(
                "%s. A value can be null: test it first, as in: groups && contains(groups, '/x')" % error
            ) from None
        return not (found is None or found is False or found in ("", [], {}))  # 0 is true in JMESPath


def _compile(text: str) -> Node:
    try:
        return jmespath.compile(text).parsed
    except jmespath.exceptions.EmptyExpressionError:
        raise SelectorError("it is empty: leave it out for a rule for all machines") from None
    except jmespath.exceptions.IncompleteExpressionError:
        raise SelectorError("%r is broken: it ends too early. %s" % (text, HOW_TO_WRITE)) from None
    except jmespath.exceptions.ParseError as error:
        reason = getattr(error, "message", None) or "%s does not fit here" % error.token_value
        raise SelectorError(
            "%r is broken at position %d: %s. %s" % (text, error.lex_position + 1, reason, HOW_TO_WRITE)
        ) from None


def _unknown_names(tree: Node, facts: Collection[str] | None) -> Iterator[str]:
    for name in _nodes(tree, "function_expression", everywhere=True):
        if name not in Functions.FUNCTION_TABLE:
            yield "there is no function %s(); %s" % (name, did_you_mean(name, Functions.FUNCTION_TABLE))
    for name in _nodes(tree, "field"):
        if facts is not None and name not in facts:
            yield "there is no fact %s; %s" % (
                name,
                did_you_mean(name, facts, otherwise="a string stands in single quotes: '%s'" % name),
            )


def _nodes(tree: Node, kind: str, everywhere: bool = False) -> Iterator[str]:
    """The values of the nodes of a kind: those that look at the machine itself, or all."""
    if tree["type"] == kind:
        yield tree["value"]
    if tree["type"] in LOOKS_ELSEWHERE and not everywhere:
        return
    children = tree["children"]
    if tree["type"] in LOOKS_FURTHER and not everywhere:
        children = children[:1]
    for child in children:
        if isinstance(child, dict):
            yield from _nodes(child, kind, everywhere)
