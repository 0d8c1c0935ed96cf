"""The sealer: takes what waits, orders it into blocks, and anchors the blocks outside the database.

Every process may call it at any time; one at a time seals. A block, the places of its entries and
their leaving the list are one transaction, so a crash leaves all or nothing of it. Anchors follow
after; what a crash left out, the next call of any process on the machine adds.
"""

from __future__ import annotations

from pathlib import Path

from yunzhang import clock, db
from yunzhang.audit import repository
from yunzhang.audit.anchors import Anchor, anchor_file, append, appending, last_anchor
from yunzhang.audit.hashing import FIRST, block_digest, entry_leaf
from yunzhang.audit.keys import Key, load_keys, make_keys
from yunzhang.audit.merkle import root_hash
from yunzhang.audit.models import AuditBlock
from yunzhang.db import Session
from yunzhang.errors import Conflict
from yunzhang.kit.logs import logger

log = logger("audit")

# Entries in a block, at most: one is hashed and written in about a second.
LARGEST_BLOCK = 10_000
# Blocks read at a time when anchors are added.
ANCHORED = 1000


def seal(largest: int = LARGEST_BLOCK) -> int:
    """Seal everything that waits, then anchor it; how many entries were sealed.

    Raises Conflict `audit.anchor_ahead` or `audit.anchor_differs` when the database is not the one
    the anchors were made of, `audit.key_missing` or `audit.key_unknown` without the right key.
    """
    sealed = 0
    while _has_waiting():
        with db.transaction() as session:
            count = seal_block(session, largest) if repository.try_lock(session) else 0
        sealed += count
        if count < largest:
            break
    anchor()
    return sealed


def _has_waiting() -> bool:
    # asked without a writer's lock, every second, and most of the time there is nothing
    with db.reading() as session:
        return repository.is_waiting(session)


def seal_block(session: Session, largest: int = LARGEST_BLOCK) -> int:
    """Make one block of what waits, in the caller's transaction; how many entries it holds.

    The caller holds the sealer's lock.
    """
    last = repository.last_block(session)
    check_anchor(session, last)
    leaves: dict[int, bytes] = {}
    for row in repository.waiting_entries(session, largest):
        try:
            leaves[row.id] = entry_leaf(row)
        except ValueError as error:
            # not made by `record`; it stays on the list and `verify` tells of it
            log.error("entry cannot be sealed", entry=row.id, error=str(error))
    if not leaves:
        return 0
    key = _current_key(last)
    now = clock.now()
    block = AuditBlock(
        number=last.number + 1 if last else 1,
        # machines' clocks differ; time never goes back in the record
        at=max(now, last.at) if last else now,
        count=len(leaves),
        root=root_hash(list(leaves.values())).hex(),
        previous=last.digest if last else FIRST,
        key=key.id,
    )
    block.digest = block_digest(block)
    block.mac = key.sign(block.digest)
    repository.save_block(session, block, {entry: leaf.hex() for entry, leaf in leaves.items()})
    return len(leaves)


def _current_key(last: AuditBlock | None) -> Key:
    keys = load_keys()
    if keys is None:
        if last is not None:
            # a key of its own would make this machine's blocks look forged on the others
            raise Conflict("audit.key_missing")
        keys = make_keys()
    if last is not None and keys.find(last.key) is None:
        raise Conflict("audit.key_unknown", key=last.key, block=last.number)
    return keys.newest


def check_anchor(session: Session, last: AuditBlock | None) -> None:
    """Refuse to build on a database that the anchors were not made of.

    Raises Conflict `audit.anchor_ahead` (the tail was cut, or an older database put back) or
    `audit.anchor_differs`.
    """
    known = last_anchor(anchor_file())
    if known is not None:
        _check(known, session, last)


def _check(known: Anchor, session: Session, last: AuditBlock | None) -> None:
    number = last.number if last else 0
    if number < known.block:
        raise Conflict("audit.anchor_ahead", block=number, anchored=known.block)
    block = repository.find_block(session, known.block)
    if block is None or block.digest != known.digest:
        raise Conflict("audit.anchor_differs", block=known.block)


def anchor(path: Path | None = None) -> int:
    """Add the blocks this machine's file has not got; how many. Raises like `seal`."""
    file = path or anchor_file()
    # the file first: blocks are anchored after they are stored, so what is read next has them all
    known = last_anchor(file)
    with db.reading() as session:
        last = repository.last_block(session)
        if known is not None:
            _check(known, session, last)
        if (last.number if last else 0) == (known.block if known else 0):
            return 0
    with appending(file) as (stream, known), db.reading() as session:
        if known is not None:
            _check(known, session, repository.last_block(session))
        added, number = 0, known.block if known else 0
        while blocks := repository.blocks_after(session, number, ANCHORED):
            added += append(stream, [anchor_of(block) for block in blocks])
            number = blocks[-1].number
            session.expunge_all()
        return added


def anchor_of(block: AuditBlock) -> Anchor:
    """The anchor of a block."""
    at = block.at.isoformat(timespec="microseconds")
    return Anchor(block.number, at, block.count, block.digest, block.mac)
