"""The table of kinds, the names of things, secrets, and the comparison of dumps."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yunzhang import texts
from yunzhang.clouds.comparison import (
    IGNORED,
    IGNORED_BECAUSE,
    UNORDERED,
    compare_dumps,
    render_differences,
)
from yunzhang.clouds.dump import _name, mask_secrets
from yunzhang.clouds.kinds import LISTINGS

KINDS = {listing.kind: listing for listing in LISTINGS}


def test_kinds_are_named_once_and_parents_exist() -> None:
    assert len(KINDS) == len(LISTINGS)
    assert {listing.of for listing in LISTINGS} <= {*KINDS, ""}


def test_tables_of_the_comparison_name_known_kinds_with_reasons() -> None:
    assert set(IGNORED) | set(UNORDERED) <= set(KINDS)
    assert all(reason for fields in IGNORED_BECAUSE.values() for reason in fields.values())


@pytest.mark.parametrize("kind", ["project", "role_assignment", "keypair", "flavor_access"])
def test_what_a_migration_makes_is_compared_whole(kind: str) -> None:
    assert not IGNORED.get(kind)


@pytest.mark.parametrize(
    ("kind", "of", "item", "expected"),
    [
        ("project", "", {"id": "p"}, "p"),
        ("user", "domain", {"id": "u"}, "u"),
        ("keypair", "u", {"name": "k"}, "u/k"),
        ("compute_quota", "p", {"cores": 1}, "p"),
        ("flavor_access", "f", {"tenant_id": "p"}, "f/p"),
        ("volume_service", "", {"binary": "b", "host": "h"}, "b@h"),
        (
            "role_assignment",
            "",
            {
                "role": {"id": "r"},
                "group": {"id": "g"},
                "scope": {"domain": {"id": "d"}, "OS-INHERIT:inherited_to": "projects"},
            },
            "r/group:g/domain:d/inherited",
        ),
        (
            "role_assignment",
            "",
            {"role": {"id": "r"}, "user": {"id": "u"}, "scope": {"system": {"all": True}}},
            "r/user:u/system",
        ),
    ],
)
def test_identity(kind: str, of: str, item: dict[str, Any], expected: str) -> None:
    assert _name(KINDS[kind], of, item) == expected


def test_secrets_are_hidden_and_their_change_is_not() -> None:
    def attachment(password: str) -> dict[str, Any]:
        return {"connection_info": {"auth_password": password, "hosts": [{"secret": None}]}}

    one, two = mask_secrets(attachment("pw-1")), mask_secrets(attachment("pw-2"))
    assert "pw-1" not in str(one)
    assert one != two
    assert one == mask_secrets(attachment("pw-1"))
    assert one["connection_info"]["hosts"] == [{"secret": None}]


BEFORE: dict[str, dict[str, dict[str, Any]]] = {
    "server": {"s": {"name": "web", "status": "ACTIVE", "updated": "1", "tags": ["a", "b"]}},
    "project": {"p": {"name": "hrss", "tags": []}},
    "provider_allocation": {"r/s": {"consumer_generation": 1, "resources": {"VCPU": 1}}},
}


def changed(kind: str, identity: str, **fields: Any) -> dict[str, dict[str, dict[str, Any]]]:
    after = copy.deepcopy(BEFORE)
    after[kind].setdefault(identity, {}).update(fields)
    return after


def test_ignored_fields_and_orders_do_not_differ() -> None:
    assert not compare_dumps(BEFORE, changed("server", "s", updated="2", tags=["b", "a"]))
    assert not compare_dumps(BEFORE, changed("provider_allocation", "r/s", consumer_generation=9))


def test_every_other_field_does() -> None:
    (found,) = compare_dumps(BEFORE, changed("server", "s", status="SHUTOFF"))
    assert (found.kind, found.identity, found.name) == ("server", "s", "web")
    assert (found.field, found.before, found.after) == ("status", "ACTIVE", "SHUTOFF")
    assert found.change == "altered"
    assert compare_dumps(BEFORE, changed("provider_allocation", "r/s", resources={"VCPU": 2}))
    # a new field counts even when it is null; the order of other lists counts
    assert compare_dumps(BEFORE, changed("server", "s", fault=None))
    first, second = ({"subnet": {"s": {"dns_nameservers": list(names)}}} for names in ("ab", "ba"))
    assert compare_dumps(first, second)


def test_appeared_and_vanished_are_told_in_both_languages() -> None:
    after = changed("project", "q", name="新项目")
    (appeared,) = compare_dumps(BEFORE, after)
    (vanished,) = compare_dumps(after, BEFORE)
    assert (appeared.change, vanished.change) == ("appeared", "vanished")
    assert appeared.after == {"name": "新项目"}
    assert "新项目" in render_differences([appeared])
    with texts.in_language("en"):
        assert render_differences([vanished]) == "vanished: project 新项目 (q)"
    assert render_differences([]) == ""


def test_kind_missing_on_one_side_is_a_difference() -> None:
    assert {d.change for d in compare_dumps(BEFORE, {})} == {"vanished"}


@given(
    st.dictionaries(
        st.sampled_from(["project", "volume"]),
        st.dictionaries(
            st.text(max_size=3),
            st.dictionaries(st.text(max_size=3), st.integers() | st.none(), max_size=3),
            max_size=3,
        ),
    )
)
def test_a_dump_never_differs_from_itself(dump: dict[str, dict[str, dict[str, Any]]]) -> None:
    assert compare_dumps(dump, copy.deepcopy(dump)) == []
