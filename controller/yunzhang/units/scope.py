"""Who is asking. Every service takes a `Principal`, never None."""

from __future__ import annotations

from dataclasses import dataclass

from yunzhang.errors import Forbidden

# What the local system principal may do: set up and run, never decide for a person.
SYSTEM_ACTS = frozenset({"setup", "import", "discover", "serve", "verify", "run", "read"})


@dataclass(frozen=True, slots=True)
class Principal:
    """An account (or the local system) with its roles, as services see it."""

    name: str
    roles: frozenset[str] = frozenset()
    account_id: int | None = None

    @property
    def is_system(self) -> bool:
        """Whether this is the machine's own principal rather than a person."""
        return self.account_id is None


SYSTEM = Principal("system")

# Which roles may do what. A role not named for an act may not do it.
ROLE_ACTS: dict[str, frozenset[str]] = {
    "administrator": frozenset({"setup", "read", "account"}),
    "operator": frozenset({"import", "discover", "read", "plan", "submit", "accept"}),
    "engineer": frozenset({"discover", "read", "plan", "submit", "run", "verify"}),
    "reviewer": frozenset({"read", "approve"}),
}


def demand(principal: Principal, act: str) -> None:
    """Raise Forbidden `units.forbidden` unless `principal` may do `act`."""
    allowed = (
        act in SYSTEM_ACTS
        if principal.is_system
        else any(act in ROLE_ACTS.get(role, frozenset()) for role in principal.roles)
    )
    if not allowed:
        raise Forbidden("units.forbidden", name=principal.name, act=act)
