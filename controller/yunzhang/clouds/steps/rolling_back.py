"""Taking back what a wave did, in reverse order, as often as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.flavors import AccessMaker, FlavorMaker
from yunzhang.clouds.makers.groups import GroupMaker, RulesMaker
from yunzhang.clouds.makers.images import ImageMaker
from yunzhang.clouds.makers.keypairs import KeypairMaker
from yunzhang.clouds.makers.maker import Maker, Undone
from yunzhang.clouds.makers.networks import NetworkMaker, SubnetMaker
from yunzhang.clouds.makers.ports import PortMaker
from yunzhang.clouds.makers.projects import ProjectMaker, QuotaMaker, RoleMaker
from yunzhang.clouds.makers.report import Report, thing
from yunzhang.clouds.makers.routers import InterfaceMaker, RouterMaker, RoutesMaker
from yunzhang.clouds.makers.servers import ServerMaker
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.sources import PowerMaker, SourcePortMaker
from yunzhang.clouds.makers.temporaries import TemporaryMaker
from yunzhang.clouds.makers.volumes import VolumeMaker
from yunzhang.clouds.specs import CloudSpec
from yunzhang.errors import Conflict, InputError

if TYPE_CHECKING:
    from openstack.connection import Connection

MAKERS: dict[str, Maker[Any]] = {
    maker.kind: maker
    for maker in (
        ProjectMaker(),
        RoleMaker(),
        QuotaMaker(),
        NetworkMaker(),
        SubnetMaker(),
        RouterMaker(),
        InterfaceMaker(),
        RoutesMaker(),
        GroupMaker(),
        RulesMaker(),
        FlavorMaker(),
        AccessMaker(),
        KeypairMaker(),
        ImageMaker(),
        PortMaker(),
        VolumeMaker(),
        PowerMaker(),
        SourcePortMaker(),
        TemporaryMaker(),
        ServerMaker(),
    )
}
SOURCE_KINDS = frozenset({"source_port", "source_power"})


def in_order(intents: Iterable[Intent]) -> list[Intent]:
    """What is to be undone, last first, each once.

    A step that ran twice announced some things twice: the first announcement has the true state
    of before, any of them may have the identifier.
    """
    known: dict[tuple[str, str, str], Intent] = {}
    for intent in intents:
        name = (intent.cloud, intent.kind, intent.key)
        first = known.setdefault(name, intent)
        if first.id is None and intent.id:
            known[name] = first.model_copy(update={"id": intent.id})
    return list(reversed(known.values()))


def roll_back(
    spec: CloudSpec,
    source: Connection,
    target: Connection,
    report: Report,
    intents: Sequence[Intent],
) -> list[Undone]:
    """Undo `intents`, given in the order they were made. Repeating it is harmless.

    It stops at the first kind of object that cannot be undone: sources are never brought up
    while a target may still be there. Raises Conflict `clouds_make.target_alive`,
    `clouds_make.not_ours`, InputError `clouds_make.bad_record`, and what the makers raise.
    """
    site = Site(spec, source, target, report)
    undone: list[Undone] = []
    for kind, group in groupby(in_order(intents), key=lambda intent: intent.kind):
        maker = MAKERS.get(kind)
        if maker is None:
            raise InputError("clouds_make.bad_record", reason=f"kind {kind}")
        todo = list(group)
        if kind in SOURCE_KINDS:
            _targets_gone(site, todo)
        undone += site.each(todo, _undoing(site, maker), maker.threads)
    return undone


def _undoing(site: Site, maker: Maker[Any]) -> Any:
    def undo(intent: Intent) -> Undone:
        result = maker.undo(site, intent)
        site.report.say(
            f"said_{result.outcome}",
            thing=thing(intent.kind, intent.name or intent.key),
            reason=result.reason,
        )
        return result

    return undo


def _targets_gone(site: Site, todo: Sequence[Intent]) -> None:
    """Raise Conflict `clouds_make.target_alive` if a target of these sources still stands."""
    keys = {intent.key for intent in todo}
    for server in site.spec.servers:
        meant = any(key == server.key or key.startswith(f"{server.key} ") for key in keys)
        project_id = site.project_id(server.project) if meant else None
        if project_id and (found := ServerMaker().look(site, project_id, server.key)):
            raise Conflict("clouds_make.target_alive", name=server.name, id=found.id)
