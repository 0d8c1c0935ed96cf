"""Where acts come from: the channel and address that entries carry, set once at the entrance."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Origin:
    """How an act came in, from which address, and as part of which request."""

    channel: str = ""
    address: str = ""
    request: str = ""


# Threads do not inherit a context variable; a process has one way in that its workers share.
_process = [Origin()]
_current: ContextVar[Origin | None] = ContextVar("audit_origin", default=None)


@contextmanager
def context(channel: str, address: str = "", request: str = "") -> Iterator[None]:
    """Entries made inside the block say that they came this way."""
    token = _current.set(Origin(channel, address, request))
    try:
        yield
    finally:
        _current.reset(token)


def set_process_origin(channel: str, address: str = "") -> None:
    """What entries of this process say when no request is being answered."""
    _process[0] = Origin(channel, address)


def current_origin() -> Origin:
    """The origin of an act done now."""
    return _current.get() or _process[0]
