"""Projects of units, who may work in them, and their quotas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openstack import exceptions

from yunzhang.clouds import marks
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.maker import Creator, Maker, Undone, project_of
from yunzhang.clouds.makers.site import Site, identity_of
from yunzhang.clouds.makers.sources import source_project
from yunzhang.clouds.specs import ProjectSpec
from yunzhang.errors import Conflict

# The role the product takes for itself, to create volumes and servers in the project.
WORK_ROLE = "member"
# Roles that would reach beyond the project: never carried over.
KEPT_BACK = frozenset({"admin", "service", "manager"})
SERVICES = ("compute", "network", "volume")


def own_user(site: Site) -> str:
    """Identifier of the user this product works as in the target."""
    return str(site.target.current_user_id)


def own_domain(site: Site) -> str:
    """Identifier of the domain that user's project is in: projects are made there."""

    def read() -> str:
        auth: Any = site.target.session.auth
        access = auth.get_access(site.target.session)
        return str(access.project_domain_id or "default")

    return site.keep("domain", read)


def find_user(site: Site, name: str) -> Any | None:
    """The target's user of that name in the domain of its projects."""
    users = identity_of(site.target).users(name=name, domain_id=own_domain(site))
    return next(iter(users), None)


class ProjectMaker(Creator[ProjectSpec]):
    """Projects."""

    kind = "project"
    shared = True

    def items(self, site: Site) -> Sequence[ProjectSpec]:
        """Those of the specification."""
        return site.spec.projects

    def name(self, item: ProjectSpec) -> str:
        """Its name."""
        return item.name

    def key(self, item: ProjectSpec) -> str:
        """Its key."""
        return item.key

    def project(self, item: ProjectSpec) -> str | None:
        """Projects stand in no project."""
        return None

    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """By name and the plan's tag."""
        return site.target_project(key)

    def get(self, site: Site, identifier: str) -> Any | None:
        """By identifier."""
        try:
            return identity_of(site.target).get_project(identifier)
        except exceptions.NotFoundException:
            return None

    def is_ours(self, site: Site, found: Any, key: str) -> bool:
        """Both tags: one given the plan's tag by hand is used but never deleted."""
        return set(site.tags(key)) <= set(found.tags or ())

    def refuse(self, site: Site, item: ProjectSpec, project_id: str | None) -> None:
        """A project of that name without the plan's tag is foreign."""
        for found in identity_of(site.target).projects(name=item.name, domain_id=own_domain(site)):
            raise Conflict(
                "clouds_make.foreign_project",
                name=item.name,
                id=found.id,
                tag=marks.plan_tag(site.mark),
            )

    def create(self, site: Site, item: ProjectSpec) -> str:
        """With its tags in the same call."""
        made = identity_of(site.target).create_project(
            name=item.name,
            description=item.description,
            domain_id=own_domain(site),
            tags=site.tags(item.key),
        )
        site.forget(("projects", item.name))
        return str(made.id)

    def delete(self, site: Site, identifier: str) -> None:
        """Together with what services keep for it: the default group and the quota rows."""
        if _holds_anything(site, identifier):
            raise Conflict("clouds_make.project_used", id=identifier)
        for group in site.target.network.security_groups(project_id=identifier, name="default"):
            site.target.network.delete_security_group(group)
        for service in SERVICES:
            _reset_quota(site, service, identifier)
        identity_of(site.target).delete_project(identifier)
        site.forget(("projects", ""))

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Kept while anything stands in it."""
        try:
            return super().undo(site, intent)
        except Conflict as error:
            if error.code == "clouds_make.project_used":
                return self.undone(intent, "kept", error.message)
            if error.code == "clouds_make.not_ours":
                return self.undone(intent, "kept", error.message)
            raise


def _holds_anything(site: Site, project_id: str) -> bool:
    """Whether servers, volumes, networks, ports or images stand in a project."""
    cloud = site.target
    listings = (
        cloud.compute.servers(details=False, all_projects=True, project_id=project_id),
        cloud.block_storage.volumes(details=False, all_projects=True, project_id=project_id),
        cloud.network.networks(project_id=project_id),
        cloud.network.ports(project_id=project_id),
        cloud.image.images(owner=project_id),
    )
    return any(next(iter(listing), None) is not None for listing in listings)


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's role in a project of the target."""

    project: ProjectSpec
    user: str
    user_id: str
    role: str
    role_id: str


