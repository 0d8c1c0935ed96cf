"""`yunzhang plan`: build, show, check, submit, approve, adopt, export."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from yunzhang import clock, settings
from yunzhang.access import throttle
from yunzhang.cli.account import password_file, read_password
from yunzhang.cli.context import output, principal
from yunzhang.cli.plan_views import show_faults, show_plan
from yunzhang.db import reading, transaction
from yunzhang.errors import Conflict, Shortage
from yunzhang.plans import document as documents
from yunzhang.plans import repository, service
from yunzhang.plans.document import Document
from yunzhang.plans.models import PlanVersion
from yunzhang.plans.reading import read_snapshot
from yunzhang.plans.snapshot import Policy
from yunzhang.texts import text

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def plan() -> None:
    """迁移计划 / Migration plans."""


@plan.command()
@click.argument("name")
@click.option("--source", required=True, help="源云 / source cloud")
@click.option("--target", required=True, help="目标云 / target cloud")
@click.option("--pool", "pools", multiple=True, required=True, help="目标地址池 / target CIDR")
@click.option("--unit", "units", multiple=True, help="只迁这些单位 / only these units")
@click.option("--system", "systems", multiple=True, help="只迁这些系统 / only these systems")
@click.option("--wave-limit", default=20, show_default=True, help="每批上限 / workloads a wave")
@click.option("--external", default="public", show_default=True, help="目标外网 / external network")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="写入文档 / document")
def build(
    name: str,
    source: str,
    target: str,
    pools: tuple[str, ...],
    units: tuple[str, ...],
    systems: tuple[str, ...],
    wave_limit: int,
    external: str,
    out: Path | None,
) -> None:
    """编制计划 / Build the next version of a plan."""
    policy = Policy(pools=pools, wave_limit=wave_limit, external_network=external)
    acting = principal()
    with transaction() as session:
        snapshot = read_snapshot(
            session, name, source=source, target=target, policy=policy, units=units, systems=systems
        )
        version = service.build_plan(session, acting, snapshot)
        document = service.export_plan(session, version)
    path = out or _default_path(version)
    documents.write_document(document, path)
    show_plan(document, version.state)
    output.print(text("plan.written", path=str(path)))
    _refuse_unsound(version, document)


def _default_path(version: PlanVersion) -> Path:
    return settings.current().plans / f"{version.name}-v{version.number}.yml"


def _refuse_unsound(version: PlanVersion, document: Document) -> None:
    if version.state != "draft":
        return
    misfits = document["fit"]["misfits"]
    if misfits:
        raise Shortage("plan.does_not_fit", name=version.name, count=len(misfits))
    show_faults(service.check_version(document))
    raise Conflict("plans.not_sound", name=version.name, number=version.number)


@plan.command()
@click.argument("name")
def show(name: str) -> None:
    """查看最新版本 / Show the newest version."""
    with reading() as session:
        version = service.get_version(session, name)
        document = service.export_plan(session, version)
    show_plan(document, version.state)


@plan.command("list")
def list_() -> None:
    """列出全部版本 / List all versions."""
    columns = ("plan", "version", "state", "hash", "author", "created")
    table = Table(*(text(f"plan.column_{name}") for name in columns))
    with reading() as session:
        for row in repository.list_versions(session)[1]:
            table.add_row(
                row.name,
                str(row.number),
                text(f"plan.state_{row.state}"),
                row.hash[:12],
                row.created_by,
                f"{clock.beijing(row.created_at):%Y-%m-%d %H:%M}",
            )
    output.print(table)


@plan.command()
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """独立校验一份计划文档 / Check a plan document independently of the planner."""
    faults = service.check_version(documents.read_document(file))
    show_faults(faults)
    if faults:
        raise Conflict("plan.check_failed", count=len(faults))
    output.print(text("plan.check_passed", path=str(file)))


@plan.command()
@click.argument("name")
def submit(name: str) -> None:
    """提交审批 / Hand the newest version to the reviewers."""
    with transaction() as session:
        version = service.submit_plan(session, principal(), name)
    output.print(text("plan.submitted", name=name, number=version.number, hash=version.hash))


@plan.command()
@click.argument("target")
@click.option("--hash", "signed_hash", help="所签版本的哈希 / hash of what is signed")
@password_file
def approve(target: str, signed_hash: str | None, password_file: Path | None) -> None:
    """批准并签署（计划名或文档）/ Sign a plan, named or given as its document."""
    acting = principal()
    path = Path(target)
    password = read_password(password_file)
    with throttle.signing(acting.name), transaction() as session:
        if path.suffix in (".yml", ".yaml"):
            stored = service.version_of(session, documents.read_document(path))
            target, signed_hash = stored.name, stored.hash
        version = service.approve_plan(
            session,
            acting,
            target,
            signed_hash=signed_hash or service.get_version(session, target).hash,
            password=password,
        )
        document = service.export_plan(session, version)
    documents.write_document(document, _default_path(version))
    output.print(text("plan.approved", name=target, number=version.number, hash=version.hash))


@plan.command()
@click.argument("file", type=FILE)
def adopt(file: Path) -> None:
    """采纳改过的文档为新版本 / Take an edited document in as a new, unsigned version."""
    with transaction() as session:
        version = service.adopt_document(session, principal(), documents.read_document(file))
    output.print(text("plan.adopted", name=version.name, number=version.number, hash=version.hash))


@plan.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--portable", is_flag=True, help="去除源云标识 / without the source's identifiers")
def export(name: str, file: Path, portable: bool) -> None:
    """导出计划文档 / Write the document of the newest version."""
    with reading() as session:
        document = service.export_plan(session, service.get_version(session, name))
    documents.write_document(documents.portable(document) if portable else document, file)
    output.print(text("plan.written", path=str(file)))
