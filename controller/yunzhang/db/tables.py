"""Knows every module with tables, so that the metadata is whole before it is used."""

from __future__ import annotations

import importlib
from pathlib import Path


def load_tables() -> None:
    """Import every `models` module of the package."""
    package = Path(__file__).parents[1]
    for file in sorted(package.glob("*/models.py")):
        importlib.import_module(f"yunzhang.{file.parent.name}.models")
