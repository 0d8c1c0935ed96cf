"""How answers about addresses look in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from yunzhang.cli.context import output
from yunzhang.estate.addresses.remedies import SEVERITIES
from yunzhang.estate.addresses.schemas import (
    ConflictCounts,
    ConflictRead,
    ConflictReport,
    ConflictSide,
    FreePrefix,
    WhoisReport,
)
from yunzhang.estate.workbooks.choices import ROLES
from yunzhang.texts import current_language, text

if TYPE_CHECKING:
    from yunzhang.estate.addresses.prefix_list import ListConflicts


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title), title_justify="left")
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    return table


def _columns(*names: str) -> list[str]:
    return [text(f"addresses.column_{name}") for name in names]


def show_conflicts(report: ConflictReport) -> None:
    """The merge forecast: totals, networks, units, one page of pairs."""
    output.print(
        text("addresses.conflicts_title", prefixes=report.prefixes, domains=report.domains),
        text(
            "addresses.conflicts_total", total=report.total, equal=report.equal,
            contains=report.contains, crosses=report.crosses, high=report.high,
            medium=report.medium, low=report.low, public=report.public_total,
        ),
        sep="\n",
    )  # fmt: skip
    shown = max(report.limit, 1)
    levels = [text(f"addresses.severity_{name}") for name in SEVERITIES]
    networks = _table(
        text("addresses.conflicts_networks"),
        *_columns("network", "unit", "prefixes", "count"),
        *levels,
        *_columns("remedy", "reason"),
    )
    for row in report.networks[:shown]:
        advice = text(f"addresses.remedy_{row.remedy}"), text(f"addresses.why_{row.reason}")
        names = escape(row.network_name), escape(row.unit_name)
        networks.add_row(*names, *_numbers(row), *advice)
    output.print(networks)
    units = _table(
        text("addresses.conflicts_units"), *_columns("unit", "prefixes", "count"), *levels
    )
    for unit in report.units[:shown]:
        units.add_row(escape(unit.unit_name), *_numbers(unit))
    output.print(units)
    if report.pairs:
        _show_pairs(report)
    if report.public:
        public = _table(text("addresses.conflicts_public"), *_columns("cidr"))
        for side in report.public:
            public.add_row(_side(side))
        output.print(public)


def _numbers(row: ConflictCounts) -> list[str]:
    return [f"{n:,}" for n in (row.prefixes, row.conflicts, row.high, row.medium, row.low)]


def _show_pairs(report: ConflictReport) -> None:
    first, last = report.offset + 1, report.offset + len(report.pairs)
    pairs = _table(
        text("addresses.conflicts_pairs", first=first, last=last),
        *_columns("first", "relation", "second", "severity", "remedy"),
    )
    for pair in report.pairs:
        relation = text(f"addresses.relation_{pair.relation}")
        level = text(f"addresses.severity_{pair.severity}")
        pairs.add_row(_side(pair.first), relation, _side(pair.second), level, _remedy(pair))
    output.print(pairs)


def _remedy(pair: ConflictRead) -> str:
    remedy = text(f"addresses.remedy_{pair.remedy}")
    return text(f"addresses.give_way_{pair.give_way}", remedy=remedy)


def _side(side: ConflictSide) -> str:
    return escape(f"{side.cidr}  {side.network_name}（{side.unit_name}）")


def show_list(found: ListConflicts) -> None:
    """The pairs of a list, inside domains and between them."""
    seconds = f"{found.seconds:.1f}"
    title = text(
        "addresses.list_totals", lines=f"{found.lines:,}", domains=f"{found.domains:,}",
        seconds=seconds,
    )  # fmt: skip
    names = ("scope", "equal", "nested", "crossing")
    table = _table(title, *(text(f"addresses.list_{name}") for name in names))
    for name, counts in (("within", found.within), ("across", found.across)):
        table.add_row(text(f"addresses.list_{name}"), *(f"{count:,}" for count in counts))
    output.print(table)


def show_whois(report: WhoisReport) -> None:
    """Per address domain: whose it is, the prefixes around the address, who holds it."""
    kind = "public" if report.public else "private"
    output.print(text(f"addresses.whois_{kind}", address=report.address), highlight=False)
    if not report.domains:
        output.print(text("addresses.whois_nobody"))
    for domain in report.domains:
        owner = f"{domain.domain_name}  {domain.network_name}（{domain.unit_name}）"
        output.print(escape(owner), highlight=False, soft_wrap=True)  # a title would be wrapped
        table = _table("", *_columns("cidr", "role", "usage", "workload"))
        for prefix in domain.prefixes:
            role = ROLES[prefix.role] if current_language() == "zh" else prefix.role
            usage = prefix.usage or prefix.network_name
            table.add_row(prefix.cidr, role, escape(usage), "")
        for workload in domain.workloads:
            table.add_row(report.address, "", "", escape(f"{workload.code}  {workload.name}"))
        output.print(table)
    if report.workloads_cut:
        output.print(text("addresses.whois_cut"))


def show_free(found: FreePrefix) -> None:
    """The prefix, and whether it is now declared."""
    key = "addresses.free_taken" if found.taken else "addresses.free_look"
    output.print(text(key, cidr=found.cidr, pool=found.pool), highlight=False)
