# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service of balance as one file: a zipapp of the code of ``module_utils`` that it needs, the same bytes whenever and wherever it is made."""

from __future__ import annotations

import hashlib
import io
import zipfile

from ansible_collections.vbox.memory.plugins.plugin_utils.remote import MODULE_UTILS, sources

SERVICE = "balance_service"
NAME = "vbox_memory_balance-%s.pyz"
OLDEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold
MAIN = """# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
import sys

if sys.version_info < (3, 8):
    sys.exit("Python 3.8 or newer is needed, and this is %%d.%%d" %% sys.version_info[:2])

from %s.%s import main

sys.exit(main(version=%r))
"""


def program() -> tuple[str, bytes]:
    """Its name, which has the first digits of the SHA-256 of its code, and its bytes."""
    found = sources(SERVICE)
    code = {module.replace(".", "/") + "/__init__.py": "" for module, source in found.items() if source is None}
    code.update((module.replace(".", "/") + ".py", source) for module, source in found.items() if source is not None)
    digest = hashlib.sha256(repr(sorted(code.items())).encode()).hexdigest()[:12]
    code["__main__.py"] = MAIN % (MODULE_UTILS, SERVICE, digest)
    packed = io.BytesIO()
    # Not compressed: what comes out of that depends on the version of zlib.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, source in sorted(code.items()):
            entry = zipfile.ZipInfo(path, OLDEST)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, source)
    return NAME % digest, packed.getvalue()
