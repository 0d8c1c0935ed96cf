"""Foreign files that once lost something without a word, or left with the wrong error."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.unit.estate.address_book import add_owners, add_prefixes
from tests.unit.estate.books import DEMO, Cells, save
from tests.unit.estate.test_foreign import WEB, bring, fixture, outcomes, rvtools
from yunzhang.cli.estate import group
from yunzhang.db import transaction
from yunzhang.errors import InputError, YunzhangError
from yunzhang.estate.foreign import service as foreign_service
from yunzhang.estate.foreign.conversion import Assumed, ForeignReport, tell_apart
from yunzhang.estate.foreign.service import detect, import_foreign
from yunzhang.estate.models import AddressDomain, CloudPlatform, Prefix, Workload
from yunzhang.estate.workbooks.files import RawSheet, read_file
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM

Fields = dict[str, Any]


@pytest.fixture
def owned(session: Session) -> Session:
    add_owners(session, 2)
    return session


def each(model: str, pk: int | None, **fields: Any) -> Fields:
    return {"model": model, "pk": pk, "fields": fields}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), "utf-8")
    return path


def warnings(found: ForeignReport, sheet: str) -> dict[str, tuple[str, ...]]:
    return {a.origin.name: a.warnings for a in found.accounts if a.origin.sheet == sheet}


def twins(*, reverse: bool = False) -> list[Fields]:
    vrfs = [
        each("ipam.vrf", 1, name="mgmt", rd="65000:1"),
        each("ipam.vrf", 2, name="mgmt", rd="65000:2"),
        each("ipam.vrf", 3, name="mgmt", rd=None),
        each("ipam.vrf", 4, name="global", rd=None),
    ]
    return [
        *(reversed(vrfs) if reverse else vrfs),
        *(each("ipam.prefix", n, prefix="10.1.0.0/24", vrf=n, status="active") for n in (1, 2, 3)),
        each("ipam.prefix", 4, prefix="10.1.0.0/24", vrf=None, status="active"),
        each("ipam.prefix", 5, prefix="10.1.0.0/24", vrf=4, status="active"),
        each("ipam.prefix", 6, prefix="10.1.0.128/25", vrf=2, status="active"),
    ]


def test_vrfs_of_one_name_were_merged_into_one_domain(owned: Session, tmp_path: Path) -> None:
    found = bring(owned, write(tmp_path / "nb.json", twins()))
    assert {a.outcome for a in found.accounts} == {"created"}
    domains = {row.code: row.name for row in owned.scalars(select(AddressDomain))}
    made = {code: name for code, name in domains.items() if code.startswith("vrf-")}
    assert sorted(made.values()) == [
        "global", "global", "mgmt", "mgmt (65000:1)", "mgmt (65000:2)",
    ]  # fmt: skip
    prefixes = list(owned.scalars(select(Prefix)))
    assert len({row.domain_code for row in prefixes if row.cidr == "10.1.0.0/24"}) == 5
    # only the VRF that holds another prefix inside sees a summary
    (summary,) = (row for row in prefixes if row.role == "container")
    assert made[summary.domain_code] == "mgmt (65000:2)"
    again = bring(owned, write(tmp_path / "nb2.json", twins(reverse=True)))
    assert {a.outcome for a in again.accounts} == {"unchanged"}


def test_clusters_of_one_name_were_merged_into_one_platform(owned: Session, tmp_path: Path) -> None:
    def machine(pk: int, cluster: int) -> Fields:
        sizes = {"vcpus": 1, "memory": 1024, "disk": 10}
        return each("virtualization.virtualmachine", pk, name="vm", cluster=cluster, **sizes)

    content = [
        each("virtualization.cluster", 1, name="prod", group=1),
        each("virtualization.cluster", 2, name="prod", group=2),
        machine(1, 1),
        machine(2, 2),
    ]
    found = bring(owned, write(tmp_path / "nb.json", content))
    assert {a.outcome for a in found.accounts} == {"created"}
    codes = set(owned.scalars(select(CloudPlatform.code)))
    assert len(codes) == 2
    assert {row.platform_code for row in owned.scalars(select(Workload))} == codes
    assert {a.outcome for a in bring(owned, tmp_path / "nb.json").accounts} == {"unchanged"}


def test_clusters_of_two_vcenters_were_merged(owned: Session, tmp_path: Path) -> None:
    cells = rvtools(old=False)
    for number, row in enumerate(cells["vInfo"]):
        row.append("VI SDK Server" if number == 0 else f"vc{number % 2}")
    bring(owned, save(tmp_path / "rv.xlsx", cells))
    assert len(set(owned.scalars(select(CloudPlatform.code)))) == 2


def test_codes_told_apart_stay_when_more_things_come() -> None:
    one, two = tell_apart("vrf-mgmt", ["1:1", "2:2"])
    assert one != two
    assert tell_apart("vrf-mgmt", ["0:0", "2:2", "1:1"])[1:] == [two, one]
    assert tell_apart("vrf-mgmt", ["1:1"]) == ["vrf-mgmt"]
    assert len(set(tell_apart("x" * 64, ["", "", "1:1"]))) == 3
    assert all(len(code) <= 64 for code in tell_apart("x" * 64, ["", ""]))


def networked(networks: list[str], address: str, *, cards: list[list[str]] | None = None) -> Cells:
    head = ["VM", "CPUs", "Memory", "Provisioned MiB", "Network #1", "Network #2",
            "Primary IP Address", "VM UUID"]  # fmt: skip
    row = ["web", 2, 2048, 20480, *[*networks, ""][:2], address, WEB]
    found: Cells = {"vInfo": [head, row]}
    if cards:
        found["vNetwork"] = [["VM", "Network", "IPv4 Address"], *(["web", *c] for c in cards)]
    return found


@pytest.mark.parametrize(
    ("cells", "networks", "lost"),
    [
        (networked(["n1", "n2"], "10.0.0.1"), [], ["n1", "n2"]),
        (networked(["n1"], "10.0.0.1, 10.0.0.2"), ["n1", "n1"], []),
        (networked([], "", cards=[["n1", "10.0.0.1"], ["n2", ""]]), ["n1"], ["n2"]),
        (networked([], "", cards=[["n1", "10.0.0.1"], ["", "10.0.0.2"]]), [], ["n1"]),
    ],
)
def test_network_names_vanished_when_their_count_is_another(
    owned: Session, tmp_path: Path, cells: Cells, networks: list[str], lost: list[str]
) -> None:
    add_prefixes(owned, [("d000", "10.0.0.0/24", "leaf")])
    owned.scalars(select(Prefix)).one().network_name = "n1"
    path = save(tmp_path / "rv.xlsx", cells)
    found = bring(owned, path, Assumed(unit="u000", domain="d000"))
    assert outcomes(found, "vInfo")["web"] == ("created", "")
    web = owned.scalars(select(Workload)).one()
    assert web.networks == networks
    assert web.addresses[0] == "10.0.0.1"
    told = "".join(warnings(found, "vInfo")["web"])
    assert all(name in told and name in web.note for name in lost)
    assert bool(told) == bool(lost)


def test_floating_addresses_vanished(owned: Session, tmp_path: Path) -> None:
    addresses = [
        {"addr": "10.0.0.5", "OS-EXT-IPS:type": "fixed"},
        {"addr": "203.0.113.7", "OS-EXT-IPS:type": "floating"},
    ]
    flavor = {"vcpus": 1, "ram": 512, "disk": 1}
    server = {"id": WEB, "name": "web", "flavor": flavor, "addresses": {"n1": addresses}}
    path = write(tmp_path / "c.json", {"server": {WEB: server}})
    add_prefixes(owned, [("d000", "10.0.0.0/24", "leaf")])
    owned.scalars(select(Prefix)).one().network_name = "n1"
    found = bring(owned, path, Assumed(unit="u000", domain="d000"))
    web = owned.scalars(select(Workload)).one()
    assert (web.networks, web.addresses) == (["n1"], ["10.0.0.5"])
    assert "203.0.113.7" in web.note
    assert "203.0.113.7" in warnings(found, "server")["web"][0]


def test_an_address_that_the_file_does_not_hold_vanished(owned: Session, tmp_path: Path) -> None:
    content = [each for each in fixture() if each["model"] != "ipam.ipaddress"]
    found = bring(owned, write(tmp_path / "nb.json", content))
    told = warnings(found, "virtualization.virtualmachine")
    assert "primary_ip4 7" in told["vm1"][0]


def test_the_command_tells_what_is_only_noted(running: Settings, tmp_path: Path) -> None:
    with transaction() as session:
        add_owners(session, 1)
        add_prefixes(session, [("d000", "10.0.0.0/24", "leaf")])
    path = save(tmp_path / "rv.xlsx", networked(["n-one", "n-two"], "10.0.0.1"))
    result = CliRunner().invoke(
        group, ["import", str(path), "--unit", "u000", "--domain", "d000", "--limit", "50"]
    )
    assert (result.exit_code, "n-two" in result.output) == (0, True), result.output


ODD: list[Any] = [
    {"server": {"s1": [1]}},
    {"server": {"s1": {"addresses": {"n": ["10.1.1.1"]}}}},
    {"server": {"s1": {"addresses": {"n": [{}]}}}},
    [each("ipam.prefix", 1) | {"fields": [1]}],
    [each("ipam.prefix", 1, prefix="10.0.0.0/24", vrf=["mgmt"])],
    [each("ipam.vrf", 1, name="a", tenant=["Initech"])],
    [each("ipam.vrf", 1, name="a") | {"pk": [1]}],
    [each("ipam.vrf", 1, name="a") | {"model": ["ipam"]}],
    [each("virtualization.virtualmachine", 1, name="vm", cluster={"name": "c"})],
    [{"ID": "1", "Name": "x", "Networks": ["a"]}],
    [{"ID": "1", "Name": "x\ud800", "Networks": {}}],
]


@pytest.mark.parametrize("content", ODD)
def test_odd_shapes_left_as_errors_of_the_program(
    owned: Session, tmp_path: Path, content: Any
) -> None:
    with pytest.raises(InputError) as caught:
        bring(owned, write(tmp_path / "a.json", content), Assumed(unit="u000", domain="d000"))
    assert caught.value.code == "estate.file_broken"


def test_a_name_nested_too_deep_is_a_broken_file(owned: Session, tmp_path: Path) -> None:
    for depth in (300, 900, 100_000):
        name = "[" * depth + "]" * depth
        path = tmp_path / "a.json"
        path.write_text(
            f'[{{"model": "ipam.vrf", "pk": 1, "fields": {{"name": {name}}}}}]', "utf-8"
        )
        # where the text ends and nesting is too deep is the interpreter's to say
        with contextlib.suppress(InputError):
            assert bring(owned, path).accounts[0].outcome == "refused"


def test_a_size_that_is_no_number_is_told(owned: Session, tmp_path: Path) -> None:
    cells = rvtools(old=False)
    cells["vInfo"][1][4:7] = ["inf", "nan", "1e999"]
    cells["vMemory"] = [["VM", "Size MiB"], ["web", "nan"]]
    cells["vDisk"] = [["VM", "Capacity MiB"], ["web", "inf"]]
    found = bring(owned, save(tmp_path / "rv.xlsx", cells))
    assert outcomes(found, "vInfo")["web"][0] == "refused"


DUMP: Fields = {
    "server": {
        WEB: {"id": WEB, "name": "web", "tenant_id": "p1", "status": "ACTIVE",
              "flavor": {"id": "f1"}, "addresses": {"n": [{"addr": "10.0.0.5"}]}},
    },
    "flavor": {"f1": {"vcpus": 2, "ram": 2048, "disk": 20}},
    "project": {"p1": {"name": "demo"}},
    "network": {"n1": {"name": "n"}},
    "subnet": {"s1": {"name": "s", "cidr": "10.0.0.0/24", "network_id": "n1"}},
}  # fmt: skip
LISTED = [{"ID": WEB, "Name": "web", "Networks": {"n": ["10.0.0.9"]}, "Status": "ACTIVE",
           "Flavor": {"vcpus": 1, "ram": 512, "disk": 1}, "Project": "demo"}]  # fmt: skip
SAMPLES: list[Any] = [fixture(), twins(), DUMP, LISTED]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["", "10.0.0.0/8", "1;2", "、", "x" * 400, "\x00", "\ud800", 10**400]),
    st.sampled_from([[], {}, [1], ["a"], {"a": 1}, [[]], {"": None}]),
)  # fmt: skip


def places(content: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [before] if before else []
    if isinstance(content, dict | list):
        inside = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in inside:
            found += places(value, (*before, key))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    content = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(places(content)))
        inside = content
        for key in path:
            inside = inside[key]
        if draw(st.booleans()):
            inside[last] = copy.deepcopy(draw(VALUES))
        else:
            inside.pop(last)
        if not places(content):
            break
    return content


@given(content=mutated(), domain=st.sampled_from([None, "d000"]))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_but_our_errors_leaves_a_mutated_file(
    owned: Session, tmp_path: Path, content: Any, domain: str | None
) -> None:
    path = write(tmp_path / "a.json", content)
    detect(path)
    try:
        assumed = Assumed(unit="u000", division="450100", domain=domain)
        found = import_foreign(owned, SYSTEM, path, assumed)
    except YunzhangError:
        return
    assert all(a.reason for a in found.accounts if a.outcome == "refused")


CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(),
    st.sampled_from(["#REF!", "nan", "inf", "1e999", "10.0.0.1,10.0.0.2", "True", "x" * 400]),
)  # fmt: skip


@given(
    changes=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 12), CELLS), max_size=4),
    domain=st.sampled_from([None, "d000"]),
)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_but_our_errors_leaves_mutated_sheets(
    owned: Session, changes: list[tuple[int, int, Any]], domain: str | None
) -> None:
    sheets = [RawSheet(title, rows) for title, rows in rvtools(old=False).items()]
    rows = [row for sheet in sheets for row in sheet.rows]
    for row, column, value in changes:
        inside = rows[row % len(rows)]
        inside[column % len(inside)] = value
    opened = foreign_service.Foreign("rv.xlsx", "0" * 64, "rvtools", sheets)
    found = import_foreign(owned, SYSTEM, opened, Assumed(unit="u000", domain=domain))
    assert all(a.reason for a in found.accounts if a.outcome == "refused")


def test_a_workbook_was_read_three_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path) -> Any:
        read.append(path.name)
        return read_file(path)

    monkeypatch.setattr("yunzhang.estate.foreign.service.read_file", counted)
    assert foreign_service.open_foreign(DEMO) is None
    assert read == []
    path = save(tmp_path / "rv.xlsx", rvtools(old=False))
    opened = foreign_service.open_foreign(path)
    assert opened is not None
    path.unlink()
    converted = foreign_service._convert(opened, Assumed(unit="u000"))
    assert (read, bool(converted.raw(opened.name, opened.sha256).sheets)) == (["rv.xlsx"], True)
