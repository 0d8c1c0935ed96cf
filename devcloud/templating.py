"""Configuration templates: plain files with ``@{name}`` marks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from devcloud.errors import DevcloudError
from devcloud.layout import PACKAGE

FOLDER = PACKAGE / "templates"


# "$" and "%" mean something in the files themselves.
MARK = re.compile(r"@\{([a-z_0-9]+)\}")


def render(template: str, values: Mapping[str, str]) -> str:
    """Return a template's text with its marks replaced; an unknown mark is an error."""
    try:
        return MARK.sub(lambda found: values[found.group(1)], (FOLDER / template).read_text())
    except KeyError as error:
        raise DevcloudError(f"template {template}: no value for {error}") from error


def render_to(template: str, target: Path, values: Mapping[str, str]) -> Path:
    """Write a rendered template, readable by root only, and return its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    text = render(template, values)
    if not target.exists() or target.read_text() != text:
        target.touch(mode=0o600)
        target.chmod(0o600)
        target.write_text(text)
    return target
