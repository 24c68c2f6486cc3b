# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""100,000 answers of VBoxManage and of workers, each damaged somehow: what is read of it is what was there before, or a typed error.

Answers are cut off, lose rows, have them twice or in another order, hold rows that somebody made up, garbage, numbers in other spellings, the answer
about another machine. Left out is what nothing could tell from an answer that VirtualBox might have given: other digits, and other letters in a name.
What can be missing (a figure of metrics, the run level and the front end of a live machine) may also become unknown. The seed is fixed.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from pathlib import Path

import pytest

from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import HOST_METRICS, period_in, values_in
from ansible_collections.vbox.memory.plugins.module_utils.backends.process import TIME_LIMIT, is_whole
from ansible_collections.vbox.memory.plugins.module_utils.backends.showvminfo import machine_from, rows_in
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi import VBoxApiBackend
from ansible_collections.vbox.memory.plugins.module_utils.backends.vboxapi_pool import Worker, WorkerPool
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

SEED = 12
COUNTS = {"showvminfo": 60_000, "list": 10_000, "metrics": 10_000, "worker": 20_000}
TESTS = Path(__file__).resolve().parents[4]
RECORDED = TESTS / "unit" / "recorded" / "7.2.22"

ODD_NUMBERS = ["1_0", "٣٢", "9" * 5000, "+5", "-5", "0x10", "1.5", "", " ", "5 5", "１２"]
GARBAGE = [
    "\x00\ufffd\n",
    "Segmentation fault\n",
    "\n",
    "=\n",
    '"\n',
    "\\\n",
    "VBoxManage: error: no\n",
    "x" * 3000 + "\n",
    "\u2028",
    "\r",
]
FORGED = [
    'intnet1="x"\nGuestMemoryBalloon=777\nz=""\n',
    'SnapshotName="x"\nmemory=5\nVMState="running"\nGuestMemoryBalloon=777\n"\n',
    'lptmode1="\\"\nlargepages="on"\npagefusion="on"\nGuestMemoryBalloon=777\nGuestAdditionsRunLevel=9\nx="\\"\n',
    'natnet1="x"\nGuestMemoryBalloon=777\nGuestOSType="x"\nGuestAdditionsRunLevel=9\nGuestAdditionsVersion="\\"\n',
    'description="a\nmemory=3\nGuestMemoryBalloon=4\n\\"quoted\\"=6\nend\\\\"\n',
]


def recorded(*beginning, kind=str):
    """What the recorded programs printed for such a command, each text once."""
    found = {}
    for path in sorted((TESTS / "fake" / "recorded").glob("*/*.json.gz")):
        for argv, (status, text, _errors) in json.loads(gzip.decompress(path.read_bytes())):
            if status == 0 and text and tuple(argv[: len(beginning)]) == beginning:
                found[text] = argv
    return found


def lines_of(text):
    return text.splitlines(keepends=True) if "\u2028" not in text else text.split("\n")


# -- how text is damaged: the function of a generator, the lines, the first of them that may be touched, and another answer ----


def cut(chance, lines, _first, _other):
    text = "".join(lines)
    return text[: chance.randrange(len(text))]


def begin_later(chance, lines, _first, _other):
    text = "".join(lines)
    return text[chance.randrange(1, len(text)) :]


def drop(chance, lines, first, _other):
    start = chance.randrange(first, len(lines))
    return "".join(lines[:start] + lines[start + chance.choice([1, 1, 1, 2, 5, 20]) :])


def repeat(chance, lines, first, _other):
    start, place = chance.randrange(first, len(lines)), chance.randrange(first, len(lines) + 1)
    return "".join(lines[:place] + lines[start : start + chance.choice([1, 1, 3])] + lines[place:])


