"""A step of a wave: what it would do, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from yunzhang.clouds.document import Validation
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.maker import Maker
from yunzhang.clouds.makers.site import Site
from yunzhang.errors import YunzhangError


class Step(Protocol):
    """What the playbooks' module and the controller need of a step.

    The site is new each time: what is found in the clouds is kept in it.
    """

    @property
    def name(self) -> str:
        """The name of the step and of its playbook."""

    @property
    def changes(self) -> bool:
        """Whether it changes a cloud at all."""

    def intend(self, site: Site) -> list[Intent]:
        """All that `perform` would create or change now; reads only."""

    def perform(self, site: Site, validation: Validation) -> list[Made]:
        """Do it; doing it again changes nothing more."""


@dataclass(frozen=True)
class MakingStep:
    """A step that is nothing but makers, one after the other."""

    name: str
    makers: Sequence[Maker[Any]]
    changes: bool = True

    def intend(self, site: Site) -> list[Intent]:
        """What the makers would do. Raises the first Conflict or NotFound met."""
        intents, problems = examine(site, self.makers)
        if problems:
            raise problems[0]
        return intents

    def perform(self, site: Site, validation: Validation) -> list[Made]:
        """Let the makers make."""
        return [made for maker in self.makers for made in make_all(site, maker)]


def make_all(site: Site, maker: Maker[Any]) -> list[Made]:
    """Let one maker make all its items, in its number of threads."""
    return site.each(maker.items(site), lambda item: maker.make(site, item), maker.threads)


def examine(site: Site, makers: Sequence[Maker[Any]]) -> tuple[list[Intent], list[YunzhangError]]:
    """Every intent and every problem of the makers; one does not hide another."""
    intents: list[Intent] = []
    problems: list[YunzhangError] = []
    for maker in makers:
        try:
            items = maker.items(site)
        except YunzhangError as error:
            problems.append(error)
            continue
        for found in site.each(items, partial(_ask, site, maker), maker.threads):
            if isinstance(found, YunzhangError):
                problems.append(found)
            elif found:
                intents.append(found)
    return intents, problems


def _ask(site: Site, maker: Maker[Any], item: Any) -> Intent | YunzhangError | None:
    try:
        return maker.intent(site, item)
    except YunzhangError as error:
        return error
