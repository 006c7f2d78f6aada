"""Every error is JSON: {"error": "what is wrong, what was found, what to do"}."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from suite import errors

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Where in a request's environment its id is.
REQUEST_ID = "suite.request_id"
# And which route answers it: a match of its path, or a rule of Flask's.
ROUTE = "suite.route"
PART = 2**16
log = logging.getLogger(__name__)
TOO_LARGE = "the body is larger than {:,} bytes or has too many parts: send fewer instances at a time"
BROKEN = "the chunks of the body are broken: send it again, or with its length"
FULL = "too many large bodies are being received: ask again in a moment"


class ServiceError(Exception):
    """An answer that is an error: an HTTP status and a message for the person who asked.

    `retry_after` says in how many seconds it may be worth to ask again.
    """

    def __init__(
        self, status: int, message: str, retry_after: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


def not_received(too_large: bool, crowded: bool, max_body: int) -> ServiceError:
    """Why the server under the application did not wait for the rest of a body."""
    if too_large:
        return ServiceError(413, TOO_LARGE.format(max_body))
    return ServiceError(503, FULL, retry_after=1) if crowded else ServiceError(400, BROKEN)


Answer = tuple[str, list[tuple[str, str]], bytes]


def answer(error: ServiceError) -> Answer:
    """Status line, headers and body."""
    body = json.dumps({"error": error.message}).encode() + b"\n"
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers}
    return f"{error.status} {HTTP_STATUS_CODES.get(error.status, 'Client Closed Request')}", [*headers.items()], body


def not_allowed(environ: "WSGIEnvironment", allowed: str) -> ServiceError:
    """For a method that there is not at a path."""
    message = f"{environ['REQUEST_METHOD'][:16]} is not allowed at {environ['PATH_INFO']}: use {allowed}"
    return ServiceError(405, message, headers={"Allow": allowed})


def unexpected(environ: "WSGIEnvironment", error: Exception) -> ServiceError:
    """For what nobody foresaw: the trace goes to the log, under the id that the answer shows."""
    number = environ[REQUEST_ID]
    log.error("request %s failed: %s %s", number, environ["REQUEST_METHOD"], environ["PATH_INFO"], exc_info=error)
    return ServiceError(500, f"the service failed on this request; its log tells more under {number}")


def take_rest(environ: "WSGIEnvironment", max_body: int) -> None:
    """Read what is left of a refused body, up to a limit's worth.

    A client that is still sending when the connection closes never sees the answer.
    """
    if environ.get("wsgi.input_terminated"):
        # The server names a broken transfer in its own classes; the answer stands either way.
        with suppress(Exception):
            for _ in range(0, max_body, PART):
                if not environ["wsgi.input"].read(PART):
                    break


def nearest(found: str, allowed: Sequence[str]) -> str:
    """A hint towards an allowed name."""
    near = errors.nearest(found, allowed)
    return f"did you mean '{near}'?" if near else f"there are: {errors.listed(allowed) or 'none'}"


def register(app: Flask) -> None:
    """Answer every exception of the application in JSON."""
    app.register_error_handler(ServiceError, _response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, lambda error: _response(unexpected(request.environ, error)))
    app.after_request(_after_refusal)


def _response(error: ServiceError) -> Response:
    status, headers, body = answer(error)
    return Response(body, status, headers)


def _http_error(error: HTTPException) -> Response:
    """Flask's own errors."""
    if error.code == 405:
        return _response(not_allowed(request.environ, ", ".join(getattr(error, "valid_methods", None) or ())))
    if error.code == 404:
        return _response(ServiceError(404, f"there is nothing at {request.path}: GET / names the routes"))
    response = _response(ServiceError(error.code or 500, error.description or error.name))
    if location := error.get_response().location:
        response.location = location
    return response


def _after_refusal(response: Response) -> Response:
    if response.status_code >= 400:
        take_rest(request.environ, current_app.config["SERVICE"].max_body)
    return response
