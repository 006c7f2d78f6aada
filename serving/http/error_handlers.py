"""Turns errors of the application and of Flask into responses."""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from serving.errors import ServiceError, release
from serving.http import wsgi
from serving.http.messages import error_response, status_line

log = logging.getLogger(__name__)


def not_allowed(method: str, path: str, allowed: str) -> ServiceError:
    """Return the error for a method that a path does not support."""
    return ServiceError(405, f"{method[:16]} is not allowed at {path[:200]}: use {allowed}", headers={"Allow": allowed})


def unexpected(error: Exception, method: str, path: str, number: str) -> ServiceError:
    """Log an unexpected error with its traceback, and return the error that shows the client the request's id."""
    log.error("request %s failed: %s %r", number, method, path[:200], exc_info=error)
    release(error)
    return ServiceError(500, f"the service failed on this request; its log tells more under {number}")


def register(app: Flask) -> None:
    """Make a Flask application answer every exception in JSON."""
    app.register_error_handler(ServiceError, _response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def _response(error: ServiceError) -> Response:
    answer = error_response(error)
    headers = {"Content-Type": answer.content_type, **dict(answer.headers)}
    return Response(answer.body, status_line(answer.status), headers)


def _unexpected(error: Exception) -> Response:
    return _response(unexpected(error, request.method, request.path, wsgi.context(request.environ).request_id))


def _http_error(error: HTTPException) -> Response:
    if error.code == 405:
        return _response(
            not_allowed(request.method, request.path, ", ".join(getattr(error, "valid_methods", None) or ()))
        )
    if error.code == 404:
        return _response(ServiceError(404, f"there is nothing at {request.path[:200]}: GET / names the routes"))
    response = _response(ServiceError(error.code or 500, error.description or error.name))
    if location := error.get_response().location:
        response.location = location
    return response
