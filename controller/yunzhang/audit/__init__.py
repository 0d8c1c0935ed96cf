"""The record of who did what, chained by hashes."""

from yunzhang.audit.models import AuditEntry
from yunzhang.audit.service import record, verify

__all__ = ["AuditEntry", "record", "verify"]
