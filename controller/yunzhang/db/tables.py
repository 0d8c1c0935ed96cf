"""Knows every module with tables, so that the metadata is whole before it is used."""

from __future__ import annotations

import importlib
from pathlib import Path


def load_tables() -> None:
    """Import every `models` module of the package."""
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("models.py")):
        importlib.import_module(".".join((package.name, *file.relative_to(package).parts))[:-3])
