"""An account without any role or grant logs in, and gets nothing but what is its own."""

from __future__ import annotations

import json

from tests.api.conftest import Client, make_token
from tests.api.test_matrix import PUBLIC, filled, rows

# Sessions, tokens and grants: everybody has their own.
OWN = ("/session", "/tokens", "/grants")
# Nouns whose keys have a form that `none` has not: such a key names nothing, whoever asks.
FORMED = ("prefixes", "ranges", "disks", "nics", "dependencies", "responsibilities", "opex")
FORMLESS = tuple(f"GET /estate/{noun}/none" for noun in FORMED)


def test_an_account_without_roles_is_told_of_nothing(client: Client, wave: int) -> None:
    nobody = Client(client.app, make_token("nobody", [], ()))
    told = []
    for row in rows():
        method, path = row["route"].split(" ", 1)
        if row["operator"] == PUBLIC or path.startswith(OWN) or row["route"] in FORMLESS:
            continue
        body = json.loads(row["body"].replace("{role}", "x")) if row["body"] else None
        answer = nobody.ask(method, f"/api/v1{filled(path)}", body=body)
        if answer.status_code != 403:
            told.append(f"{row['route']}: {answer.status_code} {answer.text[:80]}")
    assert not told, "\n".join(told)
