# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sizes of memory, and other values, as users write them. A ValueError's message goes on from the value: '… is not a size'."""

from __future__ import annotations

import re
from typing import Any

from ansible.module_utils.common.text.formatters import human_to_bytes
from ansible.module_utils.common.validation import check_type_int
from ansible.module_utils.parsing.convert_bool import boolean

MB = 1024 * 1024
FORM = re.compile(
    r"[0-9]*\.?[0-9]+\s*[A-Za-z]*"
)  # human_to_bytes of ansible-core before 2.19 also takes what only begins so
LARGEST_MB = 2**32 - 1  # VirtualBox keeps the balloon in an unsigned 32-bit number of MB
WHAT_IS_RIGHT = (
    "give whole megabytes such as 512, or a size with one of the units B, K, M, G and T (or KB, MB, GB and TB) such as '2G',"
    " each 1024 times the one before"
)
PERCENT = re.compile(r"([0-9]{1,3})\s*%")


def size_in_mb(value: Any) -> int:
    """A size as a whole number of MB (2**20 bytes).

    :param value: a whole number of MB (512.0, too: ``{{ 1024 / 2 }}`` is one), or a string: a plain number of MB, or one with a
        unit such as ``2G``
    :returns: an integer, 0 to 2**32 - 1
    :raises ValueError: with a message that says what is wrong with the value and what is right
    """
    if isinstance(value, float) and abs(value) < float("inf"):  # which NaN is not, either
        if not value.is_integer():
            raise ValueError("is not a whole number of megabytes")
        value = int(value)
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not text:
        raise ValueError("is not a size: %s" % WHAT_IS_RIGHT)
    if text.startswith("-"):
        raise ValueError("is negative: a size is 0 or more megabytes")
    if re.match(r"0[0-9xXoObB]", text):
        raise ValueError("has a leading zero and could be read as octal or hexadecimal: give it in plain decimals")
    if not FORM.fullmatch(text):
        raise ValueError("is not a size: %s" % WHAT_IS_RIGHT)
    try:
        size = human_to_bytes(text, default_unit="M")
    except ValueError:
        raise ValueError("is not a size: %s" % WHAT_IS_RIGHT) from None
    except OverflowError:
        size = MB * (LARGEST_MB + 1)
    if size % MB:
        raise ValueError("is not a whole number of megabytes")
    if size // MB > LARGEST_MB:
        raise ValueError("is more than VirtualBox can hold: at most %d megabytes" % LARGEST_MB)
    return size // MB


def size_or_percent(value: Any) -> tuple[int, int]:
    """A size as MB, or as per cent of something: ``(MB, per cent)``, of which one is 0.

    :param value: as for :func:`size_in_mb`, or a string such as ``25%``
    :raises ValueError: with a message that says what is wrong with the value and what is right
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_MB:
        return value, 0
    if isinstance(value, str) and value.rstrip().endswith("%"):
        percent = PERCENT.fullmatch(value.strip())
        if not percent or int(percent.group(1)) > 100:
            raise ValueError("is not a size: per cent are a whole number from 0% to 100%")
        return 0, int(percent.group(1))
    try:
        return size_in_mb(value), 0
    except ValueError as problem:
        raise ValueError("%s; per cent such as '25%%' are a size, too" % problem) from None


def whole_number(value: Any, least: int, most: int) -> int:
    """A whole number, of a string, too.

    :raises ValueError: where it is none, or not from ``least`` to ``most``
    """
    try:
        number: int | None = check_type_int(value)
    except (TypeError, ArithmeticError):  # infinity is none, either
        number = None
    if number is None or isinstance(value, bool) or not least <= number <= most:
        raise ValueError("is not a whole number from %d to %d" % (least, most))
    return number


def truth(value: Any) -> bool:
    """True or false, as Ansible takes them.

    :raises ValueError: where it is neither
    """
    try:
        return bool(boolean(value))
    except TypeError:
        raise ValueError("is not a boolean: give true or false") from None
