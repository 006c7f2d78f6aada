"""Every error is JSON: {"error": "what is wrong, what was found, what to do"}."""

import json
from contextlib import suppress
from difflib import get_close_matches

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

# Where in a request's environment its id is.
REQUEST_ID = "suite.request_id"
PART = 2**16
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


def answer(error: ServiceError) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers and body, for where there is no application to make them."""
    body = json.dumps({"error": error.message}).encode() + b"\n"
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers}
    return f"{error.status} {HTTP_STATUS_CODES.get(error.status, 'Client Closed Request')}", [*headers.items()], body


def nearest(found: str, allowed: list[str]) -> str:
    """A hint towards an allowed name."""
    near = get_close_matches(found, allowed, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(allowed) or 'none'}"


def register(app: Flask) -> None:
    """Answer every exception of the application in JSON."""
    app.register_error_handler(ServiceError, _service_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, lambda error: _unexpected(app, error))
    app.after_request(_take_rest)


def _service_error(error: ServiceError) -> tuple[Response, int, dict[str, str]]:
    return jsonify(error=error.message), error.status, error.headers


def _http_error(error: HTTPException) -> Response:
    """Flask's own errors, with their headers (Allow of 405)."""
    response = Response(error.get_response().data, error.code or 500, error.get_headers())
    response.data = jsonify(error=_explain(error)).data
    response.content_type = "application/json"
    return response


def _explain(error: HTTPException) -> str:
    if error.code == 404:
        return f"there is nothing at {request.path}: GET / names the routes"
    if error.code == 405:
        allowed = ", ".join(getattr(error, "valid_methods", None) or ())
        return f"{request.method} is not allowed at {request.path}: use {allowed}"
    if error.code == 413:
        return TOO_LARGE.format(current_app.config["SERVICE"].max_body)
    return error.description or error.name


def _unexpected(app: Flask, error: Exception) -> tuple[Response, int]:
    """What nobody foresaw: the trace goes to the log, under the id that the answer shows."""
    number = request.environ[REQUEST_ID]
    app.logger.error("request %s failed: %s %s", number, request.method, request.path, exc_info=error)
    return jsonify(error=f"the service failed on this request; its log tells more under {number}", request=number), 500


def _take_rest(response: Response) -> Response:
    """Read what is left of a refused body, up to another limit's worth.

    A client that is still sending when the connection closes never sees the answer.
    """
    stream = request.environ["wsgi.input"]
    if response.status_code >= 400 and request.environ.get("wsgi.input_terminated"):
        # The server names a broken transfer in its own classes; the answer stands either way.
        with suppress(Exception):
            for _ in range(0, current_app.config["SERVICE"].max_body, PART):
                if not stream.read(PART):
                    break
    return response
