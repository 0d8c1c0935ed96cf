"""The record of who did what: append-only entries, sealed into blocks that prove them.

Entries are written in the act's own transaction and chained to nothing, so writers never wait for
each other. One sealer orders them into blocks (Merkle root, the block before, HMAC with a key
outside the database) and anchors the blocks in a file outside the database.
"""

from yunzhang.audit.models import AuditBlock, AuditEntry, AuditSeal, AuditWaiting
from yunzhang.audit.origin import context, set_process_origin
from yunzhang.audit.sealing import seal
from yunzhang.audit.service import Act, Head, get_entry, head, record, record_many
from yunzhang.audit.values import person, refer
from yunzhang.audit.verifying import Fault, Verification, examine, verify

__all__ = [
    "Act",
    "AuditBlock",
    "AuditEntry",
    "AuditSeal",
    "AuditWaiting",
    "Fault",
    "Head",
    "Verification",
    "context",
    "examine",
    "get_entry",
    "head",
    "person",
    "record",
    "record_many",
    "refer",
    "seal",
    "set_process_origin",
    "verify",
]
