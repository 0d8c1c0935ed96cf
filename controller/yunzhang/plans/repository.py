"""Queries on plans."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from yunzhang.db import Session
from yunzhang.estate.models import CloudPlatform, Dependency, Prefix, Workload
from yunzhang.plans.models import PlanVersion, Signature
from yunzhang.units.models import Unit


def latest_version(session: Session, name: str) -> PlanVersion | None:
    """The newest version of the plan called `name`."""
    return session.scalar(
        select(PlanVersion)
        .where(PlanVersion.name == name)
        .order_by(PlanVersion.number.desc())
        .limit(1)
    )


def version_of_hash(session: Session, digest: str) -> PlanVersion | None:
    """The version with this hash."""
    return session.scalar(select(PlanVersion).where(PlanVersion.hash == digest))


def list_versions(
    session: Session, *, limit: int = 100, offset: int = 0
) -> tuple[int, Sequence[PlanVersion]]:
    """How many versions there are, and one page of them, newest first."""
    total = session.scalar(select(func.count()).select_from(PlanVersion)) or 0
    page = select(PlanVersion).order_by(PlanVersion.id.desc()).limit(limit).offset(offset)
    return total, session.scalars(page).all()


def versions_of(session: Session, name: str) -> Sequence[PlanVersion]:
    """All versions of a plan, oldest first."""
    return session.scalars(
        select(PlanVersion).where(PlanVersion.name == name).order_by(PlanVersion.number)
    ).all()


def signatures_of(session: Session, version_id: int) -> Sequence[Signature]:
    """The signatures under a version, oldest first."""
    return session.scalars(
        select(Signature).where(Signature.version_id == version_id).order_by(Signature.id)
    ).all()


def registered_workloads(
    session: Session, cloud: str, units: Sequence[str], systems: Sequence[str]
) -> Sequence[tuple[Workload, Unit]]:
    """Workloads the register has on the platform `cloud` of clouds.yaml, with their units."""
    query = (
        select(Workload, Unit)
        .join(CloudPlatform, CloudPlatform.code == Workload.platform_code)
        .join(Unit, Unit.code == Workload.unit_code)
        .where(CloudPlatform.cloud_name == cloud)
        .order_by(Workload.code)
    )
    if units:
        query = query.where(Workload.unit_code.in_(units))
    if systems:
        query = query.where(Workload.system_code.in_(systems))
    return [(workload, unit) for workload, unit in session.execute(query)]


def registered_prefixes(session: Session, domains: Sequence[str]) -> Sequence[tuple[str, str]]:
    """(domain, CIDR) of the address domains, by domain and CIDR."""
    rows = session.execute(
        select(Prefix.domain_code, Prefix.cidr)
        .where(Prefix.domain_code.in_(domains))
        .order_by(Prefix.domain_code, Prefix.cidr)
    )
    return [(domain, cidr) for domain, cidr in rows]


def registered_dependencies(
    session: Session, workloads: Sequence[str]
) -> Sequence[tuple[str, str, str]]:
    """(user, provider, kind) among the workloads."""
    rows = session.execute(
        select(Dependency.source_code, Dependency.target_code, Dependency.kind).where(
            Dependency.source_code.in_(workloads), Dependency.target_code.in_(workloads)
        )
    )
    return sorted({(source, target, kind) for source, target, kind in rows})
