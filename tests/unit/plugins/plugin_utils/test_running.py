# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What a module's result says when the host's Python could not run it."""

from __future__ import annotations

import pytest

from ansible_collections.vbox.memory.plugins.plugin_utils.running import explained

# What real Pythons said of ansible-core 2.19's own program, and the words that are kept.
SAID = {
    "2.7": (
        '  File "AnsiballZ_vbox_balloon.py", line 40\n    zip_data: str,\n            ^\nSyntaxError: invalid syntax\n',
        "SyntaxError: invalid syntax.",
    ),
    "3.6": (
        "    ^\nSyntaxError: future feature annotations is not defined\n",
        "SyntaxError: future feature annotations is not defined.",
    ),
    "hostile": ("x\x1b[2J\u202e", "x\\x1b[2J\\u202e."),
    "long": ("x" * 100000, "x" * 499 + "…."),
    "blank": ("\n", "The host's Python said: ."),
}


@pytest.mark.parametrize("kind", SAID)
def test_its_last_words_are_in_the_message(kind):
    said, words = SAID[kind]
    result = explained({"failed": True, "msg": "No result found.", "module_stderr": said, "rc": 1})
    assert result["msg"].startswith("No result found. The host's Python said: ") and words in result["msg"]
    assert "ansible_python_interpreter" in result["msg"] and result["rc"] == 1 and len(result["msg"]) < 800
