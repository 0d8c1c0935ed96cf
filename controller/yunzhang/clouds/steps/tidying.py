"""Removing what was only needed on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yunzhang.clouds.document import Validation
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.report import Report
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.temporaries import TemporaryMaker
from yunzhang.clouds.specs import CloudSpec
from yunzhang.clouds.steps.step import make_all

if TYPE_CHECKING:
    from openstack.connection import Connection


class Tidy:
    """Removes snapshots of sources and files in the spool."""

    name = "tidy"
    changes = True

    def intend(self, spec: CloudSpec, source: Connection, target: Connection) -> list[Intent]:
        """Nothing: what is removed was announced by the step that made it."""
        return []

    def perform(
        self,
        spec: CloudSpec,
        source: Connection,
        target: Connection,
        report: Report,
        validation: Validation | None = None,
    ) -> list[Made]:
        """Remove them."""
        return make_all(Site(spec, source, target, report), TemporaryMaker())
