"""What copying leaves on the way: snapshots of image-booted sources, and files in the spool."""

from __future__ import annotations

from collections.abc import Sequence

from yunzhang.clouds import transfer
from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.maker import Maker, Undone
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.specs import ServerSpec


class TemporaryMaker(Maker[ServerSpec]):
    """Made by the transfer itself; here it is announced and taken away."""

    kind = "temporary"

    def items(self, site: Site) -> Sequence[ServerSpec]:
        """Servers that have a disk without a volume."""
        return [s for s in site.spec.servers if any(d.origin == "image" for d in s.disks)]

    def name(self, item: ServerSpec) -> str:
        """The source's name."""
        return item.source.name

    def intent(self, site: Site, item: ServerSpec) -> Intent | None:
        """A `create` in the source cloud."""
        return Intent(
            cloud=site.spec.source_cloud,
            kind=self.kind,
            key=item.key,
            act="create",
            project=item.source.project,
            name=item.source.name,
        )

    def make(self, site: Site, item: ServerSpec) -> Made:
        """Take it away: what the step `tidy` does."""
        with about(self.kind, item.name, site.spec.source_cloud):
            removed = transfer.remove_temporaries(site.spec, item)
        for what in removed:
            site.report.say("said_removed", what=what)
        return Made(
            cloud=site.spec.source_cloud,
            kind=self.kind,
            key=item.key,
            id=item.key,
            created=False,
            details={"removed": removed},
        )

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Take it away."""
        for server in self.items(site):
            if server.key == intent.key and self.make(site, server).details["removed"]:
                return self.undone(intent, "undone")
        return self.undone(intent, "gone")
