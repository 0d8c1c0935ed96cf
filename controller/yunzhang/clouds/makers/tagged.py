"""What all objects of the networking service have in common: tags.

Where the service takes tags in the creating call, they are given there. An older one gets the
mark in the description first, so that a crash between the two calls leaves a marked object.
"""

from __future__ import annotations

from typing import Any, ClassVar

from openstack import exceptions

from yunzhang.clouds import marks
from yunzhang.clouds.makers.maker import Creator, Item
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.errors import Conflict


def takes_tags(site: Site) -> bool:
    """Whether the target's networking service takes tags in the creating call."""
    return site.keep(
        "tag-creation",
        lambda: any(e.alias == "tag-creation" for e in site.target.network.extensions()),
    )


class TaggedCreator(Creator[Item]):
    """A maker of networking objects."""

    shared = True
    plural: ClassVar[str]

    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """By tags and project; in an older cloud also by the description of before tagging."""
        listing = getattr(site.target.network, self.plural)
        found = list(listing(project_id=project_id, tags=",".join(site.tags(key))))
        if not found and not takes_tags(site):
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
        """Create with the mark, in one call if the cloud can."""
        network = site.target.network
        create = getattr(network, f"create_{self.kind}")
        if takes_tags(site):
            return str(create(tags=site.tags(key), **attributes).id)
        wanted = attributes.pop("description", "")
        made = create(description=marks.description(site.mark, key), **attributes)
        self._finish(site, made, key, wanted)
        return str(made.id)

    def _finish(self, site: Site, made: Any, key: str, description: str) -> None:
        site.target.network.set_tags(made, site.tags(key))
        getattr(site.target.network, f"update_{self.kind}")(made, description=description)

    def settle(self, site: Site, item: Item, identifier: str) -> None:
        """Finish tagging that a crash interrupted."""
        if takes_tags(site):
            return
        found = self.get(site, identifier)
        if found is not None and not set(site.tags(self.key(item))) <= set(found.tags or ()):
            self._finish(site, found, self.key(item), str(getattr(item, "description", "")))

    def refuse_name(self, site: Site, name: str, project_id: str | None) -> None:
        """Raise Conflict `clouds_make.foreign` if the project has an object of that name."""
        listing = getattr(site.target.network, self.plural)
        for found in listing(project_id=project_id, name=name) if project_id else ():
            raise Conflict("clouds_make.foreign", thing=thing(self.kind, name), id=found.id)
