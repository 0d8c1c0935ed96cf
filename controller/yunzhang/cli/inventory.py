"""`yunzhang inventory`: the register as an Ansible inventory that needs no database."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from yunzhang.cli.context import output, principal
from yunzhang.db import reading
from yunzhang.reports.inventory import gather_inventory
from yunzhang.texts import listed, text


@click.group()
def inventory() -> None:
    """Ansible 清单 / The Ansible inventory."""


@inventory.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(file: Path) -> None:
    """导出清单快照 / Write a snapshot that the inventory plugin reads anywhere."""
    acting = principal()
    with reading() as session:
        hosts = gather_inventory(session, acting)
    content = json.dumps(hosts.as_json(), ensure_ascii=False, separators=(",", ":"))
    partial = file.with_name(f".{file.name}.new")
    # addresses of all units: for its owner only, and never half written
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(content)
    partial.replace(file)
    output.print(
        text("estate.inventory_saved", count=len(hosts.facts), groups=len(hosts.groups), path=file)
    )
    for name, given in hosts.alike.items():
        output.print(text("estate.inventory_alike", name=name, given=listed(given)))
