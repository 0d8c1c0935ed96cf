"""Ordering groups into waves: what others lean on goes first, few workloads a wave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import rustworkx

from yunzhang.planning.groups import Group


def order_waves(
    groups: Sequence[Group], soft: Iterable[tuple[str, str]], limit: int
) -> list[list[Group]]:
    """Waves of at most `limit` workloads; a group larger than that has a wave to itself.

    `soft` are (user, provider) pairs of workloads: the provider's group goes no later than the
    user's. Groups that lean on each other in a circle are kept adjacent. Deterministic.
    """
    home = {member: number for number, group in enumerate(groups) for member in group.members}
    graph: rustworkx.PyDiGraph[int, None] = rustworkx.PyDiGraph(multigraph=False)
    graph.add_nodes_from(range(len(groups)))
    for user, provider in sorted(soft):
        if user in home and provider in home and home[user] != home[provider]:
            graph.add_edge(home[provider], home[user], None)
    ordered = _layers(graph, groups)
    waves: list[list[Group]] = []
    room = 0
    for number in ordered:
        size = len(groups[number].members)
        if size > room or not waves:
            waves.append([])
            room = limit
        waves[-1].append(groups[number])
        room -= size
    return waves


def _layers(graph: rustworkx.PyDiGraph[int, None], groups: Sequence[Group]) -> list[int]:
    circles = [sorted(c) for c in rustworkx.strongly_connected_components(graph)]
    circle_of = {node: number for number, circle in enumerate(circles) for node in circle}
    condensed: rustworkx.PyDiGraph[int, None] = rustworkx.PyDiGraph(multigraph=False)
    condensed.add_nodes_from(range(len(circles)))
    for source, target in graph.edge_list():
        if circle_of[source] != circle_of[target]:
            condensed.add_edge(circle_of[source], circle_of[target], None)
    order = rustworkx.lexicographical_topological_sort(
        condensed, lambda number: groups[circles[number][0]].key
    )
    return [node for number in order for node in circles[number]]
