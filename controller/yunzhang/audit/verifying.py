"""Verification: reads the whole record once, in little memory, and names the first thing wrong.

Four proofs, each catching what the others cannot: an entry's leaf names the entry that was changed;
root and chain catch whoever mends leaves; the HMAC catches whoever recomputes everything without
the key; anchors outside the database catch a tail that was cut and an older database put back.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from yunzhang.audit import repository
from yunzhang.audit.anchors import Anchor, anchor_file, read_anchors
from yunzhang.audit.hashing import FIRST, block_digest, entry_leaf
from yunzhang.audit.keys import Keyring, load_keys
from yunzhang.audit.merkle import root_hash
from yunzhang.audit.models import AuditBlock
from yunzhang.db import Session
from yunzhang.texts import text

# Blocks whose places are read by one statement.
PAGE = 200
# An entry sealed later than this after its time came with a long transaction or with commands run
# while no server ran; or somebody added it with a time of the past.
LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong first: `code` (text `audit.fault_<code>`), and where."""

    code: str
    block: int | None = None
    entry: int | None = None

    @property
    def message(self) -> str:
        """The fault in the current language."""
        return text(f"audit.fault_{self.code}", block=self.block, entry=self.entry)


@dataclass(slots=True)
class Verification:
    """What a verification saw. `keyed` and `anchored` say which proofs could be made."""

    fault: Fault | None = None
    blocks: int = 0
    entries: int = 0
    waiting: int = 0
    anchors: int = 0
    keyed: bool = False
    anchored: bool = False
    late: int = 0
    first_late: int | None = None


class _Broken(Exception):
    """Carries the first fault out of the reading."""

    def __init__(self, code: str, block: int | None = None, entry: int | None = None) -> None:
        super().__init__(code)
        self.fault = Fault(code, block, entry)


def verify(session: Session) -> Fault | None:
    """The first thing wrong by this instance's own key and anchors; None when all is sound."""
    return examine(session).fault


def examine(
    session: Session,
    *,
    key: Path | None = None,
    anchors: Path | None = None,
    keyless: bool = False,
) -> Verification:
    """Verify the record with the keys in `key` and the anchors in `anchors`, by default this
    instance's. `keyless` leaves the HMACs out, for who only has the anchors.

    Raises InputError when a file is unusable; one that is named and missing is an error, too.
    """
    file = anchors or anchor_file()
    known = read_anchors(file) if anchors or file.is_file() else None
    # read before the database: whatever is anchored by now must be found there
    listed = _Anchors(known)
    seen = Verification(anchored=known is not None)
    keys = None if keyless else load_keys(key)
    seen.keyed = keys is not None
    try:
        _walk(session, seen, keys, listed, keyless)
        _look_for_odds(session, seen)
    except _Broken as broken:
        seen.fault = broken.fault
    seen.anchors = listed.used
    seen.waiting = repository.count_waiting(session)
    return seen


class _Anchors:
    """Anchors in their order, beside the blocks in theirs."""

    def __init__(self, anchors: Iterator[Anchor] | None) -> None:
        self._anchors = anchors or iter(())
        self._next = next(self._anchors, None)
        self.used = 0

    def check(self, block: AuditBlock) -> None:
        while self._next is not None and self._next.block <= block.number:
            if self._next.block == block.number:
                if self._next.digest != block.digest:
                    raise _Broken("anchor_differs", block.number)
                self.used += 1
            self._next = next(self._anchors, None)

    def check_tail(self, last: int) -> None:
        if self._next is not None:
            raise _Broken("tail_cut", last + 1)


class _Places:
    """Places of entries, beside the blocks in their order."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._groups = groupby(rows, key=lambda row: row.block)
        self._next = next(self._groups, None)

    def of(self, block: int) -> Iterator[Any]:
        """The places in `block`, which comes after the one asked for before."""
        if self._next is None or self._next[0] != block:
            return
        yield from self._next[1]
        self._next = next(self._groups, None)


def _walk(
    session: Session,
    seen: Verification,
    keys: Keyring | None,
    anchors: _Anchors,
    keyless: bool,
) -> None:
    previous = FIRST
    while blocks := repository.blocks_after(session, seen.blocks, PAGE):
        if keys is None and not keyless:
            raise _Broken("key_missing", blocks[0].number)
        with repository.sealed_places(session, blocks[0].number, blocks[-1].number) as places:
            found = _Places(places)
            for block in blocks:
                if block.number != seen.blocks + 1:
                    raise _Broken("block_missing", seen.blocks + 1)
                _check_entries(block, found.of(block.number), seen)
                _check_block(block, previous, keys)
                anchors.check(block)
                previous, seen.blocks = block.digest, block.number
        session.expunge_all()
    anchors.check_tail(seen.blocks)


def _check_entries(block: AuditBlock, places: Iterator[Any], seen: Verification) -> None:
    leaves: list[bytes] = []
    for row in places:
        if row.position < len(leaves) or len(leaves) >= block.count:
            raise _Broken("entry_inserted", block.number, row.entry_id)
        if row.position > len(leaves):
            raise _Broken("seal_missing", block.number)
        if row.id is None:
            raise _Broken("entry_missing", block.number, row.entry_id)
        try:
            leaf = entry_leaf(row)
        except ValueError:
            raise _Broken("entry_changed", block.number, row.entry_id) from None
        if leaf.hex() != row.leaf:
            raise _Broken("entry_changed", block.number, row.entry_id)
        leaves.append(leaf)
        seen.entries += 1
        if block.at - row.at > LATE:
            seen.late += 1
            seen.first_late = seen.first_late or row.entry_id
    if len(leaves) < block.count:
        raise _Broken("seal_missing", block.number)
    if root_hash(leaves).hex() != block.root:
        raise _Broken("root_differs", block.number)


def _check_block(block: AuditBlock, previous: str, keys: Keyring | None) -> None:
    if block.digest != block_digest(block):
        raise _Broken("block_changed", block.number)
    if block.previous != previous:
        raise _Broken("chain_broken", block.number)
    if keys is None:
        return
    key = keys.find(block.key)
    if key is None:
        raise _Broken("key_unknown", block.number)
    if not hmac.compare_digest(key.sign(block.digest), block.mac):
        raise _Broken("mac_differs", block.number)


def _look_for_odds(session: Session, seen: Verification) -> None:
    orphan = repository.first_orphan(session)
    if orphan is not None:
        raise _Broken("block_missing", orphan[1], orphan[0])
    stray = repository.first_stray(session)
    if stray is not None:
        raise _Broken("entry_inserted", None, stray)
    lost = repository.first_lost(session)
    if lost is not None:
        raise _Broken("entry_missing", None, lost)
