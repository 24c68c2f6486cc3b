# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong: one exception class, the codes, and what VirtualBox's own result codes mean for us."""

from __future__ import annotations

from typing import Any, Iterable

CODES = {
    "invalid_parameters": "a value or option that is wrong whatever the machine",
    "vboxmanage_not_found": "VBoxManage is not installed where it was looked for",
    "vboxmanage_failed": "VBoxManage failed in a way that is not one of the others",
    "vboxmanage_timeout": "VBoxManage has not answered in time; it was left running",
    "backend_unavailable": "VirtualBox's bindings, which backend: api needs, do not work here",
    "vboxmanage_unreadable": "VBoxManage's answer is not of the known form",
    "lock_unusable": "the file that keeps two tasks of a user apart is not safe, or cannot be made",
    "host_busy": "other tasks of this user have kept VirtualBox for themselves for too long",
    "server_unavailable": "VBoxSVC could not be reached, after several tries",
    "machine_not_found": "no machine of this user has that name or UUID",
    "machine_ambiguous": "several machines have that name",
    "machine_inaccessible": "the machine's settings file cannot be read",
    "machine_locked": "another program holds the machine's lock, after several tries",
    "state_blocks_change": "the setting cannot change while the machine is in this state",
    "setting_not_available": "the machine has no such setting",
    "not_supported_by_host": "the host or this build of VirtualBox cannot do it",
    "not_supported_by_guest": "the guest's operating system cannot do it",
    "side_channel_not_acknowledged": "Page Fusion was to be turned on without acknowledge_side_channel",
    "large_pages_conflict": "a balloon and large pages exclude each other",
    "balloon_out_of_range": "the balloon is not below VirtualBox's limit for the machine's memory",
    "balloon_exceeds_memory": "the balloon that is set already leaves the machine too little memory",
    "unsafe_balloon": "the balloon would harm the guest, or nothing tells whether it would",
    "balloon_limited": "the guest ran short of memory on the way, and the balloon stays where it does no harm",
    "balloon_busy": "another process is changing the balloon",
    "not_following": "the guest does not give, or take back, what was requested",
    "shutdown_timeout": "the machine has not stopped in time, and nothing was changed",
    "start_failed": "the machine was shut down for the change and could not be started again",
    "interrupted": "a signal came while the machine was restarted; the message says how it was left",
    "guest_not_back": "the machine was started again, and its Guest Additions have not come up in time",
    "change_refused": "VirtualBox refused the change",
    "disk_full": "there is no room for the machine's settings, and VirtualBox might lose them",
    "settings_not_saved": "VirtualBox said success, and the machine's settings are not on the disk",
    "change_did_not_stick": "read back after the change, the value is another",
}

# What VirtualBox's result codes mean for us: (VirtualBox's name, our code). The words around them can be translated.
# Source: measured on 7.2.22, and VirtualBox.xidl for the numbers.
RESULT_CODES = {
    "0x80bb0001": ("VBOX_E_OBJECT_NOT_FOUND", "machine_not_found"),
    "0x80bb0002": ("VBOX_E_INVALID_VM_STATE", "state_blocks_change"),
    "0x80bb0007": ("VBOX_E_INVALID_OBJECT_STATE", "machine_locked"),
    "0x80004001": ("NS_ERROR_NOT_IMPLEMENTED", "not_supported_by_host"),
    "0x80004005": ("NS_ERROR_FAILURE", "server_unavailable"),  # when the server has not answered: see `answered`
    "0xc1f30200": ("NS_ERROR_SOCKET_FAIL", "server_unavailable"),  # its socket cannot be made or reached (measured)
    "0x80470007": ("NS_BASE_STREAM_WOULD_BLOCK", "server_unavailable"),  # it ended while it started (measured)
    "0x800706be": ("NS_ERROR_CALL_FAILED", "server_unavailable"),  # VBoxSVC went away during the call
    "0x80004004": ("NS_ERROR_ABORT", "server_unavailable"),  # VBoxSVC went away before the call (measured)
    "0x80070005": ("E_ACCESSDENIED", "machine_locked"),  # 'The object is not ready', a race that passes
    "0x80070057": ("NS_ERROR_INVALID_ARG", "change_refused"),
}
# A machine that is just ending has no console to be asked: VBOX_E_VM_ERROR with this in its words (measured on 7.2.22)
NO_CONSOLE = ("0x80bb0003", "(VBOX_E_INVALID_OBJECT_STATE)")
TRANSIENT = ("machine_locked", "server_unavailable")  # what can be gone at the next try
RETRY_DELAYS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # seconds between the tries of what met a transient error
LONGEST_REASON = 1000  # characters of VirtualBox's own words in a message
HINTS = {
    "machine_locked": "Another program holds the machine, after %d tries: close its settings window or wait for what it"
    " does, then run again",
    "server_unavailable": "VirtualBox's server did not answer, after %d tries: see ~/.config/VirtualBox/VBoxSVC.log of"
    " this user, then run again",
}
CANNOT_START = "VirtualBox's server cannot start: correct what it names, as this user, then run again. "


