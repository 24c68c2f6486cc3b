# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Refusals with usage text: the real program's, as the recordings have it."""

import json
import os

from . import errors, getopt, releases

TEXTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recorded", "usage.json.gz")
LONG = 20  # lines of usage after which the program says the error once more


def refused(state, command, text, status=2):
    """Wrong use of a command, seen by the command itself."""
    usage = usage_only(state, command)
    if not releases.at_least(state, "7.0"):
        return errors.Failed("%s%s\nSyntax error: %s\n" % (releases.logo(state), usage, text), status)
    return errors.Failed(_around(state, text, "\n" + usage), status)


def bad_option(state, command, bad, status=2):
    """Wrong use of a command, seen by its parser of options: a `getopt.BadOption`."""
    text = bad_option_text(state, command, str(bad))
    if isinstance(bad, getopt.BadValue):
        text = text[: text.index(str(bad))]
    return errors.Failed(text, status)


def bad_option_text(state, command, text):
    """What `bad_option` prints."""
    usage = usage_only(state, command)
    if not releases.at_least(state, "7.0"):
        return releases.logo(state) + usage + errors.message(text)
    return _around(state, text, usage)


def usage_only(state, command):
    """A command's usage text; the whole program's where that was not recorded."""
    import gzip  # noqa: PLC0415 - not at the top: every call would pay for it

    with gzip.open(TEXTS) as stream:
        texts = json.loads(stream.read().decode())[releases.series_of(state["release"])]
    return texts.get(command, texts[""])


def _around(state, text, usage):
    again = "\n" + errors.message(text) if usage.count("\n") >= LONG else ""
    return releases.logo(state) + errors.message(text) + usage + again
