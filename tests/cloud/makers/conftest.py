"""One world for all tests of this folder: making it takes most of the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.makers.world import World, world


@pytest.fixture(scope="module")
def ours(clouds_ready: object) -> Iterator[World]:
    """A project of our own in the source."""
    with world() as made:
        yield made
