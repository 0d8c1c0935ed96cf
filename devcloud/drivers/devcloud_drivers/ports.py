"""Port states, told to Neutron's database.

On a real host the switch reports a tap that comes or goes and Neutron turns the port
ACTIVE or DOWN. The fast profile has no agent that could report, and Neutron's API does
not let anybody write the state, so the driver writes it where the agent's report ends up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pymysql
from sqlalchemy.engine import make_url

NEUTRON_CONF = Path("/run/devcloud/etc/neutron/neutron.conf")


def set_status(port_ids: Iterable[str], status: str) -> None:
    """Set the state of bound compute ports."""
    wanted = list(port_ids)
    found = re.search(r"^connection *= *(\S+)", NEUTRON_CONF.read_text(), re.MULTILINE)
    if not wanted or not found:
        return
    url = make_url(found.group(1))
    marks = ", ".join(["%s"] * len(wanted))
    connection = pymysql.connect(
        user=url.username,
        password=url.password or "",
        database=url.database,
        unix_socket=str(url.query["unix_socket"]),
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE ports SET status = %s WHERE id IN ({marks}) "
            "AND device_owner LIKE 'compute:%%'",
            [status, *wanted],
        )
