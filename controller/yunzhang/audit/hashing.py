"""What is hashed: an entry's content for its leaf, a block's header for its digest."""

from __future__ import annotations

import hashlib
from typing import Any

from yunzhang.audit.merkle import leaf_hash
from yunzhang.audit.models import AuditBlock
from yunzhang.kit.canonical import canonical_json

# What the first block gives as the digest of the one before it.
FIRST = "0" * 64


def content_of(row: Any) -> dict[str, Any]:
    """The fields of an entry (a row or an object) that its hash covers."""
    return {
        "id": row.id,
        "at": row.at.isoformat(timespec="microseconds"),
        "principal": row.principal,
        "roles": row.roles,
        "channel": row.channel,
        "address": row.address,
        "request": row.request,
        "act": row.act,
        "noun": row.noun,
        "reference": row.reference,
        "before": row.before,
        "after": row.after,
        "details": row.details,
    }


def entry_leaf(row: Any) -> bytes:
    """The leaf of an entry: over its canonical JSON (RFC 8785). Raises ValueError for content
    that has none; `record` never makes such an entry."""
    return leaf_hash(canonical_json(content_of(row)))


def block_digest(block: AuditBlock) -> str:
    """SHA-256 over the canonical JSON of the block's header, 64 hex digits."""
    header = {
        "number": block.number,
        "at": block.at.isoformat(timespec="microseconds"),
        "count": block.count,
        "root": block.root,
        "previous": block.previous,
        "key": block.key,
    }
    return hashlib.sha256(canonical_json(header)).hexdigest()
