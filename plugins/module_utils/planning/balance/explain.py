# -*- coding: utf-8 -*-
# Copyright: vbox.memory contributors
# SPDX-License-Identifier: BSD-2-Clause
"""One code and one sentence for each machine, with the figures from which the decision can be recomputed. MB."""

from __future__ import annotations

from typing import Any, Dict, List

from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.budget import Budget
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.given import Stock
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.policy import HostPolicy
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.records import Record
from ansible_collections.vbox.memory.plugins.module_utils.planning.balance.steps import (
    BELOW_NEED,
    COMFORT,
    REST,
    SURPLUS_LEAST,
    Chosen,
    hinders,
)

SENTENCES = {
    "large_pages": "is fixed at %(memory_mb)d MB: large pages are on, and a balloon damages such a guest",
    "large_pages_unknown": "is fixed: it is not known whether large pages are on",
    "no_additions": "is fixed: its Guest Additions do not serve",
    "no_statistics": "is fixed: VirtualBox has no figures of the guest",
    "stale_statistics": "is fixed: the guest's figures are old, or stand still though its balloon has moved",
    "implausible_statistics": "is fixed: the guest's figures are impossible",
    "paused": "is fixed: it does not run, and would not follow",
    "booting": "is fixed while it boots",
    "guest_restarted": "is fixed for a while: its guest restarted, and its balloon is empty",
    "restored": "is fixed for a while: it came back from a saved state",
    "not_following": "is fixed for a while: its guest did not follow in time",
    "changed_by_others": "is fixed for a while: another program changed its balloon",
    "unmanaged": "is fixed: the policy leaves it alone",
    "starving": "gets %(step_mb)d MB: only %(free_mb)d MB are free in the guest, so it needs more than can be seen",
    "below_need": "gets %(step_mb)d MB: it holds %(holds_mb)d MB, used up to %(used_peak_mb)d MB, and is to keep a reserve",
    "rising": "gets %(step_mb)d MB: its use rises, from %(used_mb)d MB now, and it holds %(holds_mb)d MB",
    "cache": "gets %(step_mb)d MB for its cache of %(cache_mb)d MB",
    "surplus": "gets %(step_mb)d MB of what nobody else needs",
    "unsure": "gets %(step_mb)d MB: by its figures it has lost a program, or its balloon, and nobody gets that until the sum of all balloons shows which",
    "waits_for_donor": "holds %(holds_mb)d MB, is to hold %(target_mb)d MB, and waits for what others are giving",
    "waits_for_budget": "holds %(holds_mb)d MB, needs %(need_mb)d MB, and nobody has that to spare",
    "gives_to": "gives %(step_mb)d MB to others in need: it holds %(holds_mb)d MB and used up to %(used_peak_mb)d MB",
    "over_budget": "gives %(step_mb)d MB, as the machines together hold more than their budget",
    "makes_room": "gives %(step_mb)d MB, for a machine that is about to start or the next in need",
    "above_ceiling": "gives %(step_mb)d MB, as it holds %(holds_mb)d MB and its ceiling is %(ceiling_mb)d MB",
    "steady": "has what it is to have, %(holds_mb)d MB",
    "dead_band": "holds %(holds_mb)d MB and is to hold %(target_mb)d MB: too small a difference to ask for",
    "window_not_full": "could give: it holds %(holds_mb)d MB and is to hold %(target_mb)d MB, but has not been watched for long enough",
    "grown_recently": "could give, but has got memory a short while ago",
    "in_flight": "is still on its way to what was asked, or newer figures are not there yet",
    "at_floor": "holds its floor, %(floor_mb)d MB",
    "at_ceiling": "holds its ceiling, %(ceiling_mb)d MB",
    "no_beneficiary": "could give: it holds %(holds_mb)d MB and is to hold %(target_mb)d MB, but nobody needs it badly enough; by its use in the last hour"
    " it keeps %(lately_mb)d MB",
}
HOST_SENTENCES = {
    "infeasible": "the floors and fixed machines are %(missing_mb)d MB more than the budget of %(budget_mb)d MB",
    "host_pressure": "the host lacks %(pressure_mb)d MB to its reserve, so what other programs take stops our growth",
    "other_controller": "another controller changes balloons here: %(other_controller)s",
    "shared_by_users": "%(users)d users run machines here, and each sees only their own",
}


