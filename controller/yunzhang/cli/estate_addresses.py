"""`yunzhang estate conflicts|whois|free`: addresses across all address domains."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yunzhang.cli import estate_address_views as views
from yunzhang.cli.context import errors, principal
from yunzhang.db import reading, transaction
from yunzhang.estate.addresses import service
from yunzhang.estate.addresses.schemas import FreeRequest, Policy
from yunzhang.texts import text

if TYPE_CHECKING:
    from yunzhang.estate.addresses.prefix_list import ListConflicts

FILE = click.Path(dir_okay=False, path_type=Path)
FORMAT = click.Choice(["table", "json"])
# Bad lines of a list told one by one; the rest is counted.
SHOWN_LINES = 20


@click.command()
@click.option("--file", type=FILE, help="检查一份清单而不用数据库 / count a list (domain,prefix)")
@click.option("--strict", is_flag=True, help="清单有坏行时退出码为 2 / exit 2 on bad lines")
@click.option("--unit", help="只看这个单位（编号） / only this unit")
@click.option("--network", help="只看这个业务专网（编号） / only this private network")
@click.option("--limit", default=20, show_default=True, help="最多显示几对 / pairs shown")
@click.option("--offset", default=0, help="从第几对之后 / pairs passed over")
@click.option("--format", "form", type=FORMAT, default="table", help="输出格式 / output format")
@click.option("--json", "as_json", is_flag=True, help="同 --format json / same as --format json")
def conflicts(
    file: Path | None,
    strict: bool,
    unit: str | None,
    network: str | None,
    limit: int,
    offset: int,
    form: str,
    as_json: bool,
) -> None:
    """预测并网后的地址冲突 / Forecast the address conflicts of a merge.

    With --file the list's overlapping pairs are counted, inside domains and between them; nothing
    is read from or written to the database. Bad lines go to stderr.
    """
    if file:
        _count_list(file, strict, as_json or form == "json")
        return
    acting = principal()
    with reading() as session:
        found = service.find_conflicts(
            session, acting, unit=unit, network=network, limit=limit, offset=offset
        )
    if as_json or form == "json":
        click.echo(found.model_dump_json(indent=2))
    else:
        views.show_conflicts(found)


def _count_list(file: Path, strict: bool, as_json: bool) -> None:
    from yunzhang.estate.addresses.prefix_list import count_conflicts

    found = count_conflicts(file)
    _show_bad_lines(found)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        views.show_list(found)
    if strict and found.bad:
        sys.exit(2)


def _show_bad_lines(found: ListConflicts) -> None:
    for bad in found.bad[:SHOWN_LINES]:
        said = text("addresses.list_bad", line=bad.line, reason=bad.reason)
        errors.print(said, markup=False, highlight=False, soft_wrap=True)
    if found.bad:
        errors.print(text("addresses.list_bad_total", count=len(found.bad)))


@click.command()
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
def whois(address: str, as_json: bool) -> None:
    """一个地址或地址段是谁的，在每个地址域中 / Whose an address is, in every domain."""
    acting = principal()
    with reading() as session:
        found = service.whois(session, acting, address)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        views.show_whois(found)


@click.command()
@click.argument("domain")
@click.option("--length", type=int, required=True, help="前缀长度 / prefix length")
@click.option("--pool", help="从哪个地址池或汇总段取 / pool or container to take from")
@click.option("--v6", is_flag=True, help="取 IPv6 / from the IPv6 pools")
@click.option(
    "--policy",
    type=click.Choice(["first", "best"]),
    default="first",
    help="最先 / 最合适的空隙 (first or best fit)",
)
@click.option("--take", is_flag=True, help="登记为网段（草稿） / declare it as a leaf")
@click.option("--usage", default="", help="用途 / what for")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
def free(
    domain: str,
    length: int,
    pool: str | None,
    v6: bool,
    policy: Policy,
    take: bool,
    usage: str,
    as_json: bool,
) -> None:
    """地址域中下一个空闲的地址段 / The next free prefix of an address domain."""
    acting = principal()
    asked = FreeRequest.model_construct(
        length=length, pool=pool, family=6 if v6 else 4, policy=policy, network_name="", usage=usage
    )
    if take:
        with transaction() as session:
            found = service.take_free(session, acting, domain, asked)
    else:
        with reading() as session:
            found = service.look_free(session, acting, domain, asked)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        views.show_free(found)


COMMANDS: tuple[click.Command, ...] = (conflicts, whois, free)
