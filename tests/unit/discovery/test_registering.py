"""Machines in no register become its drafts by its own rules, or are refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.unit.discovery.world import (
    WANG,
    compared,
    extra_server,
    only,
    read,
    with_servers,
    workload,
)
from yunzhang import clock
from yunzhang.audit.models import AuditEntry
from yunzhang.clouds.observed import ObservedNic
from yunzhang.discovery.decisions import Verdict, decide, register_all
from yunzhang.discovery.finding_repository import Filter
from yunzhang.discovery.keeping import Reading, keep, record
from yunzhang.discovery.models import Finding
from yunzhang.discovery.registering import Rule
from yunzhang.discovery.rules import read_rules
from yunzhang.errors import Conflict, Forbidden, InputError
from yunzhang.estate.changes.models import ChangeLog
from yunzhang.estate.importing import undo
from yunzhang.estate.models import Nic, Workload
from yunzhang.settings import Settings
from yunzhang.units.scope import SYSTEM, Granted, Principal, bind

UUID = "0c9a2f04-6f0e-4b3c-9a35-6c1d1f1b0a0{}"


@pytest.fixture(autouse=True)
def settled(instance: Settings) -> Settings:
    return instance


def card(number: int, *addresses: str, project: str = "hrss") -> ObservedNic:
    return ObservedNic(
        port_id=f"port-{number}",
        network_id=f"{project}-net-id",
        mac_address=f"fa:16:3e:00:01:{number:02x}",
        addresses=tuple((f"{project}-subnet", address) for address in addresses),
    )


@pytest.fixture
def newcomer(estate: Session) -> Finding:
    """A machine of the first unit's project that nobody declared; its second card is first."""
    cards = (card(1, "192.168.10.77"), card(2, "192.168.10.31"))
    server = extra_server("hrss-new", id=UUID.format(1), nics=cards, vcpus=3)
    read(estate, **with_servers(server))
    compared(estate)
    return only(estate, kind="observed_only")


def accept(session: Session, row: Finding, **rule: Any) -> Finding:
    said = Rule(**{"system": "Y-hrss", "code": "hrss-new", **rule})
    return decide(session, WANG, row.id, Verdict("accept_observed", rule=said))


def test_what_was_seen_is_registered_and_the_person_says_the_rest(
    estate: Session, newcomer: Finding
) -> None:
    accept(estate, newcomer)
    made = workload(estate, "hrss-new")
    assert (made.state, made.unit_code, made.system_code) == ("draft", "U-hrss", "Y-hrss")
    assert (made.platform_code, made.project, made.domain_code) == ("P-hrss", "hrss", "hrss")
    assert (made.vcpu, made.ram_mib, made.disk_gib, made.power) == (3, 192, 1, "on")
    assert made.platform_uuid == UUID.format(1)
    # in the order of the cards, not of the addresses
    assert made.addresses == ["192.168.10.77", "192.168.10.31"]
    assert made.networks == ["hrss-net", "hrss-net"]
    cards = estate.scalars(select(Nic).where(Nic.workload_code == "hrss-new").order_by(Nic.id))
    assert [(nic.name, nic.mac) for nic in cards] == [
        ("eth0", "fa:16:3e:00:01:01"),
        ("eth1", "fa:16:3e:00:01:02"),
    ]
    assert (newcomer.state, newcomer.decision) == ("settled", "accept_observed")
    result = compared(estate)
    assert (result.matched, result.open) == (7, {})
    assert compared(estate).changes == {}


def test_it_is_logged_audited_and_can_be_undone(estate: Session, newcomer: Finding) -> None:
    accept(estate, newcomer)
    log = estate.scalars(select(ChangeLog).where(ChangeLog.key == "hrss-new")).one()
    assert (log.act, log.unit_code, log.principal) == ("create", "U-hrss", "wang")
    entry = estate.scalars(select(AuditEntry).where(AuditEntry.act == "decide")).one()
    assert entry.details["workload"] == "hrss-new"
    undo.undo_batch(estate, WANG, entry.details["batch"])
    assert compared(estate).open == {"observed_only": 1}


def test_the_match_holds_though_nothing_of_the_machine_is_kept_the_same(
    estate: Session, newcomer: Finding
) -> None:
    accept(estate, newcomer, code="quite-another")
    estate.scalars(select(Workload).where(Workload.code == "quite-another")).one().name = "renamed"
    server = extra_server("hrss-new", id=UUID.format(1), project_id="mib")
    read(estate, **with_servers(server))
    compared(estate)
    assert not estate.scalars(select(Finding).where(Finding.state == "open",
                                                    Finding.kind != "differs")).all()  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"system": "Y-none"}, "discovery.system_unknown"),
        ({"code": "hrss-app"}, "item.taken"),
        ({"project": "mib"}, "discovery.rule_missing"),
        ({"unit": "U-none"}, "discovery.rules_refuse"),
        ({"code": "编号"}, "discovery.rules_refuse"),
        ({"platform": "P-none"}, "discovery.rules_refuse"),
    ],
)
def test_what_breaks_a_rule_of_the_register_is_refused_whole(
    estate: Session, newcomer: Finding, rule: dict[str, str], code: str
) -> None:
    before = workload(estate, "hrss-app").revision
    with pytest.raises((InputError, Conflict)) as refused:
        accept(estate, newcomer, **rule)
    assert refused.value.code == code
    assert newcomer.state == "open"
    assert workload(estate, "hrss-app").revision == before
    assert len(estate.scalars(select(Workload)).all()) == 6


