"""Who is asking, what they may do, and the one restriction of what they see.

Every service takes a `Principal`, never None. A session that knows its principal (`bind`, or
`act_as` for a whole process) restricts every statement on an owned table by itself: lists, counts,
aggregates, subqueries, joins, `get`, and UPDATE and DELETE. Nothing has to remember to ask. What
the restriction could not see, plain tables and SQL text, is refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, SelectBase, TextClause, event
from sqlalchemy.orm import ORMExecuteState

from yunzhang.db import Session
from yunzhang.errors import Forbidden
from yunzhang.units.reach import OFFICE, Reach, owned_models, restriction_of
from yunzhang.units.roles import (
    CHANGING_ACTS,
    DECLARING_ACTS,
    EVERY_ACT,
    OFFICE_ROLES,
    ROLE_ACTS,
    SYSTEM_ACTS,
    acts_of,
)
from yunzhang.units.statements import read_statement

__all__ = [
    "ROLE_ACTS",
    "SYSTEM",
    "SYSTEM_ACTS",
    "Granted",
    "Principal",
    "Reach",
    "act_as",
    "acting",
    "asker_of",
    "bind",
    "demand",
    "demand_oversight",
    "doing",
    "reach_of",
    "unrestricted",
]


@dataclass(frozen=True, slots=True)
class Granted:
    """A role within a scope: `kind` unit, platform, site, wave or office, and its code."""

    role: str
    kind: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Principal:
    """An account (or the local system) as services see it.

    `roles` are the account's own, `grants` what is granted to it today; a token narrows both to
    the acts it was made for.
    """

    name: str
    roles: frozenset[str] = frozenset()
    account_id: int | None = None
    grants: frozenset[Granted] = frozenset()
    token_acts: frozenset[str] | None = None

    @property
    def is_system(self) -> bool:
        """Whether this is the machine's own principal rather than a person."""
        return self.account_id is None

    @property
    def all_roles(self) -> frozenset[str]:
        """Roles of its own and granted ones."""
        return self.roles | {granted.role for granted in self.grants}

    @property
    def acts(self) -> frozenset[str]:
        """Everything it may do somewhere."""
        if self.is_system:
            return SYSTEM_ACTS
        acts = acts_of(self.all_roles)
        return acts if self.token_acts is None else acts & self.token_acts

    def reach(self, acts: Collection[str] = EVERY_ACT) -> Reach:
        """How far it may do any of `acts`: roles and grants that let it do none do not count."""
        if self.is_system:
            return OFFICE
        counting = {role for role in self.all_roles if not acts_of([role]).isdisjoint(acts)}
        grants = [granted for granted in self.grants if granted.role in counting]
        if DECLARING_ACTS.issuperset(acts):
            grants = [granted for granted in grants if granted.kind in ("unit", "office")]
        own = not counting.isdisjoint(self.roles & OFFICE_ROLES)
        if own or any(granted.kind == "office" for granted in grants):
            return OFFICE
        named: dict[str, set[str]] = {
            "unit": set(),
            "platform": set(),
            "site": set(),
            "wave": set(),
        }
        for granted in grants:
            named[granted.kind].add(granted.reference)
        return Reach(
            units=frozenset(named["unit"]),
            platforms=frozenset(named["platform"]),
            sites=frozenset(named["site"]),
            waves=frozenset(int(wave) for wave in named["wave"]),
        )


SYSTEM = Principal("system")


def demand(principal: Principal, act: str) -> None:
    """Raise Forbidden `units.forbidden` unless `principal` may do `act`."""
    if act not in principal.acts:
        raise Forbidden("units.forbidden", name=principal.name, act=act)


def demand_oversight(principal: Principal) -> None:
    """Raise Forbidden `units.forbidden` unless `principal` sees the whole office's rooms: plans,
    runs, pools, reports. Who oversees for some units only does not."""
    demand(principal, "oversee")
    if not principal.reach({"oversee"}).office:
        raise Forbidden("units.forbidden", name=principal.name, act="oversee")


# Keys of `Session.info`: who asks, what for, and which models are free at present (None: all).
_PRINCIPAL = "principal"
_ACT = "act"
_FREE = "free_models"
# Objects loaded without restriction are other objects than those loaded with it, so that `get`
# cannot find them afterwards.
_TOKEN = "unrestricted"  # noqa: S105
_CHECKED = "yunzhang_scope_checked"
_default: ContextVar[Callable[[], Principal] | None] = ContextVar("principal", default=None)


_P = ParamSpec("_P")
_R = TypeVar("_R")


class UnscopedRead(RuntimeError):
    """A programming error: a statement on an owned table that the restriction cannot see."""


def bind(session: Session, principal: Principal) -> Session:
    """Let `session` see what `principal` sees, from now on."""
    session.info[_PRINCIPAL] = principal
    return session


