"""`yunzhang account`: people who may sign, and what is granted to them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from rich.table import Table

from yunzhang.access import grants, repository, service, sessions
from yunzhang.cli.context import check_local_administrator, output, principal
from yunzhang.cli.identities import COMMANDS as IDENTITIES
from yunzhang.db import reading, transaction
from yunzhang.errors import InputError
from yunzhang.texts import listed, text
from yunzhang.units.scope import demand


def read_password(file: Path | None, *, confirm: bool = False) -> str:
    """The password from a file's first line, or asked for on the terminal."""
    if file is not None:
        lines = file.read_text("utf-8").splitlines()
        if not lines:
            raise InputError("access.password_file_empty", path=str(file))
        return lines[0]
    answer: str = click.prompt(
        text("cli.password"), hide_input=True, confirmation_prompt=confirm, err=True
    )
    return answer


password_file = password_option = click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="首行为密码的文件 / file whose first line is the password",
)
new_password_option = click.option(
    "--new-password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="首行为新密码的文件 / file whose first line is the new password",
)
MOMENT = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"])


def _moment(value: datetime | None) -> datetime | None:
    """A time typed here is this machine's."""
    return value.astimezone() if value else None


@click.group()
def account() -> None:
    """账号 / Accounts."""


@account.command()
@click.argument("name")
@click.option("--display-name", default="", help="姓名 / display name")
@click.option("--role", "roles", multiple=True, help="角色 / role (repeatable)")
@password_option
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


@account.command("first-admin")
@click.argument("name")
@click.option("--display-name", default="", help="姓名 / display name")
@password_option
def first_admin(name: str, display_name: str, password_file: Path | None) -> None:
    """建立首个管理员，仅一次 / Make the first administrator, once."""
    check_local_administrator()
    password = read_password(password_file, confirm=True)
    with transaction() as session:
        made = service.create_first_administrator(
            session, name=name, display_name=display_name or name, password=password
        )
    output.print(text("cli.account_made", name=made.name, roles=listed(made.roles)))


@account.command("list")
def list_() -> None:
    """列出账号 / List accounts."""
    table = Table(text("cli.column_account"), text("cli.column_name"), text("cli.column_roles"))
    demand(principal(), "setup")
    with reading() as session:
        for row in repository.list_accounts(session):
            table.add_row(row.name, row.display_name, listed(row.roles))
    output.print(table)


@account.command()
@click.argument("name")
@password_option
@new_password_option
def password(name: str, password_file: Path | None, new_password_file: Path | None) -> None:
    """更改自己的密码 / Change one's own password."""
    old = read_password(password_file)
    found = sessions.authenticate(name, old, "local")
    new = read_password(new_password_file, confirm=True)
    with transaction() as session:
        asking = service.principal_for(session, found)
        service.change_password(session, asking, old=old, new=new)
    output.print(text("access.password_changed", name=name))


@account.command()
@click.argument("name")
@password_option
def reset(name: str, password_file: Path | None) -> None:
    """重置密码，下次登录须更改 / Reset a password, to be changed at the next login."""
    new = read_password(password_file, confirm=True)
    with transaction() as session:
        service.reset_password(session, principal(), name, new)
    output.print(text("access.password_changed", name=name))


@account.command()
@click.argument("name")
def disable(name: str) -> None:
    """停用账号 / Disable an account."""
    with transaction() as session:
        service.disable_account(session, principal(), name)
    output.print(text("access.disabled", name=name))


@account.command()
@click.argument("name")
def enable(name: str) -> None:
    """启用账号 / Enable a disabled account."""
    with transaction() as session:
        service.enable_account(session, principal(), name)
    output.print(text("access.enabled", name=name))


@account.command()
@click.argument("name")
@click.argument("roles", nargs=-1)
@click.option("--none", is_flag=True, help="去除全部角色 / take all roles away")
def roles(name: str, roles: tuple[str, ...], none: bool) -> None:
    """改为这些角色 / Give an account these roles of its own instead."""
    if bool(roles) == none:
        raise click.UsageError("ROLE… | --none")
    with transaction() as session:
        made = service.change_roles(session, principal(), name, roles)
    output.print(text("access.roles_changed", name=name, roles=listed(made.roles)))


@account.command()
@click.argument("name")
@click.argument("role")
@click.argument("kind", type=click.Choice(grants.KINDS))
@click.argument("reference", default="")
@click.option("--from", "starts_at", type=MOMENT, help="自何时 / from when")
@click.option("--until", "ends_at", type=MOMENT, help="至何时 / until when")
def grant(
    name: str,
    role: str,
    kind: str,
    reference: str,
    starts_at: datetime | None,
    ends_at: datetime | None,
) -> None:
    """按单位、子云、机房、批次或全办授予角色 / Grant a role within a scope."""
    with transaction() as session:
        made = grants.give(
            session,
            principal(),
            account=name,
            role=role,
            kind=kind,
            reference=reference,
            starts_at=_moment(starts_at),
            ends_at=_moment(ends_at),
        )
    output.print(text("access.granted", name=name, role=role, grant=made.id))


@account.command()
@click.argument("name")
@click.argument("role")
@click.option("--grant", "number", type=int, help="自哪项授权 / from which grant")
@click.option("--until", "ends_at", type=MOMENT, required=True, help="至何时 / until when")
def lend(name: str, role: str, number: int | None, ends_at: datetime) -> None:
    """限期转授自己的角色 / Lend one's own role for a time."""
    with transaction() as session:
        made = grants.delegate(
            session,
            principal(),
            account=name,
            role=role,
            grant_id=number,
            ends_at=ends_at.astimezone(),
        )
    output.print(text("access.granted", name=name, role=role, grant=made.id))


@account.command()
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """撤销授权 / Revoke a grant."""
    with transaction() as session:
        grants.revoke(session, principal(), number)
    output.print(text("access.revoked", grant=number))


@account.command("grants")
def list_grants() -> None:
    """列出授权 / List grants: all for administrators, else one's own."""
    asking = principal()
    everything = asking.is_system or "grant" in asking.acts
    table = Table("#", *(text(f"access.column_{name}") for name in
                         ("account", "role", "scope", "from", "until", "by")))  # fmt: skip
    with reading() as session:
        own = None if everything else asking.account_id
        for row, name in repository.page_grants(session, own, 500, 0)[0]:
            ends = row.revoked_at or row.ends_at
            table.add_row(
                str(row.id),
                name,
                row.role,
                f"{row.kind} {row.reference}".strip(),
                row.starts_at.date().isoformat(),
                ends.date().isoformat() if ends else "",
                row.granted_by,
            )
    output.print(table)


for command in IDENTITIES:
    account.add_command(command)
