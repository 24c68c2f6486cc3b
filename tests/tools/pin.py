# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Makes requirements/*.txt from requirements/*.in: see tests/tools/pin."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "requirements"
SETS = ("runtime", "test", "bench", "eda")  # the first is part of all others, which take its versions
SUMS = (
    FOLDER / "pins.sha256"
)  # by which tests/tools/lint finds an .in file that was changed since, and a .txt file that was changed by hand
HEADER = """# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors

"""


def main() -> None:
    newest = sys.argv[1:] == ["--newest"]
    for name in SETS:
        kept = {} if newest else pins_of(name)
        kept.update(pins_of(SETS[0]) if name != SETS[0] else {})
        for asked in names_in(name):
            kept.pop(asked, None)
        pins = resolved(name, kept)
        lines = [f"{package}=={version}\n" for package, version in pins]
        text = f"{HEADER}# Made by tests/tools/pin from {name}.in: change that one.\n" + "".join(lines)
        (FOLDER / f"{name}.txt").write_text(text)
        print(f"requirements/{name}.txt: {len(pins)} packages", flush=True)
    files = [f"{name}.{kind}" for name in SETS for kind in ("in", "txt")]
    sums = [f"{hashlib.sha256((FOLDER / file).read_bytes()).hexdigest()}  {file}\n" for file in files]
    SUMS.write_text(HEADER + "# Made by tests/tools/pin, for sha256sum --check\n" + "".join(sums))


def resolved(name: str, constraints: dict[str, str]) -> list[tuple[str, str]]:
    """All packages that a set leads to, and their versions: pip's own answer, with nothing installed."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{package}=={version}\n" for package, version in constraints.items()))
        file.flush()
        command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--dry-run"]
        command += ["--ignore-installed", "--report", "-", "--constraint", file.name, "--requirement", f"{name}.in"]
        report = json.loads(subprocess.run(command, cwd=FOLDER, check=True, stdout=subprocess.PIPE).stdout)
    found = [(package["metadata"]["name"], package["metadata"]["version"]) for package in report["install"]]
    return sorted(found, key=lambda pin: pin[0].lower())


def pins_of(name: str) -> dict[str, str]:
    """The packages of a .txt file."""
    text = (FOLDER / f"{name}.txt").read_text()
    return {plain(package): version for package, version in re.findall(r"^(\S+)==(\S+)$", text, re.MULTILINE)}


def names_in(name: str) -> set[str]:
    """The packages that an .in file and those that it includes ask for by themselves."""
    text = (FOLDER / f"{name}.in").read_text()
    included = [one for file in re.findall(r"^-r (\S+)\.in$", text, re.MULTILINE) for one in names_in(file)]
    return {*included, *map(plain, re.findall(r"^([\w.-]+)==", text, re.MULTILINE))}


def plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


if __name__ == "__main__":
    main()
