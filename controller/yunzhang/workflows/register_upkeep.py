"""Workflows that keep the register and what was observed up to date, as the clock asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yunzhang import db
from yunzhang.allocation import service as allocation
from yunzhang.db import Session
from yunzhang.discovery import findings
from yunzhang.discovery.collecting import Asked, collect_regularly
from yunzhang.errors import YunzhangError
from yunzhang.estate.items import lifecycle
from yunzhang.kit.logs import logger
from yunzhang.units.scope import SYSTEM, Principal
from yunzhang.workflows import engine
from yunzhang.workflows.dispatcher import register
from yunzhang.workflows.engine import step

log = logger("workflows")

DISCOVER = "discover"


@register(DISCOVER)
def discover(payload: dict[str, Any]) -> dict[str, Any]:
    """Read all known sources, what changed where that will do, and compare the register again."""
    if has_earlier_reading(int(payload["slot"])):
        return {"skipped": True}
    failed = read_sources()
    return {"failed": failed, "changes": reconcile_sources()}


@step("has-earlier-reading")
def has_earlier_reading(slot: int) -> bool:
    """Whether an earlier slot's sources are still being read: then this one is passed over."""
    earlier = [key for key, _ in engine.unfinished_of() if _slot_of(key) < slot]
    if earlier:
        log.warning("sources still being read", jobs=earlier)
    return bool(earlier)


def _slot_of(key: str) -> float:
    kind, _, slot = key.partition(":")
    return int(slot) if kind == DISCOVER and slot.isdecimal() else float("inf")


@step("read-sources")
def read_sources(principal: Principal = SYSTEM) -> dict[str, str]:
    """Read every source; those that did not answer, and why. Reading again does no harm."""

    def sync(session: Session, cloud: str, capacity: Mapping[str, int]) -> object:
        return allocation.sync_pool(session, principal, cloud, capacity)

    failed = {}
    try:
        for name, done in collect_regularly(principal, Asked(changes=True, capacity=sync)):
            if isinstance(done, YunzhangError):
                failed[name] = str(done)
                log.warning("source not read", source=name, reason=failed[name])
            elif done.outcome.guarded:
                log.warning("source shrank", source=name, before=done.before)
    except YunzhangError as error:  # clouds.yaml itself
        failed[""] = str(error)
        log.warning("sources not read", reason=str(error))
    return failed


@step("reconcile")
def reconcile_sources(principal: Principal = SYSTEM) -> dict[str, int]:
    """Compare the register with what was last seen; what that changed."""
    with db.transaction() as session:
        return findings.reconcile_register(session, principal).changes


@register("reopen-expired")
def reopen_expired(_payload: dict[str, Any]) -> dict[str, Any]:
    """Let what was retained until a day that passed be verified again, to be decided anew."""
    return {"reopened": reopen_retained()}


@step("reopen-retained")
def reopen_retained(principal: Principal = SYSTEM) -> int:
    """How many were."""
    with db.transaction() as session:
        count = lifecycle.reopen_expired(session, principal)
    if count:
        log.info("retentions ended", count=count)
    return count
