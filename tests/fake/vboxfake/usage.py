# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Refusals with usage text. The real program prints two screens; these are as long, and say that they are made up."""

from . import errors, getopt, releases

USAGE = {
    "modifyvm": "VBoxManage modifyvm <uuid | vmname>",
    "createvm": "VBoxManage createvm <--name=name>",
    "showvminfo": "VBoxManage showvminfo <uuid | vmname> [--details] [--machinereadable]",
    "unregistervm": "VBoxManage unregistervm <uuid | vmname> [--delete] [--delete-all]",
    "startvm": "VBoxManage startvm <uuid | vmname...> [--type=[gui | headless | sdl | separate]]",
    "controlvm": "VBoxManage controlvm <uuid | vmname> <subcommand>",
    "discardstate": "VBoxManage discardstate <uuid | vmname>",
    "list": "VBoxManage list [--long] [--sorted] <subcommand>",
    "metrics": "VBoxManage metrics <list | setup | query> [options] [* | host | vmname] [metric-list]",
}
LONG = ("modifyvm",)  # so long that the program says the error once more after it


def refused(state, command, text, options=(), status=2):
    """Wrong use of a command, seen by the command itself."""
    usage = _usage(command, options)
    if not releases.at_least(state, "7.0"):
        return errors.Failed("%s%s\nSyntax error: %s\n" % (releases.logo(state), usage, text), status)
    return errors.Failed(_with_usage(state, command, text, "\n" + usage), status)


def bad_option(state, command, bad, options=(), status=2):
    """Wrong use of a command, seen by its parser of options: a `getopt.BadOption`."""
    text = bad_option_text(state, command, str(bad), options)
    if isinstance(bad, getopt.BadValue):
        text = text[: text.index(str(bad))]
    return errors.Failed(text, status)


def usage_only(state, command):
    """A command without arguments: usage on standard output."""
    return _usage(command, ())


def bad_option_text(state, command, text, options=()):
    """What `bad_option` prints."""
    usage = _usage(command, options)
    if not releases.at_least(state, "7.0"):
        return releases.logo(state) + usage + errors.message(text)
    return _with_usage(state, command, text, usage)


def _with_usage(state, command, text, usage):
    again = "\n" + errors.message(text) if command in LONG else ""
    return releases.logo(state) + errors.message(text) + usage + again


def _usage(command, options):
    lines = ["Usage - made up by the fake:", "", "  " + USAGE.get(command, "VBoxManage")]
    lines += ["      [%s=value]" % option for option in sorted(options)]
    if command in LONG:
        lines += ["      [--made-up-option-%02d=value]" % number for number in range(60)]
    return "\n".join(lines) + "\n"
