# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Register many machines for this user at once: copies of a machine's settings file, written where VirtualBox would put them.

    usage: make_machines.py COUNT < '{"machine": settings file of a machine, "registry": VirtualBox.xml of its user}'

The user's server must not run. (`createvm` takes 0.1 s for each.)
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from pathlib import Path

UUID = re.compile(r"\{[0-9a-f-]{36}\}")


def main():
    count, given, home = int(sys.argv[1]), json.load(sys.stdin), Path.home()
    entries = []
    for number in range(count):
        name, identity = "machine%04d" % number, "{%s}" % uuid.uuid5(uuid.NAMESPACE_DNS, "%s.%d" % (home.name, number))
        path = home / "VirtualBox VMs" / name / (name + ".vbox")
        path.parent.mkdir(parents=True)
        path.write_text(UUID.sub(identity, given["machine"], count=1).replace('name="template"', 'name="%s"' % name))
        entries.append('<MachineEntry uuid="%s" src="%s"/>' % (identity, path))
    registry = re.sub(r"<MachineEntry [^>]*>", "".join(entries), given["registry"])
    registry = re.sub(
        r'defaultMachineFolder="[^"]*"', 'defaultMachineFolder="%s"' % (home / "VirtualBox VMs"), registry
    )
    folder = home / ".config" / "VirtualBox"
    folder.mkdir(parents=True)
    (folder / "VirtualBox.xml").write_text(registry)


if __name__ == "__main__":
    main()
