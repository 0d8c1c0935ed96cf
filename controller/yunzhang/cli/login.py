"""`yunzhang login` and `yunzhang logout`: act as an account until the token expires."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import click

from yunzhang import clock
from yunzhang.access import sessions, tokens
from yunzhang.cli.account import password_option, read_password
from yunzhang.cli.context import kept_token, output, token_file
from yunzhang.db import reading, transaction
from yunzhang.errors import Forbidden, Unauthenticated
from yunzhang.texts import text

# Whoever is at the machine itself is counted as one address.
HERE = "local"


@click.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 365), default=30, help="有效天数 / days it lasts")
@password_option
def login(name: str, days: int, password_file: Path | None) -> None:
    """登录：此后的命令以该账号执行 / Log in: later commands act as this account."""
    account = sessions.authenticate(name, read_password(password_file), HERE)
    if account.must_change:
        raise Forbidden("access.must_change", name=name)
    ends = clock.now() + timedelta(days=days)
    _revoke_kept(kept_token())
    with transaction() as session:
        _, secret = tokens.make_token(
            session, account, name="yunzhang login", scopes=["write"], expires_at=ends
        )
        _keep(secret)
    output.print(text("access.logged_in", name=account.name, until=ends.date().isoformat()))


@click.command()
def logout() -> None:
    """退出登录 / Log out."""
    _revoke_kept(kept_token())
    token_file().unlink(missing_ok=True)
    output.print(text("access.logged_out"))


def _keep(secret: str) -> None:
    file = token_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = file.with_suffix(".new")
    made.unlink(missing_ok=True)
    # nobody else may open it, also not for the moment before its mode would be set
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(secret + "\n")
    made.replace(file)


def _revoke_kept(secret: str | None) -> None:
    """End the token that was kept; one that is over already needs no ending."""
    if secret is None:
        return
    try:
        with reading() as session:
            account, token = tokens.account_of(session, secret)
    except Unauthenticated:
        return
    with transaction() as session:
        tokens.revoke_token(session, account.id, account.name, token.id)
