"""Security groups in two passes: the groups, then their rules, since groups refer to each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from yunzhang.clouds import marks
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.maker import Maker, Undone, project_of
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.rules import (
    Rule,
    as_call,
    is_made_by_neutron,
    missing,
    superfluous,
)
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.tagged import TaggedCreator
from yunzhang.clouds.specs import SecurityGroupSpec
from yunzhang.errors import Conflict, NotFound

DEFAULT = "default"


class GroupMaker(TaggedCreator[SecurityGroupSpec]):
    """Groups without regard to their rules. The project's `default` one is never made."""

    kind = "security_group"
    threads = 4
    plural = "security_groups"

    def items(self, site: Site) -> Sequence[SecurityGroupSpec]:
        """All but `default`."""
        return [group for group in site.spec.security_groups if group.name != DEFAULT]

    def name(self, item: SecurityGroupSpec) -> str:
        """Its name."""
        return item.name

    def key(self, item: SecurityGroupSpec) -> str:
        """Its key."""
        return item.key

    def project(self, item: SecurityGroupSpec) -> str | None:
        """Its project."""
        return item.project

    def refuse(self, site: Site, item: SecurityGroupSpec, project_id: str | None) -> None:
        """A group of that name in the project is foreign."""
        self.refuse_name(site, item.name, project_id)

    def create(self, site: Site, item: SecurityGroupSpec) -> str:
        """Create it; Neutron gives it two rules, the second pass takes them if not wanted."""
        return self.create_tagged(
            site,
            item.key,
            name=item.name,
            project_id=site.needed_project(item.project),
        )


def group_id(site: Site, key: str) -> str | None:
    """Identifier of the target's group for a key of the plan, None if not made yet."""
    for group in site.spec.security_groups:
        if group.key != key:
            continue
        if group.name != DEFAULT:
            return GroupMaker().find(site, group)
        found = _default_group(site, site.project_id(group.project))
        return str(found.id) if found else None
    raise NotFound("clouds_make.no_key", thing=thing("security_group", key))


def needed_group(site: Site, key: str) -> str:
    """Like `group_id`; Conflict `clouds_make.not_made` if it is not there."""
    found = group_id(site, key)
    if not found:
        raise Conflict("clouds_make.not_made", thing=thing("security_group", key))
    return found


def _default_group(site: Site, project_id: str | None) -> Any | None:
    """The project's own group; Neutron makes it when it is first asked for."""
    if not project_id:
        return None
    groups = site.target.network.security_groups(project_id=project_id, name=DEFAULT)
    return next(iter(groups), None)


def _rules_of(group: Any) -> list[Rule]:
    return [
        {
            "id": rule["id"],
            "direction": rule["direction"],
            "ethertype": rule["ethertype"],
            "protocol": rule["protocol"],
            "port_min": rule["port_range_min"],
            "port_max": rule["port_range_max"],
            "remote_prefix": rule["remote_ip_prefix"],
            "remote_group_id": rule["remote_group_id"],
            "description": rule.get("description") or "",
        }
        for rule in group.security_group_rules
    ]


class RulesMaker(Maker[SecurityGroupSpec]):
    """Rules of groups. Those of `default` are a change with the rules and tags of before.

    A group the plan has dealt with once carries its tag: from then on rules are only added, so
    that a later wave does not take away what a department has added since.
    """

    kind = "rules"
    threads = 4

    def items(self, site: Site) -> Sequence[SecurityGroupSpec]:
        """All groups."""
        return site.spec.security_groups

    def name(self, item: SecurityGroupSpec) -> str:
        """The group's name."""
        return item.name

    def _group(self, site: Site, item: SecurityGroupSpec) -> Any | None:
        found = group_id(site, item.key)
        return site.target.network.get_security_group(found) if found else None

    def _wanted(self, site: Site, item: SecurityGroupSpec) -> list[Rule]:
        wanted = []
        for spec in item.rules:
            rule = spec.model_dump(exclude={"remote_group"})
            # a group that is still to be made has no identifier: its key stands for it
            rule["remote_group_id"] = (
                (group_id(site, spec.remote_group) or spec.remote_group)
                if spec.remote_group
                else None
            )
            wanted.append(rule)
        return wanted

    def _difference(
        self, site: Site, item: SecurityGroupSpec, group: Any | None
    ) -> tuple[list[Rule], list[Rule]]:
        """Rules to add and rules to take."""
        wanted = self._wanted(site, item)
        if group is None:
            return wanted, []
        present = _rules_of(group)
        extra = superfluous(wanted, present)
        if item.name != DEFAULT:
            extra = [rule for rule in extra if is_made_by_neutron(rule)]
        elif marks.plan_tag(site.mark) in (group.tags or ()):
            extra = []
        return missing(wanted, present), extra

    def intent(self, site: Site, item: SecurityGroupSpec) -> Intent | None:
        """A `change` if rules differ; `before` is given for `default` only."""
        with about(self.kind, item.name, site.spec.target_cloud):
            group = self._group(site, item)
            add, take = self._difference(site, item, group)
        if not add and not take:
            return None
        before: dict[str, Any] = {}
        if group is not None and item.name == DEFAULT:
            before = {"rules": _rules_of(group), "tags": list(group.tags or ())}
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            act="change",
            project=site.project(item.project).name,
            name=item.name,
            id=str(group.id) if group is not None else None,
            before=before,
        )

    def make(self, site: Site, item: SecurityGroupSpec) -> Made:
        """Add, then take: at no moment is less allowed than before and after."""
        with about(self.kind, item.name, site.spec.target_cloud):
            identifier = needed_group(site, item.key)
            group = site.target.network.get_security_group(identifier)
            add, take = self._difference(site, item, group)
            _converge(site, identifier, add, take)
            if item.name == DEFAULT and (add or take):
                tags = [*(group.tags or ()), marks.plan_tag(site.mark)]
                site.target.network.set_tags(group, sorted(set(tags)))
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            id=identifier,
            created=bool(add or take),
        )
        site.report.add(made, item.name)
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Rules of before for `default`; a group of the plan goes with its rules."""
        project_id = project_of(site, intent.project or "")
        if not project_id or "rules" not in intent.before:
            return self.undone(intent, "gone")
        with about(self.kind, intent.name, intent.cloud):
            group = _default_group(site, project_id)
            if group is None:
                return self.undone(intent, "gone")
            wanted, present = intent.before["rules"], _rules_of(group)
            _converge(site, group.id, missing(wanted, present), superfluous(wanted, present))
            site.target.network.set_tags(group, intent.before.get("tags", []))
        return self.undone(intent, "undone")


def _converge(site: Site, identifier: str, add: list[Rule], take: list[Rule]) -> None:
    if add:
        site.target.network.create_security_group_rules([as_call(identifier, rule) for rule in add])
    for rule in take:
        site.target.network.delete_security_group_rule(rule["id"], ignore_missing=True)
