"""What a play reported: its events as rows for the database, its modules' data for the caller."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from yunzhang import clock

Status = Literal["successful", "failed", "canceled", "timeout", "interrupted"]

# What the database keeps of one event; the journal on disk has the rest.
STDOUT_LENGTH = 2_000
TEXT_LENGTH = 1_000
LIST_LENGTH = 50
RESULT_LENGTH = 16_000
RETURNED = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_unreachable"})
UNWANTED = frozenset({"invocation", "exception", "deprecations"})


@dataclass(frozen=True, slots=True)
class PlayEvent:
    """One event as callers see it."""

    counter: int
    kind: str
    host: str
    task: str
    stdout: str


@dataclass(slots=True)
class PlayResult:
    """How an attempt ended.

    `results` maps a task's name to what its module returned (of several hosts, the last);
    `by_host` keeps them apart. `interrupted` means that nobody knows how far it came: probe, then
    try again with the next attempt's number.
    """

    status: Status = "interrupted"
    rc: int | None = None
    attempt: int = 1
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_host: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_successful(self) -> bool:
        """Whether every task did its part."""
        return self.status == "successful"

    def add(self, event: Mapping[str, Any]) -> None:
        """Take in what a module returned."""
        kind, data = event.get("event", ""), event.get("event_data") or {}
        if kind not in RETURNED or not isinstance(data.get("res"), dict):
            return
        host, task, returned = data.get("host", ""), data.get("task", ""), data["res"]
        if kind != "runner_on_unreachable":
            self.results[task] = returned
            self.by_host.setdefault(host, {})[task] = returned
        if kind != "runner_on_ok" and not data.get("ignore_errors"):
            message = clean_text(str(returned.get("msg", "")), TEXT_LENGTH)
            self.failures.append({"host": host, "task": task, "message": message})


def clean_text(text: str, length: int) -> str:
    """`text` cut to `length`, without what PostgreSQL refuses to store."""
    cut = text if len(text) <= length else text[:length] + "…"
    return cut.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def trim(value: Any) -> Any:
    """`value` with long texts and lists cut and Ansible's own notes left out."""
    if isinstance(value, str):
        return clean_text(value, TEXT_LENGTH)
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in UNWANTED and k[:9] != "_ansible_"}
        return {clean_text(str(k), TEXT_LENGTH): trim(v) for k, v in kept.items()}
    if isinstance(value, list):
        return [trim(item) for item in value[:LIST_LENGTH]]
    return value


def _trim_result(value: Any) -> Any:
    trimmed = trim(value)
    length = len(json.dumps(trimmed, ensure_ascii=False))
    return trimmed if length <= RESULT_LENGTH else {"omitted_characters": length}


def _event_time(event: Mapping[str, Any]) -> datetime:
    try:
        at = datetime.fromisoformat(event["created"])
    except (KeyError, ValueError):
        return clock.now()
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def event_row(step_id: str, attempt: int, counter: int, event: Mapping[str, Any]) -> dict[str, Any]:
    """An event of ansible-runner as a row of `play_event`."""
    data = event.get("event_data") or {}
    return {
        "step_id": step_id,
        "attempt": attempt,
        "counter": counter,
        "at": _event_time(event),
        "kind": clean_text(str(event.get("event", "")), 59),
        "host": clean_text(str(data.get("host", "")), 254),
        "task": clean_text(str(data.get("task", "")), 254),
        "result": _trim_result(data.get("res")),
        "stdout": clean_text(str(event.get("stdout", "")), STDOUT_LENGTH),
    }
