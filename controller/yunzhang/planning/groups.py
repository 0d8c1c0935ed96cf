"""Move groups: workloads that must move in the same window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import rustworkx


@dataclass(frozen=True, slots=True)
class Group:
    """Workloads bound together, and by what: (`dependency`|`network`|`disk`, name)."""

    key: str
    members: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]


def form_groups(
    workloads: Iterable[str],
    hard: Iterable[tuple[str, str]],
    shared: Mapping[tuple[str, str], Iterable[str]],
) -> list[Group]:
    """Connected components under hard dependencies and shared things, in order of their names.

    `shared` maps (`network`|`disk`, name) to the workloads on it. Names that are not among
    `workloads` are ignored.
    """
    names = sorted(set(workloads))
    index = {name: number for number, name in enumerate(names)}
    graph: rustworkx.PyGraph[str, None] = rustworkx.PyGraph(multigraph=False)
    graph.add_nodes_from(names)
    because: list[tuple[str, tuple[str, str]]] = []
    for left, right in sorted(hard):
        if left in index and right in index:
            graph.add_edge(index[left], index[right], None)
            because.append((left, ("dependency", f"{left} → {right}")))
    for (kind, name), users in sorted(shared.items()):
        present = sorted(user for user in users if user in index)
        for left, right in pairwise(present):
            graph.add_edge(index[left], index[right], None)
        if len(present) > 1:
            because.append((present[0], (kind, name)))
    groups = []
    for component in rustworkx.connected_components(graph):
        members = tuple(sorted(names[number] for number in component))
        reasons = tuple(reason for member, reason in because if member in members)
        groups.append(Group(key=members[0], members=members, reasons=reasons))
    return sorted(groups, key=lambda group: group.key)
