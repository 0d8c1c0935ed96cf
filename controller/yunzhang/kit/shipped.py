"""Finds the folders that are shipped with the package or stand beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def shipped(folder: str) -> Path:
    """The folder named from the repository's root, e.g. `playbooks` or `inventory/schema`.

    Inside an installed wheel it lies under `yunzhang/shipped/`; in an editable checkout it is the
    folder itself.
    """
    packed = _PACKAGE / "shipped" / folder
    return packed if packed.exists() else _PACKAGE.parents[1] / folder
