"""Gravity and remedies: every rule applies somewhere, and the counts by gravity are exact."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from netaddr import IPNetwork
from sqlalchemy.orm import Session

from tests.unit.estate.address_book import add_owners, add_prefixes
from yunzhang import texts
from yunzhang.estate.addresses.remedies import (
    GRAVITY,
    NAT_OVER,
    ROLES,
    RULES,
    Standing,
    advise,
    gravity,
)
from yunzhang.estate.addresses.schemas import ConflictReport
from yunzhang.estate.addresses.service import find_conflicts
from yunzhang.units.scope import SYSTEM

QUIET = Standing(None, ministry_run=False, isolation=None, public=0, grave=1)


@pytest.mark.parametrize(
    ("standing", "why", "remedy"),
    [
        (QUIET._replace(disposition="retire", public=9), "retired", "keep"),
        (QUIET._replace(public=1, isolation="physical"), "public", "renumber"),
        (QUIET._replace(grave=0, ministry_run=True), "clear", "keep"),
        (QUIET._replace(ministry_run=True, public=1), "ministry", "vpn"),
        (QUIET._replace(disposition="retain", grave=NAT_OVER + 1), "retained", "vpn"),
        (QUIET._replace(isolation="physical"), "isolated", "vpn"),
        (QUIET._replace(grave=NAT_OVER + 1), "many", "nat"),
        (QUIET._replace(grave=NAT_OVER, isolation="logical"), "few", "renumber"),
    ],
)
def test_the_first_rule_that_holds_advises(standing: Standing, why: str, remedy: str) -> None:
    rule = advise(standing)
    assert (rule.why, rule.remedy) == (why, remedy)


def test_every_rule_and_gravity_has_its_words() -> None:
    for rule in RULES:
        assert texts.has_text(f"addresses.why_{rule.why}")
        assert texts.has_text(f"addresses.remedy_{rule.remedy}")
    for one in ROLES:
        for other in ROLES:
            assert texts.has_text(f"addresses.severity_{gravity(one, other)}")
    assert len(GRAVITY) == 6


ROWS = [
    ("d000", "10.0.0.0/8", "container"), ("d000", "10.0.0.0/16", "pool"),
    ("d000", "10.0.1.0/24", "leaf"), ("d000", "8.8.8.0/24", "leaf"),
    ("d001", "10.0.1.0/24", "leaf"), ("d001", "10.0.0.0/24", "leaf"),
    ("d001", "10.0.0.0/12", "pool"), ("d002", "10.0.1.128/25", "leaf"),
    ("d002", "0.0.0.0/0", "container"), ("d002", "fd00::/8", "leaf"),
]  # fmt: skip


def expected(own: set[str] | None) -> Counter[str]:
    found: Counter[str] = Counter()
    for one, other in combinations(ROWS, 2):
        a, b = IPNetwork(one[1]), IPNetwork(other[1])
        if one[0] == other[0] or (own is not None and not own & {one[0], other[0]}):
            continue
        if a.version == b.version and (a in b or b in a):
            found[gravity(one[2], other[2])] += 1
    return found


def counts(report: ConflictReport) -> Counter[str]:
    told = {"high": report.high, "medium": report.medium, "low": report.low}
    assert sum(told.values()) == report.total
    return +Counter(told)


def test_counts_by_gravity_equal_brute_force(session: Session) -> None:
    add_owners(session, 4)
    add_prefixes(session, ROWS)
    whole = find_conflicts(session, SYSTEM)
    assert counts(whole) == expected(None)
    assert Counter(pair.severity for pair in whole.pairs) == expected(None)
    for number in range(4):
        part = find_conflicts(session, SYSTEM, unit=f"u00{number}")
        assert counts(part) == expected({f"d00{number}"})
        assert Counter(pair.severity for pair in part.pairs) == expected({f"d00{number}"})
    assert sum(row.high for row in whole.networks) == 2 * whole.high
    assert sum(row.conflicts for row in whole.units) == 2 * whole.total
    assert (whole.within.equal, whole.within.nested) == (0, 6)
    assert [side.cidr for side in whole.public] == ["8.8.8.0/24", "0.0.0.0/0"]


def test_the_network_with_less_to_change_gives_way(session: Session) -> None:
    add_owners(session, 2)
    rows = [("d000", f"10.0.{n}.0/24", "leaf") for n in range(3)]
    add_prefixes(session, [*rows, ("d001", "10.0.0.0/22", "leaf")])
    report = find_conflicts(session, SYSTEM)
    assert {(pair.first.domain_code, pair.give_way) for pair in report.pairs} == {("d001", "first")}
    assert {row.remedy for row in report.networks} == {"renumber"}


def test_a_ministry_network_is_carried_as_a_vpn(session: Session) -> None:
    add_owners(session, 2, ministry_run=True)
    add_prefixes(session, [(domain, "10.0.0.0/24", "leaf") for domain in ("d000", "d001")])
    report = find_conflicts(session, SYSTEM)
    assert [(pair.remedy, pair.reason) for pair in report.pairs] == [("vpn", "ministry")]
    assert [(row.remedy, row.high) for row in report.networks] == [("vpn", 1), ("vpn", 1)]
