# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Which backend `auto` takes where VirtualBox's server cannot be reached, and how often it is tried."""

from __future__ import annotations

import sys

import pytest
from support.servers import new_server

from ansible_collections.vbox.memory.plugins.module_utils.backends import process, vboxmanage_cli
from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.errors import RETRY_DELAYS, VBoxMemoryError

TRIES = len(RETRY_DELAYS) + 1
# A Python whose bindings find no server, as the real ones said it (7.2.22); it keeps what it was asked.
PYTHON = """#!%s
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    open(%r, "a").write("x")
    error = {"message": "Failed (NS_ERROR_SOCKET_FAIL)", "code": "0xc1f30200"}
    print(json.dumps({"id": request["id"], "error": error}), flush=True)
"""
VBOXMANAGE = """#!/bin/sh
if [ "$1" = --version ]; then echo 7.2.22r175245; exit; fi
printf x >> %s
if [ -e %s ]; then exit; fi
cat >&2 <<'END'
VBoxManage: error: Failed to create the VirtualBox object!
VBoxManage: error: Code NS_ERROR_SOCKET_FAIL (0xC1F30200) - IPC daemon socket error (extended info not available)
END
exit 1
"""


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host whose VBoxManage is of a package; gives the Python, and a function that says how often each was tried."""
    monkeypatch.setenv("VBOX_IPC_SOCKETID", new_server())
    monkeypatch.setattr(process, "RETRY_DELAYS", [0] * (TRIES - 1))
    python, program = tmp_path / "python", tmp_path / "bin" / "VBoxManage"
    program.parent.mkdir()
    python.write_text(PYTHON % (sys.executable, str(tmp_path / "python-tried")))
    program.write_text(VBOXMANAGE % (tmp_path / "program-tried", tmp_path / "server"))
    for file in (python, program):
        file.chmod(0o755)
    monkeypatch.setenv("PATH", "%s:/usr/bin:/bin" % program.parent)
    monkeypatch.setattr(vboxmanage_cli, "INSTALL_FOLDERS", ())
    monkeypatch.setattr(vboxmanage_cli, "WRAPPERS", (str(program),))

    def tried():
        files = (tmp_path / "python-tried", tmp_path / "program-tried")
        return tuple(len(file.read_text()) if file.exists() else 0 for file in files)

    return tmp_path, str(python), tried


def test_an_unreachable_server_is_tried_patiently_once_in_all(host):
    _folder, python, tried = host
    with pytest.raises(VBoxMemoryError, match="did not answer, after 7 tries") as raised:
        select_backend("auto", python=python)
    assert raised.value.code == "server_unavailable"
    assert tried() == (TRIES, 1)


def test_bindings_that_find_no_server_where_vboxmanage_does_are_left(host):
    folder, python, tried = host
    (folder / "server").touch()
    with select_backend("auto", python=python) as backend:
        assert backend.name == "vboxmanage" and "NS_ERROR_SOCKET_FAIL" in backend.fallback_reason
    assert tried() == (TRIES, 1)
