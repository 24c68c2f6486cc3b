# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The programs tests/testbed/sandbox and tests/testbed/live as functions, and what Ansible has to know to reach the sandbox's users."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import ansible

TESTS = Path(__file__).resolve().parents[1]
BUILD = TESTS.parent / ".build"
SANDBOX = TESTS / "testbed" / "sandbox"
LIVE = TESTS / "testbed" / "live"
VBOX = "/usr/lib/virtualbox/VBoxManage"  # the program behind Debian's wrapper
BINDS = f"{Path(ansible.__file__).parent}:/ansible/ansible"  # for the sandbox: the ansible-core that the tests use
CANNOT_HAVE_ONE = 3  # the exit status of both programs on a machine where they cannot work
PASSED_ON = ("exec", "ssh", "guest")  # commands whose exit status is that of what they run
# The live host of these tests. `make test-live` runs two at once.
LIVE_NAME = "tests" + os.environ.get("PYTEST_XDIST_WORKER", "")


def sandbox_named(name, fail=sys.exit, missing=sys.exit):
    """A function that runs `tests/testbed/sandbox` with some arguments, on the instance of this name. See :func:`_caller`."""
    return _caller(SANDBOX, sandbox_environment(name), fail, missing, text=True)


def sandbox_environment(name):
    """What to add to the environment of `tests/testbed/sandbox`."""
    return {"VBOX_SANDBOX_NAME": name, "VBOX_SANDBOX_BIND": BINDS}


def live_named(name, fail=sys.exit, missing=sys.exit):
    """The same for `tests/testbed/live`, whose input and output are bytes."""
    return _caller(LIVE, {"VBOX_LIVE_NAME": name}, fail, missing, text=False)


def _caller(program, environment, fail, missing, text):
    """A function `(*arguments, given="", must_succeed=True)` that gives back the finished process.

    :param fail: called with a message when the program fails and must not
    :param missing: called with a reason when this machine cannot have the testbed
    """

    def call(*arguments, given=None, must_succeed=True):
        given = given or ("" if text else b"")
        done = subprocess.run(
            [str(program), *arguments],
            input=given,
            env=dict(os.environ, **environment),
            capture_output=True,
            text=text,
            check=False,
        )
        if done.returncode == CANNOT_HAVE_ONE and arguments[0] not in PASSED_ON:
            missing(_as_text(done.stderr).strip())
        if done.returncode and must_succeed:
            said = _as_text(done.stdout)[-5000:] + _as_text(done.stderr)
            fail(f"{program.name} {' '.join(arguments)}: exit {done.returncode}\n{said}")
        return done

    return call


def _as_text(output):
    return output if isinstance(output, str) else output.decode(errors="replace")


def ssh_variables(info, user):
    """What Ansible has to know of a user of the sandbox; `info` is what `sandbox info` prints, as a dictionary."""
    return {
        "ansible_host": info["host"],
        "ansible_port": info["port"],
        "ansible_user": user,
        "ansible_ssh_private_key_file": info["key"],
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={shlex.quote(info['known_hosts'])}",
        "ansible_python_interpreter": info["python"],
    }
