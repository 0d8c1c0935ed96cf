"""Back-up and restore of the whole controller: databases, runs and state, plans, anchors.

Secrets and the audit key are no part of a back-up; they go to a place of their own, because whoever
has the record, its anchors and its key together can forge it.
"""

from yunzhang.backup.creating import create_backup
from yunzhang.backup.manifest import Manifest, read_manifest
from yunzhang.backup.restoring import Target, restore_backup
from yunzhang.backup.verifying import opened, verify_backup

__all__ = [
    "Manifest",
    "Target",
    "create_backup",
    "opened",
    "read_manifest",
    "restore_backup",
    "verify_backup",
]
