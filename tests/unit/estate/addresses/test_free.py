"""The next free prefix is really free, the lowest or the best, and nobody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork, IPSet, iprange_to_cidrs
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.unit.estate.address_book import AT, add_owners, add_prefixes
from yunzhang import audit, settings
from yunzhang.db import reading, transaction
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound, Shortage
from yunzhang.estate import repository
from yunzhang.estate.addresses import service
from yunzhang.estate.addresses.blocks import format_block, parse_block, to_hex
from yunzhang.estate.addresses.free import find_free
from yunzhang.estate.addresses.schemas import FreeRequest, Policy
from yunzhang.estate.addresses.spans import from_blocks
from yunzhang.estate.changes.service import list_item_changes
from yunzhang.estate.items import editing
from yunzhang.estate.models import AddressRange, Prefix
from yunzhang.estate.workbooks.sheets import BY_KEY
from yunzhang.units.scope import SYSTEM, Principal

POOLS = st.sampled_from(["10.0.0.0/24", "0.0.0.0/0", "255.255.255.0/24", "fd00::ffff:ff00/120"])


@st.composite
def occupations(draw: st.DrawFn) -> tuple[IPNetwork, list[IPNetwork], int]:
    """A pool, what lies in it (nested and twice as well), a length to look for."""
    pool = IPNetwork(draw(POOLS))
    width = (pool.version == 4 and 32) or 128
    parts = st.tuples(st.integers(0, 255), st.integers(0, 6))
    children = []
    for place, more in draw(st.lists(parts, max_size=30)):
        length = pool.prefixlen + 1 + more
        base = pool.first + (place % (1 << (1 + more))) * (1 << (width - length))
        children.append(IPNetwork((base, length), version=pool.version))
    return pool, children, pool.prefixlen + draw(st.integers(0, 8))


def oracle(pool: IPNetwork, children: list[IPNetwork], length: int, policy: Policy) -> str | None:
    """What netaddr's sets of free addresses say."""
    free = sorted((IPSet([pool]) - IPSet(children)).iter_cidrs())
    fitting = [cidr for cidr in free if cidr.prefixlen <= length]
    if not fitting:
        return None
    best = max(cidr.prefixlen for cidr in fitting) if policy == "best" else 0
    chosen = next(cidr for cidr in fitting if cidr.prefixlen >= best)
    return f"{chosen.network}/{length}"


@given(occupations(), st.sampled_from(["first", "best"]))
def test_the_gap_walk_finds_what_netaddr_finds(
    case: tuple[IPNetwork, list[IPNetwork], int], policy: Policy
) -> None:
    pool, children, length = case
    blocks = [parse_block(str(child)) for child in children]
    found = find_free(
        parse_block(str(pool)), from_blocks(blocks, [0] * len(blocks)), length, policy
    )
    expected = oracle(pool, children, length, policy)
    assert found == (parse_block(expected) if expected else None)


def asked(length: int, **values: object) -> FreeRequest:
    return FreeRequest.model_validate({"length": length, **values})


def take(session: Session, length: int, **values: object) -> str:
    return service.take_free(session, SYSTEM, "d000", asked(length, **values)).cidr


@pytest.fixture
def pools(session: Session) -> Session:
    add_owners(session, 2)
    add_prefixes(
        session,
        [
            ("d000", "10.0.0.0/8", "container"),
            ("d000", "10.1.0.0/22", "pool"),
            ("d000", "10.1.0.0/24", "leaf"),
            ("d000", "10.1.2.0/25", "leaf"),
            ("d000", "10.2.0.0/23", "pool"),
            ("d000", "fd00::/48", "pool"),
            ("d001", "10.1.1.0/24", "leaf"),
        ],
    )
    return session


