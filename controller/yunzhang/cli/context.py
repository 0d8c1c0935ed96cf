"""What every command shares: who acts, and where output goes."""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass

import click
from rich.console import Console

from yunzhang import db
from yunzhang.access import service as access
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


def principal() -> Principal:
    """Who acts: the named account, else this machine's system principal.

    Raises NotFound `access.unknown` for an account that is not there.
    """
    ctx = click.get_current_context(silent=True)
    acting = ctx.find_object(Acting) if ctx else None
    if acting is None or acting.account is None:
        return SYSTEM
    with db.reading() as session:
        return access.principal_of(session, acting.account)
