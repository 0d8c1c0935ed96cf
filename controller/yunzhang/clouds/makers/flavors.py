"""Flavors of the target, and who may see the private ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openstack import exceptions

from yunzhang.clouds import marks
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.maker import Creator, Maker, Undone, project_of
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.specs import FlavorSpec, ProjectSpec
from yunzhang.errors import Conflict, NotFound


def _all_flavors(site: Site) -> list[Any]:
    return site.keep("flavors", lambda: list(site.target.compute.flavors(details=True)))


class FlavorMaker(Creator[FlavorSpec]):
    """Flavors made by the plan carry the mark in their description; others must be there."""

    kind = "flavor"
    shared = True

    def items(self, site: Site) -> Sequence[FlavorSpec]:
        """All of them."""
        return site.spec.flavors

    def name(self, item: FlavorSpec) -> str:
        """Its name."""
        return item.name

    def key(self, item: FlavorSpec) -> str:
        """Its key."""
        return item.key

    def project(self, item: FlavorSpec) -> str | None:
        """Flavors stand in no project."""
        return None

    def find(self, site: Site, item: FlavorSpec) -> str | None:
        """By mark, or, when the plan does not make it, by name.

        Raises NotFound `clouds_make.no_flavor` or Conflict `clouds_make.small_flavor`.
        """
        if item.create:
            return super().find(site, item)
        for flavor in _all_flavors(site):
            if flavor.name == item.name:
                if flavor.vcpus < item.vcpus or flavor.ram < item.ram_mib:
                    raise Conflict("clouds_make.small_flavor", name=item.name)
                return str(flavor.id)
        raise NotFound("clouds_make.no_flavor", name=item.name)

    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """By description."""
        words = marks.description(site.mark, key)
        return next((f for f in _all_flavors(site) if f.description == words), None)

    def get(self, site: Site, identifier: str) -> Any | None:
        """By identifier."""
        try:
            return site.target.compute.get_flavor(identifier)
        except exceptions.NotFoundException:
            return None

    def is_ours(self, site: Site, found: Any, key: str) -> bool:
        """By description."""
        return bool(found.description == marks.description(site.mark, key))

    def refuse(self, site: Site, item: FlavorSpec, project_id: str | None) -> None:
        """Flavor names are unique in a cloud."""
        for flavor in _all_flavors(site):
            if flavor.name == item.name:
                raise Conflict(
                    "clouds_make.foreign", thing=thing(self.kind, item.name), id=flavor.id
                )

    def create(self, site: Site, item: FlavorSpec) -> str:
        """Create it, private when the plan names projects."""
        made = site.target.compute.create_flavor(
            name=item.name,
            vcpus=item.vcpus,
            ram=item.ram_mib,
            disk=item.disk_gib,
            ephemeral=item.ephemeral_gib,
            swap=item.swap_mib,
            is_public=not item.access,
            description=marks.description(site.mark, item.key),
        )
        site.forget("flavors")
        return str(made.id)

    def settle(self, site: Site, item: FlavorSpec, identifier: str) -> None:
        """Extra specifications come in calls of their own."""
        if not item.create:
            return
        flavor = site.target.compute.get_flavor(identifier)
        specs = site.target.compute.fetch_flavor_extra_specs(flavor).extra_specs or {}
        lacking = {k: v for k, v in item.extra_specs.items() if specs.get(k) != v}
        if lacking:
            site.target.compute.create_flavor_extra_specs(flavor, lacking)

    def delete(self, site: Site, identifier: str) -> None:
        """Servers keep their own copy of a flavor, so one in use may go."""
        site.target.compute.delete_flavor(identifier, ignore_missing=True)
        site.forget("flavors")


@dataclass(frozen=True, slots=True)
class Access:
    """A project that may see a private flavor."""

    flavor: FlavorSpec
    project: ProjectSpec


class AccessMaker(Maker[Access]):
    """Access to the private flavors the plan makes, for projects of this wave."""

    kind = "flavor_access"

    def items(self, site: Site) -> Sequence[Access]:
        """Flavor and project; projects of other waves come with those."""
        projects = {project.key: project for project in site.spec.projects}
        return [
            Access(flavor, projects[key])
            for flavor in site.spec.flavors
            if flavor.create
            for key in flavor.access
            if key in projects
        ]

    def name(self, item: Access) -> str:
        """Flavor and project."""
        return f"{item.flavor.name} – {item.project.name}"

    def _key(self, item: Access) -> str:
        return f"{item.flavor.key} {item.project.key}"

    def _stands(self, site: Site, flavor: str | None, project_id: str | None) -> bool:
        if not flavor or not project_id:
            return False
        granted = site.target.compute.get_flavor_access(flavor)
        return any(entry["tenant_id"] == project_id for entry in granted)

    def intent(self, site: Site, item: Access) -> Intent | None:
        """A `create` unless the project has access."""
        with about(self.kind, self.name(item), site.spec.target_cloud):
            flavor = FlavorMaker().find(site, item.flavor)
            if self._stands(site, flavor, site.project_id(item.project.key)):
                return None
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=self._key(item),
            act="create",
            project=item.project.name,
            name=self.name(item),
        )

    def make(self, site: Site, item: Access) -> Made:
        """Grant it unless granted."""
        project_id = site.needed_project(item.project.key)
        with about(self.kind, self.name(item), site.spec.target_cloud):
            flavor = FlavorMaker().needed(site, item.flavor)
            stood = self._stands(site, flavor, project_id)
            if not stood:
                site.target.compute.flavor_add_tenant_access(flavor, project_id)
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=self._key(item),
            id=f"{flavor}/{project_id}",
            created=not stood,
        )
        site.report.add(made, self.name(item))
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Withdraw it, if flavor and project are still there."""
        item = next((i for i in self.items(site) if self._key(i) == intent.key), None)
        project_id = project_of(site, intent.project or "")
        with about(self.kind, intent.name, intent.cloud):
            flavor = FlavorMaker().look(site, None, item.flavor.key) if item else None
            if flavor is None or not self._stands(site, flavor.id, project_id):
                return self.undone(intent, "gone")
            site.target.compute.flavor_remove_tenant_access(flavor, str(project_id))
        return self.undone(intent, "undone")