class VBoxMemoryError(Exception):
    """An error that a user can act on.

    :param code: a key of :data:`CODES`
    :param message: one sentence or two: what, on which machine and option, which value, and the remedy
    :param details: further keys of the result, such as ``vbox_code``, ``command``, ``stderr``
    :raises KeyError: for a code that is not in the table
    """

    def __init__(self, code: str, message: str, **details: Any) -> None:
        if code not in CODES:
            raise KeyError("there is no error code %r" % code)
        self.code = code
        self.message = "\n".join(map(printable, message.split("\n")))
        super().__init__(self.message)
        self.details = details
        self.transient = code in TRANSIENT  # whether it can be gone at the next try

    def as_result(self) -> dict[str, Any]:
        """The error as keys of a module's result: ``code``, ``msg`` and the details."""
        return dict(self.details, code=self.code, msg=self.message)


def error_from_result_code(
    text: str,
    number: str | None = None,
    name: str | None = None,
    answered: bool = True,
    starts: bool = True,
    **details: Any,
) -> VBoxMemoryError:
    """The error for what VirtualBox reported, the same by every backend.

    :param text: VirtualBox's own words, and whose they are
    :param number: its result code, such as ``0x80bb0007``; ``name`` is VirtualBox's name for it, where it came along
    :param answered: whether a server was there: NS_ERROR_FAILURE then is one of what it was asked for
    :param starts: whether the server gets as far as to be asked; one that does not says why, and will say so again
    :param details: further keys of the result
    """
    number = number and number.lower()
    known, code = RESULT_CODES.get(number or "", (number, "vboxmanage_failed"))
    if not starts:
        code = "server_unavailable"
    elif number == "0x80004005" and answered:
        code = "vboxmanage_failed"
    elif number == NO_CONSOLE[0] and NO_CONSOLE[1] in text:
        code = "machine_locked"
    hint = HINTS[code] % (len(RETRY_DELAYS) + 1) + ". " if code in HINTS else ""
    text = text if len(text) <= LONGEST_REASON else text[:LONGEST_REASON] + "…"
    vbox_code = "%s (%s)" % (name or known, number) if number else None
    told = "%s [%s]" % (text, vbox_code) if vbox_code else text
    error = VBoxMemoryError(code, (hint if starts else CANNOT_START) + told, vbox_code=vbox_code, **details)
    error.transient = error.transient and starts
    return error


def printable(text: Any) -> str:
    """A text in one line: what is no letter, sign or blank (line ends, control characters, changes of direction) is shown as its escape.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    text = str(text)
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def did_you_mean(name: Any, known: Iterable[Any], otherwise: str | None = None) -> str:
    """Words that lead from a wrong name to the right one, in one line whatever the names are.

    :param otherwise: the words when no known name is close
    """
    import difflib  # only a mistake needs it

    names = [str(one) for one in known]
    close = difflib.get_close_matches(str(name), names, 1)
    return printable("did you mean %s?" % close[0] if close else otherwise or "known are %s" % ", ".join(names))
