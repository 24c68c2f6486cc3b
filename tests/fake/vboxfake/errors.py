# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""How the program fails, to the byte."""

from . import releases

CODES = {
    "VBOX_E_OBJECT_NOT_FOUND": "0x80bb0001",
    "VBOX_E_INVALID_VM_STATE": "0x80bb0002",
    "VBOX_E_FILE_ERROR": "0x80bb0004",
    "VBOX_E_INVALID_OBJECT_STATE": "0x80bb0007",
    "E_ACCESSDENIED": "0x80070005",
    "VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED": "0x80bb0012",
    "NS_ERROR_INVALID_ARG": "0x80070057",
    "NS_ERROR_NOT_IMPLEMENTED": "0x80004001",
    "NS_ERROR_FAILURE": "0x80004005",
}


class Failed(Exception):
    """Ends the call: what goes to stderr, and the exit status."""

    def __init__(self, stderr, status=1):
        Exception.__init__(self, stderr)
        self.stderr = stderr
        self.status = status


def message(text):
    """A plain error of the program itself, with no details."""
    return "".join("VBoxManage: error: %s\n" % line for line in text.split("\n"))


def com_error(state, text, code, component, interface, place=None, context=None):
    """An error of the API: the text, its codes, and the place in the source that asked."""
    lines = [
        text,
        "Details: code %s (%s), component %s, interface %s, callee nsISupports"
        % (code, CODES[code], component, interface),
    ]
    if place:
        lines.append('Context: "%s" at line %s of file %s' % (context, *place_of(state, place)))
    return message("\n".join(lines))


def file_error(state, text, place):
    """The text of an error of the server itself that tells where in its source it arose."""
    line, source = place_of(state, place)
    return "%s\n/build/src/VBox/Main/src-server/%s[%s] (%s)" % (text, source, line, releases.wording(state, place))


def place_of(state, place):
    """The line and the file of a place in the source."""
    source, numbers = releases.LINES[place]
    return releases.pick(state, numbers), source


def failed(state, text, code, component, interface, place=None, context=None, status=1):
    """A Failed with an error of the API."""
    return Failed(com_error(state, text, code, component, interface, place, context), status)
