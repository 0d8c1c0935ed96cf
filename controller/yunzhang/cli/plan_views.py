"""How plans are shown on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from yunzhang.cli.context import output
from yunzhang.plancheck import Fault
from yunzhang.plans.document import Document
from yunzhang.texts import listed, text


def show_plan(document: Document, state: str) -> None:
    """Print waves, address book, fit and open references of a plan."""
    output.rule(text("plan.title", name=document["id"], state=text(f"plan.state_{state}")))
    output.print(text("plan.hash", hash=document["hash"]), highlight=False)
    output.print(_servers(document))
    output.print(_prefixes(document))
    _show_references(document)
    _show_fit(document)
    for approval in document["approvals"]:
        output.print(text("plan.signed", **approval), highlight=False)


def _servers(document: Document) -> Table:
    columns = ("wave", "workload", "unit", "flavor", "disks", "old", "new")
    table = Table(*(text(f"plan.column_{name}") for name in columns))
    wave_of = {key: w["number"] for w in document["waves"] for key in w["servers"]}
    unit_of = {w["key"]: w["unit_name"] for w in document["workloads"]}
    for server in sorted(document["build"]["servers"], key=lambda s: (wave_of[s["key"]], s["key"])):
        disks = "+".join(f"{disk['size_gib']}" for disk in server["disks"])
        table.add_row(
            str(wave_of[server["key"]]),
            server["key"],
            unit_of[server["key"]],
            server["flavor"],
            f"{disks} GiB",
            "\n".join(a for nic in server["nics"] for a in nic["old_addresses"]),
            "\n".join(a for nic in server["nics"] for _, a in nic["addresses"]),
        )
    return table


def _prefixes(document: Document) -> Table:
    columns = ("domain", "old", "new")
    table = Table(*(text(f"plan.column_{name}") for name in columns))
    for prefix in document["address_book"]["prefixes"]:
        table.add_row(prefix["domain"], prefix["old"], prefix["new"])
    return table


def _show_references(document: Document) -> None:
    for reference in document["address_book"]["references"]:
        if reference["state"] == "rewritten":
            continue
        new = listed(reference["new"])
        shown = text(f"plan.reference_{reference['state']}", **{**reference, "new": new})
        output.print(f"[yellow]![/] {escape(shown)}", highlight=False)


def _show_fit(document: Document) -> None:
    need = listed(f"{name} {amount:,}" for name, amount in document["fit"]["need"].items())
    output.print(text("plan.need", need=need), highlight=False)
    for misfit in document["fit"]["misfits"]:
        missing = misfit["used"] + misfit["need"] - misfit["limit"]
        shown = text(f"plan.misfit_{misfit['place']}", **misfit, missing=missing)
        output.print(f"[red]✗[/] {escape(shown)}", highlight=False)


def show_faults(faults: Sequence[Fault]) -> None:
    """Print every fault of a checker, with its place."""
    for fault in faults:
        message = text(fault.code, **{"place": fault.place, **fault.values})
        output.print(f"[red]✗[/] {escape(fault.place)}: {escape(message)}", highlight=False)
