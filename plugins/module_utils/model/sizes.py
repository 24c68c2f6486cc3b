# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Sizes of memory, and other values, as users write them and Ansible takes them. A ValueError's message goes on from the value: '… is not a size'.

Nothing of Ansible is imported here: the service of balance runs where there is none.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

MB = 1024 * 1024
FORM = re.compile(r"([0-9]*\.?[0-9]+)\s*([BKMGTPEZYbkmgtpezy]|[BKMGTPEZY]B|[Bb][Yy][Tt][Ee])?")
POWERS = "BKMGTPEZY"  # of 1024
TRUE, FALSE = ("y", "yes", "on", "1", "true", "t"), ("n", "no", "off", "0", "false", "f")
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
    found = FORM.fullmatch(text)
    if not found:
        raise ValueError("is not a size: %s" % WHAT_IS_RIGHT)
    number, unit = found.groups()
    size = round(Decimal(number) * 1024 ** POWERS.index((unit or "M")[0].upper()))
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
        number = Decimal(value.strip() if isinstance(value, str) else value)
        whole = not isinstance(value, bool) and least <= number <= most and number == int(number)
    except (TypeError, ValueError, ArithmeticError):  # not a number, or none that can be compared
        whole = False
    if not whole:
        raise ValueError("is not a whole number from %d to %d" % (least, most))
    return int(number)


def truth(value: Any) -> bool:
    """True or false, as Ansible takes them.

    :raises ValueError: where it is neither
    """
    word = (
        str(value).strip().lower()
        if isinstance(value, (bool, int, str))
        else "%g" % value
        if isinstance(value, float)
        else ""
    )
    if word not in TRUE + FALSE:
        raise ValueError("is not a boolean: give true or false")
    return word in TRUE
