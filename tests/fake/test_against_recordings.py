# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The fake says what real programs of each release were recorded to say (recorded/README.md), command by command."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from fake.comparing import MASKS, Comparison
from fake.recorded.take import public
from fake.vboxfake import FakeHost
from fake.vboxfake.releases import SERIES

RECORDED = Path(__file__).parent / "recorded"
RECORDINGS = sorted((path.parent.name, path.name.partition(".")[0]) for path in RECORDED.glob("*/*.json.gz"))

# Differences that stay: name: (release, a recording that shows it, what is left out of both sides, why).
LEFT = {
    "recording of screens": (
        "7.1.12",
        "large",
        r'(?ms)^recording_started="off"$.*?^rec_screen_video_fps=25\n|^Recording status: .*?^    Video FPS: +25fps\n',
        "the recorded 7.1.12 was built without it; Oracle's is not",
    ),
}

# An edited settings file made a machine inaccessible there, in this line of it.
NEEDS_PLATFORM = {"7.1.12": 9, "7.2.22": 11}
NO_PLATFORM = (
    "Error in /home/vbox/VirtualBox VMs/newer/newer.vbox (line %d) -- Required Machine/@Platform element is missing."
)
# `prepared` was recorded by hand: only these rows of some outputs, no blank lines in the errors, and '<usage>' for usage texts.
EXCERPTS = ("6.1.36", "7.0.20", "7.1.12")
# A program held a machine's lock there; on 6.1 it did not work.
LOCK_WAS_HELD = ("7.0.20", "7.1.12")


@pytest.mark.parametrize(("release", "topic"), RECORDINGS)
def test_the_fake_says_what_was_recorded(release, topic, tmp_path):
    found = compare(release, topic, tmp_path, left=[name for name, row in LEFT.items() if row[0] == release])
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", LEFT)
def test_what_is_left_out_still_differs(name, tmp_path):
    release, topic, _pattern, _reason = LEFT[name]
    assert compare(release, topic, tmp_path, left=[other for other in LEFT if other != name])


@pytest.mark.parametrize("mask", MASKS)
def test_every_mask_is_needed(mask, tmp_path):
    for number, (release, topic) in enumerate(RECORDINGS):
        left = [name for name, row in LEFT.items() if row[0] == release]
        if compare(release, topic, tmp_path / str(number), left, without=(mask,)):
            return
    pytest.fail("no recording needs the mask of %r" % mask)


def test_every_release_of_the_fake_was_recorded():
    assert {release.rpartition(".")[0] for release, _topic in RECORDINGS} == set(SERIES)


def test_recordings_hold_nothing_of_the_machines_they_were_made_on():
    for release, topic in RECORDINGS:
        for _argv, (_status, *texts) in read(release, topic):
            assert [public(text) for text in texts] == texts
            assert {path for text in texts for path in re.findall(r"/home/\w+", text)} <= {"/home/vbox"}


def read(release: str, topic: str) -> list:
    return json.loads(gzip.decompress((RECORDED / release / (topic + ".json.gz")).read_bytes()))


def compare(release: str, topic: str, folder: Path, left: list, without: tuple = ()) -> list[str]:
    """The differences in one recording, but for those that LEFT has under these names; `without` these masks."""
    host = FakeHost(folder, release=release.rpartition(".")[0])
    comparison, found = Comparison(without), []
    for argv, real in read(release, topic):
        if topic == "prepared":
            prepare(host, release, argv)
        answers = [real, host.answer(*map(comparison.argument, argv))]
        if topic == "prepared" and release in EXCERPTS:
            answers = [excerpt(answer, real) for answer in answers]
        for name in left:
            answers = [(status, *(re.sub(LEFT[name][2], "", text) for text in texts)) for status, *texts in answers]
        found += comparison.differences(argv, *answers)
    return found


def prepare(host: FakeHost, release: str, argv: list[str]) -> None:
    """Does in `prepared` what was done between its commands: settings files were edited or removed, a lock was held."""
    if argv == ["list", "vms"] and not host.calls("list"):
        host.change("saved", state="saved")
        host.change("aborted", state="aborted")
        host.change("gone", accessible=False)
        if release in NEEDS_PLATFORM:
            host.change("newer", accessible=False, access_error=NO_PLATFORM % NEEDS_PLATFORM[release])
    if argv[:2] == ["modifyvm", "lockme"] and release in LOCK_WAS_HELD:
        if argv[:2] not in [call[:2] for call in host.calls("modifyvm")]:
            host.faults({"kind": "locked", "machine": "lockme", "count": 2})


def excerpt(answer: tuple, real: list) -> tuple:
    """Of an answer what `real` has: rows with the same keys, errors without blank lines and usage texts."""
    status, out, err = answer
    keys = {key_of(line) for line in real[1].splitlines()}
    out = "".join(line + "\n" for line in out.splitlines() if key_of(line) in keys)
    err = re.sub(r"(?ms)^Usage - .*?(?=^VBoxManage: error: |\Z)", "<usage>\n", err)
    return status, out, "".join(line + "\n" for line in err.splitlines() if line)


def key_of(line: str) -> str:
    return re.split("[=:]", line)[0] if re.search("[=:]", line) else ""