def act_as(ask: Callable[[], Principal] | None) -> None:
    """Sessions of this context that are bound to nobody act as who `ask` names (a command)."""
    _default.set(ask)


def asker_of(session: Session) -> Principal:
    """Who asks in this session; one bound to nobody is the machine's own."""
    bound: Principal | None = session.info.get(_PRINCIPAL)
    if bound is None and (ask := _default.get()) is not None:
        bound = bind(session, ask()).info[_PRINCIPAL]
    return bound or SYSTEM


@contextmanager
def acting(session: Session, principal: Principal, act: str) -> Iterator[None]:
    """Demand that `principal` may do `act`, and let the session see only how far it may do *that*.

    Who reads the whole office as an engineer and imports for one unit must not import for others.
    """
    demand(principal, act)
    before = session.info.get(_ACT)
    session.info[_ACT] = act
    try:
        yield
    finally:
        session.info[_ACT] = before


def doing(
    act: str,
) -> Callable[
    [Callable[Concatenate[Session, Principal, _P], _R]],
    Callable[Concatenate[Session, Principal, _P], _R],
]:
    """A service that does `act` from its first line to its last: see `acting`."""

    def decorate(
        service: Callable[Concatenate[Session, Principal, _P], _R],
    ) -> Callable[Concatenate[Session, Principal, _P], _R]:
        @wraps(service)
        def wrapped(
            session: Session, principal: Principal, /, *args: _P.args, **options: _P.kwargs
        ) -> _R:
            with acting(session, principal, act):
                return service(session, principal, *args, **options)

        return wrapped

    return decorate


def reach_of(session: Session, *, changing: bool = False) -> Reach:
    """How far the asker may do what the session is about to do (`acting`); without an act: how far
    it sees, or, `changing`, may change anything.
    """
    act = session.info.get(_ACT)
    otherwise = CHANGING_ACTS if changing else EVERY_ACT
    return asker_of(session).reach(otherwise if act is None else {act})


@contextmanager
def unrestricted(session: Session, *models: type[Any]) -> Iterator[None]:
    """The one way round, for rules that must see all; `models` names the only ones freed.

    What is loaded inside stays apart: outside, `session.get` does not find it.
    """
    before: frozenset[Any] | None = session.info.get(_FREE, frozenset())
    now = frozenset(models) or None
    session.info[_FREE] = None if before is None or now is None else before | now
    try:
        yield
    finally:
        session.info[_FREE] = before


def _refuse(names: set[str]) -> None:
    if names:
        raise UnscopedRead(
            f"{', '.join(sorted(names))}: read where the restriction does not see it; use the"
            " model, and name it with select_from() when it stands only in FILTER, OVER or ORDER BY"
        )


def _is_free(session: Session) -> bool:
    return session.info.get(_FREE, frozenset()) is None


def _sees_all(session: Session, *, changing: bool) -> bool:
    """Whether this is known without asking who a command acts as (which asks the database)."""
    if session.info.get(_PRINCIPAL) is None:
        return _default.get() is None
    return reach_of(session, changing=changing) == OFFICE


@event.listens_for(Session, "do_orm_execute")
def _restrict(state: ORMExecuteState) -> None:
    """Confine a statement to what its session's principal may see."""
    session, changing = state.session, state.is_update or state.is_delete
    if _sees_all(session, changing=changing):
        return
    state.update_execution_options(**{_CHECKED: True})
    free: frozenset[Any] | None = session.info.get(_FREE, frozenset())
    if free is None or free:
        state.update_execution_options(identity_token=_TOKEN)
    if free is None:
        return
    reading = read_statement(state.statement, owned_models)
    if not reading.models and not reading.unseen:
        return
    reach = reach_of(session, changing=changing)
    if reach == OFFICE:
        return
    _refuse(reading.unseen - {model.__tablename__ for model in free})
    restriction = restriction_of(reach)
    options = [restriction.option(model) for model in reading.models.values() if model not in free]
    state.statement = state.statement.options(*options)


@event.listens_for(Session, "after_begin")
def _watch(session: Session, _: Any, connection: Connection) -> None:
    """Refuse reading past the session, on its connection, in a restricted session."""
    principal: Principal | None = session.info.get(_PRINCIPAL)
    if principal is None:
        # who a command acts as is asked when it matters, below
        everywhere = _default.get() is None
    else:
        everywhere = all(principal.reach({act}) == OFFICE for act in principal.acts)
    if everywhere:
        return

    @event.listens_for(connection, "before_execute")
    def check(_c: Any, statement: Any, _m: Any, _p: Any, options: Any) -> None:
        reads = isinstance(statement, (SelectBase, TextClause))
        if reads and _CHECKED not in options and not _is_free(session):
            reading = read_statement(statement, owned_models)
            owned = reading.unseen | reading.models.keys()
            # asking who acts reads tables of nobody, so that it does not come here again
            if owned and reach_of(session) != OFFICE:
                _refuse(owned)
