"""Taking back what a wave did, in reverse order, as often as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from yunzhang import texts
from yunzhang.clouds import marks
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.makers.flavors import AccessMaker, FlavorMaker
from yunzhang.clouds.makers.groups import GroupMaker, RulesMaker
from yunzhang.clouds.makers.images import ImageMaker
from yunzhang.clouds.makers.keypairs import KeypairMaker
from yunzhang.clouds.makers.maker import Maker, Undone, project_of
from yunzhang.clouds.makers.networks import NetworkMaker, SubnetMaker
from yunzhang.clouds.makers.ports import PortMaker
from yunzhang.clouds.makers.projects import ProjectMaker, QuotaMaker, RoleMaker
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.routers import InterfaceMaker, RouterMaker, RoutesMaker
from yunzhang.clouds.makers.servers import ServerMaker
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.sources import PowerMaker, SourcePortMaker
from yunzhang.clouds.makers.temporaries import TemporaryMaker
from yunzhang.clouds.makers.volumes import VolumeMaker
from yunzhang.errors import Conflict, InputError

# In the order in which a wave makes them.
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
# What the waves of a project share: kept while another wave still has something there.
SHARED_KINDS = frozenset(MAKERS) - {
    "server",
    "volume",
    "port",
    "temporary",
    "source_port",
    "source_power",
}
SOURCE_KINDS = frozenset({"source_port", "source_power"})


def in_order(intents: Iterable[Intent]) -> list[Intent]:
    """What is to be undone, each once, in the order of undoing.

    That order follows from the kinds (the reverse of `MAKERS`), not from the record alone: a step
    that was tried too early announced its objects too early. A step that ran twice announced some
    twice: the first announcement has the true state of before, any may have the identifier.
    Raises InputError `clouds_make.bad_record` for a kind nobody makes.
    """
    ranks = {kind: rank for rank, kind in enumerate(MAKERS)}
    known: dict[tuple[str, str, str], Intent] = {}
    for intent in intents:
        if intent.kind not in ranks:
            raise InputError("clouds_make.bad_record", reason=f"kind {intent.kind}")
        name = (intent.cloud, intent.kind, intent.key)
        first = known.setdefault(name, intent)
        if first.id is None and intent.id:
            known[name] = first.model_copy(update={"id": intent.id})
    last_first = list(known.values())[::-1]
    return sorted(last_first, key=lambda intent: -ranks[intent.kind])


def roll_back(site: Site, intents: Sequence[Intent]) -> list[Undone]:
    """Undo `intents`, given in the order they were announced. Repeating it is harmless.

    It stops at the first kind of object that cannot be undone: sources are never brought up
    while a target may still be there. Raises Conflict `clouds_make.target_alive`,
    `clouds_make.not_ours`, InputError `clouds_make.bad_record`, and what the makers raise.
    """
    undone: list[Undone] = []
    for kind, group in groupby(in_order(intents), key=lambda intent: intent.kind):
        maker = MAKERS[kind]
        todo = list(group)
        if kind in SOURCE_KINDS:
            _targets_gone(site.anew(), todo)
        if kind in SHARED_KINDS:
            kept = [intent for intent in todo if in_use(site, intent.project)]
            undone += [_keeping(site, intent) for intent in kept]
            todo = [intent for intent in todo if intent not in kept]
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


def _keeping(site: Site, intent: Intent) -> Undone:
    reason = texts.text("clouds_make.other_wave")
    named = thing(intent.kind, intent.name or intent.key)
    site.report.say("said_kept", thing=named, reason=reason)
    return Undone(intent.kind, intent.key, "kept", reason)


def in_use(site: Site, project: str | None) -> bool:
    """Whether the plan still has servers, volumes or ports in the project (None: in any).

    Asked after this wave's own are gone, so what is found belongs to another wave.
    """
    names = [p.name for p in site.spec.projects] if project is None else [project]
    return any(_in_use(site, name) for name in names)


def _in_use(site: Site, name: str) -> bool:
    def read() -> bool:
        project_id = project_of(site, name)
        if not project_id:
            return False
        cloud = site.target
        if any(cloud.network.ports(project_id=project_id, tags=marks.plan_tag(site.mark))):
            return True
        standing: list[Any] = [
            *cloud.compute.servers(all_projects=True, project_id=project_id),
            *cloud.block_storage.volumes(all_projects=True, project_id=project_id),
        ]
        return any((item.metadata or {}).get(marks.PLAN) == site.mark for item in standing)

    return site.keep(("in use", name), read)


def _targets_gone(site: Site, todo: Sequence[Intent]) -> None:
    """Raise Conflict `clouds_make.target_alive` if a target of these sources still stands."""
    keys = {intent.key for intent in todo}
    for server in site.spec.servers:
        meant = any(key == server.key or key.startswith(f"{server.key} ") for key in keys)
        project_id = site.project_id(server.project) if meant else None
        if project_id and (found := ServerMaker().look(site, project_id, server.key)):
            raise Conflict("clouds_make.target_alive", name=server.name, id=found.id)
