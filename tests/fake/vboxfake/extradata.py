# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""getextradata, setextradata: of the host (`global`) and of machines."""

from . import errors, lookup, usage

GET, SET = "getextradata", "setextradata"


def get(call):
    """getextradata <global|X> <key|enumerate>"""
    if len(call.args) != 2:
        raise usage.refused(call.state, GET, "Incorrect number of parameters")
    items = _items(call, GET)
    if call.args[1] == "enumerate":
        for key in sorted(items):
            call.out("Key: %s, Value: %s\n" % (key, items[key]))
    elif call.args[1] in items:
        call.out("Value: %s\n" % items[call.args[1]])
    else:
        call.out("No value set!\n")


def set_(call):
    """setextradata <global|X> <key> [value]; without a value, or with an empty one, the key goes."""
    if len(call.args) < 2:
        raise usage.refused(call.state, SET, "Not enough parameters")
    if len(call.args) > 3:
        raise usage.refused(call.state, SET, "Too many parameters")
    items = _items(call, SET)
    key, value = call.args[1], "".join(call.args[2:])
    if any(ord(letter) < 32 for letter in key):
        raise errors.Failed(_invalid(call.state))
    items[key] = value
    if not value:
        del items[key]


def _invalid(state):
    line, source = errors.place_of(state, "extradata SetExtraData")
    context = "SetExtraData(Bstr(a->argv[1]).raw(), Bstr(a->argv[2]).raw())"
    return errors.message(
        "Code NS_ERROR_INVALID_ARG (0x80070057) - Invalid argument value (extended info not available)\n"
        'Context: "%s" at line %s of file %s' % (context, line, source)
    )


def _items(call, command):
    if call.args[0] == "global":
        return call.state["host"].setdefault("extra_data", {})
    machine = lookup.find(
        call.state, call.args[0], command, "FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())"
    )
    return machine.setdefault("extra_data", {})
