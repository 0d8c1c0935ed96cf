"""`yunzhang backup`: back the whole controller up, check a back-up, restore one."""

from __future__ import annotations

from pathlib import Path

import click

from yunzhang import audit, backup
from yunzhang.cli.context import output, principal
from yunzhang.db import transaction
from yunzhang.texts import text
from yunzhang.units.scope import demand

ANYWHERE = click.Path(path_type=Path)
PRESENT = click.Path(exists=True, path_type=Path)


@click.group()
def group() -> None:
    """备份与恢复 / Back-up and restore."""


def _say(manifest: backup.Manifest) -> None:
    counts = {"files": len(manifest.files), "mib": f"{manifest.bytes / 2**20:,.1f}"}
    rows, tables = sum(manifest.rows.values()), len(manifest.rows)
    output.print(text("backup.holds", **counts, rows=f"{rows:,}", tables=tables))
    block, digest = manifest.audit_block, manifest.audit_digest or "—"
    revision = manifest.revision or "—"
    output.print(text("backup.told", revision=revision, block=block, digest=digest))


@group.command()
@click.argument("target", type=ANYWHERE)
@click.option("--secrets-to", type=ANYWHERE, help="凭据与密钥另存于此目录 / secrets and audit key")
def create(target: Path, secrets_to: Path | None) -> None:
    """备份到目录，或 .tar / .tar.gz 文件 / Back up into a directory or a .tar(.gz) file."""
    acting = principal()
    demand(acting, "setup")
    with transaction() as session:
        apart = secrets_to is not None
        audit.record(session, acting, "create", "backup", target.name, secrets=apart)
    manifest = backup.create_backup(target, secrets_to)
    output.print(text("backup.created", path=target), soft_wrap=True)
    _say(manifest)
    output.print(text("backup.secrets_apart" if secrets_to else "backup.without_secrets"))
    output.print(text("backup.retention"))


@group.command()
@click.argument("source", type=PRESENT)
def verify(source: Path) -> None:
    """校验备份 / Compare a back-up with its manifest."""
    demand(principal(), "verify")
    with backup.opened(source) as folder:
        manifest = backup.verify_backup(folder)
    output.print(text("backup.sound", path=source), soft_wrap=True)
    _say(manifest)


@group.command()
@click.argument("source", type=PRESENT)
@click.option("--into", type=ANYWHERE, help="恢复到此目录 / state directory; else the settings'")
@click.option("--database", help="空数据库地址 / URL of an empty database, with --into")
@click.option("--engine", help="执行引擎的空数据库，若分开存放 / the engine's, where it is apart")
@click.option("--secrets", type=PRESENT, help="另存的凭据目录 / directory of --secrets-to")
@click.option("--dry-run", is_flag=True, help="只检查 / only check")
def restore(
    source: Path,
    into: Path | None,
    database: str | None,
    engine: str | None,
    secrets: Path | None,
    dry_run: bool,
) -> None:
    """恢复到空的实例 / Restore into an empty instance."""
    if (database or engine) and into is None:
        raise click.UsageError("--database, --engine: --into")
    target = backup.Target.below(into, database, engine) if into else backup.Target.of_settings()
    manifest = backup.restore_backup(source, target, secrets, dry_run=dry_run)
    _say(manifest)
    if dry_run:
        output.print(text("backup.would_restore", state=target.state), soft_wrap=True)
        return
    output.print(text("backup.restored", state=target.state), soft_wrap=True)
    output.print(text("backup.next"))
