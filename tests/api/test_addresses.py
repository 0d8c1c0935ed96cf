"""Taking free prefixes over HTTP, many at once."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.api.conftest import BASE, Client
from tests.unit.estate.address_book import add_owners, add_prefixes
from yunzhang import db

URL = "/api/v1/estate/domains/d000/free"


@pytest.fixture
def pool(running: object) -> None:
    with db.transaction() as session:
        add_owners(session, 1)
        add_prefixes(session, [("d000", "10.0.0.0/16", "pool")])


@pytest.mark.usefixtures("pool")
def test_takers_waited_for_each_others_threads_until_connections_ran_out(client: Client) -> None:
    async def take() -> list[httpx.Response]:
        transport = httpx.ASGITransport(client.app)
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE, headers=client.authorization
        ) as many:
            asks = (many.post(URL, json={"length": 24}) for _ in range(64))
            return await asyncio.gather(*asks)

    answers = asyncio.run(take())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["cidr"] for answer in answers}) == 64
    look = client.get("/estate/domains/d000/free?length=24").json()
    assert (look["cidr"], look["taken"]) == ("10.0.64.0/24", False)


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"length": 33}, 422, "addresses.length_bad"),
        ({"length": 16}, 409, "addresses.no_space"),
        ({"length": 24, "pool": "10.9.0.0/16"}, 404, "addresses.pool_unknown"),
        ({"length": 64, "family": 6}, 404, "addresses.pool_none"),
    ],
)
def test_what_cannot_be_taken(
    client: Client, body: dict[str, object], status: int, code: str
) -> None:
    answer = client.ask("POST", URL, body=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
