"""Reconciliation: matches, what is never guessed, and what must not depend on order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.discovery.machines import declared, seen
from yunzhang.discovery.machines import Declared, Seen
from yunzhang.discovery.matching import match
from yunzhang.discovery.reconciling import Found, LastSeen, Reconciled, Situation, reconcile

A, B, C = (f"52:54:00:00:00:0{n}" for n in "abc")
U1, U2 = "11111111-2222-4333-8444-555555555501", "11111111-2222-4333-8444-555555555502"
PROVABLE = Situation(provable=frozenset({"P", "Q"}), owners={"P": "OWNER"})


def run(own: list[Declared], other: list[Seen], situation: Situation = PROVABLE) -> Reconciled:
    return reconcile(own, other, situation)


def told(result: Reconciled, kind: str) -> list[Found]:
    return [found for found in result.findings if found.kind == kind]


def fields(found: Found) -> dict[str, tuple[Any, Any]]:
    return {d["field"]: (d["declared"], d["observed"]) for d in found.details}


def test_a_renamed_machine_is_found_by_its_identifier_and_differs_in_name() -> None:
    result = run([declared("web", uuid=U1)], [seen("web-new", uuid=U1)])
    assert [(p.declared, p.observed, p.rung) for p in result.pairs] == [
        ("web", "cloud/web-new", "identifier")
    ]
    (found,) = result.findings
    assert (found.kind, fields(found)) == ("differs", {"name": ("web", "web-new")})


def test_a_renamed_machine_is_found_by_its_cards() -> None:
    result = run([declared("web", macs=(A, B))], [seen("web-new", macs=(B, A))])
    assert [pair.rung for pair in result.pairs] == ["card"]
    assert fields(result.findings[0]) == {"name": ("web", "web-new")}


def test_a_machine_made_again_under_its_name_differs_in_its_identifier() -> None:
    result = run([declared("web", uuid=U1)], [seen("web", uuid=U2)])
    assert [pair.rung for pair in result.pairs] == ["name_or_address"]
    assert fields(result.findings[0]) == {"platform_uuid": (U1, U2)}


def test_while_the_old_one_is_there_the_new_one_of_the_same_name_is_nobodys() -> None:
    old, new = seen("web", ref="1", uuid=U1), seen("web", ref="2", uuid=U2)
    result = run([declared("web", uuid=U1)], [old, new])
    assert [(p.declared, p.observed) for p in result.pairs] == [("web", "cloud/1")]
    assert [found.observed for found in told(result, "observed_only")] == [("cloud/2",)]


def test_two_of_one_name_are_ambiguous_and_the_first_does_not_win() -> None:
    result = run([declared("web")], [seen("web", ref="1"), seen("web", ref="2")])
    assert result.pairs == []
    (found,) = result.findings
    assert (found.kind, found.declared) == ("ambiguous", ("web",))
    assert found.observed == ("cloud/1", "cloud/2")


def test_name_says_one_and_address_another() -> None:
    result = run(
        [declared("web", ips=("10.0.0.1",))], [seen("web"), seen("app", ips=("10.0.0.1",))]
    )
    assert [found.kind for found in result.findings] == ["ambiguous"]


def test_swapped_cards_do_not_outvote_names() -> None:
    result = run(
        [declared("x", macs=(A,)), declared("y", macs=(B,))],
        [seen("x", macs=(B,)), seen("y", macs=(A,))],
    )
    assert result.pairs == []
    (found,) = result.findings
    assert (found.kind, len(found.declared), len(found.observed)) == ("ambiguous", 2, 2)


def test_swapped_cards_of_machines_with_identifiers_are_differences() -> None:
    result = run(
        [declared("x", uuid=U1, macs=(A,)), declared("y", uuid=U2, macs=(B,))],
        [seen("x", uuid=U1, macs=(B,)), seen("y", uuid=U2, macs=(A,))],
    )
    assert {p.rung for p in result.pairs} == {"identifier"}
    assert [fields(f) for f in told(result, "differs")] == [
        {"macs": ([A], [B])},
        {"macs": ([B], [A])},
    ]


def test_a_cloned_identifier_is_ambiguous() -> None:
    result = run([declared("x", uuid=U1)], [seen("x", uuid=U1), seen("x-clone", uuid=U1)])
    assert [found.kind for found in result.findings] == ["ambiguous"]


def test_two_clouds_with_the_same_names_do_not_orphan_one_another() -> None:
    own = [declared("p-web", name="web"), declared("q-web", name="web", platform="Q")]
    other = [seen("web", source="one"), seen("web", source="two", platforms=("Q",))]
    result = run(own, other)
    assert [(p.declared, p.observed) for p in result.pairs] == [
        ("p-web", "one/web"),
        ("q-web", "two/web"),
    ]
    assert result.findings == []


def test_projects_of_one_cloud_with_the_same_names_are_told_apart() -> None:
    own = [declared("a", name="web", project="pa"), declared("b", name="web", project="pb")]
    other = [seen("web", ref="1", project="pa"), seen("web", ref="2", project="pb")]
    assert {(p.declared, p.observed) for p in run(own, other).pairs} == {
        ("a", "cloud/1"),
        ("b", "cloud/2"),
    }


def test_sources_of_different_kinds_see_one_machine() -> None:
    other = [
        seen("web", uuid=U1, vcpu=2, power="on"),
        seen("web", source="libvirt:x", kind="libvirt", uuid=U1, vcpu=4),
        seen("web.gx.cn", source="facts:x", kind="facts", platforms=(), uuid=U1, macs=(A,)),
    ]
    result = run([declared("web", vcpu=2)], other)
    assert len(result.pairs) == 1
    assert result.findings == []  # the cloud's word stands before the others'
    assert result.machines["cloud/web"].keys.macs == (A,)


def test_absence_without_a_complete_reading_proves_nothing() -> None:
    assert run([declared("web")], [], Situation()).findings == []
    (found,) = run([declared("web")], []).findings
    assert (found.kind, found.code) == ("declared_only", "never_seen")


def test_stopped_or_without_agent_is_not_missing() -> None:
    for kind, power, expected in (
        ("openstack", "on", ["missing"]),
        ("openstack", "off", ["missing"]),  # a cloud lists what is stopped
        ("libvirt", "on", ["missing"]),
        ("libvirt", "off", []),
        ("facts", "on", []),
    ):
        situation = replace(PROVABLE, last={"web": LastSeen(kind, power)})
        assert [f.code for f in run([declared("web")], [], situation).findings] == expected


def test_names_that_are_alike_are_only_suggested() -> None:
    result = run([declared("hrss-web-01")], [seen("HRSS_web01"), seen("quite-other")])
    assert result.pairs == []
    assert [found.observed for found in told(result, "suggestion")] == [("cloud/HRSS_web01",)]
    assert len(told(result, "declared_only")) == 1
    assert len(told(result, "observed_only")) == 2


def test_a_confirmed_match_stands_before_the_ladder() -> None:
    situation = replace(PROVABLE, confirmed={"cloud/b": "web"})
    result = run([declared("web")], [seen("web"), seen("b")], situation)
    assert [(p.observed, p.rung) for p in result.pairs] == [("cloud/b", "person")]


def test_an_unregistered_machine_is_told_to_its_projects_unit_else_the_platforms() -> None:
    own = [declared("a", project="pa", unit="UA")]
    other = [seen("a", project="pa"), seen("b", project="pa"), seen("c", project="pz")]
    units = {f.name: f.unit for f in told(run(own, other), "observed_only")}
    assert units == {"b": "UA", "c": "OWNER"}


def test_the_units_word_is_not_compared_and_what_is_unsaid_is_no_difference() -> None:
    own = declared("web", system_code="S", note="x", vcpu=2, ram_mib=None)
    result = run([own], [seen("web", system_code="T", note="y", vcpu=2, ram_mib=4096)])
    assert result.findings == []
    assert result.compared == {"U": (2, 2)}  # name and vcpu


def test_a_guest_sees_a_little_less_memory_than_it_was_given() -> None:
    def kinds(kind: str, ram: int) -> list[str]:
        machine = seen("web", kind=kind, source="s", ram_mib=ram)
        return [f.kind for f in run([declared("web", ram_mib=4096)], [machine]).findings]

    assert kinds("facts", 3900) == []
    assert kinds("facts", 3000) == kinds("openstack", 3900) == ["differs"]


# hypothesis: small worlds in which names, cards and identifiers collide often

names = st.sampled_from(["a", "b", "c", "web-1", "web_1"])
cards = st.lists(st.sampled_from([A, B, C]), max_size=2, unique=True).map(tuple)
uuids = st.sampled_from(["", U1, U2])
ips = st.lists(st.sampled_from(["10.0.0.1", "10.0.0.2"]), max_size=2, unique=True).map(tuple)
platforms = st.sampled_from(["P", "Q"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Declared], list[Seen]]:
    own = [
        declared(
            f"w{number}", name=draw(names), platform=draw(platforms), uuid=draw(uuids),
            macs=draw(cards), ips=draw(ips), vcpu=draw(st.integers(1, 2)),
        )
        for number in range(draw(st.integers(0, 5)))
    ]  # fmt: skip
    other = []
    for number in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["openstack", "libvirt", "facts"]))
        other.append(
            seen(
                draw(names), ref=str(number), kind=kind, source=f"{kind}-source",
                platforms=(draw(platforms),), uuid=draw(uuids), macs=draw(cards), ips=draw(ips),
                vcpu=draw(st.integers(1, 2)),
            )
        )  # fmt: skip
    return own, other


@given(worlds(), st.randoms(use_true_random=False))
def test_order_does_not_matter(world: tuple[list[Declared], list[Seen]], random: Any) -> None:
    own, other = world
    first = run(own, other)
    mixed = (random.sample(own, len(own)), random.sample(other, len(other)))
    second = run(*mixed)
    assert (first.pairs, first.findings, first.compared) == (
        second.pairs,
        second.findings,
        second.compared,
    )


@given(worlds())
def test_every_machine_is_in_exactly_one_place(world: tuple[list[Declared], list[Seen]]) -> None:
    own, other = world
    found = match(own, other)
    left = [p.declared for p in found.pairs] + found.declared_only
    left += [ref for tangle in found.tangles for ref in tangle.declared]
    right = [p.observed for p in found.pairs] + found.observed_only
    right += [ref for tangle in found.tangles for ref in tangle.observed]
    assert sorted(left) == sorted(machine.ref for machine in own)
    assert sorted(right) == sorted(machine.ref for machine in other)


@given(worlds())
def test_keys_of_findings_are_their_own(world: tuple[list[Declared], list[Seen]]) -> None:
    keys = [found.key for found in run(*world).findings]
    assert len(keys) == len(set(keys))