def test_taken_prefixes_are_leaves_and_not_taken_again(pools: Session, noon: object) -> None:
    assert [take(pools, 24) for _ in range(4)] == [
        "10.1.1.0/24", "10.1.3.0/24", "10.2.0.0/24", "10.2.1.0/24",
    ]  # fmt: skip
    with pytest.raises(Shortage) as lacking:
        take(pools, 24)
    assert lacking.value.code == "addresses.no_space"
    assert take(pools, 25) == "10.1.2.128/25"
    row = pools.scalars(select(Prefix).where(Prefix.cidr == "10.1.3.0/24")).one()
    assert (row.role, row.state, row.domain_code, row.revision) == ("leaf", "draft", "d000", 1)
    assert audit.verify(pools) is None
    assert take(pools, 64, family=6) == "fd00::/64"
    assert take(pools, 64, family=6) == "fd00:0:0:1::/64"


def test_a_whole_pool_was_taken_although_it_is_declared_as_the_pool(pools: Session) -> None:
    assert take(pools, 22, pool="10.0.0.0/8") == "10.0.0.0/22"
    with pytest.raises(Shortage):
        take(pools, 23, pool="10.2.0.0/23")


def test_looking_changes_nothing(pools: Session) -> None:
    looks = [service.look_free(pools, SYSTEM, "d000", asked(24)) for _ in range(2)]
    assert [look.cidr for look in looks] == ["10.1.1.0/24"] * 2
    assert not looks[0].taken


def test_what_was_removed_is_given_again(pools: Session) -> None:
    assert [take(pools, 24) for _ in range(2)] == ["10.1.1.0/24", "10.1.3.0/24"]
    sheet = BY_KEY["prefixes"]
    editing.remove_item(pools, SYSTEM, sheet, ("d000", "10.1.1.0/24"), 1)
    assert take(pools, 24) == "10.1.1.0/24"


def test_a_taken_prefix_was_missing_in_the_change_log(pools: Session) -> None:
    take(pools, 24, usage="测试")
    (change,) = list_item_changes(pools, SYSTEM, "prefixes", "d000/10.1.1.0/24").items
    assert (change.act, change.unit_code) == ("take", "u000")
    assert change.after is not None
    assert change.after["usage"] == "测试"


@pytest.mark.parametrize("seed", range(6))
def test_floors_never_hide_free_space_nor_give_taken_space(session: Session, seed: int) -> None:
    """Takes, declarations and removals in any order, against netaddr's sets after each."""
    chance = Random(seed)
    add_owners(session, 1)
    pool = IPNetwork(["10.0.0.0/20", "fd00::/116"][seed % 2])
    family, width = (4, 32) if pool.version == 4 else (6, 128)
    add_prefixes(session, [("d000", str(pool), "pool")])
    for _ in range(80):
        more = chance.choice([2, 3, 4, 5, 7, 7, 7])
        length = pool.prefixlen + more
        place = min(chance.randrange(1 << more) for _ in range(3))  # near the floors
        base = pool.first + place * (1 << (width - length))
        cidr = IPNetwork((base, length), version=pool.version)
        match chance.randrange(6):
            case 0:
                known = {row.cidr for row in session.scalars(select(Prefix))}
                if format_block(parse_block(str(cidr))) not in known:
                    add_prefixes(session, [("d000", str(cidr), "container")])
            case 1:
                first, last = base, base + chance.randrange(1, 40)
                add_range(session, "d000", IPAddress(first), IPAddress(last))
            case 2:
                rows = session.scalars(select(Prefix).where(Prefix.role != "pool")).all()
                if rows:
                    row = chance.choice(rows)
                    repository.delete_rows(session, "prefixes", [(row.id, row.revision)])
                    session.expire_all()
            case _:
                expected = oracle(pool, occupied(session, pool), length, "first")
                try:
                    found = take(session, length, family=family)
                except Shortage:
                    found = None
                assert (found and IPNetwork(found)) == (expected and IPNetwork(expected))


def occupied(session: Session, pool: IPNetwork) -> list[IPNetwork]:
    """What the tables say is taken inside the pool, as CIDRs."""
    found = [IPNetwork(row.cidr) for row in session.scalars(select(Prefix))]
    for row in session.scalars(select(AddressRange)):
        found += iprange_to_cidrs(row.first, row.last)
    return [cidr for cidr in found if cidr != pool]


