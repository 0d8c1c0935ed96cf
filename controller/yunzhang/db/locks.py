"""Numbers of PostgreSQL's advisory locks, all in one place: who shares one waits for strangers.

SQLite has one writer anyway, and no such locks.
"""

from __future__ import annotations

from enum import IntEnum


class Lock(IntEnum):
    """Keys of the product's advisory locks; those of other programs begin elsewhere."""

    SEALER = 5_930_201
    """The one sealer of the audit record."""

    IMPORT = 5_930_202
    """Whoever writes the register; shared by who only needs it to stand still."""

    RECONCILE = 5_930_203
    """One reconciliation, or decision on findings, at a time."""

    WORKERS = 5_930_204
    """Workers come, go and are declared dead."""

    ACCOUNTS = 5_930_205
    """Roles change."""

    DOMAIN = 5_930_206
    """First of two keys; the second is the address domain whose free space is given out."""
