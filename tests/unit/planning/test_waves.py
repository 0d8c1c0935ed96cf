"""Groups hold together what must move together; waves keep the order of leaning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yunzhang.planning.groups import form_groups
from yunzhang.planning.waves import order_waves

NAMES = st.sampled_from([f"w{n}" for n in range(12)])
PAIRS = st.lists(st.tuples(NAMES, NAMES), max_size=15)


def test_hard_dependencies_and_networks_bind() -> None:
    groups = form_groups(
        ["web", "app", "db", "mail", "lone"],
        [("web", "app"), ("app", "db"), ("web", "outside")],
        {("network", "office"): ["db", "mail"], ("network", "alone"): ["lone"]},
    )
    assert [group.members for group in groups] == [("app", "db", "mail", "web"), ("lone",)]
    assert ("network", "office") in groups[0].reasons
    assert ("dependency", "web → app") in groups[0].reasons


@given(PAIRS, PAIRS, st.integers(1, 5))
def test_every_workload_has_one_wave_and_hard_pairs_share_it(
    hard: list[tuple[str, str]], soft: list[tuple[str, str]], limit: int
) -> None:
    names = [f"w{n}" for n in range(12)]
    waves = order_waves(form_groups(names, hard, {}), soft, limit)
    wave_of = {m: n for n, wave in enumerate(waves) for g in wave for m in g.members}
    assert sorted(wave_of) == sorted(names)
    assert all(wave_of[left] == wave_of[right] for left, right in hard)
    for wave in waves:
        assert len(wave) == 1 or sum(len(g.members) for g in wave) <= limit


def test_provider_goes_first() -> None:
    groups = form_groups(["a", "b", "c"], [], {})
    waves = order_waves(groups, [("a", "b"), ("b", "c")], limit=1)
    assert [wave[0].key for wave in waves] == ["c", "b", "a"]


def test_circle_is_kept_adjacent() -> None:
    groups = form_groups(["a", "b", "x"], [], {})
    waves = order_waves(groups, [("a", "b"), ("b", "a"), ("x", "a")], limit=2)
    assert [[g.key for g in wave] for wave in waves] == [["a", "b"], ["x"]]
