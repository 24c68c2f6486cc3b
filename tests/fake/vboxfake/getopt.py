# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Options and numbers as the program parses them."""

STRING, NUMBER, ONOFF, FLAG, UUID = "string", "number", "onoff", "flag", "uuid"


class BadOption(Exception):
    """An option or a value that the program refuses. Its text is the program's error message."""


class BadValue(BadOption):
    """A number or UUID that the program refuses. It means to print the value, prints garbage, and breaks off there."""


def parse(argv, table, positional=False):
    """Yields (option, value) in order; `table` is {spelling: (option, kind)}.

    Accepts `--option=value`, `--option:value` and `--option value`. A word that is no option is yielded as (None, word)
    with `positional`, and refused without; after the word `--` all are such.
    """
    words = iter(argv)
    options = True
    for word in words:
        if word == "--" and options:
            options = False
            continue
        if not options or not word.startswith("-") or word == "-":
            if not positional:
                raise BadOption("Invalid parameter '%s'" % word)
            yield None, word
            continue
        spelling, value = _split(word, table)
        if spelling is None:
            raise BadOption("Unknown option: %s" % word)
        option, kind = table[spelling]
        if kind == FLAG:
            yield option, True
            continue
        if value is None:
            value = next(words, None)
        if value is None:
            raise BadOption("%s: RTGetOpt: Command line option needs argument." % spelling)
        yield option, _CONVERT[kind](value)


def _split(word, table):
    if word in table:
        return word, None
    for separator in "=:":
        spelling, found, value = word.partition(separator)
        if found and spelling in table and table[spelling][1] != FLAG:
            return spelling, value
    return None, None


def modifyvm_number(text):
    """A 32-bit number of an option: decimal, or hexadecimal with 0x. Never octal."""
    value = _number(text, 10)
    if value is None and text[:2] in ("0x", "0X"):
        value = _number(text[2:], 16)
    if value is None:
        raise BadValue("Invalid argument format: %s" % text)
    return value


def controlvm_number(text):
    """A 32-bit number of controlvm, or None: here a leading 0 does mean octal."""
    if text[:2] in ("0x", "0X"):
        return _number(text[2:], 16)
    if len(text) > 1 and text[0] == "0" and text[1] in "01234567":
        return _number(text, 8)
    return _number(text, 10)


def _number(text, base):
    digits = "0123456789abcdef"[:base]
    text = text.lstrip("+") if base == 10 else text
    if not text or any(char not in digits for char in text.lower()):
        return None
    value = int(text, base)
    return value if value < 2**32 else None


def _onoff(text):
    if text.lower() not in ("on", "off"):
        raise BadOption("Unknown option: %s" % text)
    return text.lower() == "on"


def normal_uuid(text):
    """The UUID in this word as the program prints it, or None."""
    if text[:1] == "{" and text[-1:] == "}":
        text = text[1:-1]
    parts = text.lower().split("-")
    if [len(part) for part in parts] != [8, 4, 4, 4, 12] or any(
        char not in "0123456789abcdef" for char in "".join(parts)
    ):
        return None
    return "-".join(parts)


def _uuid(text):
    if normal_uuid(text) is None:
        raise BadValue("Invalid argument format: %s" % text)
    return normal_uuid(text)


_CONVERT = {STRING: str, NUMBER: modifyvm_number, ONOFF: _onoff, UUID: _uuid}
