"""The source's side: finding what the plan speaks of, and switching it off with proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yunzhang import clock, texts
from yunzhang.clouds import marks
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.maker import Maker, Undone
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site, identity_of
from yunzhang.clouds.makers.waiting import seconds_for, wait_for
from yunzhang.clouds.specs import ServerSpec, SourceRef
from yunzhang.errors import Conflict, NotFound

RUNNING, OFF = "ACTIVE", "SHUTOFF"
POWERED_OFF = 4  # Nova's power state SHUTDOWN


def _one(found: list[Any], kind: str, name: str) -> Any:
    if not found:
        raise NotFound("clouds_make.source_missing", thing=thing(kind, name))
    if len(found) > 1:
        raise Conflict("clouds_make.source_ambiguous", thing=thing(kind, name), count=len(found))
    return found[0]


def source_project(site: Site, name: str) -> Any:
    """The source's project of that name."""

    def read() -> Any:
        found = list(identity_of(site.source).projects(name=name))
        return _one(found, "project", name)

    return site.keep(("source project", name), read)


def source_server(site: Site, ref: SourceRef) -> Any:
    """The source's server, read afresh. Raises NotFound or Conflict unless there is exactly one."""
    compute = site.source.compute
    project = source_project(site, ref.project)
    servers = compute.servers(all_projects=True, project_id=project.id)
    if ref.id:
        found = [server for server in servers if server.id == ref.id]
    else:
        found = [server for server in servers if server.name == ref.name]
    return compute.get_server(_one(found, "server", f"{ref.project}/{ref.name}").id)


def source_image(site: Site, ref: SourceRef) -> Any:
    """The source's image. Raises NotFound or Conflict unless there is exactly one."""
    project = source_project(site, ref.project)
    images = list(site.source.image.images(owner=project.id))
    if ref.id:
        found = [image for image in images if image.id == ref.id]
    else:
        found = [image for image in images if image.name == ref.name]
    return _one(found, "image", f"{ref.project}/{ref.name}")


def source_volume(site: Site, ref: SourceRef) -> Any:
    """The source's volume. Raises NotFound or Conflict unless there is exactly one."""
    project = source_project(site, ref.project)
    volumes = site.source.block_storage.volumes(all_projects=True, project_id=project.id)
    wanted = [v for v in volumes if (v.id == ref.id if ref.id else v.name == ref.name)]
    return _one(wanted, "volume", f"{ref.project}/{ref.name}")


def source_ports(site: Site, server_id: str) -> list[Any]:
    """The ports of a source server."""
    return sorted(site.source.network.ports(device_id=server_id), key=lambda port: str(port.id))


def is_locked_by(server: Any, mark: str) -> bool:
    """Whether a server is locked in the name of the plan."""
    words = (server.locked_reason or "").split()
    return bool(server.is_locked) and marks.plan_tag(mark) in words


def lock_reason(mark: str) -> str:
    """What a user of the source reads who tries to start the server."""
    return f"{marks.plan_tag(mark)} {texts.text('clouds_make.lock_reason')}"


def unproven(site: Site, server: Any) -> list[str]:
    """What is missing to the proof that a source is off, locked and off the network."""
    faults = []
    if server.status != OFF or server.power_state != POWERED_OFF or server.task_state:
        faults.append(f"status={server.status}")
    if not is_locked_by(server, site.mark):
        faults.append("unlocked")
    faults += [f"port {p.id} up" for p in source_ports(site, server.id) if p.is_admin_state_up]
    return faults


def wait_power(compute: Any, server: Any, wanted: str) -> None:
    """Wait until a server is in `wanted`, and idle.

    Nova notes its task before it answers, so an idle server in another state was given up on.
    Raises Outside `clouds_make.went_wrong` or `clouds_make.waited`.
    """
    wait_for(
        server.name,
        lambda: compute.get_server(server.id),
        lambda seen: seen.status == wanted and not seen.task_state,
        is_bad=lambda seen: not seen.task_state,
        seconds=seconds_for(0),
        describe=lambda seen: seen.status,
    )


