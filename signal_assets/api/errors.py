"""Errors: one shape for all of them, saying what is wrong and nothing of what is inside."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from signal_assets.clients.database import DatabaseUnavailable

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer with an error, raised where the reason is known."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def error_answer(
    status: int, code: str, message: str, places: tuple[str, ...] = ()
) -> JSONResponse:
    """Return an error in the shape of `ErrorAnswer`."""
    error = {"code": code, "message": message, "places": list(places)}
    return JSONResponse({"error": error}, status_code=status)


def add_error_handlers(app: FastAPI) -> None:
    """Let every error of `app` leave as JSON."""

    @app.exception_handler(ApiError)
    async def ours(request: Request, error: ApiError) -> Response:
        return error_answer(error.status, error.code, error.message)

    @app.exception_handler(RequestValidationError)
    async def wrong_request(request: Request, error: RequestValidationError) -> Response:
        places = tuple(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        text = "what was sent is not what is asked for"
        return error_answer(422, "invalid_request", text, tuple(map(_sendable, places)))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "refused")
        answer = error_answer(error.status_code, code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(DatabaseUnavailable)
    async def no_database(request: Request, error: DatabaseUnavailable) -> Response:
        logger.error("%s", error)
        return error_answer(503, "database_unavailable", "the database cannot be used")

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        logger.exception("an unexpected error", exc_info=error)
        return error_answer(500, "internal_error", "an unexpected error; the log of the server")


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
