"""Says what a wave or its rollback would do, without doing it."""

from __future__ import annotations

from yunzhang import db
from yunzhang.clouds.intents import Intent
from yunzhang.clouds.specs import CloudSpec
from yunzhang.errors import NotFound
from yunzhang.moves import repository, service
from yunzhang.moves.execution import as_intent, intend
from yunzhang.moves.states import STEP_NAMES
from yunzhang.plans import service as plans


def rehearse_wave(plan: str, number: int) -> list[Intent]:
    """Everything the steps of a wave would create or change, in their order; reads clouds only."""
    with db.reading() as session:
        version = plans.get_version(session, plan)
        planned = [w for w in version.content["waves"] if w["number"] == number]
        if not planned:
            raise NotFound("moves.unknown", plan=plan, number=number)
        spec = CloudSpec.model_validate(version.content["build"])
    wanted = spec.for_servers(frozenset(planned[0]["servers"]))
    return [intent for name in STEP_NAMES for intent in intend(name, wanted)]


def rehearse_roll_back(plan: str, number: int) -> list[Intent]:
    """Everything a rollback would undo, latest first."""
    with db.reading() as session:
        wave, _ = service.get_wave(session, plan, number)
        return [as_intent(row) for row in repository.objects_to_undo(session, wave.id)]
