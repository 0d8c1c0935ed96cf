"""Raw reading of a cloud's APIs: JSON as the services give it, every page, at pinned versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from openstack import exceptions as cloud_errors

from yunzhang.clouds.connection import connect, translated
from yunzhang.errors import Outside

Json = dict[str, Any]
Params = Mapping[str, str | int | Sequence[str]]
Item = TypeVar("Item")
Result = TypeVar("Result")

# The version each service is read at: the newest whose answers were reviewed. An older cloud is
# read at its own newest, but not below the second one, where fields we rely on begin.
PINNED: dict[str, tuple[str, str]] = {
    "compute": ("2.100", "2.61"),  # flavors with their extra specs
    "block_storage": ("3.70", "3.27"),  # attachments
    "placement": ("1.39", "1.22"),  # providers without a trait
}
PAGE = 500
# A small cloud answers with eight threads per service; more only queue there.
THREADS = 8


class Reader:
    """Reads one cloud through one authorised connection; may be used by several threads."""

    def __init__(self, cloud: str, connection: Any) -> None:
        self.cloud = cloud
        self._connection = connection
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=f"read-{cloud}")
        services = ("identity", "compute", "network", "image", "block_storage", "placement")
        # made here, not by the first caller: making a proxy is not safe among threads
        with translated(cloud, "discovery"):
            self._services = {name: getattr(connection, name) for name in services}
            self._versions = {name: self._choose_version(name) for name in PINNED}

    def _choose_version(self, service: str) -> str:
        pinned, least = (_version(text) for text in PINNED[service])
        data = self._services[service].get_endpoint_data()
        newest = (data and data.max_microversion) or (0, 0)
        chosen = min(pinned, newest)
        if chosen < least:
            raise Outside(
                "clouds.too_old",
                cloud=self.cloud,
                service=service,
                newest=".".join(map(str, newest)),
                least=PINNED[service][1],
            )
        return ".".join(map(str, chosen))

    def close(self) -> None:
        """Give up the threads and the connection."""
        self._pool.shutdown(cancel_futures=True)
        self._connection.close()

    def get(self, service: str, path: str, params: Params | None = None) -> Json:
        """The answer to one GET. Raises as `connection.translated`."""
        call = f"{service} GET {path}"
        with translated(self.cloud, call):
            response = self._services[service].get(
                path, params=dict(params or {}), microversion=self._versions.get(service)
            )
            cloud_errors.raise_from_response(response)
        try:
            body: Json = response.json()
        except ValueError as error:  # a proxy's page, or a broken one
            raise Outside(
                "clouds.failed",
                cloud=self.cloud,
                call=call,
                status=response.status_code,
                reason=str(error),
            ) from error
        return body

    def find(self, service: str, path: str, params: Params | None = None) -> Json | None:
        """Like `get`, but None when the cloud has no such thing or no such interface."""
        try:
            return self.get(service, path, params)
        except Outside as error:
            if error.values.get("status") in (404, 410):
                return None
            raise

    def pages(
        self, service: str, path: str, key: str, params: Params | None = None
    ) -> Iterator[Json]:
        """All items of a listing, following every page.

        Where the answer has one object under `key`, or none is asked for, that is the one item.
        Raises as `get`, and Outside `clouds.endless` when a page names itself as the next.
        """
        asked: dict[str, str | int | Sequence[str]] = dict(params or {})
        seen: set[str] = set()
        while True:
            body = self.get(service, path, asked)
            found = body[key] if key else body
            yield from found if isinstance(found, list) else [found]
            following = _next_page(body, key)
            if following is None:
                return
            if following in seen:
                raise Outside("clouds.endless", cloud=self.cloud, call=f"{service} {path}")
            seen.add(following)
            # only the query is taken: behind a proxy the address in a link is often wrong
            asked = {**asked, **parse_qs(following, keep_blank_values=True)}

    def items(self, service: str, path: str, key: str, params: Params | None = None) -> list[Json]:
        """All items of a listing as a list."""
        return list(self.pages(service, path, key, params))

    def each(self, ask: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """`ask` for each of `items`, several at a time, results in the order of items.

        Not to be called from inside another `ask`.
        """
        return list(self._pool.map(ask, items))

    def together(self, *asks: Callable[[], Any]) -> list[Any]:
        """Several questions at a time; answers in their order."""
        return self.each(lambda ask: ask(), asks)


@contextmanager
def reading(cloud: str) -> Iterator[Reader]:
    """A reader of `cloud` for the block. Raises as `connection.connect`, or `clouds.too_old`."""
    reader = Reader(cloud, connect(cloud))
    try:
        yield reader
    finally:
        reader.close()


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _next_page(body: Json, key: str) -> str | None:
    """The query of the next page's link in any service's way of saying it."""
    found = body.get("next")  # image
    links = body.get("links")
    if not found and isinstance(links, dict):  # identity
        found = links.get("next")
    for link in body.get(f"{key}_links") or ():  # compute, network, volume
        if link.get("rel") == "next":
            found = link["href"]
    return urlsplit(found).query if found else None
