# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong, as one exception class and one table of codes."""

from __future__ import annotations

CODES = {
    "invalid_parameters": "a value or option that is wrong whatever the machine",
    "vboxmanage_not_found": "VBoxManage is not installed where it was looked for",
    "vboxmanage_failed": "VBoxManage failed in a way that is not one of the others",
    "vboxmanage_timeout": "VBoxManage has not answered in time; it was left running",
    "backend_unavailable": "VirtualBox's bindings, which backend: api needs, do not work here",
    "vboxmanage_unreadable": "VBoxManage's answer is not of the known form",
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
    "unsafe_balloon": "the balloon would harm the guest, or nobody can tell whether it would",
    "balloon_limited": "the guest ran short of memory on the way, and the balloon stays where it does no harm",
    "balloon_busy": "somebody else is changing the balloon",
    "not_following": "the guest does not give, or take back, what was asked",
    "shutdown_timeout": "the guest has not shut down in time; it was not powered off",
    "start_failed": "the machine was shut down for the change and could not be started again",
    "guest_not_back": "the machine was started again, and its Guest Additions have not come up in time",
    "change_refused": "VirtualBox refused the change",
    "change_did_not_stick": "read back after the change, the value is another",
}


class VBoxMemoryError(Exception):
    """An error that a user can act on.

    :param code: a key of :data:`CODES`
    :param message: one sentence or two: what, on which machine and option, which value, and the way out
    :param details: further keys of the result, such as ``vbox_code``, ``command``, ``stderr``
    """

    def __init__(self, code, message, **details):
        super().__init__(message)
        self.code = code if code in CODES else "vboxmanage_failed"
        self.message = message
        self.details = details

    def as_result(self):
        """The error as keys of a module's result: ``code``, ``msg`` and the details."""
        return dict(self.details, code=self.code, msg=self.message)
