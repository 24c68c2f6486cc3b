# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Read the metrics of the host and of many guests by one query, and set up those that are silent."""

from __future__ import annotations

import time
from typing import Callable, Collection, Mapping

from ansible_collections.vbox.memory.plugins.module_utils.backends.base import Backend
from ansible_collections.vbox.memory.plugins.module_utils.backends.metrics import (
    HOST,
    PERIOD,
    SET_UP_AGAIN,
    Samples,
    groups_of,
)
from ansible_collections.vbox.memory.plugins.module_utils.errors import VBoxMemoryError

LAG = 2  # seconds that a guest's figures are behind, besides their period; up to 5.7 were seen on a slow host


class Figures:
    """What the metrics say, look after look. It never waits.

    :param clock: seconds that never go back
    """

    def __init__(self, backend: Backend, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._set_up: dict[str, float] = {}
        self._periods: dict[str, int] = {}

    def look(self, wanted: Mapping[str, Mapping[str, str]], names: Mapping[str, str]) -> tuple[Samples, list[str]]:
        """The newest figures, and the targets that lack one, which are set up.

        :param wanted: ``{HOST or the UUID of a running machine: {key: metric}}``
        :param names: the machines' names by UUID
        :raises VBoxMemoryError: what a query raises, and a set-up for the host
        """
        now = self._clock()
        values = self._backend.query_each({target: list(some.values()) for target, some in wanted.items()}, names)
        samples = {
            target: {key: values[target].get(metric) for key, metric in some.items()} for target, some in wanted.items()
        }
        silent = [target for target, sample in samples.items() if None in sample.values()]
        for target in silent:
            if now - self._set_up.get(target, now - SET_UP_AGAIN) >= SET_UP_AGAIN:
                self._set_up[target] = now
                self._periods.pop(target, None)
                self._set_up_metrics(target, groups_of(wanted[target].values()))
        return samples, silent

    def period(self, uuid: str) -> int:
        """The seconds between a guest's figures, of which there are some; asked for once."""
        if uuid not in self._periods:
            self._periods[uuid] = max(PERIOD, self._backend.metrics_period(uuid))
        return self._periods[uuid]

    def known_period(self, uuid: str) -> int:
        """The same, as far as it was asked for."""
        return self._periods.get(uuid, PERIOD)

    def forget_all_but(self, targets: Collection[str]) -> None:
        """These are what there is now."""
        self._periods = {target: period for target, period in self._periods.items() if target in targets}
        self._set_up = {target: when for target, when in self._set_up.items() if target in targets}

    def _set_up_metrics(self, target: str, groups: list[str]) -> None:
        try:
            self._backend.setup_metrics(target, groups)
        except VBoxMemoryError as error:
            if target == HOST or error.code == "backend_unavailable":
                raise  # a machine can have gone meanwhile
