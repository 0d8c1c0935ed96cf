"""A dump of a cloud: every field of every resource, raw, for the proof that nothing was changed."""

from __future__ import annotations

from typing import Any

from yunzhang.clouds.kinds import LISTINGS, Listing
from yunzhang.clouds.reading import PAGE, Json, Params, Reader, reading
from yunzhang.errors import Outside
from yunzhang.kit.canonical import content_hash

# kind → identifier → the resource as the API gives it
Dump = dict[str, dict[str, Json]]

# Fields that services give an administrator and that nobody should find in a file or a report:
# volume connections carry passwords, credentials are nothing else, and start-up scripts often
# hold one.
SECRETS = frozenset(
    {"auth_password", "discovery_auth_password", "secret", "blob", "OS-EXT-SRV-ATTR:user_data"}
)


def dump_cloud(cloud: str) -> Dump:
    """Everything that is in `cloud`, as its administrator sees it.

    The calls are many and not one moment's picture: compare dumps of a cloud at rest. Raises as
    `connection.translated`; a dump is whole or there is none.
    """
    with reading(cloud) as reader:
        return _Dumper(reader).dump()


def mask_secrets(value: Any) -> Any:
    """`value` with every secret in it replaced by its hash, so that a change still shows."""
    if isinstance(value, dict):
        return {
            name: content_hash(inner) if name in SECRETS and inner else mask_secrets(inner)
            for name, inner in value.items()
        }
    return [mask_secrets(inner) for inner in value] if isinstance(value, list) else value


class _Dumper:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._found: Dump = {}

    def dump(self) -> Dump:
        waiting = list(LISTINGS)
        first, waiting = waiting[0], waiting[1:]  # see kinds.NETWORK
        self._list([first])
        while waiting:
            ready = [entry for entry in waiting if not entry.of or entry.of in self._found]
            waiting = [entry for entry in waiting if entry not in ready]
            self._list(ready)
        return {kind: self._found[kind] for kind in sorted(self._found)}

    def _list(self, listings: list[Listing]) -> None:
        """Fetch all of `listings`, with one call for each of their parents, in parallel."""
        calls: list[tuple[Listing, str, Json]] = []
        for listing in listings:
            if not listing.of:
                calls.append((listing, "", {}))
                continue
            parents = self._found[listing.of].items()
            calls += [(listing, of, parent) for of, parent in parents if listing.when(parent)]
        answers = self._reader.each(lambda call: self._fetch(call[0], call[2]), calls)
        for listing in listings:
            self._found[listing.kind] = {}
        for (listing, of, _), items in zip(calls, answers, strict=True):
            rows = self._found[listing.kind]
            for item in filter(None, items):  # an empty answer: the parent has none
                rows[_name(listing, of, item)] = mask_secrets(item)

    def _fetch(self, listing: Listing, parent: Json) -> list[Json]:
        path = listing.path.format_map(parent)
        params = {name: _filled(value, parent) for name, value in listing.params.items()}
        try:
            if listing.by_offset:
                items = self._by_offset(listing, path, params)
            else:
                items = self._reader.items(listing.service, path, listing.key, params)
        except Outside as error:
            # a missing extension; or a parent that vanished since it was listed
            if (listing.optional or listing.of) and error.values.get("status") in (404, 410):
                return []
            raise
        if listing.keyed:
            return [{listing.keyed: key, **one} for item in items for key, one in item.items()]
        return [item[listing.inner] for item in items] if listing.inner else items

    def _by_offset(self, listing: Listing, path: str, params: Params) -> list[Json]:
        found: list[Json] = []
        while True:
            asked = {**params, "offset": len(found)}
            page = self._reader.get(listing.service, path, asked)[listing.key]
            found += page
            if len(page) < PAGE:
                return found


def _filled(value: str | int, parent: Json) -> str | int:
    return value.format_map(parent) if isinstance(value, str) else value


def _name(listing: Listing, of: str, item: Json) -> str:
    """The identifier of `item`: its own, unless it only means something under its parent."""
    by = listing.identity
    own = by(item) if callable(by) else str(item[by]) if by else ""
    return "/".join(part for part in (of if by != "id" else "", own) if part)
