"""How grave an overlap is and what to do about it: rules as data, read from top to bottom.

Gravity depends on what the two spans are for: summaries (汇总段) are no addresses in use, pools
(地址池) hold what is not handed out yet, leaves (网段) are in use. The remedy depends on the
network that has to give way; the first rule whose every condition holds applies. The texts are
`addresses.severity_*` and `addresses.remedy_*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
Remedy = Literal["keep", "vpn", "nat", "renumber"]

ROLES = ("leaf", "pool", "container")
GRAVITY: dict[frozenset[str], Severity] = {
    frozenset({"leaf"}): "high",
    frozenset({"leaf", "pool"}): "medium",
    frozenset({"pool"}): "medium",
    frozenset({"leaf", "container"}): "low",
    frozenset({"pool", "container"}): "low",
    frozenset({"container"}): "low",
}
# Networks with more colliding prefixes than this are translated first and renumbered later.
NAT_OVER = 64


def gravity(one: str, other: str) -> Severity:
    """How grave an overlap of spans with these roles is."""
    return GRAVITY[frozenset({one, other})]


class Standing(NamedTuple):
    """What the rules look at: the network that gives way and how it collides."""

    disposition: str | None
    ministry_run: bool
    isolation: str | None
    public: int  # prefixes in space that is not its own
    grave: int  # prefixes in conflicts of high or medium gravity


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that must all hold (None: any) and the remedy; `why` names a text."""

    why: str
    remedy: Remedy
    disposition: str | None = None
    ministry_run: bool | None = None
    isolation: str | None = None
    public: bool | None = None
    grave: bool | None = None
    many: bool | None = None

    def holds(self, standing: Standing) -> bool:
        """Whether every condition holds."""
        facts = {
            "disposition": standing.disposition,
            "ministry_run": standing.ministry_run,
            "isolation": standing.isolation,
            "public": standing.public > 0,
            "grave": standing.grave > 0,
            "many": standing.grave > NAT_OVER,
        }
        return all(getattr(self, name) in (None, fact) for name, fact in facts.items())


RULES: tuple[Rule, ...] = (
    # what is closed need not be changed first
    Rule("retired", "keep", disposition="retire"),
    # public space used privately hides its true owners from everybody in the merged network
    Rule("public", "renumber", public=True, ministry_run=False),
    Rule("clear", "keep", grave=False),
    # the addresses of a ministry's network are not the province's to change
    Rule("ministry", "vpn", ministry_run=True),
    Rule("retained", "vpn", disposition="retain"),
    Rule("isolated", "vpn", isolation="physical"),
    Rule("many", "nat", many=True),
    Rule("few", "renumber"),
)


def advise(standing: Standing) -> Rule:
    """The rule that applies to a network; the last one always does."""
    return next(rule for rule in RULES if rule.holds(standing))
