"""`yunzhang account`: people who may sign."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from yunzhang.access import repository, service
from yunzhang.cli.context import output, principal
from yunzhang.db import reading, transaction
from yunzhang.texts import listed, text


def read_password(file: Path | None, *, confirm: bool = False) -> str:
    """The password from a file's first line, or asked for on the terminal."""
    if file is not None:
        return file.read_text("utf-8").splitlines()[0]
    answer: str = click.prompt(
        text("cli.password"), hide_input=True, confirmation_prompt=confirm, err=True
    )
    return answer


password_file = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="首行为密码的文件 / file whose first line is the password",
)


@click.group()
def account() -> None:
    """账号 / Accounts."""


@account.command()
@click.argument("name")
@click.option("--display-name", default="", help="姓名 / display name")
@click.option("--role", "roles", multiple=True, required=True, help="角色 / role (repeatable)")
@password_file
def add(name: str, display_name: str, roles: tuple[str, ...], password_file: Path | None) -> None:
    """建立账号 / Make an account."""
    password = read_password(password_file, confirm=True)
    with transaction() as session:
        made = service.create_account(
            session,
            principal(),
            name=name,
            display_name=display_name or name,
            roles=list(roles),
            password=password,
        )
    output.print(text("cli.account_made", name=made.name, roles=listed(made.roles)))


@account.command("list")
def list_() -> None:
    """列出账号 / List accounts."""
    table = Table(text("cli.column_account"), text("cli.column_name"), text("cli.column_roles"))
    with reading() as session:
        for row in repository.list_accounts(session):
            table.add_row(row.name, row.display_name, listed(row.roles))
    output.print(table)
