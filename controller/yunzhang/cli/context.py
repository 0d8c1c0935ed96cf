"""What every command shares: who acts, and where output goes."""

from __future__ import annotations

import hashlib
import os
import pwd
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console

from yunzhang import db, settings
from yunzhang.access import service as access
from yunzhang.access import tokens
from yunzhang.errors import Forbidden, Unauthenticated
from yunzhang.secrets import private_file
from yunzhang.units.scope import SYSTEM, Principal

# Made at import so that commands and tests share them; rich looks the streams up when it prints.
output = Console()
errors = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Acting:
    """The account named on the command line, if any."""

    account: str | None = None


def local_user() -> str:
    """The operating system's user and machine this command runs as and on, as `user@machine`."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as numbers without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def token_file() -> Path:
    """Where `yunzhang login` keeps the token of this instance."""
    instance = hashlib.sha256(settings.current().database.encode()).hexdigest()[:12]
    return Path(click.get_app_dir("yunzhang")) / f"token-{instance}"


def kept_token() -> str | None:
    """The token that `yunzhang login` kept. Raises InputError `secrets.open` when others may read
    it."""
    file = token_file()
    return private_file(file).read_text("utf-8").strip() if file.exists() else None


def check_local_administrator() -> None:
    """Refuse whoever neither owns the instance's state nor is root.

    Raises Forbidden `access.not_local`.
    """
    state = settings.current().state
    if state.exists() and os.geteuid() not in (0, state.stat().st_uid):
        raise Forbidden("access.not_local")


def principal() -> Principal:
    """Who acts: the account named by `--account`, else the one logged in, else the machine itself.

    Naming an account, and acting as the machine, are the local administrator's. Raises NotFound
    `access.unknown`, Unauthenticated `access.token_bad` when the login is over.
    """
    ctx = click.get_current_context(silent=True)
    acting = ctx.find_object(Acting) if ctx else None
    if acting is None:
        return SYSTEM
    if acting.account is not None:
        check_local_administrator()
        with db.reading() as session:
            return access.principal_of(session, acting.account)
    secret = kept_token()
    if secret is None:
        check_local_administrator()
        return SYSTEM
    return _logged_in(secret)


def _logged_in(secret: str) -> Principal:
    with db.reading() as session:
        try:
            account, token = tokens.account_of(session, secret)
        except Unauthenticated as error:
            raise Unauthenticated("access.login_over") from error
        found = access.principal_of(session, account.name)
    tokens.touch(token)
    return replace(found, token_acts=tokens.acts_within(token.scopes))
