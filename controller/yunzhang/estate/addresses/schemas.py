"""What is told about addresses: the merge forecast, free space, whose an address is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from yunzhang.estate.addresses.remedies import Remedy, Severity

Policy = Literal["first", "best"]


class ConflictSide(BaseModel):
    """A span in a conflict and whose it is. A range that is no CIDR is written `first-last`.

    Of another's span who does not see the whole office is told the unit; the rest is empty.
    """

    cidr: str
    role: str
    domain_code: str
    network_code: str
    network_name: str
    unit_code: str
    unit_name: str


class ConflictRead(BaseModel):
    """Two overlapping spans of different address domains: `first` is/has/lies in `second`.

    `give_way`: which side the remedy is for.
    """

    relation: Literal["equal", "contains", "contained", "crosses"]
    severity: Severity
    remedy: Remedy
    reason: str
    give_way: Literal["first", "second"]
    first: ConflictSide
    second: ConflictSide


class ConflictCounts(BaseModel):
    """How often something collides with other address domains, by gravity."""

    prefixes: int
    conflicts: int
    high: int
    medium: int
    low: int


class UnitConflicts(ConflictCounts):
    """How much of one unit's networks would collide in a merged network."""

    unit_code: str
    unit_name: str


class NetworkConflicts(UnitConflicts):
    """How much of one private network would collide; `reason`: the rule the remedy comes from."""

    network_code: str
    network_name: str
    remedy: Remedy
    reason: str


class WithinCounts(BaseModel):
    """Overlaps inside address domains, where nesting is the normal thing."""

    equal: int
    nested: int
    crossing: int


class ConflictReport(BaseModel):
    """The merge forecast: exact counts of pairs, networks by their conflicts, a page of pairs.

    `high`, `medium` and `low` add up to `total`. `public` are spans in public space that a private
    network uses.
    """

    prefixes: int
    domains: int
    total: int
    equal: int
    contains: int
    crosses: int
    high: int
    medium: int
    low: int
    within: WithinCounts
    networks: list[NetworkConflicts]
    units: list[UnitConflicts]
    public_total: int
    public: list[ConflictSide]
    pairs: list[ConflictRead]
    limit: int
    offset: int


class FreePrefix(BaseModel):
    """A prefix nobody has, and the pool it lies in. `taken`: it is now declared as a leaf."""

    domain_code: str
    cidr: str
    pool: str
    policy: Policy
    taken: bool


class FreeRequest(BaseModel):
    """What is asked of a domain's pools: a prefix of `length`, from `pool` or from any."""

    length: Annotated[int, Field(ge=1, le=128)]
    pool: Annotated[str | None, Field(max_length=43)] = None
    family: Literal[4, 6] = 4
    policy: Policy = "first"
    network_name: Annotated[str, Field(max_length=200)] = ""
    usage: Annotated[str, Field(max_length=200)] = ""


class WhoisPrefix(BaseModel):
    """A span that contains the address."""

    cidr: str
    role: str
    state: str
    network_name: str
    usage: str


class WhoisWorkload(BaseModel):
    """A workload that holds the address."""

    code: str
    name: str
    system_code: str
    unit_code: str


class WhoisDomain(BaseModel):
    """What an address is in one address domain; `prefixes` from the widest to the narrowest."""

    domain_code: str
    domain_name: str
    network_code: str
    network_name: str
    unit_code: str
    unit_name: str
    prefixes: list[WhoisPrefix]
    workloads: list[WhoisWorkload]


class WhoisReport(BaseModel):
    """Whose an address (or prefix) is, in every address domain that knows it.

    `public`: it lies in space that belongs to somebody on the internet. `workloads_cut`: more
    workloads hold it than are told.
    """

    address: str
    public: bool
    domains: list[WhoisDomain]
    workloads_cut: bool
