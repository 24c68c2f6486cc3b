# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath expressions that select machines."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean
from ansible_collections.vbox.memory.plugins.plugin_utils.shapes import MACHINE, Null
from ansible_collections.vbox.memory.plugins.plugin_utils.values import shown

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
BOTH_SIDES = ("and_expression", "or_expression")
LOOKS_ELSEWHERE = ("expref", "literal", "identity", "current")
DEEPEST = 150  # levels; each costs Python's stack, of which there are 1000 for everything, some frames
TOO_DEEP = (
    'it is nested more than %d levels deep: make several rules of it, or compare with a list, as in contains(`["a", "b"]`, name)'
    % DEEPEST
)
CONDITION = "a condition is true, false or null: compare it with something, as in memory_mb > `0`, name == 'web01' or guest != `null`"
HOW_TO_WRITE = "In JMESPath numbers stand in backquotes (`4096`), strings in single quotes, and the operators are ==, !=, <, >=, &&, || and !"


class SelectorError(Exception):
    """An expression that is broken, or that cannot be told for a machine."""


class Selector:
    """An expression, compiled.

    :param text: the JMESPath expression
    :param facts: the names that it can use; ``None`` if they are not known
    :raises SelectorError: when it is broken, no condition, nested too deeply, or uses a name that is none of these
    """

    def __init__(self, text: str, facts: Collection[str] | None = None):
        if jmespath is None:
            raise SelectorError(
                "the Python library jmespath is missing: install it for the Python that runs Ansible, '%s -m pip install jmespath'"
                % sys.executable
            )
        self._tree = _compile(text)
        if _is_too_deep(self._tree):
            raise SelectorError(TOO_DEEP)
        for problem in chain(_unknown_names(self._tree, facts), _no_conditions(self._tree)):
            raise SelectorError(problem)
        self._interpreter = TreeInterpreter()

    def matches(self, subject: Mapping[str, Any]) -> bool:
        """Whether the expression is true for a machine. Null is not.

        :raises SelectorError: when it cannot be told, or is neither true, false nor null
        """
        try:
            return self._holds(self._tree, subject)
        except (
            TypeError,
            ValueError,
            AttributeError,
            ArithmeticError,
        ) as error:  # JMESPath's own errors are ValueErrors
            raise SelectorError(
                "%s. A value can be null: test it first, as in: groups && contains(groups, '/x')" % error
            ) from None

    def _holds(self, node: Node, subject: Mapping[str, Any]) -> bool:
        """As JMESPath has it, but that what is left to decide at the end has to be a condition."""
        if node["type"] in BOTH_SIDES:
            left, right = node["children"]
            if node["type"] == "or_expression":
                return self._holds(left, subject) or self._holds(right, subject)
            return _is_true(self._interpreter.visit(left, subject)) and self._holds(right, subject)
        found = self._interpreter.visit(node, subject)
        if found is None or isinstance(found, bool):
            return bool(found)
        raise SelectorError("it gives %s, which is no condition: %s" % (shown(found, 60), CONDITION))


def _is_true(value: Any) -> bool:
    return not (value is None or value is False or value in ("", [], {}))  # 0 is true in JMESPath


def _compile(text: str) -> Node:
    try:
        return jmespath.compile(text).parsed
    except RecursionError:
        raise SelectorError(TOO_DEEP) from None
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


def _no_conditions(tree: Node) -> Iterator[str]:
    """What is no condition whatever the machine is."""
    if tree["type"] in BOTH_SIDES:
        for child in tree["children"][tree["type"] == "and_expression" :]:  # of `a && b`, only b decides
            yield from _no_conditions(child)
    elif tree["type"] == "literal" and not (tree["value"] is None or isinstance(tree["value"], bool)):
        yield "%r is no condition: %s" % (tree["value"], CONDITION)
    elif tree["type"] == "field" and MACHINE.get(tree["value"], Null(bool)) != Null(bool):
        yield "%s alone is no condition: %s" % (tree["value"], CONDITION)


def _is_too_deep(tree: Node) -> bool:
    level = [tree]
    for _depth in range(DEEPEST):
        level = [child for node in level for child in node["children"] if isinstance(child, dict)]
        if not level:
            return False
    return True


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
