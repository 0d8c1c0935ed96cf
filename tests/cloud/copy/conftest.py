"""One world for all tests of this folder; a spool of the controller's own for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.copy.world import World, world
from yunzhang import settings


@pytest.fixture(scope="module")
def ours(clouds_ready: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Projects of our own in both clouds."""
    with world(tmp_path_factory.mktemp("images")) as made:
        yield made


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The controller's spool lies in the test's folder."""
    monkeypatch.setenv("YUNZHANG_STATE", str(tmp_path / "state"))
    settings.current.cache_clear()
    yield
    settings.current.cache_clear()