def test_without_a_rule_and_without_the_right_nothing_is_registered(
    estate: Session, newcomer: Finding
) -> None:
    with pytest.raises(InputError) as refused:
        decide(estate, WANG, newcomer.id, Verdict("accept_observed"))
    assert refused.value.code == "discovery.rule_none"
    with pytest.raises(Forbidden):
        register_all(estate, SYSTEM, [newcomer.id], [Rule("Y-hrss")])


def test_a_platform_that_cannot_be_told_must_be_said(estate: Session) -> None:
    server = extra_server("stray", id=UUID.format(2), project_id="unknown")
    read(estate, **with_servers(server))
    compared(estate)
    row = only(estate, kind="observed_only")
    # three platforms are read from this source; the unit's own is meant
    accept(estate, row, code="stray")
    assert workload(estate, "stray").platform_code == "P-hrss"
    assert workload(estate, "stray").domain_code is None


def test_many_are_registered_by_rules_in_one_import(estate: Session, tmp_path: Path) -> None:
    machines = [extra_server(f"vm {n}", id=UUID.format(n), project_id="hrss") for n in range(3)]
    machines += [extra_server("vm 1", id=UUID.format(7), project_id="hrss")]
    machines += [extra_server("odd", id=UUID.format(8), project_id="mib")]
    machines += [extra_server("else", id=UUID.format(9), project_id="nobody")]
    read(estate, **with_servers(*machines))
    compared(estate)
    table = tmp_path / "rules.csv"
    table.write_bytes(
        "项目,名称,信息系统编号,编号\nhrss,vm*,Y-hrss,\nmib,*,Y-mib,mib-odd\n".encode("gb18030")
    )
    done, refused = register_all(estate, WANG, Filter(state="open"), read_rules(table), "清点")
    assert sorted(code for _, code in done) == ["hrss-vm-0", "hrss-vm-2", "mib-odd"]
    assert workload(estate, "mib-odd").unit_code == "U-mib"
    # two of one name and project have one code: neither is taken
    assert sorted(one.error.code for one in refused) == [
        "discovery.rule_missing", "item.taken", "item.taken",
    ]  # fmt: skip
    batches = {w.batch_id for w in estate.scalars(select(Workload)) if w.batch_id}
    assert len(batches) == 1
    again, _ = register_all(estate, WANG, [row.id for row, _ in done], read_rules(table))
    assert again == []
    assert compared(estate).open == {"observed_only": 3}


@pytest.mark.parametrize(
    ("content", "row"),
    [("项目,名称\nx,y\n", 1), ("system,project\n,x\n", 2), ("system,disk_gib\nS,many\n", 2)],
)
def test_a_table_of_rules_that_is_not_whole_names_its_line(
    tmp_path: Path, content: str, row: int
) -> None:
    table = tmp_path / "rules.csv"
    table.write_text(content)
    with pytest.raises(InputError) as refused:
        read_rules(table)
    assert refused.value.values["row"] == row
    assert "规则表" in str(refused.value)


def test_a_machine_without_a_disk_size_gets_the_one_that_is_said(estate: Session) -> None:
    nic = {"mac": "52:54:00:00:00:11", "network": None, "model": None, "addresses": ["10.9.9.9"]}
    host = {
        "inventory_name": "db9", "hostname": "db9.gx", "machine_id": "", "product_uuid": "",
        "serial": "S9X7", "virtual": False, "vcpus": 32, "ram_mib": 65536, "disks": [],
        "nics": [nic], "system": "", "architecture": "",
    }  # fmt: skip
    keep(estate, SYSTEM, Reading("rack", "facts", clock.now(), complete=False),
         [record("hosts", "db9", "db9.gx", host)])  # fmt: skip
    compared(estate)
    row = only(estate, kind="observed_only")
    with pytest.raises(InputError) as refused:
        accept(estate, row)
    assert refused.value.code == "discovery.platform_missing"  # no platform is read from there
    with pytest.raises(InputError) as refused:
        accept(estate, row, platform="P-hrss")
    assert refused.value.code == "discovery.rules_refuse"
    assert "系统盘" in str(refused.value)
    accept(estate, row, platform="P-hrss", disk_gib=900, domain="-")
    made = workload(estate, "hrss-new")
    assert (made.name, made.disk_gib, made.vcpu) == ("db9.gx", 900, 32)
    assert (made.domain_code, made.networks, made.addresses) == (None, [], [])
    assert estate.scalars(select(Nic.mac)).all() == ["52:54:00:00:00:11"]
    assert compared(estate).open == {}


def test_an_operator_of_one_unit_registers_its_machines_and_no_others(estate: Session) -> None:
    machines = [
        extra_server("hrss-x", id=UUID.format(1)),
        extra_server("mib-x", "mib-app", id=UUID.format(2)),
    ]
    read(estate, **with_servers(*machines))
    compared(estate)
    estate.commit()
    mine = Principal("mei", account_id=7, grants=frozenset([Granted("operator", "unit", "U-mib")]))
    bind(estate, mine)
    done, refused = register_all(estate, mine, Filter(state="open"), [Rule("Y-mib")])
    assert ([code for _, code in done], refused) == (["mib-mib-x"], [])
    estate.commit()
    bind(estate, SYSTEM)
    assert compared(estate).open == {"observed_only": 1}
