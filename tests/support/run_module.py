# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Run one of our modules as Ansible would, without a playbook around it: parameters come on stdin, the result goes to stdout.

usage: run_module.py NAME < '{"name": "web01", …}'
"""

from __future__ import annotations

import json
import runpy
import sys

from ansible.module_utils.testing import patch_module_args

if __name__ == "__main__":
    with patch_module_args(json.load(sys.stdin)):
        runpy.run_module("ansible_collections.vbox.memory.plugins.modules." + sys.argv[1], run_name="__main__")
