# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a module's result says when the host's Python could not run it."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.plugin_utils.running import ENDED, explained, result_of_job

# What real Pythons said of Ansible's own program
TOO_OLD = {
    "2.7": '  File "AnsiballZ_vbox_balloon.py", line 40\n    zip_data: str,\n            ^\nSyntaxError: invalid syntax\n',
    "3.6": "    ^\nSyntaxError: future feature annotations is not defined\n",
    "3.7": "ImportError: cannot import name 'cached_property' from 'functools' (/usr/lib/python3.7/functools.py)\n",
    "3.7 with ansible-core 2.18": "ansible-core requires a minimum of Python version 3.8. Current version: 3.7.16 (default)\n",
}
# What others say, and the words that are kept
OTHERS = {
    "hostile": ("x\x1b[2J\u202e", "x\\x1b[2J\\u202e"),
    "long": ("x" * 100000, "x" * 499 + "…"),
    "blank": ("\n", "The host's Python said: "),
}


@pytest.mark.parametrize("python", TOO_OLD)
def test_a_python_that_is_too_old_gets_a_sentence_and_no_traceback(python):
    crash = {"module_stderr": TOO_OLD[python], "module_stdout": "", "exception": "Traceback …"}
    result = explained({"failed": True, "msg": "MODULE FAILURE", "rc": 1, **crash})
    assert result["msg"].startswith("Its Python is too old") and "ansible_python_interpreter" in result["msg"]
    assert TOO_OLD[python].splitlines()[-1].strip() in result["msg"]
    assert set(result) == {"failed", "msg", "rc"}


@pytest.mark.parametrize("kind", OTHERS)
def test_its_last_words_are_in_the_message(kind):
    said, words = OTHERS[kind]
    result = explained({"failed": True, "msg": "No result found.", "module_stderr": said, "rc": 1})
    assert result["msg"].startswith("No result found. The host's Python said: ") and result["msg"].endswith(words)
    assert result["rc"] == 1 and len(result["msg"]) < 800


def test_a_module_that_ends_without_a_result_in_the_background():
    """As async_wrapper of ansible-core 2.16 to 2.22 puts it."""
    job = {
        "failed": 1,
        "cmd": "AnsiballZ_vbox_memory_balance.py",
        "data": "",
        "msg": "Traceback …",
        "finished": 1,
        "ansible_job_id": "j1",
    }
    result = result_of_job(dict(job, stderr=TOO_OLD["3.6"]))
    assert result["msg"].startswith("Its Python is too old") and result["failed"]
    killed = result_of_job(dict(job, stderr=""))
    assert killed == {"failed": True, "changed": False, "msg": ENDED}
    lines = "".join('{"machine": "m%d", "message": "%s"}\n' % (number, "is asked " * 99) for number in range(20))
    told = result_of_job(dict(job, stderr=""), lines)["msg"]
    assert told.startswith(ENDED + ' It said last: machine "m15": is asked') and len(told) < 2000 and "m19" in told


def test_what_a_job_has_beside_the_module_s_result_goes():
    found = {"changed": True, "stdout": "", "stdout_lines": [], "stderr": "", "finished": 1, "ansible_job_id": "j1"}
    assert result_of_job(found) == {"changed": True}
