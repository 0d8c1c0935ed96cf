"""Everything the product refuses or fails at, as one tree with stable codes.

    YunzhangError                 unexpected fault of the product itself      exit 1, HTTP 500
    ├── InputError                what was given cannot be used               exit 2, HTTP 422
    │   ├── NotFound              no such thing                               exit 3, HTTP 404
    │   ├── Forbidden             not allowed for this principal              exit 4, HTTP 403
    │   └── Unauthenticated       nobody knows who is asking                  exit 4, HTTP 401
    ├── Conflict                  the state does not allow it                 exit 5, HTTP 409
    │   ├── Throttled             too often; says when to try again           exit 5, HTTP 429
    │   └── Shortage              quota, capacity or addresses do not suffice exit 5, HTTP 409
    └── Outside                   a cloud, host or file did not do its part   exit 6, HTTP 502

Each error names a `code`: the key of its message in the catalogues (`<room>.<name>`), and,
as `<code>_hint`, of what to do about it. Codes never change once released.
"""

from __future__ import annotations

from typing import Any, ClassVar

from yunzhang import texts


class YunzhangError(Exception):
    """Root of the tree. `code` is a catalogue key; `values` fill the message's fields."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, code: str, /, **values: Any) -> None:
        super().__init__(code, values)
        self.code = code
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors are recorded by the durable engine; the default would call the class with `args`.
        return _restore, (type(self), self.code, self.values)

    @property
    def message(self) -> str:
        """What is wrong, in the current language."""
        return texts.text(self.code, **self.values)

    @property
    def hint(self) -> str | None:
        """What to do about it, in the current language, if the catalogue says."""
        key = f"{self.code}_hint"
        return texts.text(key, **self.values) if texts.has_text(key) else None

    def __str__(self) -> str:
        try:
            return self.message
        except (KeyError, IndexError):
            return f"{self.code} {self.values}"


def _restore(kind: type[YunzhangError], code: str, values: dict[str, Any]) -> YunzhangError:
    return kind(code, **values)


class InputError(YunzhangError):
    """What was given cannot be used."""

    exit_code = 2
    http_status = 422


class NotFound(InputError):
    """No such thing."""

    exit_code = 3
    http_status = 404


class Forbidden(InputError):
    """Not allowed for this principal."""

    exit_code = 4
    http_status = 403


class Unauthenticated(InputError):
    """Nobody knows who is asking."""

    exit_code = 4
    http_status = 401


class Conflict(YunzhangError):
    """The present state does not allow it."""

    exit_code = 5
    http_status = 409


class Shortage(Conflict):
    """Quota, capacity or addresses do not suffice."""


class Throttled(Conflict):
    """Asked too often; `seconds` among its values says when to try again."""

    http_status = 429


class Outside(YunzhangError):
    """A cloud, host or file did not do its part."""

    exit_code = 6
    http_status = 502
