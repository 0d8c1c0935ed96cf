"""Writes the document of a stored version where a run's playbooks read it."""

from __future__ import annotations

from pathlib import Path

from yunzhang.db import Session
from yunzhang.plans import service
from yunzhang.plans.document import write_document
from yunzhang.plans.models import PlanVersion


def write(session: Session, version: PlanVersion, path: str | Path) -> None:
    """Write the version's document, with its approvals, to `path`."""
    write_document(service.export_plan(session, version), Path(path))
