"""Objects in a cloud that carry a plan's mark, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from yunzhang.clouds import marks
from yunzhang.clouds.mapping import owner_of
from yunzhang.clouds.reading import PAGE, Json, Params, Reader, reading


@dataclass(frozen=True, order=True)
class Leftover:
    """One marked object; `key` is what the plan made it for, as far as its mark says.

    `project_id` is empty for what belongs to no project: flavors and projects themselves.
    """

    kind: str
    id: str
    name: str
    project_id: str
    key: str


# Returns the key of an object that carries the plan's mark, None for any other.
Recognise = Callable[[Json, str], str | None]


def key_in_tags(thing: Json, mark: str) -> str | None:
    """By tags, as networking and identity have them."""
    tags = thing.get("tags") or []
    if marks.plan_tag(mark) not in tags:
        return None
    prefix = f"{marks.KEY}="
    return next((tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)), "")


def key_in_metadata(thing: Json, mark: str) -> str | None:
    """By metadata, as servers, volumes, snapshots and backups have them."""
    found = thing.get("metadata") or {}
    return found.get(marks.KEY, "") if found.get(marks.PLAN) == mark else None


def key_in_properties(thing: Json, mark: str) -> str | None:
    """By properties, which in an image stand among its fields."""
    return thing.get(marks.KEY, "") if thing.get(marks.PLAN) == mark else None


def key_in_description(thing: Json, mark: str) -> str | None:
    """By words of the description, as flavors and what else has nothing better."""
    words = (thing.get("description") or "").split()
    if marks.plan_tag(mark) not in words:
        return None
    prefix = f"{marks.KEY}="
    return next((word.removeprefix(prefix) for word in words if word.startswith(prefix)), "")


def key_anywhere(thing: Json, mark: str) -> str | None:
    """By any of the ways. A server carries the plan in its tags and the key in its metadata, so a
    way that tells the key goes before one that only tells the plan.
    """
    ways = (key_in_tags, key_in_metadata, key_in_properties, key_in_description)
    keys = [key for recognise in ways if (key := recognise(thing, mark)) is not None]
    return next((key for key in keys if key), "") if keys else None


def find_leftovers(cloud: str, mark: str) -> list[Leftover]:
    """All objects in all projects of `cloud` that carry the mark of the plan `mark`.

    What cannot be marked (keypairs, role assignments, quotas) is not among them. Raises as
    `connection.connect` and `connection.translated`.
    """
    with reading(cloud) as reader:
        found = reader.each(lambda ask: _find(reader, ask, mark), _questions())
    return sorted(leftover for leftovers in found for leftover in leftovers)


# kind, service, path, key of the items, parameters
Question = tuple[str, str, str, str, Params]

NETWORK_KINDS = (
    ("network", "networks"),
    ("subnet", "subnets"),
    ("port", "ports"),
    ("router", "routers"),
    ("security_group", "security_groups"),
    ("security_group_rule", "security_group_rules"),
    ("floating_ip", "floatingips"),
    ("subnet_pool", "subnetpools"),
)
VOLUME_KINDS = (("volume", "volumes"), ("snapshot", "snapshots"), ("backup", "backups"))


def _questions() -> Iterable[Question]:
    """Everything is listed and looked at here: a service that ignores a filter hides nothing."""
    every: Params = {"all_tenants": 1, "limit": PAGE}
    yield "project", "identity", "/projects", "projects", {}
    yield "server", "compute", "/servers/detail", "servers", every
    yield (
        "flavor",
        "compute",
        "/flavors/detail",
        "flavors",
        {"is_public": "None", "limit": PAGE},
    )
    for hidden in ("false", "true"):
        params: Params = {"visibility": "all", "os_hidden": hidden, "limit": PAGE}
        yield "image", "image", "/images", "images", params
    for kind, plural in VOLUME_KINDS:
        yield kind, "block_storage", f"/{plural}/detail", plural, every
    for kind, plural in NETWORK_KINDS:
        yield kind, "network", f"/{plural.replace('_', '-')}", plural, {"limit": PAGE}


def _find(reader: Reader, question: Question, mark: str) -> list[Leftover]:
    kind, service, path, plural, params = question
    found = []
    for thing in reader.pages(service, path, plural, params):
        key = key_anywhere(thing, mark)
        if key is not None:
            name = str(thing.get("name") or "")
            found.append(Leftover(kind, thing["id"], name, owner_of(thing) or "", key))
    return found