class RoleMaker(Maker[Membership]):
    """Role assignments: the product's own, and those of members who have an account here.

    Assignments carry no mark; the record of intents alone knows which are the plan's.
    """

    kind = "role"

    def items(self, site: Site) -> Sequence[Membership]:
        """Own access first, then members by name."""
        roles = {role.name: role.id for role in identity_of(site.target).roles()}
        found = []
        for project in site.spec.projects:
            found.append(Membership(project, "", own_user(site), WORK_ROLE, roles[WORK_ROLE]))
            found += self._members(site, project, roles)
        return found

    def _members(self, site: Site, project: ProjectSpec, roles: dict[str, str]) -> list[Membership]:
        if project.source is None:
            return []
        origin = source_project(site, project.source.project)
        found = []
        pairs = {
            (assignment.user["name"], assignment.role["name"])
            for assignment in identity_of(site.source).role_assignments(
                scope_project_id=origin.id, include_names=True
            )
            if assignment.user
        }
        for user, role in sorted(pairs):
            known = find_user(site, user)
            if role in KEPT_BACK:
                site.report.say("said_role_kept_back", user=user, role=role, project=project.name)
            elif known is None or role not in roles:
                site.report.say("said_member_missing", user=user, role=role, project=project.name)
            elif known.id != own_user(site) or role != WORK_ROLE:
                found.append(Membership(project, user, known.id, role, roles[role]))
        return found

    def name(self, item: Membership) -> str:
        """User and role."""
        return f"{item.user or '-'}:{item.role}@{item.project.name}"

    def _stands(self, site: Site, item: Membership) -> bool:
        project_id = site.project_id(item.project.key)
        if not project_id:
            return False
        return any(
            assignment.user
            for assignment in identity_of(site.target).role_assignments(
                scope_project_id=project_id, user_id=item.user_id, role_id=item.role_id
            )
        )

    def intent(self, site: Site, item: Membership) -> Intent | None:
        """A `create` unless the user has the role. `id` is `user id/role id`."""
        with about(self.kind, self.name(item), site.spec.target_cloud):
            if self._stands(site, item):
                return None
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=f"{item.project.key}/{item.user_id}/{item.role}",
            act="create",
            project=item.project.name,
            name=self.name(item),
            id=f"{item.user_id}/{item.role_id}",
        )

    def make(self, site: Site, item: Membership) -> Made:
        """Assign it unless it is assigned."""
        stood = self._stands(site, item)
        if not stood:
            with about(self.kind, self.name(item), site.spec.target_cloud):
                identity_of(site.target).assign_project_role_to_user(
                    site.needed_project(item.project.key), item.user_id, item.role_id
                )
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=f"{item.project.key}/{item.user_id}/{item.role}",
            id=f"{item.user_id}/{item.role_id}",
            created=not stood,
        )
        site.report.add(made, self.name(item))
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Take the role away if the project is still there."""
        project_id = project_of(site, intent.project or "")
        user_id, _, role_id = (intent.id or "").partition("/")
        if not project_id or not role_id:
            return self.undone(intent, "gone")
        with about(self.kind, intent.name, intent.cloud):
            identity_of(site.target).unassign_project_role_from_user(project_id, user_id, role_id)
        return self.undone(intent, "undone")


class QuotaMaker(Maker[ProjectSpec]):
    """Quotas of compute, network and volume; changed with their state before."""

    kind = "quota"

    def items(self, site: Site) -> Sequence[ProjectSpec]:
        """Projects that the plan gives a quota."""
        return [p for p in site.spec.projects if any(_wanted(p).values())]

    def name(self, item: ProjectSpec) -> str:
        """The project's name."""
        return item.name

    def _different(self, site: Site, item: ProjectSpec, project_id: str) -> dict[str, Any]:
        """The present values of those that are to be changed, by service."""
        before = {}
        for service, wanted in _wanted(item).items():
            if not wanted:
                continue
            now = read_quota(site, service, project_id)
            changed = {name: now.get(name) for name in wanted if now.get(name) != wanted[name]}
            if changed:
                before[service] = changed
        return before

    def intent(self, site: Site, item: ProjectSpec) -> Intent | None:
        """A `change`; for a project that is not there yet there is nothing before."""
        project_id = site.project_id(item.key)
        before: dict[str, Any] = {}
        if project_id:
            with about(self.kind, item.name, site.spec.target_cloud):
                before = self._different(site, item, project_id)
            if not before:
                return None
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            act="change",
            project=item.name,
            name=item.name,
            before=before,
        )

    def make(self, site: Site, item: ProjectSpec) -> Made:
        """Set what differs."""
        project_id = site.needed_project(item.key)
        with about(self.kind, item.name, site.spec.target_cloud):
            before = self._different(site, item, project_id)
            for service in before:
                write_quota(site, service, project_id, _wanted(item)[service])
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            id=project_id,
            created=bool(before),
        )
        site.report.add(made, item.name)
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Put the values of before back; a project made by the plan goes with its quota."""
        project_id = project_of(site, intent.project or "")
        if not project_id:
            return self.undone(intent, "gone")
        with about(self.kind, intent.name, intent.cloud):
            for service, values in intent.before.items():
                write_quota(site, service, project_id, values)
        return self.undone(intent, "undone")


def _wanted(project: ProjectSpec) -> dict[str, dict[str, int]]:
    quota = project.quota
    return {"compute": quota.compute, "network": quota.network, "volume": quota.volume}


def _quota_at(site: Site, service: str, project_id: str) -> tuple[Any, str, str]:
    """The service's client, path and body key: the SDK renames some fields, the API does not."""
    cloud = site.target
    return {
        "compute": (cloud.compute, f"/os-quota-sets/{project_id}", "quota_set"),
        "network": (cloud.network, f"/quotas/{project_id}", "quota"),
        "volume": (cloud.block_storage, f"/os-quota-sets/{project_id}", "quota_set"),
    }[service]


def _checked(response: Any) -> Any:
    exceptions.raise_from_response(response)
    return response


def read_quota(site: Site, service: str, project_id: str) -> dict[str, int]:
    """Limits of a project in the target, by the service's own words."""
    client, path, body = _quota_at(site, service, project_id)
    answer = _checked(client.get(path)).json()[body]
    return {name: value for name, value in answer.items() if isinstance(value, int)}


def write_quota(site: Site, service: str, project_id: str, values: dict[str, int]) -> None:
    """Set limits of a project in the target."""
    client, path, body = _quota_at(site, service, project_id)
    _checked(client.put(path, json={body: values}))


def _reset_quota(site: Site, service: str, project_id: str) -> None:
    client, path, _ = _quota_at(site, service, project_id)
    response = client.delete(path)
    if response.status_code != 404:
        _checked(response)
