"""A small province and its source cloud, for tests of findings on real tables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.surveys import source_survey
from yunzhang import clock
from yunzhang.clouds.observed import ObservedServer
from yunzhang.discovery.findings import Reconciliation, reconcile_register
from yunzhang.discovery.keeping import Outcome
from yunzhang.discovery.models import Finding
from yunzhang.discovery.service import keep_survey
from yunzhang.estate.models import Workload
from yunzhang.units.scope import SYSTEM, Principal

WANG = Principal("wang", frozenset({"operator"}), 1)
DAY = timedelta(days=1)


def read(session: Session, **changes: Any) -> Outcome:
    """Keep the source cloud's survey, with `changes`."""
    survey = source_survey().model_copy(update=changes)
    return keep_survey(session, SYSTEM, survey, clock.now())


def servers(*, without: tuple[str, ...] = (), **changes: dict[str, Any]) -> dict[str, Any]:
    """The source's servers, some left out, some changed: name with _ → fields."""
    found = []
    for server in source_survey().servers:
        if server.name not in without:
            own = changes.get(server.name.replace("-", "_"), {})
            found.append(server.model_copy(update=own))
    return {"servers": tuple(found)}


def compared(session: Session) -> Reconciliation:
    return reconcile_register(session, SYSTEM)


def only(session: Session, **which: Any) -> Finding:
    rows = session.scalars(select(Finding).filter_by(**which)).all()
    assert len(rows) == 1, [(row.kind, row.name, row.state) for row in rows]
    return rows[0]


def workload(session: Session, code: str) -> Workload:
    return session.scalars(select(Workload).where(Workload.code == code)).one()


def extra_server(name: str, like: str = "hrss-app", **changes: Any) -> ObservedServer:
    """A server more, of the same project as another but without its cards and disks."""
    model = next(server for server in source_survey().servers if server.name == like)
    bare = {"id": f"{name}-id", "name": name, "nics": (), "attachments": ()}
    return model.model_copy(update={**bare, **changes})


def with_servers(*more: ObservedServer) -> dict[str, Any]:
    """The source's servers and these."""
    return {"servers": (*source_survey().servers, *more)}
