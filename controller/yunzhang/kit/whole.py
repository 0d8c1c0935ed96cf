"""Files that people asked for: they appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yunzhang.kit.private import PART


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what becomes `path` when the block ends; after an error `path` is as it was.

    It lies beside `path`, in a folder that goes away. A pipe or device is written itself.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    target = path.resolve()
    with tempfile.TemporaryDirectory(prefix=PART, dir=target.parent) as folder:
        part = Path(folder) / target.name
        yield part
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