def swap(chance, lines, first, _other):
    lines, one, two = lines[:], chance.randrange(first, len(lines)), chance.randrange(first, len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return "".join(lines)


def add_garbage(chance, lines, first, _other):
    place = chance.choice([first, len(lines), chance.randrange(first, len(lines) + 1)])
    return "".join(lines[:place]) + chance.choice(GARBAGE) + "".join(lines[place:])


def respell(chance, lines, first, _other):
    place = chance.choice(
        [number for number in range(first, len(lines)) if re.match(r"(?!ostype=).*\d", lines[number])]
    )
    return (
        "".join(lines[:place]) + re.sub(r"\d+", chance.choice(ODD_NUMBERS), lines[place]) + "".join(lines[place + 1 :])
    )


def append_other(_chance, lines, _first, other):
    return "".join(lines) + other


def prepend_other(_chance, lines, _first, other):
    return other + "".join(lines)


DAMAGES = [cut, begin_later, drop, repeat, swap, add_garbage, respell, append_other, prepend_other]


def test_showvminfo():
    chance, texts = random.Random(SEED), []
    for text in [
        *recorded("showvminfo"),
        *((RECORDED / f"{name}.txt").read_text() for name in ("arm", "odd-name", "running", "stopped")),
    ]:
        uuid = re.search('^UUID="(.*)"$', text, re.MULTILINE)
        if uuid and re.search("^VMState=", text, re.MULTILINE):
            lines = text.splitlines(keepends=True)
            first = next(number for number, line in enumerate(lines) if re.match('encryption=|groups="/', line))
            state = next(
                number for number, line in enumerate(lines) if line.startswith('VMState="') and line.endswith('"\n')
            )
            texts.append((text, uuid.group(1), machine_from(text, uuid.group(1)), lines, first, state + 1))
    assert len(texts) > 100 and any(machine.live for _text, _uuid, machine, *_others in texts)

    def forge(chance, lines, _first, _other):
        place = chance.randrange(raw, len(lines))
        place = next(number for number in range(place, raw - 1, -1) if not lines[number].startswith("Guest"))
        return "".join(lines[:place]) + chance.choice(FORGED) + "".join(lines[place:])

    unchanged = 0
    for _each in range(COUNTS["showvminfo"]):
        text, uuid, machine, lines, first, raw = chance.choice(texts)
        damaged = chance.choice([*DAMAGES, forge, forge])(chance, lines, first, chance.choice(texts)[0])
        try:
            read = machine_from(damaged, uuid)
        except VBoxMemoryError as error:
            assert error.code == "vboxmanage_unreadable" and len(error.message) < 500
            continue
        unchanged += 1
        read.additions_run_level = (
            machine.additions_run_level if read.additions_run_level is None else read.additions_run_level
        )
        read.frontend = machine.frontend if read.frontend is None else read.frontend
        assert read == machine, damaged
    assert unchanged > COUNTS["showvminfo"] / 5, "and many are read in spite of it"


def test_lists():
    chance = random.Random(SEED)
    texts = [(RECORDED / "list-vms.txt").read_text(), *recorded("list", "vms"), *recorded("list", "runningvms")]
    for _each in range(COUNTS["list"]):
        text, other = chance.choice(texts), chance.choice(texts)
        known = set(rows_in(text)) | set(rows_in(other))
        try:
            assert set(rows_in(chance.choice(DAMAGES)(chance, text.splitlines(keepends=True), 0, other))) <= known
        except VBoxMemoryError as error:
            assert error.code == "vboxmanage_unreadable"


def test_metrics():
    chance, metrics = random.Random(SEED), list(HOST_METRICS.values())
    text = (RECORDED / "running-metrics.txt").read_text()
    lines = [
        line for line in text.splitlines(keepends=True) if line.split()[:1] != ["host"] or line.split()[1] in metrics
    ]
    lines = [line for line in lines if line.split()[0] in ("host", "Object") or line.startswith("---")]
    values, other = values_in("".join(lines), metrics), "".join(lines).replace("host ", "web01")
    assert None not in values.values()
    lists = [
        (text, re.search(r"^\S+ +(\S+) +kB ", text, re.MULTILINE).group(1))
        for text in recorded("metrics", "list")
        if " kB " in text
    ]
    for _each in range(COUNTS["metrics"] // 2):
        damage = chance.choice(DAMAGES)
        listed, metric = chance.choice(lists)
        try:
            read = values_in(damage(chance, lines, 2, other), metrics)
            assert all(value in (None, values[name]) for name, value in read.items()), read
            assert period_in(damage(chance, listed.splitlines(keepends=True), 2, ""), metric) in (
                0,
                period_in(listed, metric),
            )
        except VBoxMemoryError as error:
            assert error.code == "vboxmanage_unreadable"


# -- responses of workers ------------------------------------------------------------------------------------------------

UUID = "0a1b2c3d-0000-0000-0000-000000000001"
STOPPED = {
    "uuid": UUID,
    "name": "web01",
    "state": "poweroff",
    "memory": 1024,
    "balloon_default": 64,
    "page_fusion": False,
    "large_pages": True,
    "os_type": "Debian_64",
    "os_description": "Debian (64-bit)",
    "groups": ["/"],
}
LIVE = dict(STOPPED, state="running", balloon_current=100, additions_run_level=2, frontend="headless")
CALLS = [
    (lambda backend: backend.read(UUID), [{"machine": STOPPED}]),
    (lambda backend: backend.read(UUID), [{"machine": LIVE}]),
    (lambda backend: backend.find(["web01"]), [[{"machine": STOPPED}]]),
    (lambda backend: backend.query_metrics("host", ["RAM/Usage/Used"]), {"RAM/Usage/Used": 5}),
    (lambda backend: backend.query_each({UUID: ["RAM/Usage/Used"]}, {}), [{"RAM/Usage/Used": 5}]),
    (lambda backend: backend.metrics_period(UUID), 1),
]
NO_FIGURES = ({"RAM/Usage/Used": None}, {UUID: {"RAM/Usage/Used": None}})
# Values of each type that the other types are not taken for.
VALUES = [0, 1, 7.0, -1, 2**32, 10**400, float("nan"), "5", "", None, True, [], {}, [[]], {"machine": STOPPED}]


class Replayed(Worker):
    """A worker whose process is a pipe into which a test writes."""

    def __init__(self):
        self.task, self.until, self._python, self._pending, self._number = None, TIME_LIMIT, "python", b"", 0
        reading, self.writing = os.pipe()
        self._stdout, self._stdin = os.fdopen(reading, "rb", buffering=0), open(os.devnull, "wb")

    def close(self):
        self._pending = b""

    close_stdin = close


def places(value, path=()):
    """The paths of all values in a value of JSON."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def damaged_message(chance, message):
    """A message with one value of another type, one less, one more, or one twice."""
    message = json.loads(json.dumps(message))
    *path, last = chance.choice([path for path in places(message) if path])
    holder = message
    for key in path:
        holder = holder[key]
    kind = chance.randrange(4)
    if kind == 0:
        may_be_none = last in ("frontend", "page_fusion", "large_pages", "RAM/Usage/Used")
        known = {bool: (bool,), int: (int,), str: (str,), list: (list,), dict: (dict,)}[type(holder[last])]
        values = [value for value in VALUES if type(value) not in known or (is_whole(value) and not 0 <= value < 2**32)]
        holder[last] = chance.choice([value for value in values if not (value is None and may_be_none)])
    elif kind == 1:
        del holder[last]
    elif isinstance(holder, list):
        holder.insert(last, chance.choice([5, {}]) if kind == 2 else [holder[last]])
    elif kind == 2:
        holder["size"] = holder[last]
    else:
        holder[last] = [holder[last], holder[last]] if last != "groups" else {}
    return message


def damaged_line(chance, message):
    line = json.dumps(message)
    kind = chance.randrange(7)
    if kind == 0:
        return line[: chance.randrange(len(line))]
    if kind == 1:
        return chance.choice(["garbage", "\x00", "\udcff", "[" * 3000, "5", "null", "", "{}"])
    if kind == 2:
        return json.dumps(dict(message, id=message["id"] + chance.choice([-1, 1, 0.0, 7])))
    if kind == 3:
        return line + chance.choice([line, " x", "]"])
    return json.dumps(damaged_message(chance, message))


def test_responses_of_workers():
    chance, pool = random.Random(SEED), WorkerPool([])
    backend = VBoxApiBackend.__new__(VBoxApiBackend)
    backend._pool, backend._searches, expected = pool, 0, {}
    worker = Replayed()
    for number in range(COUNTS["worker"] + len(CALLS)):
        ask, result = CALLS[number % len(CALLS)]
        pool._first, worker._number = worker, 6
        message = {"id": 7, "result": result}
        line = json.dumps(message) if number < len(CALLS) else damaged_line(chance, message)
        os.write(worker.writing, line.replace("\n", " ").encode("utf-8", "surrogateescape") + b"\n")
        try:
            read = ask(backend)
        except VBoxMemoryError as error:
            assert error.code == "backend_unavailable" and len(error.message) < 700
            continue
        if not (isinstance(read, list) and isinstance(read[0], VBoxMemoryError)) and read not in NO_FIGURES:
            assert read == expected.setdefault(number % len(CALLS), read), line
    assert len(expected) == len(CALLS)


@pytest.fixture(autouse=True)
def quick(monkeypatch, own_server):
    """A response that is no error of VirtualBox is never tried again: no pauses are needed, and none are taken. Nor for a lock of others."""
    monkeypatch.setenv("VBOX_IPC_SOCKETID", own_server())
    monkeypatch.setattr("time.sleep", lambda _seconds: pytest.fail("tried again"))


def test_there_are_100_000():
    assert sum(COUNTS.values()) == 100_000
