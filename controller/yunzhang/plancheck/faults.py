"""What a checker found wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault with a stable code, the place in the document, and the values of its message."""

    code: str
    place: str
    values: dict[str, Any] = field(default_factory=dict)
