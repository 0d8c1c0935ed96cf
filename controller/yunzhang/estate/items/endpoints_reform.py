"""Institutional reform over HTTP: units are renamed and merged, things and duties change hands."""

from __future__ import annotations

from fastapi import APIRouter

from yunzhang.access.dependencies import Asking, Writing
from yunzhang.estate.items import reform
from yunzhang.estate.items.reform_schemas import (
    EraseWrite,
    HandOverWrite,
    MergeWrite,
    MoveWrite,
    ReformRead,
    RenameWrite,
)

router = APIRouter(prefix="/estate/reforms", tags=["reforms"])


@router.post("/rename", summary="Rename a unit")
def rename_unit(*, asked: RenameWrite, transaction: Writing, principal: Asking) -> ReformRead:
    """Give a unit another name; it stays known by the old one."""
    with transaction() as session:
        reform.rename_unit(
            session, principal, asked.unit, asked.name, reason=asked.reason, dry_run=asked.dry_run
        )
    return ReformRead(dry_run=asked.dry_run, counts={"units": 1})


@router.post("/merge", summary="Merge units")
def merge_units(*, asked: MergeWrite, transaction: Writing, principal: Asking) -> ReformRead:
    """Give all that units have to their successor, and close them."""
    with transaction() as session:
        counts = reform.merge_units(
            session, principal, asked.units, asked.into, reason=asked.reason, dry_run=asked.dry_run
        )
    return ReformRead(dry_run=asked.dry_run, counts=counts)


@router.post("/move", summary="Move things to another unit")
def move_items(*, asked: MoveWrite, transaction: Writing, principal: Asking) -> ReformRead:
    """Give things to another unit, with the workloads of a system and the circuits of a network."""
    items = [(str(item.noun), item.code) for item in asked.items]
    with transaction() as session:
        counts = reform.move_items(
            session, principal, items, asked.into, reason=asked.reason, dry_run=asked.dry_run
        )
    return ReformRead(dry_run=asked.dry_run, counts=counts)


@router.post("/handover", summary="Hand responsibilities over")
def hand_over(*, asked: HandOverWrite, transaction: Writing, principal: Asking) -> ReformRead:
    """End all responsibilities of a person and begin them for another."""
    with transaction() as session:
        count = reform.hand_over(
            session, principal, asked.giver, asked.taker,
            day=asked.day, reason=asked.reason, dry_run=asked.dry_run,
        )  # fmt: skip
    return ReformRead(dry_run=asked.dry_run, counts={"responsibilities": count})


@router.post("/erasure", summary="Erase a person")
def erase_person(*, asked: EraseWrite, transaction: Writing, principal: Asking) -> ReformRead:
    """Forget a person's name and phone number, everywhere and for good."""
    with transaction() as session:
        reform.erase_person(
            session, principal, asked.person, reason=asked.reason, dry_run=asked.dry_run
        )
    return ReformRead(dry_run=asked.dry_run, counts={"persons": 1})
