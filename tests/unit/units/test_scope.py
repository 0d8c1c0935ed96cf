"""No shape of a query gets round the restriction; what it cannot see is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    Row,
    Select,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Bundle, Session, aliased

from tests.factories import make_register
from yunzhang.db import Base
from yunzhang.db.tables import load_tables
from yunzhang.discovery.models import DiscoveryRun
from yunzhang.estate.models import (
    AddressDomain,
    CloudPlatform,
    InfoSystem,
    Prefix,
    PrivateNetwork,
    Site,
    Workload,
)
from yunzhang.moves.models import Wave
from yunzhang.units import scope
from yunzhang.units.models import Unit
from yunzhang.units.reach import is_declared
from yunzhang.units.scope import Granted, Principal, UnscopedRead

# Tables that belong to no unit: code lists, and what the product keeps of itself and its accounts.
OF_NOBODY = {
    "division", "job", "worker", "play_lease", "play_event", "audit_entry",
    "account", "access_grant", "access_attempt", "access_session", "access_token",
    "oidc_link", "oidc_request",
}  # fmt: skip
MINE = ["mib-app", "mib-db", "mib-web"]
OTHER = "hrss-app"


def of_unit(*codes: str, role: str = "manager") -> Principal:
    """Somebody whom a role was granted for these units."""
    grants = frozenset(Granted(role, "unit", code) for code in codes)
    return Principal("zhao", frozenset(), 9, grants)


def assigned(kind: str, reference: str) -> Principal:
    """Somebody to whom one sub-cloud, site or wave was assigned."""
    return Principal(
        "qian", frozenset(), 9, frozenset({Granted("cloud_operator", kind, reference)})
    )


@pytest.fixture
def register(session: Session) -> Session:
    """Three units; the session is not restricted yet."""
    make_register(session)
    session.commit()
    return session


@pytest.fixture
def mine(register: Session) -> Session:
    """The session of somebody of the second unit."""
    register.expunge_all()
    return scope.bind(register, of_unit("U-mib"))


def test_every_table_says_whose_its_rows_are() -> None:
    load_tables()
    models = {mapper.class_ for mapper in Base.registry.mappers}
    silent = {model.__tablename__ for model in models if not is_declared(model)}
    assert silent - OF_NOBODY == set()


Other = aliased(Workload)
SHAPES: dict[str, Callable[[], Select[Any]]] = {
    "columns": lambda: select(Workload.code),
    "alias": lambda: select(Other.code),
    "alias and model": lambda: select(Other.code).join(Workload, Workload.code == Other.code),
    "join": lambda: select(Workload.code).join(Unit, Unit.code == Workload.unit_code),
    "other side of a join": lambda: (
        select(Workload.code)
        .select_from(InfoSystem)
        .join(Workload, Workload.system_code == InfoSystem.code)
    ),
    "where": lambda: select(Workload.code).where(Workload.unit_code == Unit.code),
    "bundle": lambda: select(Bundle("all", Workload.code)),
    "subquery": lambda: select(select(Workload).subquery().c.code),
    "alias of a subquery": lambda: select(aliased(Workload, select(Workload).subquery()).code),
    "common table": lambda: select(select(Workload.code).cte().c.code),
    "union": lambda: select(
        select(Workload.code).where(Workload.code == OTHER).union(select(Workload.code)).subquery()
    ),
    "in": lambda: select(Workload.code).where(
        Workload.code.in_(select(Workload.code).where(Workload.vcpu > 0))
    ),
    "case of a group": lambda: select(func.max(Workload.code)).group_by(Workload.code),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_queries(mine: Session, shape: str) -> None:
    rows: list[Row[Any]] = list(mine.execute(SHAPES[shape]()))
    assert sorted(row[0] if isinstance(row[0], str) else row[0][0] for row in rows) == MINE


COUNTS: dict[str, Callable[[], Select[Any]]] = {
    "of a subquery": lambda: select(func.count()).select_from(select(Workload).subquery()),
    "of a model": lambda: select(func.count()).select_from(Workload),
    "of a column": lambda: select(func.count(Workload.id)),
    "with the froms kept": lambda: select(Workload).with_only_columns(
        func.count(), maintain_column_froms=True
    ),
    "as a scalar": lambda: select(select(func.count(Workload.id)).scalar_subquery()),
    "of distinct owners": lambda: select(func.count(Workload.code.distinct())),
    "filtered": lambda: select(
        func.count(Workload.code.distinct()).filter(Workload.unit_code != "")
    ).select_from(Workload),
    "in a window": lambda: (
        select(func.count().over(order_by=Workload.unit_code)).select_from(Workload).limit(1)
    ),
}


@pytest.mark.parametrize("shape", COUNTS)
def test_counts(mine: Session, shape: str) -> None:
    assert mine.scalar(COUNTS[shape]()) == len(MINE)


def test_existence_of_what_others_own_is_not_told(mine: Session) -> None:
    foreign = Workload.code == OTHER
    for asked in (
        select(literal(1)).where(exists().where(foreign)),
        select(literal(1)).where(select(Workload.id).where(foreign).exists()),
        select(literal(1)).where(literal(OTHER).in_(select(Workload.code))),
        select(Unit.code).where(
            exists().where(Workload.unit_code == "U-hrss", Workload.code != Unit.code)
        ),
    ):
        assert mine.execute(asked).all() == []


def test_outer_join_leaves_the_foreign_side_empty(mine: Session) -> None:
    rows = mine.execute(
        select(Unit.code, Workload.code)
        .join(Workload, Workload.unit_code != Unit.code, isouter=True)
        .order_by(Unit.code)
    ).all()
    assert [list(row) for row in rows] == [["U-mib", None]]


def test_get(register: Session) -> None:
    foreign = register.scalar(select(Workload.id).where(Workload.code == OTHER))
    own = register.scalar(select(Workload.id).where(Workload.code == MINE[0]))
    register.expunge_all()
    scope.bind(register, of_unit("U-mib"))
    assert register.get(Workload, foreign) is None
    assert register.get(Workload, own) is not None


def test_changes_reach_no_further_than_reading(mine: Session) -> None:
    changed = mine.execute(update(Workload).values(note="x").returning(Workload.code))
    assert sorted(changed.scalars()) == MINE
    gone = mine.execute(delete(Prefix).returning(Prefix.domain_code))
    assert gone.scalars().all() == ["mib"]
    with scope.unrestricted(mine):
        assert mine.scalar(select(func.count(Prefix.id))) == 2


def test_whoever_only_reads_changes_nothing(register: Session) -> None:
    scope.bind(register, of_unit("U-mib", role="auditor"))
    assert register.scalar(select(func.count(Workload.id))) == len(MINE)
    changed = register.execute(update(Workload).values(note="x").returning(Workload.code))
    assert changed.scalars().all() == []


TABLE: Table = Workload.metadata.tables["workload"]
PLAIN: dict[str, Callable[[], Any]] = {
    "column": lambda: select(TABLE.c.code),
    "star": lambda: select(literal_column("1")).select_from(TABLE),
    "alias": lambda: select(TABLE.alias().c.code),
    "subquery": lambda: select(select(TABLE).subquery().c.code),
    "common table": lambda: select(select(TABLE.c.code).cte().c.code),
    "union": lambda: select(Unit.code).union(select(TABLE.c.code)),
    "exists within a query of models": lambda: select(Unit.code).where(
        exists().where(TABLE.c.unit_code != Unit.code)
    ),
    "join": lambda: select(Unit.code).join(TABLE, TABLE.c.unit_code != Unit.code),
    "froms of columns kept": lambda: select(TABLE.c.code).with_only_columns(
        func.count(), maintain_column_froms=True
    ),
    # models that SQLAlchemy would not restrict where they stand
    "filter": lambda: select(func.count().filter(Workload.unit_code != "")),
    "window": lambda: select(func.row_number().over(order_by=Workload.code)),
    "second of an expression": lambda: select(func.coalesce(Unit.code, Workload.code)),
    "second of two in a column": lambda: select(Unit.code + Workload.code),
    "order": lambda: select(Unit.code).order_by(Workload.code),
    "having": lambda: select(Unit.code).group_by(Unit.code).having(func.max(Workload.code) > ""),
    "condition of a join": lambda: select(Unit.code).join(
        Site, (Site.unit_code == Unit.code) & (Workload.unit_code != Unit.code)
    ),
    "filter in a subquery": lambda: select(
        select(func.count().filter(Workload.unit_code != "")).scalar_subquery()
    ),
    "update from another": lambda: (
        update(Unit).where(Unit.code == Workload.unit_code).values(note=Workload.code)
    ),
    "select as a model": lambda: select(Workload).from_statement(select(Workload)),
    "update": lambda: update(TABLE).values(note="x"),
    "delete": lambda: delete(TABLE),
    "text": lambda: text("SELECT code FROM workload"),
    "text as a model": lambda: select(Workload).from_statement(text("SELECT * FROM workload")),
    "literal": lambda: select(literal_column("(SELECT max(code) FROM workload)")),
    "insert from": lambda: insert(DiscoveryRun).from_select(["cloud"], select(TABLE.c.code)),
}


@pytest.mark.parametrize("shape", PLAIN)
def test_plain_tables_are_refused(mine: Session, shape: str) -> None:
    with pytest.raises(UnscopedRead, match="workload"):
        mine.execute(PLAIN[shape]())


@pytest.mark.parametrize("shape", ["column", "text", "union"])
def test_plain_tables_are_refused_on_the_connection(mine: Session, shape: str) -> None:
    with pytest.raises(UnscopedRead, match="workload"):
        mine.connection().execute(PLAIN[shape]())
    with scope.unrestricted(mine):
        assert mine.connection().execute(PLAIN[shape]()).all()


def test_plain_tables_may_be_read_by_the_office(register: Session) -> None:
    scope.bind(register, Principal("wang", frozenset({"operator"}), 3))
    assert len(register.execute(PLAIN["column"]()).all()) == 8
    assert register.scalar(select(func.count(Workload.id))) == 8


def test_nothing_is_seen_without_a_grant(register: Session) -> None:
    scope.bind(register, Principal("zhao", frozenset({"manager"}), 9))
    for model in (Unit, Workload, Prefix, AddressDomain, CloudPlatform, Site, DiscoveryRun):
        assert register.scalar(select(func.count()).select_from(model)) == 0, model


def test_subtree_of_a_unit_and_no_circle_without_end(register: Session) -> None:
    register.execute(update(Unit).where(Unit.code == "U-lz").values(parent_code="U-mib"))
    register.execute(update(Unit).where(Unit.code == "U-mib").values(parent_code="U-lz"))
    scope.bind(register, of_unit("U-mib"))
    assert register.scalars(select(Unit.code).order_by(Unit.code)).all() == ["U-lz", "U-mib"]
    domains = register.scalars(select(Prefix.domain_code).order_by(Prefix.domain_code)).all()
    assert domains == ["lz", "mib"]


def test_sub_cloud_with_what_is_below_and_runs_on_it(register: Session) -> None:
    below = update(CloudPlatform).where(CloudPlatform.code == "P-lz").values(parent_code="P-mib")
    register.execute(below)
    scope.bind(register, assigned("platform", "P-mib"))
    clouds = register.scalars(select(CloudPlatform.code).order_by(CloudPlatform.code)).all()
    assert clouds == ["P-lz", "P-mib"]
    owners = register.scalars(select(Workload.unit_code).distinct().order_by(Workload.unit_code))
    assert owners.all() == ["U-lz", "U-mib"]
    assert register.scalars(select(Prefix)).all() == []
    assert register.scalars(select(Unit)).all() == []


def test_site_with_what_stands_in_it(register: Session) -> None:
    for model in (PrivateNetwork, CloudPlatform):
        stands = update(model).where(model.unit_code == "U-hrss").values(site_code="S-mib")
        register.execute(stands)
    scope.bind(register, assigned("site", "S-mib"))
    assert register.scalars(select(Site.code)).all() == ["S-mib"]
    assert register.scalars(select(PrivateNetwork.code)).all() == ["N-hrss"]
    assert register.scalars(select(Prefix.domain_code)).all() == ["hrss"]
    found = register.scalars(select(Workload.unit_code).distinct()).all()
    assert found == ["U-hrss"]


def test_what_was_loaded_freely_stays_apart(mine: Session) -> None:
    with scope.unrestricted(mine):
        foreign = mine.scalars(select(Workload).where(Workload.code == OTHER)).one()
    assert mine.get(Workload, foreign.id) is None
    assert mine.scalars(select(Workload).where(Workload.code == OTHER)).all() == []


def test_one_model_is_freed_alone(mine: Session) -> None:
    with scope.unrestricted(mine, Unit):
        assert mine.scalar(select(func.count()).select_from(Unit)) == 3
        assert mine.scalar(select(func.count()).select_from(Workload)) == len(MINE)
        with scope.unrestricted(mine):
            assert mine.scalar(select(func.count()).select_from(Workload)) == 8
        assert mine.scalar(select(func.count()).select_from(Workload)) == len(MINE)
    assert mine.scalar(select(func.count()).select_from(Unit)) == 1


def test_a_command_asks_who_acts_only_when_it_matters(register: Session) -> None:
    asked: list[int] = []

    def ask() -> Principal:
        asked.append(1)
        return of_unit("U-mib")

    scope.act_as(ask)
    try:
        register.execute(text("SELECT 1"))
        assert asked == []
        assert register.scalar(select(func.count(Workload.id))) == len(MINE)
        assert register.scalar(select(func.count(Unit.id))) == 1
        assert asked == [1]
    finally:
        scope.act_as(None)


def test_a_command_read_past_the_session_what_others_own(register: Session) -> None:
    """The connection was watched for who is bound to the session, not for who a command acts as."""
    asked: list[int] = []

    def ask() -> Principal:
        asked.append(1)
        return of_unit("U-mib")

    scope.act_as(ask)
    try:
        past = register.connection()
        past.execute(select(func.count()).select_from(Base.metadata.tables["division"]))
        past.execute(text("SELECT 1"))
        assert asked == []
        for statement in (select(Workload.__table__.c.code), text("SELECT code FROM workload")):
            with pytest.raises(UnscopedRead):
                past.execute(statement)
        assert asked == [1]
    finally:
        scope.act_as(None)


def test_a_command_of_the_whole_office_reads_past_the_session(register: Session) -> None:
    scope.act_as(lambda: scope.SYSTEM)
    try:
        found = register.connection().execute(select(Workload.__table__.c.code))
        assert len(found.all()) == 8
    finally:
        scope.act_as(None)


def test_wave_that_was_assigned(register: Session) -> None:
    scope.bind(register, assigned("wave", "7"))
    assert register.scalars(select(Wave)).all() == []
    assert register.scalars(select(Workload)).all() == []


def test_two_askers_do_not_share_a_compiled_statement(register: Session) -> None:
    for code, number in (("U-mib", 3), ("U-lz", 2), ("U-hrss", 3), ("U-mib", 3)):
        register.expunge_all()
        scope.bind(register, of_unit(code))
        found = register.scalars(select(Workload)).all()
        assert {row.unit_code for row in found} == {code}
        assert len(found) == number
