"""Routes requests to handlers in the event loop, or else to Flask."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serving.context import RequestContext
from serving.errors import ServiceError, release
from serving.http import content_encoding
from serving.http.error_handlers import not_allowed, unexpected
from serving.http.messages import Request, Response, error_response
from serving.http.middleware import Middleware

# Called with the request, its context and the variables of the route's path.
Handler = Callable[..., Awaitable[Response]]
Fallback = Callable[[Request, RequestContext], Awaitable[Response]]
Compute = Callable[[RequestContext, Callable[[], Any]], Awaitable[Any]]
# Regular expressions of path variables: a number for the version, else a name without slashes and colons.
VARIABLES = {"version": "[0-9]{1,18}"}
NAME = "[^/:]+"
# What a client is told that asks, with `OPTIONS *`, for the methods of the whole service.
METHODS = "GET, HEAD, POST, OPTIONS"


@dataclass(frozen=True)
class Route:
    """A handler for one method and a path like `/v1/models/{name}:predict`."""

    method: str
    path: str
    handler: Handler


class Dispatcher:
    """Answers requests, in one event loop.

    `fallback` answers requests that match no route. `compute` runs a function on a thread, to compress long responses.
    """

    def __init__(self, routes: Iterable[Route], middleware: Middleware, fallback: Fallback, compute: Compute) -> None:
        self._middleware, self._fallback, self._compute = middleware, fallback, compute
        self._fixed: dict[str, Route] = {}
        # Routes with variables, by the first part of their paths.
        self._patterns: dict[str, list[tuple[Callable[[str], re.Match[str] | None], Route]]] = {}
        for route in routes:
            if "{" in route.path:
                self._patterns.setdefault(_first_part(route.path), []).append((_pattern(route.path), route))
            else:
                self._fixed[route.path] = route

    async def respond(self, request: Request) -> Response:
        """Answer a request; every error becomes a response."""
        with self._middleware.scope(request) as scope:
            if scope.refusal:
                return scope.finish(error_response(scope.refusal))
            response = await self._answer(request, scope.context)
            accepted = request.headers.get("accept-encoding", "")
            if accepted and len(response.body) >= content_encoding.MIN_COMPRESSED_SIZE:
                response = await self._compressed(response, accepted, scope.context)
            return scope.finish(response)

    def refuse(self, request: Request, error: ServiceError) -> Response:
        """Return the error response to a request that could not be received."""
        with self._middleware.scope(request) as scope:
            return scope.finish(error_response(error))

    async def _answer(self, request: Request, context: RequestContext) -> Response:
        try:
            route, variables = self._find(request.path)
            if route is None:
                if request.method == "OPTIONS" and request.path == "*":
                    return Response(b"", content_type="text/plain", headers=(("Allow", METHODS),))
                return await self._fallback(request, context)
            context.route = route.path
            if request.method != route.method and not (request.method == "HEAD" and route.method == "GET"):
                allowed = "GET, HEAD" if route.method == "GET" else route.method
                raise not_allowed(request.method, request.path, allowed)
            return await route.handler(request, context, **variables)
        except ServiceError as error:
            release(error)
            return error_response(error)
        except Exception as error:
            return error_response(unexpected(error, request.method, request.path, context.request_id))

    def _find(self, path: str) -> tuple[Route | None, Mapping[str, Any]]:
        fixed = self._fixed.get(path)
        if fixed:
            return fixed, {}
        for match, route in self._patterns.get(_first_part(path), ()):
            found = match(path)
            if found:
                return route, found.groupdict()
        return None, {}

    async def _compressed(self, response: Response, accepted: str, context: RequestContext) -> Response:
        compress, headers = content_encoding.choose(accepted)
        response.headers = (*response.headers, *headers)
        if compress:
            try:
                response.body = await self._compute(context, lambda: compress(response.body))
            except ServiceError as error:
                release(error)
                return error_response(error)
        return response


def _first_part(path: str) -> str:
    return path[1:].partition("/")[0]


def _pattern(path: str) -> Callable[[str], re.Match[str] | None]:
    parts = re.split(r"\{(\w+)\}", path)
    text = "".join(
        f"(?P<{part}>{VARIABLES.get(part, NAME)})" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    return re.compile(text).fullmatch
