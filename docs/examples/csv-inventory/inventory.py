#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""An inventory from hosts.csv beside it: `ansible-playbook -i inventory.py vbox.memory.apply`.

`name` is the host, `groups` its groups with blanks between; every other column is a variable of that name, where it has a value.
Lines that begin with # are comments.
"""

import csv
import json
from pathlib import Path

inventory = {"_meta": {"hostvars": {}}}
with open(Path(__file__).with_name("hosts.csv"), encoding="utf-8-sig", newline="") as table:
    for row in csv.DictReader(line for line in table if not line.startswith("#")):
        name, groups = row.pop("name"), row.pop("groups")
        inventory["_meta"]["hostvars"][name] = {key: value for key, value in row.items() if value}
        for group in groups.split() or ["ungrouped"]:
            inventory.setdefault(group, {"hosts": []})["hosts"].append(name)
print(json.dumps(inventory))
