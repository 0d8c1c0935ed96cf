"""`yunzhang db`: bring the tables up to this version, and verify the audit record."""

from __future__ import annotations

import click

from yunzhang import audit
from yunzhang.cli.context import output
from yunzhang.db import reading
from yunzhang.db.migration import upgrade_database
from yunzhang.errors import Conflict
from yunzhang.texts import text


@click.group()
def db() -> None:
    """数据库 / The database."""


@db.command()
def upgrade() -> None:
    """建表或升级 / Make the tables or bring them up to date."""
    output.print(text("cli.upgraded", revision=upgrade_database()))


@db.command()
def verify() -> None:
    """核验审计链 / Verify the chain of the audit record."""
    with reading() as session:
        broken = audit.verify(session)
    if broken is not None:
        raise Conflict("cli.audit_broken", entry=broken)
    output.print(text("cli.audit_sound"))
