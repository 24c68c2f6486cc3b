# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: vbox.memory contributors
"""What-if's predicted time against the real one, played inside the live host by our program's own code.

usage: PYTHONPATH=balance.pyz python3 what_if_inside.py '{"policy": {…}, "backend": "api", "memory_mb": MB, "limit": seconds}'
Standard output: a JSON object a line, with `kind`.
"""

from __future__ import annotations

import json
import sys
import time

from ansible_collections.vbox.memory.plugins.module_utils.backends.select import select_backend
from ansible_collections.vbox.memory.plugins.module_utils.execution.rounds import Balance, under_way

NOT_READY = {"window_not_full", "booting", "no_statistics", "stale_statistics", "in_flight", "grown_recently"}


def main(given):
    size = given["memory_mb"]
    with select_backend(given["backend"], None, None) as backend:
        reservations = []
        balance = Balance(backend, given["policy"], (), log=lambda name, text: say("said", name=name, line=text))
        balance._reservations = reservations  # what is reserved begins in the middle
        began = answer = None
        for one in balance.rounds(duration=given["limit"]):
            codes = {row["code"] for row in one.plan["machines"]}
            pool = one.plan["host"]["figures"]["pool_mb"]
            if began is None:
                known = balance.history["sum"]["answers"] is not None  # how long guests take here
                if codes & NOT_READY or under_way(one.plan) or one.taken or not known:
                    continue
                seen = one.observation  # so that the forecast can be made again elsewhere
                say("seen", at=seen.at, host=seen.host, machines=seen.machines, history=balance.history)
                answer = balance.would_start(seen, size)
                say(
                    "predicted",
                    seconds=answer["seconds"],
                    verdict=answer["verdict"],
                    sentence=answer["sentence"],
                    pool=pool,
                    answers=balance.history["sum"]["answers"],
                )
                reservations.append({"name": "what-if", "memory_mb": size, "until": None})
                began = time.monotonic()
            elif pool >= 0:  # the reservation is charged
                say("there", seconds=round(time.monotonic() - began, 1), pool=pool, predicted=answer["seconds"])
                return
        say("not_there", seconds=None, codes=sorted(codes), pool=pool)


def say(kind, **more):
    print(json.dumps({"kind": kind, "at": round(time.monotonic(), 1), **more}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
