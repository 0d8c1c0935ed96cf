"""Rules of plans: build, submit, approve, adopt, supersede."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yunzhang import audit, clock
from yunzhang.access import service as access
from yunzhang.allocation import service as allocation
from yunzhang.db import Session, advance
from yunzhang.errors import Conflict, Forbidden, InputError, NotFound
from yunzhang.kit.canonical import content_hash
from yunzhang.plancheck import Fault, check_document
from yunzhang.plans import document as documents
from yunzhang.plans import repository
from yunzhang.plans.document import Document
from yunzhang.plans.models import TRANSITIONS, PlanVersion, Signature
from yunzhang.plans.snapshot import Snapshot
from yunzhang.units.scope import Principal, doing

# Whose signature makes a plan binding.
SIGNING_ROLE = "reviewer"


@doing("plan")
def build_plan(session: Session, principal: Principal, snapshot: Snapshot) -> PlanVersion:
    """Make the next version of the plan from a snapshot.

    It is `simulated` when it fits and the checker accepts it, else it stays `draft`.
    """
    created_at = clock.now().isoformat(timespec="seconds")
    content = documents.make_content(snapshot, created_at, principal.name)
    return _keep(session, principal, content, "build")


@doing("plan")
def adopt_document(session: Session, principal: Principal, document: Document) -> PlanVersion:
    """Take an edited document in as a new, unsigned version; its old signatures are void.

    Raises InputError `plans.refused` with the checker's faults.
    """
    content = {k: v for k, v in document.items() if k not in ("hash", "approvals")}
    known = repository.version_of_hash(session, content_hash(content))
    if known:
        return known
    faults = check_version(documents.make_document(content))
    if faults:
        raise InputError("plans.refused", count=len(faults), first=faults[0].place, faults=faults)
    return _keep(session, principal, content, "adopt")


def check_version(document: Document) -> list[Fault]:
    """The independent checker's faults of a document."""
    return check_document(document, documents.schema())


def _keep(session: Session, principal: Principal, content: dict[str, Any], act: str) -> PlanVersion:
    name = content["id"]
    last = repository.latest_version(session, name)
    if last and last.state == "running":
        raise Conflict("plans.running", name=name)
    document = documents.make_document(content)
    version = PlanVersion(
        name=name,
        number=last.number + 1 if last else 1,
        hash=document["hash"],
        state="draft",
        revision=1,
        content=content,
        created_at=clock.now(),
        created_by=principal.name,
    )
    session.add(version)
    session.flush()
    if not content["fit"]["misfits"] and not check_version(document):
        advance(session, version, "simulated", TRANSITIONS)
    audit.record(session, principal, act, "plan", f"{name}/{version.number}", hash=version.hash)
    return version


def get_version(session: Session, name: str) -> PlanVersion:
    """The newest version of a plan. Raises NotFound `plans.unknown`."""
    version = repository.latest_version(session, name)
    if version is None:
        raise NotFound("plans.unknown", name=name)
    return version


def version_of(session: Session, document: Document) -> PlanVersion:
    """The stored version a document is the export of.

    Raises Conflict `plans.hash_unknown` when it was edited, or never stored.
    """
    content = {k: v for k, v in document.items() if k not in ("hash", "approvals")}
    digest = content_hash(content)
    version = repository.version_of_hash(session, digest)
    if version is None or document.get("hash") != digest:
        raise Conflict("plans.hash_unknown", hash=digest[:12])
    return version


@doing("submit")
def submit_plan(session: Session, principal: Principal, name: str) -> PlanVersion:
    """Hand the newest version to the reviewers. One that does not fit cannot be submitted."""
    version = get_version(session, name)
    if version.state == "draft":
        raise Conflict("plans.not_sound", name=name, number=version.number)
    advance(session, version, "submitted", TRANSITIONS)
    audit.record(session, principal, "submit", "plan", f"{name}/{version.number}")
    return version


@doing("approve")
def approve_plan(
    session: Session, principal: Principal, name: str, *, signed_hash: str, password: str
) -> PlanVersion:
    """Sign the newest version, and place the holds of its waves.

    The signature is bound to `signed_hash`, which must be the version's. Older versions are
    superseded and give their holds back first. Raises Shortage when a hold cannot be placed: then
    nothing is signed.
    """
    access.check_password(session, principal, password)
    version = get_version(session, name)
    if version.hash != signed_hash:
        raise Conflict("plans.hash_other", name=name, hash=version.hash[:12])
    if principal.name == version.created_by:
        raise Forbidden("plans.own", name=name, account=principal.name)
    if version.state != "submitted":
        raise Conflict("plans.not_submitted", name=name, state=version.state)
    faults = check_version(documents.make_document(version.content))
    if faults:
        raise Conflict("plans.refused", count=len(faults), first=faults[0].place, faults=faults)
    for older in repository.versions_of(session, name):
        if older.id != version.id and "superseded" in TRANSITIONS[older.state]:
            supersede(session, principal, older)
    target = version.content["build"]["target_cloud"]
    for hold in version.content["holds"]:
        allocation.place_hold(
            session,
            principal,
            cloud=target,
            origin=origin_of(version, hold["server"]),
            unit=hold["unit"],
            amounts=hold["amounts"],
        )
    session.add(
        Signature(
            version_id=version.id,
            account=principal.name,
            role=SIGNING_ROLE,
            hash=version.hash,
            at=clock.now(),
        )
    )
    advance(session, version, "approved", TRANSITIONS)
    audit.record(
        session, principal, "approve", "plan", f"{name}/{version.number}", hash=version.hash
    )
    return version


def supersede(session: Session, principal: Principal, version: PlanVersion) -> None:
    """Put a version out of force and give back what it still holds."""
    origins = [origin_of(version, hold["server"]) for hold in version.content["holds"]]
    allocation.release_held(session, principal, origins)
    advance(session, version, "superseded", TRANSITIONS)
    audit.record(session, principal, "supersede", "plan", f"{version.name}/{version.number}")


def origin_of(version: PlanVersion, server: str) -> str:
    """The origin under which a workload's capacity is held and committed."""
    return f"plan:{version.hash}/{server}"


def export_plan(session: Session, version: PlanVersion) -> Document:
    """The document of a version, with its approvals."""
    return documents.document_of(version, repository.signatures_of(session, version.id))


def signatures(session: Session, version: PlanVersion) -> Sequence[Signature]:
    """The signatures under a version."""
    return repository.signatures_of(session, version.id)
