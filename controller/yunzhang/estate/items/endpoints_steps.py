"""Steps of the life of things over HTTP: one as it was read, or many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response

from yunzhang.access.dependencies import Asking, Writing
from yunzhang.estate import service
from yunzhang.estate.items.editing import parse_key
from yunzhang.estate.items.endpoints import IfMatch, read_tag, tagged
from yunzhang.estate.items.keys import key_path
from yunzhang.estate.items.lifecycle import advance_items
from yunzhang.estate.items.schemas import StepsRead, StepsWrite, StepWrite
from yunzhang.estate.items.steps import act_of, advance_item
from yunzhang.estate.workbooks.sheets import BY_KEY, Sheet
from yunzhang.units.scope import demand

router = APIRouter(prefix="/estate", tags=["steps"])


def _one(sheet: Sheet) -> Callable[..., Any]:
    def step(
        *,
        key: str,
        asked: StepWrite,
        transaction: Writing,
        principal: Asking,
        response: Response,
        tag: IfMatch = None,
    ) -> Any:
        """Let a thing that is still as it was read make a step; it as it is then.

        409 with every reason in `errors` when it may not.
        """
        demand(principal, act_of(asked.step))
        revision, parsed = read_tag(tag), parse_key(sheet, key)
        with transaction() as session:
            item = advance_item(
                session, principal, sheet, parsed, asked.step, revision, dry_run=asked.dry_run
            )
        return tagged(response, item)

    return step


def _many(sheet: Sheet) -> Callable[..., Any]:
    def steps(*, asked: StepsWrite, transaction: Writing, principal: Asking) -> StepsRead:
        """Let things make a step, all of them or none, in whatever revision they are.

        409 with every reason of every thing in `errors` when one may not.
        """
        with transaction() as session:
            count = advance_items(
                session, principal, sheet.key, asked.keys, asked.step, dry_run=asked.dry_run
            )
        return StepsRead(to=str(asked.to), count=count, dry_run=asked.dry_run)

    return steps


def _add(path: str, name: str, endpoint: Callable[..., Any], **options: Any) -> None:
    router.add_api_route(path, endpoint, methods=["POST"], name=name, operation_id=name, **options)


for _noun, _read in service.READS.items():
    _sheet = BY_KEY[_noun]
    _add(f"{key_path(_sheet)}/steps", f"advance_one_of_{_noun}", _one(_sheet),
         response_model=_read, summary=f"Let one of {_noun} make a step")  # fmt: skip
    _add(f"/{_noun}/steps", f"advance_{_noun}", _many(_sheet),
         response_model=StepsRead, summary=f"Let many {_noun} make a step")  # fmt: skip
