"""Words a report as a page: one template, formats of numbers and times, no outside resources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from yunzhang import clock
from yunzhang.clouds.usage import Amount
from yunzhang.kit.canonical import content_hash
from yunzhang.reports.schemas import RunReport
from yunzhang.texts import Language, has_text, in_language, text

# All of China, and without daylight saving: times are never shown in a reader's own zone.
MINUTE = 60
NONE = "—"


def words(key: str, **values: object) -> str:
    """The text `reports.<key>`."""
    return text(f"reports.{key}", **values)


def word_of(room: str, name: str) -> str:
    """The text `<room>.<name>`, or the name itself where no catalogue has it."""
    return text(f"{room}.{name}") if has_text(f"{room}.{name}") else name


def number(value: float | None) -> str:
    """A whole number with thousands separated."""
    return NONE if value is None else f"{value:,.0f}"


def gib(mib: float) -> str:
    """MiB as GiB, with up to two decimals where there is a rest."""
    return f"{mib / 1024:,.2f}".rstrip("0").rstrip(".")


def size(amount: float | None) -> str:
    """Bytes in the largest binary unit they fill."""
    if amount is None:
        return NONE
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:,.0f} {unit}" if amount == int(amount) else f"{amount:,.1f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} TiB"


def moment(at: datetime | None) -> str:
    """A time of day in Beijing, to the second."""
    return NONE if at is None else f"{clock.beijing(at):%Y-%m-%d %H:%M:%S}"


def span(seconds: float | None) -> str:
    """A duration in seconds as hours, minutes and seconds."""
    if seconds is None:
        return NONE
    # rounded first, so that nothing is ever shown as 60 seconds or 60 minutes
    if round(seconds, 1) < MINUTE:
        return words("seconds", seconds=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), MINUTE)
    if minutes < MINUTE:
        return words("minutes", minutes=minutes, seconds=rest)
    hours, minutes = divmod(minutes, MINUTE)
    return words("hours", hours=hours, minutes=minutes)


def verdict(holds: bool | None) -> str:
    """A mark for proven, disproven and not looked at."""
    return {True: "✓", False: "✗", None: NONE}[holds]


def limit(amount: Amount) -> str:
    """A quota; without a limit it says so."""
    return words("unlimited") if amount.limit < 0 else number(amount.limit)


def limit_gib(amount: Amount) -> str:
    """A quota of memory in GiB."""
    return words("unlimited") if amount.limit < 0 else gib(amount.limit)


def share(part: float | None, whole: float) -> float:
    """`part` of `whole` in percent, for the width of a bar."""
    return round(100 * part / whole, 2) if part and whole > 0 else 0.0


def tally(values: Sequence[object]) -> str:
    """How many of `values` are true, of how many."""
    return f"{sum(value is True for value in values)} / {len(values)}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (number, gib, size, moment, span, verdict, limit, limit_gib, share, tally)
    made.filters.update({function.__name__: function for function in shown})
    made.globals.update({"t": words, "word": word_of})
    return made


def render_page(report: RunReport, language: Language) -> str:
    """The page of a report in `language`."""
    with in_language(language):
        return (
            _environment()
            .get_template("run.html.j2")
            .render(
                report=report,
                language=language,
                gap="" if language == "zh" else " ",
                digest=content_hash(report.model_dump(mode="json")),
                disks=[disk for move in report.moves for disk in move.disks],
                longest_step=max((step.seconds or 0 for step in report.steps), default=0),
                longest_stop=max((move.seconds or 0 for move in report.moves), default=0),
            )
        )
