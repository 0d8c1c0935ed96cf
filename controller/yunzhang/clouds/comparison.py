"""What differs between two dumps of a cloud, and the reviewed list of what is not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from yunzhang import texts
from yunzhang.kit.canonical import canonical_json

TIME = "when the record was last written, also by reads and by changes that were put back"
COUNTER = "counts writes, also those that were put back"
LIVENESS = "whether a process answered lately; says nothing of what the cloud holds"
MEASURED = "the host's own measurement: a virtual host's memory and a shared disk change size"
TWICE = "the same as another kind of the dump, which is compared"

# kind → field → why it is not compared. Nothing is in here only because it was in the way.
IGNORED_BECAUSE: dict[str, dict[str, str]] = {
    # networking
    "network": {"updated_at": TIME, "revision_number": COUNTER},
    "subnet": {"updated_at": TIME, "revision_number": COUNTER},
    "port": {"updated_at": TIME, "revision_number": COUNTER},
    "router": {"updated_at": TIME, "revision_number": COUNTER},
    "floating_ip": {"updated_at": TIME, "revision_number": COUNTER},
    "security_group": {
        "updated_at": TIME,
        "revision_number": COUNTER,
        "security_group_rules": TWICE,
    },
    "security_group_rule": {"updated_at": TIME, "revision_number": COUNTER},
    "subnet_pool": {"updated_at": TIME, "revision_number": COUNTER},
    "trunk": {"updated_at": TIME, "revision_number": COUNTER},
    "segment": {"updated_at": TIME, "revision_number": COUNTER},
    "qos_policy": {"updated_at": TIME, "revision_number": COUNTER},
    "network_agent": {
        "heartbeat_timestamp": TIME,
        "started_at": TIME,
        "alive": LIVENESS,
        "configurations": "holds the agent's own statistics",
    },
    # compute
    "server": {"updated": TIME, "host_status": LIVENESS},
    "server_group": {},
    "aggregate": {"updated_at": TIME},
    "compute_service": {"updated_at": TIME, "state": LIVENESS},
    "compute_zone": {"zoneState": LIVENESS},
    "hypervisor": {"state": LIVENESS},
    # images
    "image": {"updated_at": TIME},
    "hidden_image": {"updated_at": TIME},
    "image_member": {"updated_at": TIME},
    # volumes
    "volume": {"updated_at": TIME},
    "snapshot": {"updated_at": TIME},
    "backup": {"updated_at": TIME},
    "volume_service": {"updated_at": TIME, "state": LIVENESS},
    # placement
    "provider": {"generation": COUNTER},
    "provider_inventory": {"total": MEASURED, "max_unit": MEASURED},
    "provider_allocation": {"consumer_generation": COUNTER},
    "provider_trait": {"resource_provider_generation": COUNTER},
    "provider_aggregate": {"resource_provider_generation": COUNTER},
}
IGNORED: dict[str, frozenset[str]] = {
    kind: frozenset(fields) for kind, fields in IGNORED_BECAUSE.items()
}

# Lists in which order means nothing and which the services give in any order.
UNORDERED: dict[str, frozenset[str]] = {
    "project": frozenset({"tags"}),
    "network": frozenset({"tags", "subnets", "availability_zones"}),
    "subnet": frozenset({"tags", "allocation_pools", "host_routes"}),
    "port": frozenset({"tags", "security_groups", "allowed_address_pairs", "extra_dhcp_opts"}),
    "router": frozenset({"tags", "routes", "availability_zones"}),
    "security_group": frozenset({"tags"}),
    "floating_ip": frozenset({"tags"}),
    "subnet_pool": frozenset({"tags", "prefixes"}),
    "address_group": frozenset({"addresses"}),
    "trunk": frozenset({"tags", "sub_ports"}),
    "server": frozenset({"tags", "security_groups", "os-extended-volumes:volumes_attached"}),
    "server_group": frozenset({"members", "policies"}),
    "aggregate": frozenset({"hosts"}),
    "image": frozenset({"tags"}),
    "hidden_image": frozenset({"tags"}),
    "provider_trait": frozenset({"traits"}),
    "provider_aggregate": frozenset({"aggregates"}),
}


@dataclass(frozen=True)
class Difference:
    """One field of one thing that is not as it was.

    A thing that appeared or vanished is one difference with an empty `field`; all its fields
    stand in `after` or `before`, the other is None.
    """

    kind: str
    identity: str
    name: str
    field: str
    before: Any
    after: Any

    @property
    def change(self) -> str:
        """`appeared`, `vanished` or `altered`."""
        if self.field:
            return "altered"
        return "appeared" if self.before is None else "vanished"

    def __str__(self) -> str:
        return texts.text(
            f"clouds.difference_{self.change}",
            kind=self.kind,
            identity=self.identity,
            name=self.name,
            field=self.field,
            before=_shown(self.before),
            after=_shown(self.after),
        )


def compare_dumps(
    before: Mapping[str, Mapping[str, Mapping[str, Any]]],
    after: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> list[Difference]:
    """Every difference but in fields that `IGNORED` names, by kind and identifier."""
    found: list[Difference] = []
    for kind in sorted({*before, *after}):
        old, new = before.get(kind, {}), after.get(kind, {})
        for identity in sorted({*old, *new}):
            found += _compare(kind, identity, old.get(identity), new.get(identity))
    return found


def render_differences(differences: Iterable[Difference]) -> str:
    """The differences in the current language, one to a line; empty when there is none."""
    return "\n".join(str(difference) for difference in differences)


def _compare(
    kind: str,
    identity: str,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> Iterator[Difference]:
    name = _name(new or old or {})
    if old is None or new is None:
        yield Difference(kind, identity, name, "", old, new)
        return
    ignored = IGNORED.get(kind, frozenset())
    for field in sorted({*old, *new} - ignored):
        was, now = (_comparable(kind, field, side.get(field)) for side in (old, new))
        # a field that is not there is not the same as one that is null
        if was != now or (field in old) != (field in new):
            yield Difference(kind, identity, name, field, old.get(field), new.get(field))


def _comparable(kind: str, field: str, value: Any) -> Any:
    if isinstance(value, list) and field in UNORDERED.get(kind, frozenset()):
        return sorted(value, key=canonical_json)
    return value


def _name(thing: Mapping[str, Any]) -> str:
    for field in ("name", "hypervisor_hostname", "binary", "display_name", "id"):
        if thing.get(field):
            return str(thing[field])
    return ""


def _shown(value: Any) -> str:
    shown = value if isinstance(value, str) else canonical_json(value).decode()
    return shown if len(shown) <= 300 else f"{shown[:297]}..."
