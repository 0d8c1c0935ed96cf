"""Routers: gateway, interfaces, static routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.maker import Maker, Undone, project_of
from yunzhang.clouds.makers.networks import SubnetMaker, subnet_id
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.tagged import TaggedCreator
from yunzhang.clouds.specs import RouterSpec
from yunzhang.errors import NotFound


def external_network(site: Site, name: str) -> str:
    """Identifier of the target's external network. Raises NotFound `clouds_make.no_external`."""
    for found in site.target.network.networks(name=name, is_router_external=True):
        return str(found.id)
    raise NotFound("clouds_make.no_external", name=name)


class RouterMaker(TaggedCreator[RouterSpec]):
    """Routers with their gateway."""

    kind = "router"
    threads = 4
    plural = "routers"

    def items(self, site: Site) -> Sequence[RouterSpec]:
        """Those of the specification."""
        return site.spec.routers

    def name(self, item: RouterSpec) -> str:
        """Its name."""
        return item.name

    def key(self, item: RouterSpec) -> str:
        """Its key."""
        return item.key

    def project(self, item: RouterSpec) -> str | None:
        """Its project."""
        return item.project

    def refuse(self, site: Site, item: RouterSpec, project_id: str | None) -> None:
        """A router of that name is foreign; a missing external network is found early."""
        self.refuse_name(site, item.name, project_id)
        if item.external_network:
            external_network(site, item.external_network)

    def create(self, site: Site, item: RouterSpec) -> str:
        """Create it with its gateway."""
        options: dict[str, Any] = {}
        if item.external_network:
            gateway: dict[str, Any] = {"network_id": external_network(site, item.external_network)}
            if item.enable_snat is not None:
                gateway["enable_snat"] = item.enable_snat
            options["external_gateway_info"] = gateway
        return self.create_tagged(
            site,
            item.key,
            name=item.name,
            project_id=site.needed_project(item.project),
            **options,
        )


@dataclass(frozen=True, slots=True)
class Interface:
    """A router's leg in a subnet."""

    router: RouterSpec
    subnet: str


class InterfaceMaker(Maker[Interface]):
    """Router interfaces: found by the router and subnet they join."""

    kind = "interface"
    threads = 4

    def items(self, site: Site) -> Sequence[Interface]:
        """Those of the specification."""
        return [Interface(r, s) for r in site.spec.routers for s in r.subnets]

    def name(self, item: Interface) -> str:
        """Router and subnet."""
        return f"{item.router.name} – {item.subnet}"

    def _key(self, item: Interface) -> str:
        return f"{item.router.key} {item.subnet}"

    def _port(self, site: Site, router_id: str | None, subnet: str | None) -> Any | None:
        if not router_id or not subnet:
            return None
        for port in site.target.network.ports(device_id=router_id):
            if any(fixed["subnet_id"] == subnet for fixed in port.fixed_ips):
                return port
        return None

    def intent(self, site: Site, item: Interface) -> Intent | None:
        """A `create` unless the router is in the subnet."""
        with about(self.kind, self.name(item), site.spec.target_cloud):
            router_id = RouterMaker().find(site, item.router)
            if self._port(site, router_id, subnet_id(site, item.subnet)):
                return None
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=self._key(item),
            act="create",
            project=site.project(item.router.project).name,
            name=self.name(item),
        )

    def make(self, site: Site, item: Interface) -> Made:
        """Join them unless they are joined."""
        with about(self.kind, self.name(item), site.spec.target_cloud):
            router_id = RouterMaker().needed(site, item.router)
            subnet = subnet_id(site, item.subnet)
            port = self._port(site, router_id, subnet)
            created = port is None
            if port is None:
                site.target.network.add_interface_to_router(router_id, subnet=subnet)
                port = self._port(site, router_id, subnet)
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=self._key(item),
            id=str(port.id) if port else router_id,
            created=created,
        )
        site.report.add(made, self.name(item))
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Part them, found by mark: the interface itself has no place for one."""
        item = next((i for i in self.items(site) if self._key(i) == intent.key), None)
        project_id = project_of(site, intent.project or "")
        if project_id is None or item is None:
            return self.undone(intent, "gone")
        with about(self.kind, intent.name, intent.cloud):
            router = RouterMaker().look(site, project_id, item.router.key)
            subnet = SubnetMaker().look(site, project_id, item.subnet)
            if not router or not subnet or not self._port(site, router.id, subnet.id):
                return self.undone(intent, "gone")
            site.target.network.remove_interface_from_router(router.id, subnet=subnet.id)
        return self.undone(intent, "undone")


class RoutesMaker(Maker[RouterSpec]):
    """Static routes: set after the interfaces, since next hops must be in reach."""

    kind = "routes"
    threads = 4

    def items(self, site: Site) -> Sequence[RouterSpec]:
        """Routers that have routes."""
        return [router for router in site.spec.routers if router.routes]

    def name(self, item: RouterSpec) -> str:
        """The router's name."""
        return item.name

    def _present(self, site: Site, router_id: str | None) -> list[dict[str, str]]:
        if not router_id:
            return []
        return list(site.target.network.get_router(router_id).routes or [])

    def _wanted(self, item: RouterSpec, present: list[dict[str, str]]) -> list[dict[str, str]]:
        """Present routes are left alone: a later wave must not undo a person's change."""
        return present + [r.model_dump() for r in item.routes if r.model_dump() not in present]

    def intent(self, site: Site, item: RouterSpec) -> Intent | None:
        """A `change` if a route is missing."""
        with about(self.kind, item.name, site.spec.target_cloud):
            present = self._present(site, RouterMaker().find(site, item))
        if self._wanted(item, present) == present:
            return None
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            act="change",
            project=site.project(item.project).name,
            name=item.name,
            before={"routes": present},
        )

    def make(self, site: Site, item: RouterSpec) -> Made:
        """Add what is missing."""
        with about(self.kind, item.name, site.spec.target_cloud):
            router_id = RouterMaker().needed(site, item)
            present = self._present(site, router_id)
            wanted = self._wanted(item, present)
            if wanted != present:
                site.target.network.update_router(router_id, routes=wanted)
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            id=router_id,
            created=wanted != present,
        )
        site.report.add(made, item.name)
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Put the routes of before back."""
        project_id = project_of(site, intent.project or "")
        router = RouterMaker().look(site, project_id, intent.key) if project_id else None
        if router is None:
            return self.undone(intent, "gone")
        with about(self.kind, intent.name, intent.cloud):
            site.target.network.update_router(router.id, routes=intent.before.get("routes", []))
        return self.undone(intent, "undone")
