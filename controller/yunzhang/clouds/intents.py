"""What a step is about to create or change in a cloud: recorded before the first call is made."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Intent(BaseModel):
    """One object to be created, or one existing thing to be changed (with its state before).

    `kind` and `key` name it inside the plan: `network` / `hrss/hrss-net`. `cloud` is the name in
    clouds.yaml. A `change` carries in `before` all that is needed to put it back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cloud: str
    kind: str
    key: str
    act: Literal["create", "change"]
    project: str | None = None
    name: str = ""
    id: str | None = None
    before: dict[str, Any] = Field(default_factory=dict)


class Made(BaseModel):
    """What became of an intent: the object's identifier; `created` is false if it stood there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cloud: str
    kind: str
    key: str
    id: str
    created: bool
    details: dict[str, Any] = Field(default_factory=dict)
