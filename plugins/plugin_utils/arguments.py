# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of a task that is done on the controller, checked as a module's are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.vbox.memory.plugins.module_utils.errors import did_you_mean

Spec = Mapping[str, Mapping[str, Any]]


def validated(given: Mapping[str, Any], spec: Spec, ranges: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """The arguments in their types, with the defaults of those that are not given.

    :param ranges: of options that are whole numbers, the least and the most
    :raises ValueError: with all that is wrong, in one line
    """
    problems = ["there is no option %s; %s" % (key, did_you_mean(key, spec)) for key in given if key not in spec]
    result = ArgumentSpecValidator(spec).validate({key: given[key] for key in given if key in spec})
    problems += result.error_messages
    arguments: dict[str, Any] = result.validated_parameters
    problems += [
        "%s: %d is not a whole number from %d to %d" % (key, arguments[key], least, most)
        for key, (least, most) in ({} if problems else ranges).items()
        if not least <= arguments[key] <= most
    ]
    if problems:
        raise ValueError("; ".join(problems))
    return arguments
