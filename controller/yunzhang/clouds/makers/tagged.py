"""What all objects of the networking service have in common: tags.

Neutron takes no tags in the creating call (its extension `tag-creation` is about adding several
tags at once). So the mark goes into the description first, then into tags, then the description
becomes what it should be: a crash at any point leaves an object that is known as ours.
"""

from __future__ import annotations

from typing import Any, ClassVar

from openstack import exceptions

from yunzhang.clouds import marks
from yunzhang.clouds.makers.maker import Creator, Item
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.errors import Conflict


class TaggedCreator(Creator[Item]):
    """A maker of networking objects."""

    shared = True
    plural: ClassVar[str]

    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """By tags and project, or by the description of before tagging."""
        listing = getattr(site.target.network, self.plural)
        found = list(listing(project_id=project_id, tags=",".join(site.tags(key))))
        if not found:
            words = marks.description(site.mark, key)
            found = list(listing(project_id=project_id, description=words))
        if len(found) > 1:
            raise Conflict("clouds_make.twice", thing=thing(self.kind, key))
        return found[0] if found else None

    def get(self, site: Site, identifier: str) -> Any | None:
        """By identifier."""
        try:
            return getattr(site.target.network, f"get_{self.kind}")(identifier)
        except exceptions.NotFoundException:
            return None

    def is_ours(self, site: Site, found: Any, key: str) -> bool:
        """By tags or by the description of before tagging."""
        if set(site.tags(key)) <= set(found.tags or ()):
            return True
        return bool(found.description == marks.description(site.mark, key))

    def delete(self, site: Site, identifier: str) -> None:
        """Delete it; gone already is fine."""
        getattr(site.target.network, f"delete_{self.kind}")(identifier, ignore_missing=True)

    def create_tagged(self, site: Site, key: str, **attributes: Any) -> str:
        """Create it with the mark in its description; `settle` makes it tags."""
        words = marks.description(site.mark, key)
        create = getattr(site.target.network, f"create_{self.kind}")
        return str(create(**attributes | {"description": words}).id)

    def described(self, item: Item) -> str:
        """The description it should have in the end."""
        return str(getattr(item, "description", ""))

    def settle(self, site: Site, item: Item, identifier: str) -> None:
        """Turn the mark in the description into tags, unless that is done."""
        found = self.get(site, identifier)
        key = self.key(item)
        if found is None or found.description != marks.description(site.mark, key):
            return
        site.target.network.set_tags(found, sorted({*(found.tags or ()), *site.tags(key)}))
        update = getattr(site.target.network, f"update_{self.kind}")
        update(identifier, description=self.described(item))

    def refuse_name(self, site: Site, name: str, project_id: str | None) -> None:
        """Raise Conflict `clouds_make.foreign` if the project has an object of that name."""
        listing = getattr(site.target.network, self.plural)
        for found in listing(project_id=project_id, name=name) if project_id else ():
            raise Conflict("clouds_make.foreign", thing=thing(self.kind, name), id=found.id)
