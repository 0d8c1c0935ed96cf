"""Queries on the observed side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from yunzhang.db import Session
from yunzhang.discovery.models import DiscoveryRun, ObservedItem


def latest_run(session: Session, cloud: str) -> DiscoveryRun | None:
    """The latest complete reading of a cloud."""
    return session.scalar(
        select(DiscoveryRun)
        .where(DiscoveryRun.cloud == cloud)
        .order_by(DiscoveryRun.id.desc())
        .limit(1)
    )


def list_runs(session: Session, limit: int = 50) -> Sequence[DiscoveryRun]:
    """The latest readings of all clouds, newest first."""
    return session.scalars(select(DiscoveryRun).order_by(DiscoveryRun.id.desc()).limit(limit)).all()


def items_of_run(session: Session, run: DiscoveryRun) -> Sequence[ObservedItem]:
    """What the latest run of a cloud saw."""
    return session.scalars(
        select(ObservedItem)
        .where(ObservedItem.cloud == run.cloud, ObservedItem.last_run_id == run.id)
        .order_by(ObservedItem.kind, ObservedItem.name, ObservedItem.external_id)
    ).all()


def items_of_cloud(session: Session, cloud: str) -> Iterable[ObservedItem]:
    """All items ever seen in a cloud."""
    return session.scalars(select(ObservedItem).where(ObservedItem.cloud == cloud))


def list_items(
    session: Session, cloud: str, kind: str | None, *, limit: int, offset: int
) -> tuple[int, Sequence[ObservedItem]]:
    """How many items of a kind the latest run of `cloud` saw, and one page of them."""
    run = latest_run(session, cloud)
    if run is None:
        return 0, []
    chosen = select(ObservedItem).where(
        ObservedItem.cloud == cloud, ObservedItem.last_run_id == run.id
    )
    if kind:
        chosen = chosen.where(ObservedItem.kind == kind)
    total = session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
    page = chosen.order_by(ObservedItem.kind, ObservedItem.name, ObservedItem.id)
    return total, session.scalars(page.limit(limit).offset(offset)).all()
