"""`yunzhang secret`: credentials by name. They go in; no command brings one out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from yunzhang import clock, secrets
from yunzhang.cli.context import output, principal
from yunzhang.db import transaction
from yunzhang.texts import listed, text
from yunzhang.units.scope import demand

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
from_file = click.option(
    "--file", type=FILE, help="内容所在文件 / file with the secret; else asked"
)


@click.group()
def group() -> None:
    """凭据 / Secrets."""


def _read(file: Path | None) -> bytes:
    """The secret from a file, from standard input, or asked for: never from the command line."""
    if file is not None:
        return file.read_bytes()
    if sys.stdin.isatty():
        prompt = text("secrets.content")
        answer: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
        return answer.encode("utf-8")
    return sys.stdin.buffer.read().removesuffix(b"\n")


@group.command("set")
@click.argument("name")
@from_file
@click.option("--used-by", multiple=True, help="用于何处 / what uses it (repeatable)")
def set_(name: str, file: Path | None, used_by: tuple[str, ...]) -> None:
    """存入新凭据 / Keep a new secret."""
    acting = principal()
    demand(acting, "setup")
    with transaction() as session:
        secrets.add_secret(session, acting, name, _read(file), used_by)
    output.print(text("secrets.kept", name=name))


@group.command()
@click.argument("name")
@from_file
def rotate(name: str, file: Path | None) -> None:
    """以新内容替换 / Put a new secret in its place."""
    acting = principal()
    demand(acting, "setup")
    with transaction() as session:
        secrets.rotate_secret(session, acting, name, _read(file))
    output.print(text("secrets.rotated", name=name))


@group.command()
@click.argument("name")
@click.confirmation_option(prompt="删除 / Remove?")
def remove(name: str) -> None:
    """删除凭据 / Remove a secret."""
    acting = principal()
    demand(acting, "setup")
    with transaction() as session:
        secrets.remove_secret(session, acting, name)
    output.print(text("secrets.removed", name=name))


@group.command("list")
def list_() -> None:
    """名称、存在天数与用处 / Names, ages in days and where used; never contents."""
    demand(principal(), "setup")
    columns = ("name", "age", "used_by")
    table = Table(*(text(f"secrets.column_{name}") for name in columns))
    for secret in secrets.list_secrets():
        days = (clock.now() - secret.since).days
        table.add_row(escape(secret.name), f"{max(days, 0)}", escape(listed(secret.used_by)))
    output.print(table)
