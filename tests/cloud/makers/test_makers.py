"""Every maker twice, after a crash, against strangers, and back again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud.makers.world import SOURCE, TARGET, World, specify
from yunzhang.clouds import marks
from yunzhang.clouds.comparison import Difference, compare_dumps, render_differences
from yunzhang.clouds.connection import connect
from yunzhang.clouds.document import Validation
from yunzhang.clouds.dump import dump_cloud
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.flavors import FlavorMaker
from yunzhang.clouds.makers.images import ImageMaker
from yunzhang.clouds.makers.networks import NetworkMaker, SubnetMaker
from yunzhang.clouds.makers.ports import PlacedNic, PortMaker
from yunzhang.clouds.makers.projects import ProjectMaker
from yunzhang.clouds.makers.report import Report
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.volumes import PlacedDisk, VolumeMaker
from yunzhang.clouds.specs import CloudSpec
from yunzhang.clouds.steps import STEPS, roll_back
from yunzhang.clouds.steps.prechecking import PrecheckFailed
from yunzhang.errors import Conflict, YunzhangError

PREPARATIONS = (
    "prepare_projects",
    "prepare_networks",
    "prepare_catalogue",
    "reserve_ports",
    "create_volumes",
)


class Runner:
    """Runs steps on one specification and keeps their intents."""

    def __init__(self, spec: CloudSpec) -> None:
        self.spec = spec
        self.source, self.target = connect(SOURCE), connect(TARGET)
        self.intents: list[Intent] = []

    def intend(self, step: str) -> list[Intent]:
        return STEPS[step].intend(self.site())

    def perform(self, step: str) -> Report:
        site = self.site()
        STEPS[step].perform(site, Validation())
        return site.report

    def run(self, step: str) -> Report:
        """As the controller does: intents first."""
        self.intents += self.intend(step)
        return self.perform(step)

    def back(self) -> list[Any]:
        return roll_back(self.site(), self.intents)

    def site(self) -> Site:
        return Site(self.spec, self.source, self.target)


@pytest.fixture
def runner(ours: World) -> Iterator[Runner]:
    """A runner; whatever a test did is taken back after it."""
    made = Runner(specify(ours))
    yield made
    made.back()


Things = dict[str, dict[str, Any]]


def of_ours(cloud: str, words: set[str]) -> Things:
    """Everything in a cloud that speaks of one of `words`; others use the clouds as well."""
    return {
        kind: {
            identity: thing
            for identity, thing in things.items()
            if any(word in json.dumps([identity, thing], default=str) for word in words)
        }
        for kind, things in dump_cloud(cloud).items()
    }


# the SDK's own `create_server_image` calls what the SDK warns of
@pytest.mark.filterwarnings("ignore:The ignore_missing parameter")
def test_a_whole_wave_and_back(runner: Runner, ours: World) -> None:
    """Everything twice: the second time nothing is made; then both clouds are as before."""
    words = {ours.word, ours.project.id, runner.spec.mark}
    before = of_ours(SOURCE, words), of_ours(TARGET, words)
    for name, step in STEPS.items():
        announced = step.intend(runner.site())
        report = runner.run(name)
        made = {(m.kind, m.key) for m in report.made if m.created and m.kind != "copy"}
        assert made <= {(i.kind, i.key) for i in announced}, name
        assert {i.kind for i in runner.intend(name)} <= {"temporary"}, name
        assert not [m for m in runner.perform(name).made if m.created], name
    _check_target(runner)
    outcomes = {u.outcome for u in runner.back()}
    assert "kept" not in outcomes
    assert {u.outcome for u in runner.back()} == {"gone"}
    after = of_ours(SOURCE, words), of_ours(TARGET, words)
    for was, now in zip(before, after, strict=True):
        # volume types of other tests come and go, and every project has a quota for each
        found = [d for d in compare_dumps(was, now) if not _is_of_a_type(d)]
        assert not render_differences(found)


def _is_of_a_type(difference: Difference) -> bool:
    return difference.kind == "volume_quota" and None in (difference.before, difference.after)


def _check_target(runner: Runner) -> None:
    """What arrived is what was planned, asked of the cloud itself."""
    spec, cloud = runner.spec, runner.target
    project = next(iter(cloud.identity.projects(name=spec.projects[0].name)))  # type: ignore[union-attr]
    servers = {s.name: s for s in cloud.compute.servers(all_projects=True, project_id=project.id)}
    assert set(servers) == {"app", "db"}
    assert servers["app"].key_name == "key"
    for item in spec.servers:
        port = next(iter(cloud.network.ports(mac_address=item.nics[0].mac_address)))
        assert [f["ip_address"] for f in port.fixed_ips] == [item.nics[0].addresses[0][1]]
        assert port.device_id == servers[item.name].id
        assert set(runner.site().tags(item.nics[0].key)) <= set(port.tags)
        assert port.description == ""
    group = next(iter(cloud.network.security_groups(project_id=project.id, name="app")))
    (rule,) = group.security_group_rules  # the two Neutron gave it are gone
    assert (rule["port_range_min"], rule["port_range_max"]) == (8080, 8090)
    image = next(iter(cloud.image.images(owner=project.id)))
    assert image.hash_value == spec.images[0].sha512
    assert "secret" not in image.properties
    assert next(iter(cloud.network.networks(project_id=project.id, name="net"))).mtu == 1400
    assert not cloud.compute.get(f"/os-keypairs?user_id={cloud.current_user_id}").json()["keypairs"]


def test_what_a_crash_left_is_adopted(runner: Runner, ours: World) -> None:
    """Each object was created, and the process died before it could say so."""
    spec = runner.spec
    runner.intents += runner.intend("prepare_projects")
    left = [ProjectMaker().create(runner.site(), spec.projects[0])]
    runner.perform("prepare_projects")
    runner.intents += runner.intend("prepare_networks")
    runner.intents += runner.intend("prepare_catalogue")
    left.append(NetworkMaker().create(runner.site(), spec.networks[0]))
    left.append(SubnetMaker().create(runner.site(), SubnetMaker().items(runner.site())[0]))
    left.append(FlavorMaker().create(runner.site(), spec.flavors[0]))
    left.append(ImageMaker().create(runner.site(), spec.images[0]))
    made = runner.perform("prepare_networks").made + runner.perform("prepare_catalogue").made
    runner.intents += [*runner.intend("reserve_ports"), *runner.intend("create_volumes")]
    server = spec.servers[0]
    left.append(PortMaker().create(runner.site(), PlacedNic(server, server.nics[0])))
    left.append(VolumeMaker().create(runner.site(), PlacedDisk(server, server.disks[0])))
    made += runner.perform("reserve_ports").made + runner.perform("create_volumes").made
    adopted = {m.id for m in made if not m.created}
    assert set(left[1:]) <= adopted
    network = runner.target.network.get_network(left[1])
    assert network.description == "业务网"
    assert set(runner.site().tags(spec.networks[0].key)) <= set(network.tags)
    assert runner.target.image.get_image(left[4]).hash_value == spec.images[0].sha512
    runner.back()  # knows no identifier: finds by mark
    assert not any(of_ours(TARGET, {marks.plan_tag(spec.mark), left[0]}).values())


def test_strangers_are_refused_and_left_alone(runner: Runner, ours: World) -> None:
    """One precheck names them all; no step takes them over, no rollback deletes them."""
    spec, network = runner.spec, runner.target.network
    runner.run("prepare_projects")
    project = runner.site().project_id(spec.projects[0].key)
    stranger = network.create_network(name="net", project_id=project)
    other = network.create_network(name=f"{ours.word}-other")
    address = spec.servers[0].nics[0].addresses[0][1]
    subnet = network.create_subnet(
        network_id=other.id, ip_version=4, cidr=f"10.199.{ours.octet}.0/24"
    )
    port = network.create_port(network_id=other.id, fixed_ips=[{"ip_address": address}])
    try:
        with pytest.raises(PrecheckFailed) as failed:
            runner.perform("precheck")
        codes = {problem.code for problem in failed.value.problems}
        assert {"clouds_make.foreign", "clouds_make.address_taken"} <= codes
        site = runner.site()
        with pytest.raises(Conflict) as refused:
            STEPS["prepare_networks"].perform(site, Validation())
        assert refused.value.values["id"] == stranger.id
        # the others are made at the same time; the controller would have recorded them before
        runner.intents += [
            Intent(cloud=m.cloud, kind=m.kind, key=m.key, act="create", id=m.id)
            for m in site.report.made
        ]
        intent = Intent(
            cloud=TARGET, kind="network", key=spec.networks[0].key, act="create", id=stranger.id
        )
        with pytest.raises(Conflict) as kept:
            roll_back(runner.site(), [intent])
        assert kept.value.code == "clouds_make.not_ours"
        assert network.get_network(stranger.id)
    finally:
        network.delete_port(port)
        network.delete_subnet(subnet)
        network.delete_network(other)
        network.delete_network(stranger)


def test_a_project_without_our_tag_is_foreign(runner: Runner) -> None:
    """Unless somebody gives it the plan's tag: then it is used, and never deleted."""
    spec, identity = runner.spec, runner.target.identity
    project: Any = identity.create_project(  # type: ignore[union-attr]
        name=spec.projects[0].name, domain_id="default"
    )
    with pytest.raises(Conflict) as refused:
        runner.intend("prepare_projects")
    assert refused.value.code == "clouds_make.foreign_project"
    identity.update_project(project, tags=[refused.value.values["tag"]])  # type: ignore[union-attr]
    assert "project" not in {i.kind for i in runner.intend("prepare_projects")}
    runner.run("prepare_projects")
    before = runner.target.compute.get_quota_set(project.id).cores
    assert before == 7
    runner.back()
    assert runner.target.compute.get_quota_set(project.id).cores != 7
    identity.delete_project(project)  # type: ignore[union-attr]


