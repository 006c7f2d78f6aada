"""Predictions, past Flask: what it does around a view takes longer than a small model takes to answer.

`make bench-serving` measures the rest of the application beside them.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from serving import errors
from serving.codec import content
from serving.core import Core
from serving.errors import ROUTE, ServiceError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

JSON = "application/json"
POST = "POST"


class Reply(NamedTuple):
    """An answer of status 200."""

    body: bytes
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


View = Callable[..., Reply]


class Direct:
    """The application, with views that are asked before it.

    `views` are pairs of a path's pattern and a function of the core, the request's environment and the pattern's
    groups. They answer POST and nothing else.
    """

    def __init__(self, application: "WSGIApplication", core: Core, views: Iterable[tuple[str, View]]) -> None:
        self._application, self._core = application, core
        self._views = [(re.compile(pattern).fullmatch, view) for pattern, view in views]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        for matching, view in self._views:
            found = matching(path)
            if found:
                environ[ROUTE] = found
                status, headers, body = self._answered(environ, view, found.groupdict())
                start_response(status, headers)
                return [body]
        return self._application(environ, start_response)

    def _answered(self, environ: "WSGIEnvironment", view: View, found: dict[str, Any]) -> errors.Answer:
        try:
            if environ["REQUEST_METHOD"] != POST:
                raise errors.not_allowed(environ, POST)
            reply = view(self._core, environ, **found)
        except ServiceError as error:
            errors.take_rest(environ, self._core.config.max_body)
            return errors.answer(error)
        except Exception as error:
            return errors.answer(errors.unexpected(environ, error))
        body, headers = content.compressed(reply.body, environ.get("HTTP_ACCEPT_ENCODING", ""))
        return (
            "200 OK",
            [("Content-Type", reply.kind), ("Content-Length", str(len(body))), *headers, *reply.headers],
            body,
        )
