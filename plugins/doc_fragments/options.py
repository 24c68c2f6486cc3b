# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and attributes that the modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of what the modules share."""

    DOCUMENTATION = r"""
options:
  backend:
    description:
      - The backend, through which the module talks to VirtualBox.
      - V(api) are the Python bindings that VirtualBox ships (C(vboxapi)), run in a process of their own. They are many times faster than
        C(VBoxManage), of which each call is a process. What they cannot do, such as starting a machine, is done by C(VBoxManage).
      - V(vboxmanage) is its command line.
      - V(auto) takes the bindings where they work and are of the version of C(VBoxManage), and the command line otherwise. RV(backend)
        says which it was, RV(backend_fallback) why. With O(vboxmanage) given, it takes the command line, and also where C(VBoxManage) on
        the path is not of VirtualBox's packages. It can lead to other machines than the bindings see.
      - The commands that a result lists are the same either way.
      - The environment variable E(VBOX_MEMORY_BACKEND) is the fallback.
    type: str
    choices: [auto, vboxmanage, api]
    default: auto
  api_python:
    description:
      - The Python that has the bindings. The module's own, C(/usr/bin/python3) and C(python3) on the path are tried without it.
      - The environment variable E(VBOX_MEMORY_API_PYTHON) is the fallback.
    type: path
  vboxmanage:
    description:
      - The program C(VBoxManage), as a path or as a name to look for on the path.
      - Without it, C(VBoxManage) is looked for on the path and in the usual install folders. Where the path leads to the wrapper script of
        Linux packages, the program behind it is taken, as the wrapper takes longer than many a command.
      - The environment variable E(VBOXMANAGE) is the fallback.
    type: path
requirements:
  - VirtualBox 6.1 or later on the managed host.
  - Python 3.8 or later on the managed host.
notes:
  - VirtualBox shows each user only their own machines. Run as the user who owns them (C(become_user)).
"""

    NAME = r"""
options:
  name:
    description:
      - The name or the UUID of the one machine to manage.
      - One of O(name) and O(machines) is required.
    type: str
notes:
  - The machines of one host belong into one task with O(machines), which costs one call however many they are.
    A loop costs one call each.
"""

    ON_BLOCKED = r"""
options:
  on_blocked:
    description:
      - What to do about a setting that cannot change in the machine's state, such as a setting of a running machine.
      - V(fail) fails for that machine and changes nothing of it.
      - V(defer) changes what can change now, and reports the rest under RV(pending).
      - V(shutdown) shuts a running or paused machine down by its ACPI power button, makes the change, starts the machine again with
        the front end that it had, and waits for its Guest Additions. Everything is reported under RV(commands).
        A machine that an interrupted run has left off is started by the next one with V(shutdown) or V(defer), which says so in a warning.
      - The default balloon of a running or paused machine changes without a shutdown with O(backend=api), which saves it as a setting.
        It then needs none of these. RV(commands) lists the C(modifyvm) that a stopped machine would take.
      - With O(backend=vboxmanage) a balloon that is asked for without saying which (C(balloon) or C(balloon_leave)) is no failure on
        a running machine. The current balloon is set, and a default that differs is reported under RV(pending).
    type: str
    choices: [fail, defer, shutdown]
    default: fail
  shutdown_timeout:
    description:
      - The seconds that a guest may take to shut down, for O(on_blocked=shutdown).
    type: int
    default: 300
  power_off:
    description:
      - Whether a machine is powered off when its guest has not shut down in time, for O(on_blocked=shutdown).
      - What the guest has not written to its disks is lost then.
    type: bool
    default: false
"""

    BALLOON = r"""
options:
  balloon:
    description:
      - The size of the balloon, the memory that the machine gives up while it runs.
      - In whole megabytes (of 2**20 bytes), or with a unit such as V(2G).
      - Means both balloons of VirtualBox, the default and the current one. On a stopped machine the default is set. On a
        running or paused one the current balloon is set and then the default, which only O(backend=api) can change there. With
        O(backend=vboxmanage) a default that differs is reported under RV(pending).
      - Must be below 90 % of the machine's memory, rounded down, which is VirtualBox's limit. V(0) means no balloon.
      - Mutually exclusive with O(balloon_leave), O(balloon_default) and O(balloon_current).
    type: raw
  balloon_leave:
    description:
      - The memory to leave to the guest. The balloon is what remains of the machine's memory, and nothing if the machine
        has no more than this.
      - Given as a size like O(balloon), and used in the same way.
    type: raw
  balloon_default:
    description:
      - The default balloon only, which VirtualBox asks of the guest at each start. A setting of stopped machines;
        with O(backend=api) it changes on running and paused ones, too, and their guests do not notice.
      - The guard looks at a running guest's figures before it raises the default. A stopped machine has none.
    type: raw
  balloon_current:
    description:
      - The current balloon only, which is asked of a running or paused machine now. VirtualBox does not save it, and it
        is gone when the machine stops.
    type: raw
  guard:
    description:
      - Whether to refuse what would harm a running guest. VirtualBox itself accepts a balloon that makes a guest panic within seconds.
      - A raise of the current balloon is refused with large pages on, without Guest Additions, without figures of the guest's memory,
        and when the guest would be left with less than O(guard_reserve) and O(guard_cache) say.
      - A raise goes in steps that are harmless by themselves, each given before the next is asked for. When the guest runs short of memory
        on the way, it gets back what it needs, and the balloon stays there.
      - A balloon that becomes smaller is never held up.
    type: bool
    default: true
  guard_reserve:
    description:
      - The memory that stays free in the guest, as a size like O(balloon).
      - A tenth of the machine's memory, and at least 128 MB, unless given. Linux guests of 768 MB began to kill programs below 52 MB.
    type: raw
  guard_cache:
    description:
      - The percentage of the guest's cache that counts as used, V(0) to V(100).
    type: int
    default: 50
  partial:
    description:
      - Whether it is enough to get as much of the balloon as the guest can give. It is an error otherwise.
      - Such results have RV(machines[].limited) set.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until the guest has given, or taken back, what was asked for.
      - Without it, a guarded raise still waits for all steps but the last.
      - Long waits go well with C(async), which says at each poll that the task goes on. RV(machines[].progress) tells how the guest
        followed, and so does, meanwhile, the log of the host, as with other modules of Ansible (C(journalctl -f | grep 'holds')).
    type: bool
    default: true
  timeout:
    description:
      - The seconds to wait for a guest in all, also for its Guest Additions after a restart. A guest that stands still for 60 seconds is
        given up before that.
      - Of a task's running machines four are waited for at a time. While it is another one's turn, a machine's seconds do not count.
    type: int
    default: 600
"""

    PAGE_FUSION = r"""
options:
  page_fusion:
    description:
      - Whether the machine shares identical memory pages with other machines of the same host (Page Fusion).
      - It works with Windows guests (2000 and later) that have the Guest Additions, on 64-bit hosts other than macOS, and
        on releases of VirtualBox before 7.2.
      - B(Page Fusion opens a side channel between guests). A malicious guest can learn the memory layout of other
        guests on the host and attack them with it. That is why turning it on needs O(acknowledge_side_channel=true).
    type: bool
  acknowledge_side_channel:
    description:
      - Says that the side channel between guests is known and accepted, which turning on O(page_fusion) needs.
      - Nothing else is changed by it.
    type: bool
    default: false
"""

    LARGE_PAGES = r"""
options:
  large_pages:
    description:
      - Whether the hypervisor uses large pages for the machine's memory, which can make it faster.
      - Large pages and a balloon exclude each other. A balloon on large pages can crash a machine.
      - Machines on ARM have no large pages. V(false) is what they have, and V(true) is an error.
    type: bool
"""

    ATTRIBUTES = r"""
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction without modifying the machines.
  diff_mode:
    support: full
    description: Returns what has changed, or would change in C(check_mode), for each machine.
  idempotent:
    support: full
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing and runs no command that could.
  platform:
    support: full
    platforms: posix
    description: Operating systems that the module runs on.
"""

    FACTS_ATTRIBUTES = r"""
attributes:
  facts:
    support: full
    description: Returns an C(ansible_facts) dictionary that updates existing host facts.
"""

    ACTION_GROUP = r"""
attributes:
  action_group:
    support: full
    membership:
      - vbox.memory.memory
    description: Use C(group/vbox.memory.memory) in C(module_defaults) to set defaults for all modules of this collection.
"""
