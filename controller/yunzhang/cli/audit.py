"""`yunzhang audit`: seal, verify, look at and export the record of who did what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from yunzhang import audit, clock
from yunzhang.audit import repository
from yunzhang.audit.anchors import anchor_file
from yunzhang.audit.hashing import content_of
from yunzhang.audit.keys import rotate_key
from yunzhang.audit.repository import Filter
from yunzhang.cli.context import output, principal
from yunzhang.db import reading, transaction
from yunzhang.errors import Conflict, InputError
from yunzhang.texts import listed, text
from yunzhang.units.scope import demand

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
Moment = datetime | None


def _moment(_: click.Context, __: click.Parameter, given: str | None) -> Moment:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given)
        return (at if at.tzinfo else at.replace(tzinfo=clock.BEIJING)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError("audit.moment_bad", given=given) from None


def filters(command: Any) -> Any:
    """The options that choose entries."""
    options = (
        click.option("--who", "who", help="何人 / principal"),
        click.option("--act", help="何事 / act"),
        click.option("--noun", help="对象 / noun"),
        click.option("--reference", help="标识 / reference"),
        click.option("--since", callback=_moment, help="自何时（含）/ from this time on"),
        click.option("--until", callback=_moment, help="至何时（不含）/ before this time"),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def group() -> None:
    """审计记录 / The audit record."""


@group.command()
def seal() -> None:
    """封存尚未封存的记录 / Seal what is not sealed yet (servers do so every second)."""
    demand(principal(), "verify")
    output.print(text("audit.sealed", count=audit.seal()))
    with reading() as session:
        _print_head(session)


@group.command()
@click.option("--anchor", type=EXISTING, help="与此锚点文件比对 / compare with these anchors")
@click.option("--key", type=EXISTING, help="用此密钥文件核验 / verify with these keys")
@click.option("--no-key", is_flag=True, help="不用密钥，只比对锚点 / anchors only, without the key")
def verify(anchor: Path | None, key: Path | None, no_key: bool) -> None:
    """核验全部记录 / Verify the whole record; exit code 5 when it is broken."""
    demand(principal(), "verify")
    with reading() as session:
        seen = audit.examine(session, key=key, anchors=anchor, keyless=no_key)
    if seen.anchored:
        place = str(anchor or anchor_file())
        output.print(text("audit.checked_anchors", count=seen.anchors, path=place), soft_wrap=True)
    else:
        output.print(f"[yellow]{text('audit.no_anchors')}[/]")
    if no_key:
        output.print(f"[yellow]{text('audit.no_key')}[/]")
    output.print(text("audit.waiting", count=seen.waiting))
    if seen.late:
        output.print(text("audit.late", count=seen.late, entry=seen.first_late), soft_wrap=True)
    if seen.fault is not None:
        raise Conflict("audit.broken", fault=seen.fault.message)
    output.print(text("audit.sound", blocks=seen.blocks, entries=seen.entries))


def _print_head(session: Any) -> None:
    head = audit.head(session)
    if head is None:
        output.print(text("audit.no_head"))
        return
    at = _beijing(head.at)
    output.print(text("audit.head", number=head.number, at=at, digest=head.digest))


@group.command()
def head() -> None:
    """最新区块，可抄录留存 / The newest block, to be written down elsewhere."""
    demand(principal(), "read")
    with reading() as session:
        _print_head(session)
        output.print(text("audit.waiting", count=repository.count_waiting(session)))


@group.command("list")
@filters
@click.option("--before", type=int, help="此编号之前 / older than this number")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_(before: int | None, limit: int, **wanted: Any) -> None:
    """最近的记录 / The newest entries."""
    demand(principal(), "read")
    columns = ("id", "at", "principal", "origin", "act", "noun", "reference", "block")
    table = Table(*(text(f"audit.column_{name}") for name in columns))
    with reading() as session:
        rows = repository.list_entries(session, _filter(wanted), before=before, limit=limit)
        for entry, block in rows:
            cells = (
                str(entry.id),
                _beijing(entry.at),
                entry.principal,
                _origin(entry),
                entry.act,
                entry.noun,
                entry.reference,
                str(block or "—"),
            )
            table.add_row(*(escape(cell) for cell in cells))
    output.print(table)


@group.command()
@click.argument("number", type=int)
def show(number: int) -> None:
    """一条记录 / One entry with all it says."""
    demand(principal(), "read")
    with reading() as session:
        entry = audit.get_entry(session, number)
        place = repository.seal_of(session, number)
    table = Table(show_header=False)
    table.add_row(text("audit.column_id"), str(entry.id))
    table.add_row(text("audit.column_at"), _beijing(entry.at))
    table.add_row(text("audit.column_principal"), escape(entry.principal))
    table.add_row(text("audit.field_roles"), escape(listed(entry.roles)))
    table.add_row(text("audit.column_origin"), escape(_origin(entry)))
    table.add_row(text("audit.field_request"), escape(entry.request))
    for name in ("act", "noun", "reference"):
        table.add_row(text(f"audit.column_{name}"), escape(getattr(entry, name)))
    for name in ("before", "after", "details"):
        value = json.dumps(getattr(entry, name), ensure_ascii=False, indent=1)
        table.add_row(text(f"audit.field_{name}"), escape(value))
    block = str(place.block) if place else text("audit.not_sealed")
    table.add_row(text("audit.column_block"), block)
    table.add_row(text("audit.field_leaf"), place.leaf if place else "—")
    output.print(table)


@group.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@filters
def export(file: Path, **wanted: Any) -> None:
    """写出记录，每行一条 JSON / Write entries, a JSON object a line, oldest first."""
    acting, count, chosen = principal(), 0, _filter(wanted)
    demand(acting, "read")
    with reading() as session, file.open("x", encoding="utf-8") as stream:
        for entry, block in repository.stream_entries(session, chosen):
            line = {**content_of(entry), "block": block}
            stream.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
            count += 1
    with transaction() as session:
        audit.record(session, acting, "export", "audit", file.name, count=count)
    output.print(text("audit.exported", count=count, path=file), soft_wrap=True)


@group.command("rotate-key")
def rotate_key_() -> None:
    """换新的封存密钥 / Seal with a new key from now on; older ones stay for verifying."""
    acting = principal()
    demand(acting, "setup")
    newest = rotate_key().newest.id
    with transaction() as session:
        audit.record(session, acting, "rotate", "audit-key", newest)
    output.print(text("audit.rotated", key=newest))
    output.print(text("audit.rotated_hint"))


def _filter(wanted: dict[str, Any]) -> Filter:
    return Filter(principal=wanted.pop("who"), **wanted)


def _beijing(at: datetime) -> str:
    return f"{clock.beijing(at):%Y-%m-%d %H:%M:%S}"


def _origin(entry: audit.AuditEntry) -> str:
    return " ".join(part for part in (entry.channel, entry.address) if part)
