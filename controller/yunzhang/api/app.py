"""Puts the API together: routers under /api/v1, errors, guards, its description."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from yunzhang import __version__
from yunzhang.access.endpoints import router as access
from yunzhang.access.oidc.endpoints import router as oidc
from yunzhang.allocation.endpoints import router as ledger
from yunzhang.api.audit import router as audit
from yunzhang.api.catalogue import router as catalogue
from yunzhang.api.events import router as events
from yunzhang.api.faults import PROBLEM, add_handlers
from yunzhang.api.guards import MISDIRECTED, Guard
from yunzhang.api.health import router as health
from yunzhang.api.lists import router as lists
from yunzhang.api.reading import router as reading
from yunzhang.api.schemas import ErrorRead
from yunzhang.discovery.endpoints import findings
from yunzhang.discovery.endpoints import router as discovery
from yunzhang.estate.addresses.endpoints import router as addresses
from yunzhang.estate.changes.endpoints import router as changes
from yunzhang.estate.endpoints import router as estate
from yunzhang.estate.importing.endpoints import router as imports
from yunzhang.estate.importing.endpoints_files import router as files
from yunzhang.estate.items.endpoints import router as items
from yunzhang.estate.items.endpoints_reform import router as reforms
from yunzhang.estate.items.endpoints_steps import router as steps
from yunzhang.moves.endpoints import router as waves
from yunzhang.plans.endpoints import router as plans

PREFIX = "/api/v1"
# Lists stand before single things, whose paths have a variable where theirs have a word.
ROUTERS: tuple[APIRouter, ...] = (
    health,
    access,
    oidc,
    catalogue,
    estate,
    addresses,
    files,
    imports,
    changes,
    steps,
    reforms,
    items,
    lists,
    discovery,
    findings,
    ledger,
    plans,
    waves,
    events,
    reading,
    audit,
)
DESCRIPTION = """
Everything Yunzhang (云长) knows: register and its history, observed clouds, plans, waves, ledger,
reports, the audit record; and writing the register, by the rules that a workbook obeys: single
things, many at once, whole files, the steps of their life, institutional reform.

Whoever asks shows a token (`Authorization: Bearer yz_…`) or the cookie of a session that POST
/session began; with the cookie, requests that change anything carry the session's CSRF token in
X-CSRF-Token. Answers hold what the asker may see: their own, what was assigned to them, and the
shared catalogue. Lists are pages of at most 500 with the total; `next` and `previous` are the
cursors of the pages beside one, `last` that of the end. What is changed, removed or advanced alone
is named with the ETag it was read with (If-Match). Files are sent as the body itself. Errors are
problems (RFC 9457) with `code` and `hint`, worded in the language of Accept-Language (Chinese
first); of records that break rules and of steps that are refused, `errors` has every fault.
"""
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorRead, "description": "The body is no JSON"},
    401: {"model": ErrorRead, "description": "Nobody knows who is asking"},
    403: {"model": ErrorRead, "description": "The asker may not do that"},
    404: {"model": ErrorRead, "description": "No such thing"},
    409: {"model": ErrorRead, "description": "The present state does not allow it"},
    422: {"model": ErrorRead, "description": "A parameter cannot be used"},
    MISDIRECTED: {"model": ErrorRead, "description": "The Host header is not this machine's"},
    412: {"model": ErrorRead, "description": "It is no longer as it was read"},
    413: {"model": ErrorRead, "description": "The body is too large"},
    428: {"model": ErrorRead, "description": "If-Match is missing"},
    429: {"model": ErrorRead, "description": "Too often; Retry-After says when to try again"},
    500: {"model": ErrorRead, "description": "A fault of the product itself"},
    502: {"model": ErrorRead, "description": "A cloud or the provider did not do its part"},
    503: {"model": ErrorRead, "description": "The database does not answer"},
}


def _operation_id(route: APIRoute) -> str:
    return route.name


def _call_problem(content: dict[str, Any]) -> None:
    """Describe an error under the media type it is answered with."""
    told = content.get("application/json")
    if told and told["schema"].get("$ref", "").endswith("/ErrorRead"):
        content[PROBLEM] = content.pop("application/json")


class Api(FastAPI):
    """The application; every operation's description falls back to its summary."""

    def openapi(self) -> dict[str, Any]:
        """The description of the API (OpenAPI)."""
        described = super().openapi()
        for path in described["paths"].values():
            for operation in path.values():
                operation.setdefault("description", f"{operation['summary']}.")
                for answer in operation["responses"].values():
                    _call_problem(answer.get("content", {}))
        return described

    def build_middleware_stack(self) -> ASGIApp:
        """The guard stands before everything, also before the answer to a fault."""
        return Guard(super().build_middleware_stack())


def make_app() -> FastAPI:
    """The API as an ASGI application; it reads the database of the current settings."""
    app = Api(
        title="Yunzhang 云长",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        # the usual pages for trying an API out load scripts from elsewhere
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    add_handlers(app)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, responses=ERRORS)
    return app
