"""`yunzhang db`: bring the tables up to this version."""

from __future__ import annotations

import click

from yunzhang.cli.context import output
from yunzhang.texts import text
from yunzhang.workflows.upgrades import upgrade_alone


@click.group()
def db() -> None:
    """数据库 / The database."""


@db.command()
def upgrade() -> None:
    """建表或升级 / Make the tables or bring them up to date."""
    output.print(text("cli.upgraded", revision=upgrade_alone()))
