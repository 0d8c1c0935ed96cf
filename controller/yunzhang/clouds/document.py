"""The part of a plan document that the steps in the clouds read: what to build, wave by wave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from yunzhang import texts
from yunzhang.clouds.specs import CloudSpec
from yunzhang.errors import InputError, NotFound

# Debian, RHEL, openEuler, Kylin all end at a login prompt; our test guests say READY.
UP = (r"login:", r"\bREADY\b")


class Validation(BaseModel):
    """How a booted guest is judged by its console. Patterns are regular expressions."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    console_patterns: tuple[str, ...] = UP
    console_timeout_seconds: float = Field(600.0, gt=0)


def load_build(path: Path, wave: int | None = None) -> tuple[CloudSpec, Validation]:
    """What the plan at `path` builds in wave `wave` (None: in all of them), and how it is judged.

    Raises NotFound `clouds_make.no_plan`, `clouds_make.no_wave`, InputError `clouds_make.bad_plan`.
    """
    document = _read(path)
    try:
        spec = CloudSpec.model_validate(document["build"])
        validation = Validation.model_validate(document.get("validation") or {})
        waves = {int(w["number"]): frozenset(w["servers"]) for w in document.get("waves") or []}
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise InputError("clouds_make.bad_plan", path=str(path), reason=str(error)) from error
    if wave is None:
        return spec, validation
    if wave not in waves:
        known = texts.listed(str(number) for number in sorted(waves))
        raise NotFound("clouds_make.no_wave", wave=wave, known=known)
    return spec.for_servers(waves[wave]), validation


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise NotFound("clouds_make.no_plan", path=str(path))
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError("clouds_make.bad_plan", path=str(path), reason=str(error)) from error
    if not isinstance(document, dict):
        raise InputError("clouds_make.bad_plan", path=str(path), reason="not a mapping")
    return document
