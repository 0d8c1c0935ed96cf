"""The common shape of all makers.

A maker's `intent` only reads and says what it would do; `make` does it, or adopts what a crashed
run left; `undo` takes it back and is content when it is gone already.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about, reason_of
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.errors import Conflict

Item = TypeVar("Item")
Outcome = Literal["undone", "gone", "kept"]


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of an undo: `kept` means it is still used by something that is not ours."""

    kind: str
    key: str
    outcome: Outcome
    reason: str = ""


class Maker(ABC, Generic[Item]):
    """One kind of object or change. `threads`: how many are worked on at once."""

    kind: ClassVar[str]
    threads: ClassVar[int] = 1

    @abstractmethod
    def items(self, site: Site) -> Sequence[Item]:
        """What the specification asks for, in order."""

    @abstractmethod
    def name(self, item: Item) -> str:
        """The name people know it by."""

    @abstractmethod
    def intent(self, site: Site, item: Item) -> Intent | None:
        """What `make` would do; None: nothing. Raises Conflict if something foreign is there."""

    @abstractmethod
    def make(self, site: Site, item: Item) -> Made:
        """Do it, or find it done."""

    @abstractmethod
    def undo(self, site: Site, intent: Intent) -> Undone:
        """Take it back."""

    def undone(self, intent: Intent, outcome: Outcome, reason: str = "") -> Undone:
        """A result of `undo`."""
        return Undone(intent.kind, intent.key, outcome, reason)


class Creator(Maker[Item]):
    """A maker of objects that carry the plan's mark, in the target cloud.

    `shared` objects may be in use by others when they are undone: then they are kept.
    """

    shared: ClassVar[bool] = False

    @abstractmethod
    def key(self, item: Item) -> str:
        """The key inside the plan."""

    @abstractmethod
    def project(self, item: Item) -> str | None:
        """Key of the project the object belongs to, None for the cloud's own objects."""

    @abstractmethod
    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """The object with our mark for `key`, or None."""

    @abstractmethod
    def get(self, site: Site, identifier: str) -> Any | None:
        """The object by identifier, or None."""

    @abstractmethod
    def is_ours(self, site: Site, found: Any, key: str) -> bool:
        """Whether the object carries our mark for `key`."""

    @abstractmethod
    def create(self, site: Site, item: Item) -> str:
        """Create it with the mark; return its identifier."""

    @abstractmethod
    def delete(self, site: Site, identifier: str) -> None:
        """Delete it and wait until it is gone."""

    def refuse(self, site: Site, item: Item, project_id: str | None) -> None:
        """Raise Conflict `clouds_make.foreign` if a foreign object is in the way.

        `project_id` is None while the project is not made yet.
        """

    def settle(self, site: Site, item: Item, identifier: str) -> None:
        """Bring a created or adopted object to what creating alone cannot say; idempotent."""

    def find(self, site: Site, item: Item) -> str | None:
        """Identifier of what stands there with our mark, or None."""
        key = self.key(item)
        if (self.kind, key) not in site.ids:
            project = self.project(item)
            project_id = site.project_id(project) if project else None
            if project and not project_id:
                self.refuse(site, item, None)
                return None
            found = self.look(site, project_id, key)
            if found is None:
                self.refuse(site, item, project_id)
                return None
            site.ids[self.kind, key] = str(found.id)
        return site.ids[self.kind, key]

    def needed(self, site: Site, item: Item) -> str:
        """Like `find`, for what an earlier step made. Raises Conflict `clouds_make.not_made`."""
        found = self.find(site, item)
        if not found:
            raise Conflict("clouds_make.not_made", thing=thing(self.kind, self.name(item)))
        return found

    def intent(self, site: Site, item: Item) -> Intent | None:
        """A `create`, unless it stands there with our mark."""
        with about(self.kind, self.name(item), site.spec.target_cloud):
            if self.find(site, item):
                return None
        project = self.project(item)
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=self.key(item),
            act="create",
            project=site.project(project).name if project else None,
            name=self.name(item),
        )

    def make(self, site: Site, item: Item) -> Made:
        """Create or adopt it."""
        key = self.key(item)
        with about(self.kind, self.name(item), site.spec.target_cloud):
            found = self.find(site, item)
            identifier = found or self.create(site, item)
            site.ids[self.kind, key] = identifier
            self.settle(site, item, identifier)
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=key,
            id=identifier,
            created=found is None,
        )
        site.report.add(made, self.name(item))
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Delete it by identifier, or by mark when a crash kept the identifier from us."""
        with about(self.kind, intent.name or intent.key, intent.cloud):
            found = self.get(site, intent.id) if intent.id else self._seek(site, intent)
            if found is None:
                return self.undone(intent, "gone")
            if not self.is_ours(site, found, intent.key):
                raise Conflict(
                    "clouds_make.not_ours", thing=thing(self.kind, intent.key), id=found.id
                )
            try:
                self.delete(site, str(found.id))
            except Exception as error:
                if self.shared and is_in_use(error):
                    return self.undone(intent, "kept", reason_of(error))
                raise
        return self.undone(intent, "undone")

    def _seek(self, site: Site, intent: Intent) -> Any | None:
        project_id = None
        if intent.project is not None:
            project_id = project_of(site, intent.project)
            if project_id is None:
                return None
        return self.look(site, project_id, intent.key)


def project_of(site: Site, name: str) -> str | None:
    """Identifier of the target's project of that name in this plan, None if it is gone."""
    for project in site.spec.projects:
        if project.name == name:
            return site.project_id(project.key)
    return None


def is_in_use(error: Exception) -> bool:
    """Whether a service refused to delete because something else needs the object."""
    return getattr(error, "status_code", None) == 409
