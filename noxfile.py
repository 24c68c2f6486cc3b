# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The sessions of antsibull-nox.toml, and our own checks."""

from __future__ import annotations

import nox

try:
    import antsibull_nox
except ImportError:
    raise SystemExit("antsibull-nox is needed: python3 -m pip install antsibull-nox") from None

antsibull_nox.load_antsibull_nox_toml()


@nox.session(name="make-lint", venv_backend="none")
def make_lint(session: nox.Session) -> None:
    """The same checks with our pinned tools."""
    session.run("tests/tools/lint", external=True)


if __name__ == "__main__":
    nox.main()