def add_range(session: Session, domain: str, first: IPAddress, last: IPAddress) -> None:
    known = select(AddressRange.id).where(
        AddressRange.first == str(first), AddressRange.last == str(last)
    )
    if session.scalar(known) is None:
        session.add(
            AddressRange(
                domain_code=domain, first=str(first), last=str(last), family=first.version,
                lo=to_hex(int(first)), hi=to_hex(int(last)), role="used",
                state="draft", revision=1, created_at=AT, updated_at=AT,
            )
        )  # fmt: skip
        session.flush()


def test_best_fit_keeps_large_gaps_whole(pools: Session) -> None:
    assert take(pools, 26, policy="best") == "10.1.2.128/26"
    assert take(pools, 26, policy="best") == "10.1.2.192/26"
    assert take(pools, 26, policy="best") == "10.1.1.0/26"


def test_a_container_gives_what_no_child_has(pools: Session) -> None:
    assert take(pools, 22, pool="10.0.0.0/8") == "10.0.0.0/22"
    # the pools inside are kept for those who ask them
    assert take(pools, 15, pool="10.0.0.0/8") == "10.4.0.0/15"


@pytest.mark.parametrize("state", ["archived", "closed", "retained"])
def test_what_is_in_quarantine_stays_taken(pools: Session, state: str) -> None:
    pools.execute(update(Prefix).where(Prefix.cidr == "10.1.0.0/24").values(state=state))
    assert take(pools, 24) == "10.1.1.0/24"


@pytest.mark.parametrize(
    ("domain", "values", "kind", "code"),
    [
        ("nowhere", {}, NotFound, "addresses.domain_unknown"),
        ("d001", {}, NotFound, "addresses.pool_none"),
        ("d000", {"pool": "10.9.0.0/16"}, NotFound, "addresses.pool_unknown"),
        ("d000", {"pool": "10.1.0.0/24"}, InputError, "addresses.pool_bad"),
        ("d000", {"pool": "10.1.0.1/24"}, InputError, "estate.host_bits"),
        ("d000", {"length": 33}, InputError, "addresses.length_bad"),
        ("d000", {"length": 7}, Shortage, "addresses.no_space"),
    ],
)
def test_refusals(
    pools: Session, domain: str, values: dict[str, object], kind: type[InputError], code: str
) -> None:
    for act in (service.look_free, service.take_free):
        with pytest.raises(kind) as refused:
            act(pools, SYSTEM, domain, asked(**{"length": 24, **values}))  # type: ignore[arg-type]
        assert refused.value.code == code
        assert refused.value.message


def test_a_pool_inside_a_leaf_gives_nothing(pools: Session) -> None:
    add_prefixes(pools, [("d000", "10.2.0.0/16", "leaf")])
    with pytest.raises(Conflict) as refused:
        take(pools, 26, pool="10.2.0.0/23")
    assert refused.value.code == "addresses.pool_in_leaf"


def test_a_pool_inside_a_declared_range_gave_prefixes_away(pools: Session) -> None:
    add_range(pools, "d000", IPAddress("10.2.0.0"), IPAddress("10.2.3.9"))
    with pytest.raises(Conflict) as caught:
        take(pools, 25, pool="10.2.0.0/23")
    assert "10.2.0.0-10.2.3.9" in str(caught.value)


def test_reviewers_may_look_but_not_take(pools: Session) -> None:
    reviewer = Principal("r", frozenset({"reviewer"}), 1)
    assert service.look_free(pools, reviewer, "d000", asked(24)).cidr
    with pytest.raises(Forbidden):
        service.take_free(pools, reviewer, "d000", asked(24))


def test_many_takers_at_once_get_different_ones(running: settings.Settings) -> None:
    with transaction() as session:
        add_owners(session, 1)
        add_prefixes(session, [("d000", "10.0.0.0/16", "pool"), ("d000", "10.0.3.0/24", "leaf")])

    def one(_: int) -> str:
        with transaction() as session:
            return take(session, 24)

    with ThreadPoolExecutor(16) as threads:
        taken = list(threads.map(one, range(64)))
    assert sorted(taken, key=IPNetwork) == [f"10.0.{n}.0/24" for n in range(65) if n != 3]
    with reading() as session:
        assert len(session.scalars(select(Prefix).where(Prefix.role == "leaf")).all()) == 65
