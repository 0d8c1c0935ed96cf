"""`yunzhang account link|unlink|identities`: who of the outside provider is which account."""

from __future__ import annotations

import click
from rich.table import Table

from yunzhang.access.oidc import identities as rules
from yunzhang.cli.context import output, principal
from yunzhang.db import reading, transaction
from yunzhang.errors import NotFound
from yunzhang.settings import current
from yunzhang.texts import text

issuer_option = click.option(
    "--issuer", help="颁发者，默认为设置中的 / issuer, by default the one of the settings"
)
subject_option = click.option("--subject", required=True, help="主体标识 / subject (sub)")


def _issuer(given: str | None) -> str:
    """The issuer meant. Raises NotFound `access.oidc_off` when none is named anywhere."""
    found = given or current().oidc_issuer
    if not found:
        raise NotFound("access.oidc_off")
    return found


@click.command()
@click.argument("name")
@issuer_option
@subject_option
def link(name: str, issuer: str | None, subject: str) -> None:
    """关联统一身份 / Link an identity of the outside provider to an account."""
    with transaction() as session:
        rules.link_identity(session, principal(), name, issuer=_issuer(issuer), subject=subject)
    output.print(text("access.linked", name=name))


@click.command()
@click.argument("name")
@issuer_option
@subject_option
def unlink(name: str, issuer: str | None, subject: str) -> None:
    """解除统一身份的关联 / End the link of an identity."""
    with transaction() as session:
        rules.unlink_identity(session, principal(), name, issuer=_issuer(issuer), subject=subject)
    output.print(text("access.oidc_link_ended", name=name))


@click.command()
@click.argument("name", required=False)
def identities(name: str | None) -> None:
    """列出已关联的统一身份 / List linked identities."""
    columns = ("account", "issuer", "subject", "since", "by")
    table = Table(*(text(f"access.oidc_column_{column}") for column in columns))
    with reading() as session:
        for made, owner in rules.page_identities(session, principal(), name)[0]:
            since = made.created_at.astimezone().date().isoformat()
            table.add_row(owner.name, made.issuer, made.subject, since, made.linked_by)
    output.print(table)


COMMANDS = (link, unlink, identities)
