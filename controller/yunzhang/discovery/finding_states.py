"""States of findings and which decision leads where: two tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from yunzhang.db import Transitions
from yunzhang.discovery.reconciling import Kind

# What a workload is in when its unit has answered: handed in again, or verified since.
ANSWERED = frozenset({"submitted", "verified"})

# watching: missing, but not yet proven. resolved: both sides agree again.
TRANSITIONS: Transitions = {
    "watching": frozenset({"open", "resolved"}),
    "open": frozenset({"settled", "returned", "excepted", "resolved", "watching"}),
    "settled": frozenset({"open", "watching", "resolved", "returned", "excepted"}),
    "returned": frozenset({"open", "watching", "settled", "excepted", "resolved"}),
    "excepted": frozenset({"open", "watching", "settled", "returned", "resolved"}),
    "resolved": frozenset({"open", "watching", "settled", "excepted"}),
}
STATES = tuple(TRANSITIONS)
DECIDED = frozenset({"settled", "returned", "excepted"})

Decision = Literal["accept_observed", "keep_declared", "return_to_unit", "except_until"]
LEADS_TO: Mapping[Decision, str] = {
    "accept_observed": "settled",
    "keep_declared": "settled",
    "return_to_unit": "returned",
    "except_until": "excepted",
}
_ALL: frozenset[Decision] = frozenset(LEADS_TO)
# An unregistered machine has nothing declared to keep; it is accepted by registering it.
ALLOWED: Mapping[Kind, frozenset[Decision]] = {
    "declared_only": _ALL,
    "observed_only": _ALL - {"keep_declared"},
    "differs": _ALL,
    "ambiguous": _ALL,
    "suggestion": _ALL,
}


def expired(state: str, until: date | None, today: date) -> bool:
    """Whether an exception has run out: it holds through its last day."""
    return state == "excepted" and until is not None and today > until


def recurring(
    state: str,
    *,
    same: bool,
    answered: bool,
    decision: str | None,
    until: date | None,
    today: date,
    fresh: str,
) -> str:
    """The state of a finding that is found again. `same`: it says what it said when decided.

    A decision holds while the finding says the same and an exception has not run out; what was
    returned is open again once the unit has `answered` and left it as it was, and what was
    accepted when it was undone: else it would not be found. Else the finding is open again
    (`fresh`: or watched).
    """
    if (state == "returned" and answered) or (state, decision) == ("settled", "accept_observed"):
        return fresh
    if state in DECIDED:
        return state if same and not expired(state, until, today) else fresh
    if state == "resolved" and same and decision in ("keep_declared", "except_until"):
        again = LEADS_TO[decision]  # type: ignore[index]
        return fresh if expired(again, until, today) else again
    if state == "open" and fresh == "watching":
        return state  # proven once, it stays
    return fresh
