# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: balance_program
short_description: The program of the balance service, as one file
description:
  - Makes the program that runs balance as a service on a VirtualBox host, in the controller's own temporary folder of this run, and returns where it is.
  - It is a zipapp of the code of this collection. It needs a Python of 3.8 or later on the host and nothing else, not even Ansible.
  - The same code makes the same file, and the name has a checksum of the code. The role P(vbox.memory.balance#role) puts it on a host.
version_added: 1.0.0
author:
  - vbox.memory contributors (!UNKNOWN)
options:
  _terms:
    description: Takes none.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Put the program on a host
  ansible.builtin.copy:
    src: "{{ lookup('vbox.memory.balance_program').path }}"
    dest: /usr/local/lib/vbox-memory/
    mode: "0644"
"""

RETURN = r"""
_raw:
  description: A list of one dictionary.
  type: list
  elements: dict
  contains:
    name:
      description: The name of the file.
      type: str
      sample: vbox_memory_balance-0123456789ab.pyz
    path:
      description: Where it is on the controller.
      type: path
"""

import os
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.vbox.memory.plugins.plugin_utils.balance_program import program


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, str]]:
        if terms:
            raise AnsibleError("vbox.memory.balance_program: it takes no terms, and %r was given" % (terms,))
        name, content = program()
        path = os.path.join(C.DEFAULT_LOCAL_TMP, name)  # type: ignore[attr-defined]
        new = "%s.%d" % (path, os.getpid())  # workers of the same run make it at the same time
        with open(new, "wb") as stream:
            stream.write(content)
        os.replace(new, path)
        return [{"name": name, "path": path}]
