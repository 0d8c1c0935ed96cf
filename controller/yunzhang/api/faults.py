"""Every refusal and failure as a problem (RFC 9457) in the reader's language."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from yunzhang.api.schemas import ErrorRead
from yunzhang.errors import Throttled, Unauthenticated, YunzhangError
from yunzhang.estate.items.editing import ItemsRefused
from yunzhang.estate.items.lifecycle import StepRefused
from yunzhang.estate.items.schemas import FaultRead, RefusalRead
from yunzhang.kit.logs import logger
from yunzhang.texts import LANGUAGES, Language, in_language

log = logger("api")

PROBLEM = "application/problem+json"
# Problem types are names; nothing need answer there.
PROBLEMS = "/api/v1/problems"
HTTP_CODES = {404: "api.path_unknown", 405: "api.method_unknown", 413: "api.body_large"}


def asked_language(header: str | None) -> Language:
    """The language of an Accept-Language header that suits best; Chinese when none does."""
    best: tuple[float, Language] = (0.0, "zh")
    for part in (header or "").split(","):
        tag, _, rest = part.partition(";")
        name = tag.strip().lower().split("-")[0]
        found = next((language for language in LANGUAGES if name == language), None)
        if found is not None and _weight(rest) > best[0]:
            best = (_weight(rest), found)
    return best[1]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return min(max(float(value), 0.0), 1.0) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def answer(error: YunzhangError, language: Language, status: int | None = None) -> JSONResponse:
    """An error as a response."""
    number = status or error.http_status
    with in_language(language):
        body = ErrorRead(
            type=f"{PROBLEMS}/{error.code}",
            title=HTTPStatus(number).phrase,
            status=number,
            detail=str(error),
            code=error.code,
            message=str(error),
            hint=error.hint,
        )
        if isinstance(error, ItemsRefused):
            body.errors = [FaultRead.of(fault) for fault in error.faults]
        if isinstance(error, StepRefused):
            body.errors = [RefusalRead.of(refusal) for refusal in error.refusals]
    unset = {"errors"} if body.errors is None else set()
    response = JSONResponse(body.model_dump(exclude=unset), number, media_type=PROBLEM)
    response.headers["Content-Language"] = language
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="yunzhang"'
    if isinstance(error, Throttled) and "seconds" in error.values:
        response.headers["Retry-After"] = str(error.values["seconds"])
    return response


def _language(request: Request) -> Language:
    return asked_language(request.headers.get("accept-language"))


async def on_own(request: Request, error: Exception) -> JSONResponse:
    """The product's own errors, with the status they carry."""
    assert isinstance(error, YunzhangError)  # noqa: S101 - as it is registered
    if error.http_status >= 500:
        log.warning("failed", path=request.url.path, code=error.code)
    return answer(error, _language(request))


async def on_bad_request(request: Request, error: Exception) -> JSONResponse:
    """A parameter that cannot be used; its name is told, its value is not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as it is registered
    found = error.errors()[0]
    place = ".".join(str(part) for part in found["loc"])
    told = YunzhangError("api.request_bad", place=place, reason=found["msg"])
    return answer(told, _language(request), 422)


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """No such path (404), no such method (405), a body that is too large (413)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
    code = HTTP_CODES.get(error.status_code, "api.refused")
    told = YunzhangError(code, path=request.url.path, method=request.method)
    response = answer(told, _language(request), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def on_database(request: Request, error: Exception) -> JSONResponse:
    """The database does not answer, or has no tables yet."""
    log.error("database", path=request.url.path, error=str(error))
    return answer(YunzhangError("api.database"), _language(request), 503)


async def on_value(request: Request, error: Exception) -> JSONResponse:
    """A value that the database does not take, such as a text with a NUL."""
    log.info("value refused", path=request.url.path, error=str(error))
    return answer(YunzhangError("api.value_bad"), _language(request), 422)


async def on_fault(request: Request, error: Exception) -> JSONResponse:
    """A fault of the product itself: logged whole, told without details."""
    log.error("fault", path=request.url.path, exc_info=error)
    return answer(YunzhangError("api.fault"), _language(request))


def add_handlers(app: FastAPI) -> None:
    """Let `app` answer all of them."""
    app.add_exception_handler(YunzhangError, on_own)
    app.add_exception_handler(RequestValidationError, on_bad_request)
    app.add_exception_handler(HTTPException, on_http)
    for kind in (OperationalError, InterfaceError):
        app.add_exception_handler(kind, on_database)
    app.add_exception_handler(DataError, on_value)
    app.add_exception_handler(Exception, on_fault)
