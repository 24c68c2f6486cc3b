# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""Every example of README and docs is run.

A page is a story: its examples run from top to bottom in one copy of the checkout, with a sandbox and a home folder of its own. An HTML
comment on a line of its own says what becomes of the example after it, and an example without one is an error:

    <!-- test: run -->                   run it with bash; it must succeed
    <!-- test: run, status 2 -->         the same, with this exit status
    <!-- test: output -->                its lines stand in what the last one run printed, in this order; … stands for anything
    <!-- test: file NAME -->             write it to this file
    <!-- test: tasks on the fake -->     run these tasks on a host with the machines of FAKE, running; for what needs running machines
    <!-- test: tasks on the fake 7.1 --> the same, with this release (7.2 otherwise)
    <!-- test: syntax only, REASON -->   it cannot run here: look at its syntax
    <!-- test: fleet -->                 without an example: make the demo's machines, and tell inventory/ how to reach the hosts office and lab
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import yaml
from fake.vboxfake.fakehost import FakeHost

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")])]
EXAMPLES = ("yaml", "sh", "python", "ini", "csv")  # fences of other kinds only show something
PART = re.compile(r"^<!-- test: (?P<does>.+?) -->$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

FAKE = {
    "web01": {"memory": 4096},
    "web02": {"memory": 4096},
    "desktop01": {"ostype": "Windows10_64"},
    "desktop02": {"ostype": "Windows10_64"},
}
# The environment whose Python the reader has, in place of that of the tests (tests/tools/matrix)
READER = os.environ.get("VBOX_MEMORY_READER")
CLOCK_RATE = 20  # so many times faster do the fake's guests live

FLEET = """
tests/testbed/sandbox up --users 2
mkdir -p inventory
python3 tests/demo/connections.py sandbox "$(tests/testbed/sandbox info)" office lab > inventory/connections.json
grep -v '^#' tests/demo/machines.txt | while read -r host name type memory group; do
    case $host in office) user=vbox01 ;; lab) user=vbox02 ;; esac
    vbox() { tests/testbed/sandbox exec --user "$user" /usr/lib/virtualbox/VBoxManage "$@" < /dev/null; }
    vbox createvm --name "$name" --ostype "$type" --groups "$group" --register
    vbox modifyvm "$name" --memory "$memory"
done
"""


@pytest.mark.sandbox
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_runs(page, tmp_path, need_testbed):
    story = Story(page, tmp_path, need_testbed)
    try:
        if READER:
            story.run(f'test "$(command -v ansible-playbook)" = "{READER}/bin/ansible-playbook"')
        for does, language, text in parts(page):
            story.follow(does, language, text)
    finally:
        story.end()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_begin_with_the_licence(page):
    assert "SPDX-License-Identifier: GPL-3.0-or-later" in "".join(page.read_text(encoding="utf-8").splitlines()[:3])


def parts(page):
    """What a page has to be done: (directive, language and text of the example), in order."""
    found, directive = [], None
    for part in PART.finditer(page.read_text(encoding="utf-8")):
        if part["does"] == "fleet":
            found.append(("fleet", None, None))
        elif part["does"]:
            directive = part["does"]
        elif directive or part["language"] in EXAMPLES:
            found.append((directive, part["language"], part["text"]))
            directive = None
    return found


class Story:
    """A page, as a reader follows it."""

    def __init__(self, page, folder, need_testbed):
        self.need_testbed, self.printed = need_testbed, ""
        self.folder = folder / "checkout"
        self.home = tempfile.mkdtemp(prefix="h", dir="/tmp")  # a short path: ssh's sockets lie in it
        build = os.environ["ANSIBLE_COLLECTIONS_PATH"]
        shutil.copytree(
            f"{build}/ansible_collections/vbox/memory",
            self.folder,
            ignore=shutil.ignore_patterns("output", "__pycache__"),
        )
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.environment = dict({"VBOX_MEMORY_CACHE": f"{cache}/vbox-memory"}, **os.environ)
        for name in ("VBOXMANAGE", "VBOX_SANDBOX_NAME", "ANSIBLE_CONFIG", "ANSIBLE_HOME"):
            self.environment.pop(name, None)
        if READER:
            self.environment.update(PATH=f"{READER}/bin{os.pathsep}{self.environment['PATH']}", VIRTUAL_ENV=READER)
        self.environment.update(HOME=self.home, ANSIBLE_NOCOLOR="true")  # otherwise a reader's own: Ansible's defaults
        text = page.read_text(encoding="utf-8")
        self.instances = {"default", *re.findall(r"VBOX_SANDBOX_NAME\W+(\w+)", text)}
        pip = Path(os.environ.get("PIP_CONFIG_FILE") or Path.home() / ".config" / "pip" / "pip.conf")
        if pip.exists():  # the indexes of this machine, which the reader has, too
            self.environment["PIP_CONFIG_FILE"] = str(pip)
        if "ansible-galaxy collection install" in text:
            del self.environment["ANSIBLE_COLLECTIONS_PATH"]  # the reader puts it into the home folder

    def follow(self, does, language, text):
        """Do what a directive says."""
        if does is None:
            pytest.fail(f"no <!-- test: … --> says what becomes of this example:\n{text}")
        elif does == "fleet":
            self.run(FLEET)
        elif re.fullmatch(r"run(, status \d+)?", does):
            self.run(text, int(does.partition("status ")[2] or 0))
        elif does == "output":
            self.must_have_printed(text)
        elif does.startswith("file "):
            self.write(does.removeprefix("file "), text)
        elif does.startswith("tasks on the fake"):
            self.run_tasks(text, does.removeprefix("tasks on the fake").strip() or "7.2")
        elif does.startswith("syntax only, "):
            SYNTAX[language](text)
        else:
            pytest.fail(f"there is no <!-- test: {does} -->")

    def run(self, script, status=0, **environment):
        """Run a script, which stops at the first command that fails."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=dict(self.environment, **environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.printed = done.stdout
        if "this machine cannot have a sandbox" in done.stdout:
            self.need_testbed(done.stdout)
        assert done.returncode == status, f"{script}\nended with {done.returncode}, not {status}:\n{done.stdout}"

    def must_have_printed(self, text):
        lines = [
            ".*".join(map(re.escape, plain(line).split("…")))
            for line in text.splitlines()
            if line.strip() not in ("", "…")
        ]
        printed = bool(re.search(r"\n(?:.*\n)*?".join(f" ?{line} ?" for line in lines), plain(self.printed)))
        assert printed, f"not printed:\n{text}\nbut:\n{self.printed}"

    def write(self, name, text):
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def run_tasks(self, text, release):
        host = FakeHost(self.folder.parent / f"fake{release}", release=release, clock_rate=CLOCK_RATE)
        with host.state() as state:
            state["machines"].clear()
        for name, figures in FAKE.items():
            host.add_guest(name, **figures) if name.startswith("web") else host.add_machine(name, **figures)
        tasks = textwrap.indent(text, "    ")
        self.write("tasks.yml", f"- hosts: localhost\n  gather_facts: false\n  tasks:\n{tasks}")
        path = f"{os.path.dirname(host.program)}:{self.environment['PATH']}"
        self.run(
            "ansible-playbook -i localhost, -c local -e ansible_python_interpreter=" + sys.executable + " tasks.yml",
            PATH=path,
            **host.environment,
        )

    def end(self):
        for name in self.instances:
            environment = dict(self.environment, VBOX_SANDBOX_NAME=name)
            subprocess.run(
                [self.folder / "tests" / "testbed" / "sandbox", "down"],
                env=environment,
                capture_output=True,
                check=False,
            )
        shutil.rmtree(self.home, ignore_errors=True)


def plain(text):
    """A text in which the widths of a table's columns don't count."""
    return re.sub(r"--+", "--", re.sub(r" +", " ", text))


def bash_syntax(text):
    subprocess.run(["bash", "-n", "-c", text], check=True)


SYNTAX = {"sh": bash_syntax, "python": ast.parse, "yaml": yaml.safe_load}
