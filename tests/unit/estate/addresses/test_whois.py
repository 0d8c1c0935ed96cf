"""Whose an address is: all domains, the widest prefix first, the workloads that hold it."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests.unit.estate.address_book import add_owners, add_prefixes, add_systems, add_workloads
from yunzhang.errors import InputError
from yunzhang.estate.addresses import service
from yunzhang.units.scope import SYSTEM


@pytest.fixture
def book(session: Session) -> Session:
    add_owners(session, 3)
    add_systems(session)
    add_prefixes(
        session,
        [
            ("d000", "10.0.0.0/8", "container"),
            ("d000", "10.1.0.0/16", "pool"),
            ("d000", "10.1.2.0/24", "leaf"),
            ("d000", "10.1.3.0/24", "leaf"),
            ("d001", "10.1.2.0/25", "leaf"),
            ("d001", "fd00::/64", "leaf"),
            ("d002", "1.1.1.0/24", "leaf"),
        ],
    )
    held = {"domain_code": "d000", "networks": ["x", "y"]}
    add_workloads(
        session,
        [
            held | {"code": "w1", "addresses": ["10.1.3.1", "10.1.2.7"]},
            held | {"code": "w2", "addresses": ["10.1.2.70", "10.1.2.71"]},
            {"code": "w3", "domain_code": "d002", "addresses": ["10.1.2.7"]},
        ],
    )
    return session


def test_an_address_in_every_domain(book: Session) -> None:
    report = service.whois(book, SYSTEM, " 10.1.2.7 ")
    found = {
        domain.domain_code: (
            [prefix.cidr for prefix in domain.prefixes],
            [workload.code for workload in domain.workloads],
        )
        for domain in report.domains
    }
    assert found == {
        "d000": (["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"], ["w1"]),
        "d001": (["10.1.2.0/25"], []),
        # held although no prefix of that domain says so
        "d002": ([], ["w3"]),
    }
    assert (report.address, report.public) == ("10.1.2.7", False)
    assert report.domains[1].unit_name == "单位001"


def test_a_prefix_is_asked_by_what_contains_it(book: Session) -> None:
    report = service.whois(book, SYSTEM, "10.1.2.0/24")
    assert [prefix.cidr for prefix in report.domains[0].prefixes] == [
        "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24",
    ]  # fmt: skip
    assert len(report.domains) == 1


def test_other_families_and_public_space(book: Session) -> None:
    assert [d.domain_code for d in service.whois(book, SYSTEM, "FD00::0:1").domains] == ["d001"]
    public = service.whois(book, SYSTEM, "1.1.1.1")
    assert (public.public, len(public.domains)) == (True, 1)
    assert service.whois(book, SYSTEM, "::1").domains == []


@pytest.mark.parametrize(
    "address", ["10.1.2", "10.1.2.3/33", "10.1.2.3/24", "x", "1.1.1.1-1.1.1.5"]
)
def test_what_is_no_address(book: Session, address: str) -> None:
    with pytest.raises(InputError) as refused:
        service.whois(book, SYSTEM, address)
    assert refused.value.message
