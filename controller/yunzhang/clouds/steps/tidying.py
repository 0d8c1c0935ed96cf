"""Removing what was only needed on the way."""

from __future__ import annotations

from yunzhang.clouds.document import Validation
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.temporaries import TemporaryMaker
from yunzhang.clouds.steps.step import make_all


class Tidy:
    """Removes snapshots of sources and files in the spool."""

    name = "tidy"
    changes = True

    def intend(self, site: Site) -> list[Intent]:
        """Nothing: what is removed was announced by the step that made it."""
        return []

    def perform(self, site: Site, validation: Validation) -> list[Made]:
        """Remove them."""
        return make_all(site, TemporaryMaker())