class PowerMaker(Maker[ServerSpec]):
    """Stops and locks sources. `before`: status, lock and its reason."""

    kind = "source_power"
    threads = 8

    def items(self, site: Site) -> Sequence[ServerSpec]:
        """The servers of the wave."""
        return site.spec.servers

    def name(self, item: ServerSpec) -> str:
        """Its name in the source."""
        return item.source.name

    def intent(self, site: Site, item: ServerSpec) -> Intent | None:
        """A `change` unless it is off and locked by this plan."""
        with about(self.kind, item.name, site.spec.source_cloud):
            server = source_server(site, item.source)
        if server.status == OFF and is_locked_by(server, site.mark):
            return None
        before = {
            "status": server.status,
            "locked": bool(server.is_locked),
            "locked_reason": server.locked_reason,
        }
        if is_locked_by(server, site.mark):  # a crash after locking: it was not locked before us
            before |= {"locked": False, "locked_reason": None}
        return Intent(
            cloud=site.spec.source_cloud,
            kind=self.kind,
            key=item.key,
            act="change",
            project=item.source.project,
            name=item.source.name,
            id=str(server.id),
            before=before,
        )

    def make(self, site: Site, item: ServerSpec) -> Made:
        """Stop, wait, lock, and look again: a user may have started it between the two."""
        compute = site.source.compute
        with about(self.kind, item.name, site.spec.source_cloud):
            server = source_server(site, item.source)
            changed = server.status != OFF or not is_locked_by(server, site.mark)
            self._stop(site, server)
            if not is_locked_by(server, site.mark):
                compute.lock_server(server.id, locked_reason=lock_reason(site.mark))
            self._stop(site, compute.get_server(server.id))
        made = Made(
            cloud=site.spec.source_cloud,
            kind=self.kind,
            key=item.key,
            id=str(server.id),
            created=changed,
            details={"at": clock.now().isoformat(timespec="seconds")},
        )
        site.report.add(made, item.source.name)
        return made

    def _stop(self, site: Site, server: Any) -> None:
        compute = site.source.compute
        if server.status == OFF and not server.task_state:
            return
        if server.status == RUNNING and not server.task_state:
            compute.stop_server(server.id)
        elif server.status not in (RUNNING, OFF):
            raise Conflict("clouds_make.source_state", name=server.name, state=server.status)
        wait_power(compute, server, OFF)

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Unlock it if the lock is ours, start it if it was running, wait until it runs."""
        compute = site.source.compute
        with about(self.kind, intent.name, intent.cloud):
            server = compute.get_server(str(intent.id))
            changed = is_locked_by(server, site.mark)
            if changed:
                compute.unlock_server(server.id)
            if intent.before["status"] == RUNNING and server.status == OFF:
                changed = True
                compute.start_server(server.id)
                wait_power(compute, server, RUNNING)
            if intent.before["locked"] and not compute.get_server(server.id).is_locked:
                changed = True
                compute.lock_server(server.id, locked_reason=intent.before["locked_reason"])
        return self.undone(intent, "undone" if changed else "gone")


@dataclass(frozen=True, slots=True)
class SourcePort:
    """A port of a server in the source."""

    server: ServerSpec
    port: Any


class SourcePortMaker(Maker[SourcePort]):
    """Takes the ports of stopped sources down. `before`: state and tags."""

    kind = "source_port"
    threads = 8

    def items(self, site: Site) -> Sequence[SourcePort]:
        """All ports of the wave's sources."""
        return [
            SourcePort(server, port)
            for server in site.spec.servers
            for port in source_ports(site, source_server(site, server.source).id)
        ]

    def name(self, item: SourcePort) -> str:
        """Server and MAC."""
        return f"{item.server.name} {item.port.mac_address}"

    def _key(self, item: SourcePort) -> str:
        return f"{item.server.key} {item.port.mac_address}"

    def intent(self, site: Site, item: SourcePort) -> Intent | None:
        """A `change` unless it is down."""
        if not item.port.is_admin_state_up:
            return None
        return Intent(
            cloud=site.spec.source_cloud,
            kind=self.kind,
            key=self._key(item),
            act="change",
            project=item.server.source.project,
            name=self.name(item),
            id=str(item.port.id),
            before={"admin_state_up": True, "tags": list(item.port.tags or ())},
        )

    def make(self, site: Site, item: SourcePort) -> Made:
        """Tag it, take it down."""
        network, port = site.source.network, item.port
        changed = bool(port.is_admin_state_up)
        with about(self.kind, self.name(item), site.spec.source_cloud):
            if changed:
                tags = {*(port.tags or ()), marks.plan_tag(site.mark)}
                network.set_tags(port, sorted(tags))
                network.update_port(port.id, is_admin_state_up=False)
        made = Made(
            cloud=site.spec.source_cloud,
            kind=self.kind,
            key=self._key(item),
            id=str(port.id),
            created=changed,
        )
        site.report.add(made, self.name(item))
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Bring it up again and take our tag off."""
        network = site.source.network
        with about(self.kind, intent.name, intent.cloud):
            port = network.get_port(str(intent.id))
            tag = marks.plan_tag(site.mark)
            if port.is_admin_state_up and tag not in (port.tags or ()):
                return self.undone(intent, "gone")
            network.update_port(port.id, is_admin_state_up=intent.before["admin_state_up"])
            network.set_tags(port, [t for t in port.tags or () if t != tag])
        return self.undone(intent, "undone")
