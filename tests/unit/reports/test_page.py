"""Numbers, sizes and durations as they are printed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from yunzhang.clouds.usage import Amount
from yunzhang.reports import page
from yunzhang.texts import in_language


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "—"),
        (0.0, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 0 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (59.97, "1 min 0 s"),
        (90061, "25 h 1 min"),
    ],
)
def test_span(seconds: float | None, shown: str) -> None:
    with in_language("en"):
        assert page.span(seconds) == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(None, "—"), (0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (10 << 30, "10 GiB"),
     (3 << 40, "3.0 TiB")],
)  # fmt: skip
def test_size(amount: int | None, shown: str) -> None:
    assert page.size(amount) == shown


@pytest.mark.parametrize(
    ("mib", "shown"), [(0, "0"), (256, "0.25"), (1024, "1"), (10240, "10"), (1536 * 1024, "1,536")]
)
def test_gib(mib: int, shown: str) -> None:
    assert page.gib(mib) == shown


def test_times_are_beijing() -> None:
    at = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)
    assert page.moment(at) == "2026-11-24 00:30:00"


def test_no_limit() -> None:
    assert page.limit(Amount(limit=-1)) == page.limit_gib(Amount(limit=-1)) == "不限"
    assert page.limit_gib(Amount(limit=2048)) == "2"


def test_share_of_nothing() -> None:
    assert page.share(None, 5) == page.share(3, 0) == 0
    assert page.share(1, 3) == 33.33