def code_of(record: Record, money: Budget, chosen: Chosen, policy: HostPolicy, now: float) -> str:
    """The one code of a machine."""
    if record.fixed:
        return record.fixed
    if record.asks_back:
        return "unsure"
    if record.step < 0:
        return _code_of_taker(record)
    if record.step > 0:
        if record.before > record.ceiling and record.left <= 0:
            return "above_ceiling"
        if record.gives_to[0]["uuid"] != "pool":
            return "gives_to"
        if chosen.over > 0:
            return "over_budget" if chosen.over > money.reserved else "makes_room"
        return "makes_room"
    if record.urgency is not None and record.urgency < REST:
        coming = record.waits or record.takes_from or money.under_way or money.held_back or not chosen.givers_turn
        return "waits_for_donor" if coming else "waits_for_budget"
    if record.giving or record.taking or record.stuck:
        return "in_flight"
    if record.target >= record.hold:
        if record.hold >= record.ceiling:
            return "at_ceiling"
        if record.target == record.hold or record.target - record.hold >= max(record.band, SURPLUS_LEAST):
            return "at_floor" if record.hold <= record.floor else "steady"
        return "dead_band"
    if record.hold <= record.floor:
        return "at_floor"
    if record.hold - record.target < record.band:
        return "dead_band"
    hindrance = hinders(record, chosen.over > 0, chosen.urgent, policy, now)
    if hindrance:
        return hindrance
    return "no_beneficiary" if chosen.lack <= 0 and chosen.over <= 0 or chosen.givers_turn else "in_flight"


def _code_of_taker(record: Record) -> str:
    if record.urgency <= BELOW_NEED:
        return "starving" if record.censored else "rising" if record.rising else "below_need"
    if record.urgency == COMFORT:
        return "below_need"
    return "cache" if record.keep <= record.before < record.cached else "surplus"


def figures_of(record: Record, policy: HostPolicy, now: float) -> Dict[str, Any]:
    """What decided."""
    if record.fixed:
        return {
            "memory_mb": record.memory,
            "request_mb": record.shown,
            "holds_mb": record.before,
            "charged_mb": record.hold,
            "priority": record.limits.priority,
        }
    known = record.history
    return {
        "memory_mb": record.memory,
        "holds_mb": record.before,
        "given_least_mb": record.least_given,
        "given_most_mb": record.most_given,
        "free_mb": record.free,
        "cache_mb": record.cache,
        "used_mb": record.use,
        "used_recent_mb": record.recent,
        "used_peak_mb": record.peak,
        "rate_mb_s": record.rate,
        "hard_reserve_mb": record.hard,
        "comfort_reserve_mb": record.comfort,
        "band_mb": record.band,
        "floor_mb": record.floor,
        "ceiling_mb": record.ceiling,
        "need_mb": record.need,
        "need_now_mb": record.need_now,
        "comfortable_mb": record.comfortable,
        "keep_mb": record.keep,
        "cached_mb": record.cached,
        "lately_mb": record.lately,
        "rising": record.rising,
        "room_mb": record.room,
        "harmless_mb": record.harmless,
        "largest_mb": record.largest,
        "least_take_mb": record.least_take,
        "held_back_mb": record.held,
        "asks_back_mb": record.asks_back,
        "busy": record.busy,
        "stuck": record.stuck,
        "late": record.late,
        "passed_over": record.passed_over,
        "watched_s": known["seen"] - known["since"],
        "window_s": policy.window,
        "grown_s": None if record.grown is None else now - record.grown,
        "giving_mb": record.giving,
        "taking_mb": record.taking,
        "waits_mb": record.waits,
        "target_mb": record.target,
        "step_mb": abs(record.step),
        "offered_mb": record.offered,
        "offered_beyond_mb": record.offered_beyond,
        "left_mb": record.left,
        "unmet_mb": record.unmet,
        "priority": record.limits.priority,
    }


def host_view(host: Dict[str, Any], money: Budget, stock: Stock, chosen: Chosen, missing: int) -> Dict[str, Any]:
    """The host's codes, sentence and figures."""
    figures: Dict[str, Any] = {
        "budget_mb": money.budget,
        "reserved_mb": money.reserved,
        "charge_mb": money.charge,
        "held_back_mb": money.held_back,
        "under_way_mb": money.under_way,
        "ready_mb": money.ready,
        "pool_mb": money.pool,
        "to_share_mb": money.to_share,
        "missing_mb": missing,
        "lack_mb": chosen.lack,
        "refill_mb": chosen.refill,
        "over_mb": chosen.over,
        "urgent": chosen.urgent,
        "givers_turn": chosen.givers_turn,
        "pressure_mb": money.pressure,
        "balloons_mb": stock.balloons,
        "may_take_mb": stock.may_take,
        "may_give_mb": stock.may_give,
        "other_controller": host.get("other_controller"),
        "users": host.get("users") or 1,
    }
    codes: List[str] = []
    if missing:
        codes.append("infeasible")
    if money.pressure:
        codes.append("host_pressure")
    if figures["other_controller"]:
        codes.append("other_controller")
    if figures["users"] > 1:
        codes.append("shared_by_users")
    sentence = "; ".join(HOST_SENTENCES[code] % figures for code in codes)
    if not sentence:
        sentence = "the machines may hold %(budget_mb)d MB, and can hold %(charge_mb)d MB" % figures
    return {"codes": codes, "sentence": sentence, "figures": figures}
