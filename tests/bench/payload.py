# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What Ansible sends of a module (AnsiballZ), and what its imports cost on the host."""

from __future__ import annotations

import base64
import io
import re
import statistics
import zipfile

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, module_loader
from ansible.template import Templar

MODULES = ("ansible.builtin.ping", "vbox.memory.vbox_memory", "vbox.memory.vbox_memory_facts")
OURS = "ansible_collections/vbox/"
IMPORTS = 5  # how often they are timed
# From the zip, as the host imports them: there is no cache of compiled code.
IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
started = time.perf_counter()
import ansible.module_utils.basic
basic = time.perf_counter()
__import__(sys.argv[2])
done = time.perf_counter()
print(basic - started, done - basic, len(sys.modules))
"""


def measure_payloads(host):
    """For each module: the bytes sent, its files, and the seconds that imports take on a host."""
    init_plugin_loader()
    return {name: _payload(name, host) for name in MODULES}


def _payload(name, host):
    found = module_loader.find_plugin_with_context(name)
    built = modify_module(
        module_name=found.resolved_fqcn,
        module_path=found.plugin_resolved_path,
        module_args={},
        templar=Templar(DataLoader()),
        task_vars={"ansible_python_interpreter": "/usr/bin/python3"},
        module_compression="ZIP_DEFLATED",
    )
    content = max(re.findall(rb"[A-Za-z0-9+/=]{1000,}", built.b_module_data), key=len)
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(content)))
    ours = [entry for entry in archive.infolist() if entry.filename.startswith(OURS) and entry.file_size]
    return dict(
        sent_bytes=len(built.b_module_data),
        files=len(archive.namelist()),
        our_bytes=sum(entry.file_size for entry in ours),
        our_compressed_bytes=sum(entry.compress_size for entry in ours),
        our_files=sorted(entry.filename for entry in ours),
        **_imports(name, content.decode(), host),
    )


def _imports(name, content, host):
    module = (
        "ansible.modules.ping"
        if name.startswith("ansible.")
        else "ansible_collections.%s.plugins.modules.%s" % tuple(name.rsplit(".", 1))
    )
    host.sandbox.call("exec", "--user", host.user, "sh", "-c", "base64 -d > payload.zip", given=content)
    runs = [host.run("python3", "-I", "-c", IMPORT, "payload.zip", module).split() for _number in range(IMPORTS)]
    basic, rest, modules = (statistics.median(map(float, column)) for column in zip(*runs))
    return dict(import_basic_seconds=round(basic, 4), import_rest_seconds=round(rest, 4), python_modules=int(modules))
