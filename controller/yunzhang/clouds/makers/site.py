"""Where makers work: the specification, both clouds, and what was found in them so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from yunzhang.clouds import marks
from yunzhang.clouds.connection import connect
from yunzhang.clouds.makers.report import Report, thing
from yunzhang.clouds.specs import CloudSpec, ProjectSpec
from yunzhang.errors import Conflict, NotFound

if TYPE_CHECKING:
    from openstack.connection import Connection

THREADS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def identity_of(cloud: Connection) -> Any:
    """The identity service; the SDK's type allows for version 2, which is long gone."""
    return cloud.identity


@dataclass
class Site:
    """One step's place of work. `ids` maps (kind, key) to identifiers in the target."""

    spec: CloudSpec
    source: Connection
    target: Connection
    report: Report = field(default_factory=Report)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    _kept: dict[object, Any] = field(default_factory=dict)
    _lock: RLock = field(default_factory=RLock)

    def anew(self) -> Site:
        """The same place, with nothing known of what is there now."""
        return Site(self.spec, self.source, self.target, self.report)

    @property
    def mark(self) -> str:
        """The plan's mark."""
        return self.spec.mark

    def metadata(self, key: str) -> dict[str, str]:
        """The mark as metadata for `key`."""
        return marks.metadata(self.mark, key)

    def tags(self, key: str) -> list[str]:
        """The mark as tags for `key`."""
        return marks.tags(self.mark, key)

    def keep(self, name: object, read: Callable[[], Result]) -> Result:
        """The result of `read`, called once per step."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = read()
            found: Result = self._kept[name]
            return found

    def forget(self, name: object) -> None:
        """Let the next `keep` of `name` read again."""
        with self._lock:
            self._kept.pop(name, None)

    @contextmanager
    def alone(self, name: object) -> Iterator[None]:
        """Only one thread at a time is inside blocks of the same name."""
        with self._lock:
            lock = self._kept.setdefault(("lock", name), RLock())
        with lock:
            yield

    def project(self, key: str) -> ProjectSpec:
        """The specification of a project. Raises NotFound `clouds_make.no_project`."""
        for project in self.spec.projects:
            if project.key == key:
                return project
        raise NotFound("clouds_make.no_project", project=key)

    def target_project(self, key: str) -> Any | None:
        """The target's project for a key of the plan, or None if it is not there yet.

        Found by mark; a project that carries only the plan's tag (given by hand or by another
        wave) is found by its name.
        """
        spec = self.project(key)
        named = self.keep(
            ("projects", spec.name),
            lambda: list(identity_of(self.target).projects(name=spec.name)),
        )
        tag = marks.plan_tag(self.mark)
        ours = [project for project in named if tag in (project.tags or ())]
        if len(ours) > 1:
            raise Conflict("clouds_make.twice", thing=thing("project", spec.name))
        return ours[0] if ours else None

    def project_id(self, key: str) -> str | None:
        """Identifier of the target's project, or None if it is not there yet."""
        found = self.target_project(key)
        return str(found.id) if found else None

    def in_project(self, key: str) -> Connection:
        """A connection to the target that is scoped to the project; it must be there."""
        project = self.needed_project(key)
        return self.keep(
            ("connection", project), lambda: connect(self.spec.target_cloud, project=project)
        )

    def needed_project(self, key: str) -> str:
        """Identifier of the target's project. Raises Conflict `clouds_make.not_made`."""
        found = self.project_id(key)
        if not found:
            raise Conflict("clouds_make.not_made", thing=thing("project", key))
        return found

    def each(
        self, items: Iterable[Item], work: Callable[[Item], Result], threads: int = THREADS
    ) -> list[Result]:
        """`work` on all items in a few threads; all are finished before the first error is raised.

        Errors after the first are said in the report.
        """
        todo = list(items)
        if threads == 1 or len(todo) < 2:
            return [work(item) for item in todo]
        with ThreadPoolExecutor(min(threads, len(todo))) as pool:
            futures: list[Future[Result]] = [
                pool.submit(copy_context().run, work, item) for item in todo
            ]
        errors = [error for future in futures if (error := future.exception())]
        for error in errors[1:]:
            self.report.say("said_also_failed", reason=str(error))
        if errors:
            raise errors[0]
        return [future.result() for future in futures]


def open_site(spec: CloudSpec, report: Report | None = None) -> Site:
    """A site with connections to both clouds. Raises as `connection.connect`."""
    source, target = connect(spec.source_cloud), connect(spec.target_cloud)
    return Site(spec, source, target, report or Report())