def test_nothing_boots_while_its_source_may_run(runner: Runner) -> None:
    """Neither a copy nor a boot without the proof; the port stays down."""
    for step in PREPARATIONS:
        runner.run(step)
    for step in ("copy_disks", "boot_targets"):
        with pytest.raises(YunzhangError) as refused:
            runner.run(step)
        assert refused.value.code == "clouds_make.source_alive"
    for item in runner.spec.servers:
        port = next(iter(runner.target.network.ports(mac_address=item.nics[0].mac_address)))
        assert not port.is_admin_state_up


def test_a_changed_source_fails_the_precheck(runner: Runner) -> None:
    changed = runner.spec.servers[0].model_copy(update={"fingerprint": "0" * 64})
    runner.spec = runner.spec.model_copy(update={"servers": (changed, *runner.spec.servers[1:])})
    with pytest.raises(PrecheckFailed) as failed:
        runner.perform("precheck")
    assert [p.code for p in failed.value.problems] == ["clouds_make.source_changed"]


def test_a_small_quota_fails_the_precheck(runner: Runner) -> None:
    project = runner.spec.projects[0]
    quota = project.quota.model_copy(update={"compute": {"cores": 1}, "volume": {"volumes": 2}})
    small = project.model_copy(update={"quota": quota})
    runner.spec = runner.spec.model_copy(update={"projects": (small,)})
    with pytest.raises(PrecheckFailed) as failed:
        runner.perform("precheck")
    short = {p.values["what"]: p.values["need"] for p in failed.value.problems}
    assert short == {"compute/cores": 2, "volume/volumes": 3}


def test_rules_a_person_added_survive_the_next_wave(runner: Runner) -> None:
    """`default` is the project's own: changed once, then only added to."""
    for step in ("prepare_projects", "prepare_networks"):
        runner.run(step)
    network = runner.target.network
    project = runner.site().project_id(runner.spec.projects[0].key)
    for name in ("default", "web"):
        group = next(iter(network.security_groups(project_id=project, name=name)))
        network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", protocol="udp"
        )
    assert not runner.intend("prepare_networks")
    runner.perform("prepare_networks")
    for name in ("default", "web"):
        group = next(iter(network.security_groups(project_id=project, name=name)))
        assert any(rule["protocol"] == "udp" for rule in group.security_group_rules)
