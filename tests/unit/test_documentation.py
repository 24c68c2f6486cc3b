# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""The modules' documentation says what their arguments are, and the suboptions of `machines` are the options of the same name."""

from __future__ import annotations

import pytest
from support.documentation import CHANGE_SETTINGS, NAMES, argument_spec, documentation

# Of the whole task, or in place of `machines`
NOT_OF_A_MACHINE = {"backend", "vboxmanage", "api_python", "machines", "name"}
COMPARED = ("type", "elements", "choices", "default", "required", "aliases")


@pytest.fixture(scope="module")
def docs():
    return documentation()


def comparable(option):
    """What says the same in an option's documentation and in an argument spec."""
    found = {key: option.get(key) for key in COMPARED}
    return dict(found, type=found["type"] or "str", required=bool(found["required"]), aliases=found["aliases"] or [])


@pytest.mark.parametrize("name", NAMES)
def test_options_are_the_argument_spec(docs, monkeypatch, name):
    """Those of the fragments, too."""
    documented = {key: comparable(option) for key, option in docs[name]["doc"]["options"].items()}
    assert documented == {key: comparable(option) for key, option in argument_spec(name, monkeypatch).items()}


@pytest.mark.parametrize("name", NAMES)
def test_environment_variables_are_documented(docs, monkeypatch, name):
    """An option with a fallback names each variable of it."""
    for key, option in argument_spec(name, monkeypatch).items():
        for variable in option.get("fallback", (None, []))[1]:
            assert f"E({variable})" in " ".join(docs[name]["doc"]["options"][key]["description"]), (key, variable)


@pytest.mark.parametrize("name", CHANGE_SETTINGS)
def test_suboptions_are_the_options_of_the_same_name(docs, name):
    options = docs[name]["doc"]["options"]
    suboptions = options["machines"]["suboptions"]
    assert suboptions["name"]["required"] is True
    assert set(suboptions) - {"name"} == set(options) - NOT_OF_A_MACHINE
    for key in set(suboptions) - {"name"}:
        assert suboptions[key]["type"] == options[key]["type"], key
        assert "default" not in suboptions[key], f"{key}: what an entry leaves out is the task's"
        assert suboptions[key]["description"] in (
            f"Like O({key}), for this machine.",
            [f"Like O({key}), for this machine."],
        )


def test_the_facts_take_names_alone(docs):
    machines = docs["vbox_memory_facts"]["doc"]["options"]["machines"]
    assert machines["elements"] == "str" and "suboptions" not in machines
