"""Canonical JSON and hashes, so that equal contents have equal hashes everywhere."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical_json(value: Any) -> bytes:
    """`value` as canonical JSON (RFC 8785)."""
    return rfc8785.dumps(value)


def content_hash(value: Any) -> str:
    """SHA-256 over the canonical JSON of `value`, 64 hex digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
