# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The collection's tarball, as `ansible-galaxy collection build` makes it."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile


def files_of_tarball(source, folder):
    """Build the tarball of a checkout; gives back the names of the files in it."""
    command = [
        sys.executable,
        "-m",
        "ansible",
        "galaxy",
        "collection",
        "build",
        "--output-path",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as tarball:
        files = json.load(tarball.extractfile("FILES.json"))["files"]
    return {entry["name"] for entry in files if entry["ftype"] == "file"}
