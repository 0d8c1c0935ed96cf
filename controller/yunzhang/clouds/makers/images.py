"""Private images, streamed from source to target and compared by SHA-512."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from openstack import exceptions

from yunzhang.clouds.makers.maker import Creator
from yunzhang.clouds.makers.report import thing
from yunzhang.clouds.makers.site import Site
from yunzhang.clouds.makers.sources import source_image
from yunzhang.clouds.specs import ImageSpec
from yunzhang.errors import Conflict, Outside

CHUNK_BYTES = 1024**2
ALLOWED = frozenset({"architecture", "description", "hypervisor_type", "vm_mode"})
ALLOWED_PREFIXES = ("hw_", "os_", "trait:")
# Set by the image service itself, refused when given.
FORBIDDEN_PREFIXES = ("os_hash_", "os_glance_", "os_hidden")


def carried(properties: dict[str, str]) -> dict[str, str]:
    """The properties that mean the same in another cloud."""
    return {
        name: value
        for name, value in properties.items()
        if (name in ALLOWED or name.startswith(ALLOWED_PREFIXES))
        and not name.startswith(FORBIDDEN_PREFIXES)
    }


class ImageMaker(Creator[ImageSpec]):
    """Images with their bytes."""

    kind = "image"
    shared = True
    threads = 2  # each streams through this process

    def items(self, site: Site) -> Sequence[ImageSpec]:
        """Those of the specification."""
        return site.spec.images

    def name(self, item: ImageSpec) -> str:
        """Its name."""
        return item.name

    def key(self, item: ImageSpec) -> str:
        """Its key."""
        return item.key

    def project(self, item: ImageSpec) -> str | None:
        """Its project."""
        return item.project

    def look(self, site: Site, project_id: str | None, key: str) -> Any | None:
        """By properties and owner."""
        images = site.target.image.images(owner=project_id)
        return next((image for image in images if self.is_ours(site, image, key)), None)

    def get(self, site: Site, identifier: str) -> Any | None:
        """By identifier."""
        try:
            return site.target.image.get_image(identifier)
        except exceptions.NotFoundException:
            return None

    def is_ours(self, site: Site, found: Any, key: str) -> bool:
        """By properties."""
        return site.metadata(key).items() <= (found.properties or {}).items()

    def refuse(self, site: Site, item: ImageSpec, project_id: str | None) -> None:
        """An image of that name in the project is foreign; the source's must be there."""
        images = site.target.image.images(owner=project_id, name=item.name)
        for found in images if project_id else ():
            raise Conflict("clouds_make.foreign", thing=thing(self.kind, item.name), id=found.id)
        source_image(site, item.source)

    def create(self, site: Site, item: ImageSpec) -> str:
        """The record only; the bytes come in `settle`."""
        body = {
            **carried(item.properties),
            **site.metadata(item.key),
            "name": item.name,
            "owner": site.needed_project(item.project),
            "visibility": "private",
            "disk_format": item.disk_format,
            "container_format": item.container_format,
            "min_disk": item.min_disk_gib,
            "min_ram": item.min_ram_mib,
        }
        response = site.target.image.post("/images", json=body)
        exceptions.raise_from_response(response)
        return str(response.json()["id"])

    def settle(self, site: Site, item: ImageSpec, identifier: str) -> None:
        """Stream the bytes unless they are there; a half-sent image is sent again."""
        found = site.target.image.get_image(identifier)
        if found.status == "active":
            return
        if found.status != "queued":
            raise Outside(
                "clouds_make.image_stuck", name=item.name, id=identifier, state=found.status
            )
        origin = source_image(site, item.source)
        sent = hashlib.sha512()
        response = site.target.image.put(
            f"/images/{identifier}/file",
            data=_stream(site, str(origin.id), sent),
            headers={"Content-Type": "application/octet-stream", "Accept": ""},
        )
        exceptions.raise_from_response(response)
        arrived = site.target.image.get_image(identifier).hash_value
        wanted = {item.sha512, origin.hash_value} - {None, ""}
        if {sent.hexdigest(), arrived or sent.hexdigest()} | wanted != {sent.hexdigest()}:
            self.delete(site, identifier)
            raise Outside("clouds_make.image_differs", name=item.name)

    def delete(self, site: Site, identifier: str) -> None:
        """Delete it; gone already is fine."""
        site.target.image.delete_image(identifier, ignore_missing=True)


def _stream(site: Site, identifier: str, digest: Any) -> Iterator[bytes]:
    response = site.source.image.get(f"/images/{identifier}/file", stream=True)
    exceptions.raise_from_response(response)
    for chunk in response.iter_content(CHUNK_BYTES):
        digest.update(chunk)
        yield chunk
