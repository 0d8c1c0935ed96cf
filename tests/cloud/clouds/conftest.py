"""Plants in the source cloud, made once for this folder, and dumps before and after them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud.clouds.plants import CLOUD, Plants
from yunzhang.clouds.comparison import Difference, compare_dumps
from yunzhang.clouds.dump import Dump, dump_cloud

# Set while other people work in the same clouds: then only what concerns ours is looked at.
SHARED = "YUNZHANG_TEST_SHARED"


@pytest.fixture(scope="module")
def empty(clouds_ready: Path) -> Dump:
    """The source before anything was planted."""
    dump_cloud(CLOUD)  # the first listing of groups by an administrator makes one
    return dump_cloud(CLOUD)


@pytest.fixture(scope="module")
def plants(empty: Dump) -> Iterator[Plants]:
    """Something of every kind."""
    made = Plants()
    try:
        made.make()
        yield made
    finally:
        made.close()


def differences(before: Dump, after: Dump, plants: Plants) -> list[Difference]:
    """All differences; of ours only, when the clouds are shared."""
    found = compare_dumps(before, after)
    if not os.environ.get(SHARED):
        return found
    words = {word for word in (plants.word, plants.project, *plants.ids.values()) if len(word) > 8}
    return [d for d in found if any(word in json.dumps(vars(d)) for word in words)]
