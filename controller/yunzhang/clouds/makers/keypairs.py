"""Keypairs. They belong to a user, not to a project, and have no place for a mark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from openstack import exceptions

from yunzhang.clouds.intents import Intent, Made
from yunzhang.clouds.makers.calls import about
from yunzhang.clouds.makers.maker import Maker, Undone
from yunzhang.clouds.makers.projects import find_user, own_user
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.specs import KeypairSpec
from yunzhang.errors import Conflict


def same_key(left: str, right: str) -> bool:
    """Whether two public keys are one; the comment at the end does not matter."""
    return left.split()[:2] == right.split()[:2]


def owner_of(site: Site, item: KeypairSpec) -> str:
    """Identifier of the user of that name in the target, or of the product's own user."""

    def read() -> str:
        user = find_user(site, item.user)
        return str(user.id) if user else own_user(site)

    return site.keep(("user", item.user), read)


def _read(site: Site, name: str, user_id: str) -> Any | None:
    try:
        return site.target.compute.get_keypair(name, user_id=user_id)
    except exceptions.NotFoundException:
        return None


def _create(site: Site, item: KeypairSpec, user_id: str) -> None:
    site.target.compute.create_keypair(
        name=item.name, type=item.type, public_key=item.public_key, user_id=user_id
    )


class KeypairMaker(Maker[KeypairSpec]):
    """Public keys of the users of the same name. The record alone knows which are the plan's."""

    kind = "keypair"

    def items(self, site: Site) -> Sequence[KeypairSpec]:
        """Those of the specification."""
        return site.spec.keypairs

    def name(self, item: KeypairSpec) -> str:
        """User and name."""
        return f"{item.user}/{item.name}"

    def _stands(self, site: Site, item: KeypairSpec, user_id: str) -> bool:
        found = _read(site, item.name, user_id)
        if found is not None and not same_key(found.public_key, item.public_key):
            raise Conflict(
                "clouds_make.foreign", thing=thing(self.kind, self.name(item)), id=user_id
            )
        return found is not None

    def intent(self, site: Site, item: KeypairSpec) -> Intent | None:
        """A `create` unless the user has this very key under this name."""
        with about(self.kind, self.name(item), site.spec.target_cloud):
            user_id = owner_of(site, item)
            if self._stands(site, item, user_id):
                return None
        return Intent(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            act="create",
            project=site.project(item.project).name,
            name=self.name(item),
            id=f"{user_id}/{item.name}",
        )

    def make(self, site: Site, item: KeypairSpec) -> Made:
        """Create it for its user; without an account it is the product's own, and that is said."""
        with about(self.kind, self.name(item), site.spec.target_cloud):
            user_id = owner_of(site, item)
            stood = self._stands(site, item, user_id)
            if not stood:
                _create(site, item, user_id)
        if user_id == own_user(site):
            site.report.say("said_keypair_ours", name=item.name, user=item.user)
        made = Made(
            cloud=site.spec.target_cloud,
            kind=self.kind,
            key=item.key,
            id=f"{user_id}/{item.name}",
            created=not stood,
        )
        site.report.add(made, self.name(item))
        return made

    def undo(self, site: Site, intent: Intent) -> Undone:
        """Delete it if it still holds the plan's key."""
        user_id, _, name = (intent.id or "").partition("/")
        spec = next((k for k in site.spec.keypairs if k.key == intent.key), None)
        with about(self.kind, intent.name, intent.cloud):
            found = _read(site, name, user_id) if name else None
            if found is None:
                return self.undone(intent, "gone")
            if spec is None or not same_key(found.public_key, spec.public_key):
                raise Conflict("clouds_make.not_ours", thing=thing(self.kind, name), id=intent.id)
            site.target.compute.delete_keypair(name, user_id=user_id)
        return self.undone(intent, "undone")


@contextmanager
def lent(site: Site, item: KeypairSpec) -> Iterator[str]:
    """The keypair's name, usable by the product inside the block.

    Nova takes a server's key from the user who boots it. The key is lent for the one call; the
    server keeps a copy. A key left behind by a crash is the plan's own key and is lent again.
    """
    own = own_user(site)
    if owner_of(site, item) == own:
        yield item.name
        return
    with site.alone(("keypair", item.name)):
        left = _read(site, item.name, own)
        if left is not None and not same_key(left.public_key, item.public_key):
            raise Conflict("clouds_make.foreign", thing=thing("keypair", item.name), id=own)
        if left is None:
            _create(site, item, own)
        try:
            yield item.name
        finally:
            take_back(site, item)


def take_back(site: Site, item: KeypairSpec) -> None:
    """End a loan, also one that a crash left; a keypair that is ours for good stays."""
    own = own_user(site)
    left = _read(site, item.name, own) if owner_of(site, item) != own else None
    if left is not None and same_key(left.public_key, item.public_key):
        site.target.compute.delete_keypair(item.name, user_id=own)
