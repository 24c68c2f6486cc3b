# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Takes recordings of a real VBoxManage into this folder: `python3 take.py FOLDER`, where FOLDER has a folder for each release.

What is specific to the machine of the recording is masked here, by name; nothing else is changed or left out.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
PRIVATE = (
    ("home of the recording's user", r"/home/(?:[uv]\d\d|vbox\d\d)/", "/home/vbox/"),
    ("folder of the sources", r"/\S*/src/VBox/", "/build/src/VBox/"),
    ("kernel of the host", r"(Operating system version: ).*", r"\1<kernel>"),
    ("processor of the host", r"(Processor#\d+ (?:speed|description): ).*", r"\1<processor>"),
)

# From 'Usage' to the error after it, or the end: 6.1, and later releases.
USAGE = re.compile(
    r"^Usage:\n.*?(?=\nSyntax error: |^VBoxManage: error: |\Z)|^Usage - .*?\n(?=\nVBoxManage: error: |\Z)", re.M | re.S
)


def main(folder: str) -> None:
    for release in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
        for path in sorted(release.glob("*.json")):
            write(release.name, path.stem, json.loads(path.read_text(encoding="utf-8")))
        for path in release.glob("saved-locked-inaccessible.txt"):
            write(release.name, "prepared", calls_of(path.read_text(encoding="utf-8")))
    pack(HERE / "usage.json.gz", json.dumps(usage_texts(), ensure_ascii=False, indent=1))


def usage_texts() -> dict[str, dict[str, str]]:
    """{series: {command: usage text}} of all recordings here; '' is the program without a command."""
    texts = {}
    for path in sorted(HERE.glob("*/*.json.gz")):
        series = texts.setdefault(path.parent.name.rpartition(".")[0], {})
        for argv, (_status, out, err) in json.loads(gzip.decompress(path.read_bytes())):
            for text in USAGE.findall(out + err):
                command = "" if not argv or argv[0] == "nosuch" else argv[0]
                series[command] = text
    return texts


def public(text: str) -> str:
    """The text without what is the recording machine's own."""
    for _name, pattern, replacement in PRIVATE:
        text = re.sub(pattern, replacement, text)
    return text


def calls_of(session: str) -> list:
    """The same shape as the JSON files have, of a terminal session: '$ VBoxManage …', output, '2> ' errors, '[exit N]'."""
    calls = []
    for block in re.findall(r"^\$ VBoxManage (.*?)^\[exit (\d+)\]$", session, re.M | re.S):
        command, *lines = block[0].splitlines()
        errors = [line[3:] for line in lines if line.startswith("2> ")]
        output = [line for line in lines if not line.startswith("2> ")]
        calls.append(
            [command.split(), [int(block[1]), *("".join(line + "\n" for line in part) for part in (output, errors))]]
        )
    return calls


def write(release: str, topic: str, calls: list) -> None:
    calls = [[argv, [status, public(out), public(err)]] for argv, (status, out, err) in calls]
    text = "[\n" + ",\n".join(json.dumps(call, ensure_ascii=False) for call in calls) + "\n]\n"
    pack(HERE / release / (topic + ".json.gz"), text)


def pack(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
